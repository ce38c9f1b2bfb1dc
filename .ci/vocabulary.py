"""Find words that the project avoids, in source, docs and snapshots. `make lint` runs it; it fails if it finds one.

vocabulary.toml has the words, the better terms, and where a word may stay.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
WORDS: Final = ROOT / ".ci/vocabulary.toml"
FOLDERS: Final = (
    *("server", "tools", "studio", "tests", "docs", "docgen"),
    *("bench", "examples", "interop", "conformance", "requirements", ".ci"),
)
SUFFIXES: Final = {".py", ".md", ".json", ".toml", ".yaml"}
GENERATED: Final = {"__pycache__", "node_modules", "_build"}
WORD_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")


class Term(NamedTuple):
    """A word to avoid: its key in vocabulary.toml, its pattern, and what to write instead."""

    key: str
    pattern: re.Pattern[str]
    better: str
    in_words: bool
    """Whether the pattern is searched for in the split words of a line, or in the unchanged line."""


class Exemption(NamedTuple):
    """Where a word may stay."""

    word: str
    file: str
    text: re.Pattern[str]

    def remove_from(self, line: str, term: Term, file: str) -> str:
        """Return the line without the text that may stay."""
        applies = self.word in ("*", term.key) and fnmatch(file, self.file)
        return self.text.sub(" ", line) if applies else line


class Finding(NamedTuple):
    """One occurrence. Line 0 is the name of the file."""

    file: str
    line: int
    term: Term
    found: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.found!r}: {self.term.better}"


def main() -> int:
    """Print every occurrence with the better term. Return 1 if there is one."""
    terms, exemptions = read_words(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    findings = [finding for file, text in read_sources() for finding in find(file, text, terms, exemptions)]
    for finding in findings:
        print(finding)
    return int(bool(findings))


def read_words(settings: Mapping[str, Any]) -> tuple[Sequence[Term], Sequence[Exemption]]:
    """Return the terms and exemptions of vocabulary.toml."""
    words = [
        Term(key, re.compile(rf"\b(?:{key})\b"), better, True) for key, better in settings["words"].items()
    ]
    names = [
        Term(key, re.compile(rf"\b(?:{key})\b"), better, False) for key, better in settings["names"].items()
    ]
    exemptions = [
        Exemption(entry["word"], entry.get("file", "*"), re.compile(entry.get("text", ".*")))
        for entry in settings["allowed"]
    ]
    return [*words, *names], exemptions


def read_sources() -> Iterator[tuple[str, str]]:
    """Yield every file that is checked: its path below the root and its text."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        paths += (ROOT / folder).rglob("*")
    for path in sorted(paths):
        file = path.relative_to(ROOT)
        if path.suffix in SUFFIXES and not GENERATED & set(file.parts):
            yield file.as_posix(), path.read_text(encoding="utf-8")


def find(file: str, text: str, terms: Sequence[Term], exemptions: Sequence[Exemption]) -> Iterator[Finding]:
    """Yield the occurrences in the name and the text of a file that are not exempt."""
    for number, line in enumerate((file, *text.splitlines())):
        words = split_words(line)
        for term in terms:
            if term.pattern.search(words if term.in_words else line):
                rest = line
                for exemption in exemptions:
                    rest = exemption.remove_from(rest, term, file)
                for found in term.pattern.finditer(split_words(rest) if term.in_words else rest):
                    yield Finding(file, number, term, found.group())


def split_words(line: str) -> str:
    """Return the line in lower case with split identifiers: `TrainingWish._in_use` becomes `training wish. in use`."""
    return re.sub(r"[ \t]+", " ", WORD_BOUNDARY.sub(" ", line)).lower()


if __name__ == "__main__":
    sys.exit(main())
