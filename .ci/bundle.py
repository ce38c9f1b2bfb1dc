"""Pack the desktop bundle with the official packer: the program and the versions that it was tested with.

The registry entry of the release, dist/server.json, is written next to it: the entry of the repository plus the
bundle, whose hash is known only then.

`make bundle` calls this script with the packer's path; node has to be on the path. The bundle is not signed: programs
that open it as a zip could not read it with a signature after the zip's end record.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "build" / "bundle"
PARTS = ["manifest.json", "pyproject.toml", "README.md", "LICENSE", "server", "tools", "studio"]
EXTRAS = ["faces", "notify"]
"""Those that the manifest installs."""
RELEASES = "https://github.com/apiframe-photo-mcp/apiframe-photo-mcp/releases/download"
END_RECORD, END_RECORD_BYTES = b"PK\x05\x06", 22


def main(packer: str) -> None:
    prepare()
    version = json.loads((STAGE / "manifest.json").read_text(encoding="utf-8"))["version"]
    bundle = ROOT / "dist" / f"apiframe-photo-mcp-{version}.mcpb"
    bundle.parent.mkdir(exist_ok=True)
    run_packer(packer, "validate", str(STAGE / "manifest.json"))
    run_packer(packer, "pack", str(STAGE), str(bundle))
    if bundle.read_bytes()[-END_RECORD_BYTES:][:4] != END_RECORD:
        raise SystemExit(f"{bundle.name} does not end with the zip's end record")
    write_registry_entry(bundle, version)
    print(f"{bundle.relative_to(ROOT)}: {bundle.stat().st_size // 1024} KB")


def prepare() -> None:
    """Make the folder that is packed."""
    copy_files()
    pin_versions()
    remove_unused()


def copy_files() -> None:
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, STAGE / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, STAGE / part)
    for image in find_images():
        (STAGE / image).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / image, STAGE / image)


def find_images() -> list[str]:
    """Return the paths of the images that the README and the manifest show."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    illustrations = re.findall(r'(?:src|srcset)="(?!https?:)([^"]+)"', readme)
    return [*illustrations, manifest["icon"], *manifest["screenshots"]]


def pin_versions() -> None:
    """Limit the bundle to the tested versions: `uv run` resolves on the user's machine and prefers newer ones."""
    files = [ROOT / "requirements" / f"{extra}.txt" for extra in EXTRAS]
    tested = "".join(file.read_text(encoding="utf-8") for file in files)
    pins = [pin.replace('"', "'") for pin in re.findall(r"^(\S+==[^\\\n]+?) *\\$", tested, re.MULTILINE)]
    lines = "".join(f'    "{pin}",\n' for pin in dict.fromkeys(pins))
    project = STAGE / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(
        text.replace("[tool.uv]\n", f"[tool.uv]\nconstraint-dependencies = [\n{lines}]\n"), encoding="utf-8"
    )


def remove_unused() -> None:
    """Remove the development tools and other extras: `uv run` would look up all of them, though it installs none."""
    project = STAGE / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    unused = tomllib.loads(text)["project"]["optional-dependencies"].keys() - EXTRAS
    text = re.sub(r"^\[dependency-groups\]\n.*?(?=^\[)", "", text, flags=re.MULTILINE | re.DOTALL)
    for extra in unused:
        text = re.sub(rf"^{extra} = \[(?:[^\n]*\]|.*?^\])\n", "", text, flags=re.MULTILINE | re.DOTALL)
    project.write_text(text, encoding="utf-8")


def write_registry_entry(bundle: Path, version: str) -> None:
    """Write the registry entry of this release, with the bundle."""
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


def run_packer(packer: str, *arguments: str) -> None:
    done = subprocess.run(["node", packer, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
