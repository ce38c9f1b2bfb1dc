"""The Markdown pages of the repository, as parsed by a CommonMark renderer and as a plain scan of their lines.

Registries and editors render CommonMark with tables as the only extension, so users see what that renderer shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .conftest import ROOT

PARSER: Final = MarkdownIt("commonmark").enable("table")
UNTRACKED: Final = {"build", "dist", "node_modules"}
FENCE: Final = re.compile(r"(?P<mark>`{3,}|~{3,})(?P<info>.*)")
NOT_RUN: Final = re.compile(r"<!-- not run: (?P<reason>.*?) -->\s*", re.DOTALL)


class Block(NamedTuple):
    """A fenced block. `not_run` is the reason in the comment above it, or None without such a comment."""

    page: Path
    info: str
    body: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.body.splitlines()[0]}"


class Outline(NamedTuple):
    """The parts of a page. A fence is (info, number of lines), a table its number of rows."""

    headings: Sequence[str]
    fences: Sequence[tuple[str, int]]
    tables: Sequence[int]


def list_pages() -> list[Path]:
    """Return every Markdown file of the repository."""

    def is_kept(page: Path) -> bool:
        folders = page.relative_to(ROOT).parts[:-1]
        return not any(folder.startswith(".") or folder in UNTRACKED for folder in folders)

    return sorted(page for page in ROOT.rglob("*.md") if is_kept(page))


def read_blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in their order."""
    above: Token | None = None
    for token in PARSER.parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            reason = NOT_RUN.fullmatch(above.content) if above and above.type == "html_block" else None
            yield Block(page, token.info.strip(), token.content, reason["reason"] if reason else None)
        above = token


def render_outline(text: str) -> Outline:
    """Return the outline that a renderer sees."""
    tokens = PARSER.parse(text)
    headings = [
        f"{token.markup} {following.content}"
        for token, following in pairwise(tokens)
        if token.type == "heading_open"
    ]
    fences = [
        (token.info.strip(), len(token.content.splitlines())) for token in tokens if token.type == "fence"
    ]
    tables: list[int] = []
    for token in tokens:
        if token.type == "table_open":
            tables.append(0)
        elif token.type == "tr_open":
            tables[-1] += 1
    return Outline(headings, fences, tables)


def scan_outline(text: str) -> Outline:
    """Return the outline that the author intended: read line by line, regardless of the surrounding lines."""
    headings: list[str] = []
    fences: list[tuple[str, int]] = []
    tables: list[int] = []
    mark, in_table = "", False
    for line in map(str.strip, text.splitlines()):
        fence = FENCE.match(line)
        if mark and line.startswith(mark) and fence and not fence["info"]:
            mark = ""
        elif fence and fence["mark"].startswith(mark):
            # A fence with an info string never closes a block, so the previous block was left open.
            mark = fence["mark"]
            fences.append((fence["info"].strip(), 0))
        elif mark:
            fences[-1] = (fences[-1][0], fences[-1][1] + 1)
        elif re.match(r"#{1,6} ", line):
            headings.append(line)
        is_row = not mark and line.startswith("|")
        if is_row and not in_table:
            tables.append(0)
        if is_row and not re.fullmatch(r"[|:\- ]*-[|:\- ]*", line):
            tables[-1] += 1
        in_table = is_row
    if mark:
        fences.append(("never closed", 0))
    return Outline(headings, fences, tables)


def read_fence(block: str) -> str:
    """Return the content of the only fence in a block."""
    (fence,) = [token for token in PARSER.parse(block) if token.type == "fence"]
    return fence.content
