"""The pages of the repository, as a CommonMark renderer reads them and as a plain scan of their lines does.

Registries and editors render CommonMark, with tables as the one extension. What they show is what a user gets.
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
    """A fenced block. `not_run` is the reason in the comment above it, None where there is no such comment."""

    page: Path
    info: str
    body: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.body.splitlines()[0]}"


class Outline(NamedTuple):
    """What a page is made of. A fence is (info, lines of its body), a table the number of its rows."""

    headings: Sequence[str]
    fences: Sequence[tuple[str, int]]
    tables: Sequence[int]


def pages_of_the_repository() -> list[Path]:
    """Every Markdown file that is kept in the repository."""

    def is_kept(page: Path) -> bool:
        folders = page.relative_to(ROOT).parts[:-1]
        return not any(folder.startswith(".") or folder in UNTRACKED for folder in folders)

    return sorted(page for page in ROOT.rglob("*.md") if is_kept(page))


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in the order of the page."""
    above: Token | None = None
    for token in PARSER.parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            reason = NOT_RUN.fullmatch(above.content) if above and above.type == "html_block" else None
            yield Block(page, token.info.strip(), token.content, reason["reason"] if reason else None)
        above = token


def render_outline(text: str) -> Outline:
    """The outline that a renderer sees."""
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
    """The outline that the writer of the page meant: read line by line, whatever surrounds a line."""
    headings: list[str] = []
    fences: list[tuple[str, int]] = []
    tables: list[int] = []
    mark, in_table = "", False
    for line in map(str.strip, text.splitlines()):
        fence = FENCE.match(line)
        if mark and line.startswith(mark) and fence and not fence["info"]:
            mark = ""
        elif fence and fence["mark"].startswith(mark):
            # Nobody writes a fence with an info string to close a block: the one before was left open.
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
