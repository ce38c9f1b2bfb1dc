"""`python -m docgen.site`: build the documentation into build/site with Sphinx and check the result.

It runs in the environment of `make site`, which has Sphinx but not the project.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "docs"
TARGET: Final = ROOT / "build/site"
STRICT: Final = ("--fail-on-warning", "--keep-going", "--quiet", "--fresh-env")
LOADED: Final = {"src", "srcset", "poster", "data"}
LOADING_LINKS: Final = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "apple-touch-icon"}
REMOTE: Final = ("http:", "https:", "//")


class Page(HTMLParser):
    """What a page loads, where it links to, and the anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.loads += [value for name, value in given.items() if name in LOADED]
        if tag == "link" and LOADING_LINKS & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])


def main() -> int:
    """Return 1 if Sphinx warned, a page loads a remote resource, or a link or an anchor is broken."""
    from sphinx.cmd.build import main as sphinx

    if code := sphinx(["--builder", "html", *STRICT, str(SOURCE), str(TARGET)]):
        return int(code)
    faults = list(find_faults(TARGET))
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{TARGET.relative_to(ROOT)}/index.html: {len(list(TARGET.rglob('*.html')))} pages")
    return int(bool(faults))


def find_faults(site: Path) -> Iterator[str]:
    """Yield one line for each fault of the built pages."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        for address in page.loads:
            if address.startswith(REMOTE):
                yield f"{name}: loads {address}"
            elif not address.startswith("data:") and not _exists(site, path, address):
                yield f"{name}: loads {address}, which does not exist"
        for address in page.links:
            if not urlsplit(address).scheme and not _resolves(site, pages, path, address):
                yield f"{name}: links to {address}, which does not exist"
    for sheet in sorted(site.rglob("*.css")):
        if any(f"url({quote}{start}" in _read_compact(sheet) for quote in ("", "'", '"') for start in REMOTE):
            yield f"{sheet.relative_to(site)}: loads a remote resource"


def _resolves(site: Path, pages: Mapping[Path, Page], path: Path, address: str) -> bool:
    target, anchor = _target(site, path, address)
    page = pages.get(target)
    if page is None:
        return target.is_file()
    return not anchor or anchor in page.anchors


def _exists(site: Path, path: Path, address: str) -> bool:
    return _target(site, path, address)[0].is_file()


def _target(site: Path, path: Path, address: str) -> tuple[Path, str]:
    base = f"http://site/{path.relative_to(site).as_posix()}"
    parts = urlsplit(urljoin(base, address))
    name = unquote(parts.path.lstrip("/"))
    return site / (f"{name}index.html" if not name or name.endswith("/") else name), unquote(parts.fragment)


def _read_compact(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace(" ", "")


if __name__ == "__main__":
    sys.exit(main())
