"""`python -m cards [--pictures]`: show cards and gallery in a browser, check them, keep screenshots in build/cards.

`--pictures` also replaces those of the documentation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image

from apiframe_studio.photos.synthetic import write_photos
from cards.app import serve
from docgen.contact_sheet import add_mistakes

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ROOT / ".cache/cards"
NODE: Final = ROOT / ".cache/node/bin/node"
SCREENSHOTS: Final = ROOT / "build/cards"
PICTURES: Final = ROOT / "docs/cards"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
TRAINING_SECONDS: Final = 25.0
"""More than two status checks of a card, which are ten seconds apart, so that one is made while it trains."""


def main(arguments: list[str]) -> int:
    """Return 1 if a check failed; without a browser nothing is run, which is only reported."""
    if (browser := find_browser()) is None:
        print(f"The cards were not shown: no browser ({', '.join(BROWSERS)}) is installed.")
        return 0
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="apiframe-cards-") as name:
        code = run(Path(name), browser)
    if code == 0 and "--pictures" in arguments:
        replace_pictures()
    return code


def find_browser() -> str | None:
    """Return the path of a browser. On a machine for tests (root, apt) Debian's Chromium is installed."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("installing Chromium", flush=True)
        install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium"
        subprocess.run(["sh", "-c", install], stdout=subprocess.DEVNULL, check=False)
        found = shutil.which(BROWSERS[0])
    return found


def run(folder: Path, browser: str) -> int:
    page, photos = folder / "page", folder / "photos"
    photos.mkdir()
    add_mistakes(write_photos(photos, 24))
    bundle(page)
    with serve(folder, photos, page, TRAINING_SECONDS) as address:
        given = {
            "packages": str(PACKAGES / "package.json"),
            "browser": browser,
            "address": address,
            "photos": str(photos),
            "screenshots": str(SCREENSHOTS),
        }
        return subprocess.run([NODE, ROOT / "cards/check.mjs", json.dumps(given)], check=False).returncode


def bundle(page: Path) -> None:
    """Put the host page and its script, with the official packages in it, into the folder."""
    esbuild = PACKAGES / "node_modules/.bin/esbuild"
    options = ["--bundle", "--format=esm", "--log-level=warning", f"--outfile={page / 'host.js'}"]
    environment = os.environ | {"NODE_PATH": str(PACKAGES / "node_modules")}
    subprocess.run([esbuild, ROOT / "cards/host.js", *options], env=environment, check=True)
    shutil.copy(ROOT / "cards/index.html", page)


def replace_pictures() -> None:
    """Copy the wide screenshots that the documentation shows into it, with fewer colours."""
    PICTURES.mkdir(exist_ok=True)
    pages = "".join(path.read_text(encoding="utf-8") for path in PICTURES.parent.glob("*.md"))
    for path in SCREENSHOTS.glob("*-wide.png"):
        name = path.name.replace("-wide", "")
        if f"(cards/{name})" not in pages:
            continue
        with Image.open(path) as shot:
            small = shot.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small.save(PICTURES / name, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
