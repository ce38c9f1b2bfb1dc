"""Pack the desktop bundle: a copy of what runs, the versions it was tested with, and the official packer.

Beside it comes the registry entry of a release, dist/server.json: the one in the repository plus the bundle, whose
hash is only known now.

Called by `make bundle` with the packer's program; it needs node on the path. The bundle is left
unsigned: with a signature behind the zip's end record, programs that open it as a zip cannot read it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "build" / "bundle"
PARTS = ["manifest.json", "pyproject.toml", "README.md", "LICENSE", "server", "tools", "studio"]
RELEASES = "https://github.com/apiframe-photo-mcp/apiframe-photo-mcp/releases/download"
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
    register(bundle, version)
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
    for illustration in re.findall(
        r'(?:src|srcset)="(?!https?:)([^"]+)"', (ROOT / "README.md").read_text("utf-8")
    ):
        (STAGE / illustration).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / illustration, STAGE / illustration)


def pin() -> None:
    """Hold the bundle to the tested versions: `uv run` resolves where it is installed and takes newer."""
    tested = (ROOT / "requirements" / "faces.txt").read_text(encoding="utf-8")
    pins = [pin.replace('"', "'") for pin in re.findall(r"^(\S+==[^\\\n]+?) *\\$", tested, re.MULTILINE)]
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    project = STAGE / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(
        text.replace("[tool.uv]\n", f"[tool.uv]\nconstraint-dependencies = [\n{lines}]\n"), encoding="utf-8"
    )


def register(bundle: Path, version: str) -> None:
    """Write the registry entry of this release, with the bundle in it."""
    entry = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    entry["packages"].append(
        {
            "registryType": "mcpb",
            "identifier": f"{RELEASES}/v{version}/{bundle.name}",
            "version": version,
            "fileSha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
            "transport": {"type": "stdio"},
        }
    )
    bundle.with_name("server.json").write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")


def run(packer: str, *arguments: str) -> None:
    done = subprocess.run(["node", packer, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
