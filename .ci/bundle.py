"""Pack the desktop bundle: a copy of what runs, the versions it was tested with, and the official packer.

Called by `make bundle` with the packer's program; it needs node on the path. The bundle is left unsigned, because a signature
behind the zip's end record makes it unreadable for desktop programs that take a bundle for the zip it is.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "build" / "bundle"
PARTS = ["manifest.json", "pyproject.toml", "README.md", "LICENSE", "server", "tools", "studio"]
END_RECORD, END_RECORD_BYTES = b"PK\x05\x06", 22


def main(packer: str) -> None:
    stage()
    pin()
    version = json.loads((STAGE / "manifest.json").read_text(encoding="utf-8"))["version"]
    bundle = ROOT / "dist" / f"apiframe-photo-mcp-{version}.mcpb"
    bundle.parent.mkdir(exist_ok=True)
    run(packer, "validate", str(STAGE / "manifest.json"))
    run(packer, "pack", str(STAGE), str(bundle))
    if bundle.read_bytes()[-END_RECORD_BYTES:][:4] != END_RECORD:
        raise SystemExit(f"{bundle.name} does not end with the zip's end record")
    print(f"{bundle.relative_to(ROOT)}: {bundle.stat().st_size // 1024} KB")


def stage() -> None:
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, STAGE / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, STAGE / part)


def pin() -> None:
    """Hold the bundle to the tested versions: `uv run` resolves on the person's machine and would take newer ones."""
    pins = re.findall(r"^(\S+==[^\\\n]+?) *\\$", (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"), re.M)
    lines = "".join(f"    {json.dumps(pin).replace(chr(92) + chr(34), chr(39))},\n" for pin in pins)
    project = STAGE / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("[tool.uv]\n", f"[tool.uv]\nconstraint-dependencies = [\n{lines}]\n"), encoding="utf-8")


def run(packer: str, *arguments: str) -> None:
    done = subprocess.run(["node", packer, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
