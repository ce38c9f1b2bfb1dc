"""Find words that the project avoids, in source, docs and snapshots. `make lint` runs it.

vocabulary.toml has the words, the better terms, and where a word may stay. The code is still being renamed, so
vocabulary-left.json has the number of occurrences that are left of each word. A higher count fails. A lower count fails
too, until it is written down with `--write`, so that no word can come back.

    python .ci/vocabulary.py             check, and list what is above its count
    python .ci/vocabulary.py --list      list every occurrence that is left, with the better term
    python .ci/vocabulary.py --write     write the counts down; they may only fall
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
WORDS: Final = ROOT / ".ci/vocabulary.toml"
LEFT: Final = ROOT / ".ci/vocabulary-left.json"
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


def main(arguments: Sequence[str]) -> int:
    """Return 1 if a count has risen, or has fallen and was not written down."""
    terms, exemptions = read_words(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    findings = [finding for file, text in read_sources() for finding in find(file, text, terms, exemptions)]
    counts = count(terms, findings)
    if "--list" in arguments:
        print(*findings, f"{len(findings)} left", sep="\n")
        return 0
    left = json.loads(LEFT.read_text(encoding="utf-8")) if LEFT.exists() else None
    risen = list_risen(counts, left or {})
    if left is None or ("--write" in arguments and not risen):
        LEFT.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        return 0
    for key in risen:
        print(*(finding for finding in findings if finding.term.key == key), sep="\n")
        print(
            f"{key}: found {counts[key]} times, {left.get(key, 0)} allowed. Use the better term named above."
        )
    if counts != left and not risen:
        print("Fewer are left than written down. Run `python .ci/vocabulary.py --write` and commit the file.")
    return int(counts != left)


def list_risen(counts: Mapping[str, int], left: Mapping[str, int]) -> list[str]:
    """Return the words that occur more often than is written down."""
    return [key for key, number in counts.items() if number > left.get(key, 0)]


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
        if path.suffix in SUFFIXES and not GENERATED & set(file.parts) and path != LEFT:
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


def count(terms: Sequence[Term], findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of occurrences of every term, also of those that were not found."""
    numbers = Counter(finding.term.key for finding in findings)
    return {term.key: numbers[term.key] for term in terms}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
