"""`python -m docgen`: regenerate blocks of the pages, and the front's snapshot; `--check` only reports what is stale.

A block is the text between `<!-- name -->` and `<!-- /name -->`. It is never edited by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from docgen import clients, facts, install, results, snapshot, tables

ROOT: Final = Path(__file__).resolve().parent.parent
BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "tools": tables.render_tools,
    "settings": tables.render_settings,
    "exit-codes": tables.render_exit_codes,
    "decisions": tables.render_decisions,
    "steps": install.render_steps,
    "install-ways": install.render_ways,
    "install-faces": install.render_faces,
    "first-start": install.render_first_start,
    "bundle-start": install.render_bundle_start,
    "install-links": install.render_one_click,
    "clients": clients.render_all,
    "claude-desktop": clients.render_claude_desktop,
    "claude-code": clients.render_claude_code,
    "cursor": clients.render_cursor,
    "gemini": clients.render_gemini,
    "vscode": clients.render_vscode,
    "codex": clients.render_codex,
    "zed": clients.render_zed,
    "goose": clients.render_goose,
    "prices": facts.render_prices,
    "price-line": facts.render_price_line,
    "repeats": facts.render_repeats,
    "photo-guide": facts.render_photo_guide,
    "photo-numbers": facts.render_photo_numbers,
    "photo-reasons": facts.render_photo_reasons,
    "remains": facts.render_remains,
    "timeouts": facts.render_timeouts,
    "conformance": results.render_conformance,
    "failures": results.render_failures,
    "interop": results.render_interop,
}
ADDRESSES: Final = ("repository", "homepage", "documentation", "support")


def main(arguments: list[str]) -> int:
    """Return 1 if `--check` found a page that differs from what the code generates."""
    stale = {page: text for page, text in render_pages().items() if text != _read(page)}
    for page, text in stale.items():
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)} is out of date: run `make docs`", file=sys.stderr)
        else:
            page.write_text(text, encoding="utf-8")
            print(f"{page.relative_to(ROOT)} was updated")
    return int(bool(stale) and "--check" in arguments)


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.exists() else ""


def render_pages() -> dict[Path, str]:
    """Return what each generated file should contain."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {path: fill_blocks(path.read_text(encoding="utf-8")) for path in paths} | {
        ROOT / "server.json": render_registry_entry(),
        ROOT / "manifest.json": render_manifest(),
        **snapshot.render_snapshot(),
    }


def fill_blocks(text: str) -> str:
    """Return the text with every block regenerated.

    Raises:
        KeyError: BLOCKS does not have a block's name.
    """

    def render_block(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- {name} -->\n{BLOCKS[name]()}\n<!-- /{name} -->"

    return re.sub(r"<!-- (?P<name>[a-z-]+) -->\n.*?<!-- /(?P=name) -->", render_block, text, flags=re.DOTALL)


def render_registry_entry() -> str:
    """Return server.json with every setting as a variable that the registry's clients may ask for."""
    entry = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    entry["packages"][0]["environmentVariables"] = tables.list_variables()
    return json.dumps(entry, indent=2, ensure_ascii=False) + "\n"


def render_manifest() -> str:
    """Return manifest.json with the project's addresses, if they exist yet."""
    fields = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in fields.items() if name not in ADDRESSES}
    return json.dumps(kept | install.build_addresses(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
