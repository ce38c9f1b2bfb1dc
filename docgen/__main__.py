"""`python -m docgen`: fill the marked blocks of the pages again; `--check` only says which are out of date.

A block stands between `<!-- name -->` and `<!-- /name -->`; what is between them is never written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from docgen import clients, facts, install, results, tables

ROOT: Final = Path(__file__).resolve().parent.parent
BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "tools": tables.tools,
    "settings": tables.settings,
    "exit-codes": tables.exit_codes,
    "decisions": tables.decisions,
    "steps": install.steps,
    "install-ways": install.ways_table,
    "install-faces": install.faces,
    "install-links": install.one_click,
    "clients": clients.folded,
    "claude-desktop": clients.claude_desktop,
    "claude-code": clients.claude_code,
    "cursor": clients.cursor,
    "gemini": clients.gemini,
    "vscode": clients.vscode,
    "codex": clients.codex,
    "zed": clients.zed,
    "goose": clients.goose,
    "prices": facts.prices,
    "price-line": facts.price_line,
    "repeats": facts.repeats,
    "photo-guide": facts.photo_guide,
    "photo-numbers": facts.photo_numbers,
    "photo-reasons": facts.photo_reasons,
    "timeouts": facts.timeouts,
    "conformance": results.conformance,
    "failures": results.failures,
    "interop": results.interop,
}
ADDRESSES: Final = ("repository", "homepage", "documentation", "support")


def main(arguments: list[str]) -> int:
    """Returns 1 when `--check` found a page that the code no longer agrees with."""
    stale = {page: text for page, text in pages().items() if text != page.read_text(encoding="utf-8")}
    for page, text in stale.items():
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)} is out of date: run `make docs`", file=sys.stderr)
        else:
            page.write_text(text, encoding="utf-8")
            print(f"{page.relative_to(ROOT)} was written again")
    return int(bool(stale) and "--check" in arguments)


def pages() -> dict[Path, str]:
    """What each page should say."""
    named = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {page: filled(page.read_text(encoding="utf-8")) for page in named} | {
        ROOT / "server.json": registry_entry(),
        ROOT / "manifest.json": manifest(),
    }


def filled(text: str) -> str:
    """The text with every block made again.

    Raises:
        KeyError: a block has a name that nothing makes.
    """

    def block(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- {name} -->\n{BLOCKS[name]()}\n<!-- /{name} -->"

    return re.sub(r"<!-- (?P<name>[a-z-]+) -->\n.*?<!-- /(?P=name) -->", block, text, flags=re.DOTALL)


def registry_entry() -> str:
    """server.json, with every setting as a variable that the registry's clients may ask for."""
    entry = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    entry["packages"][0]["environmentVariables"] = tables.variables()
    return json.dumps(entry, indent=2, ensure_ascii=False) + "\n"


def manifest() -> str:
    """manifest.json, with the addresses that exist today."""
    written = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in written.items() if name not in ADDRESSES}
    return json.dumps(kept | install.manifest(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
