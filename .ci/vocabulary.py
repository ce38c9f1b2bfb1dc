"""Find words that the project does not use, in source, docs and snapshots: `make lint` runs it.

vocabulary.toml has the words, the better terms, and where a word may stay. The code is still being renamed, so
vocabulary-left.json says how often each word may still occur. A count above it fails: a new name must be a good one. A
count below it fails as well until it is written down with `--write`, so that no word comes back.

    python .ci/vocabulary.py             check, and list what is above its count
    python .ci/vocabulary.py --list      list every place that is left, with the better term
    python .ci/vocabulary.py --write     write the counts down, which may only go down
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
MADE: Final = {"__pycache__", "node_modules", "_build"}
BETWEEN_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")


class Term(NamedTuple):
    """A word to avoid: its key in vocabulary.toml, what finds it, and what to write instead."""

    key: str
    pattern: re.Pattern[str]
    better: str
    in_words: bool
    """Whether it is looked for in the words of a line, or in the line as it is written."""


class Exemption(NamedTuple):
    """Where a word may stay."""

    word: str
    file: str
    text: re.Pattern[str]

    def covers(self, term: Term, file: str, line: str) -> bool:
        return (
            self.word in ("*", term.key) and fnmatch(file, self.file) and self.text.search(line) is not None
        )


class Finding(NamedTuple):
    """One occurrence. Line 0 is the name of the file."""

    file: str
    line: int
    term: Term
    found: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.found!r}: {self.term.better}"


def main(arguments: Sequence[str]) -> int:
    """Returns 1 when a count has risen, or has fallen and was not written down."""
    terms, exemptions = read_words(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    findings = [one for file, text in sources() for one in find(file, text, terms, exemptions)]
    counts = count(terms, findings)
    if "--list" in arguments:
        print(*findings, f"{len(findings)} left", sep="\n")
        return 0
    left = json.loads(LEFT.read_text(encoding="utf-8")) if LEFT.exists() else None
    if left is None or ("--write" in arguments and not above(counts, left)):
        LEFT.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        return 0
    for key in above(counts, left):
        print(*(one for one in findings if one.term.key == key), sep="\n")
        print(f"{key}: {counts[key]} places, {left.get(key, 0)} allowed. Use the better term named above.")
    if above(counts, left):
        return 1
    if counts != left:
        print("Fewer are left than written down: run `python .ci/vocabulary.py --write` and commit the file.")
    return int(counts != left)


def above(counts: Mapping[str, int], left: Mapping[str, int]) -> list[str]:
    """The words that occur more often than is allowed."""
    return [key for key, number in counts.items() if number > left.get(key, 0)]


def read_words(settings: Mapping[str, Any]) -> tuple[Sequence[Term], Sequence[Exemption]]:
    """The terms and exemptions of vocabulary.toml."""
    words = [
        Term(key, re.compile(rf"\b(?:{key})\b"), better, True) for key, better in settings["words"].items()
    ]
    names = [
        Term(key, re.compile(rf"\b(?:{key})\b"), better, False) for key, better in settings["names"].items()
    ]
    exemptions = [
        Exemption(one["word"], one.get("file", "*"), re.compile(one.get("text", "")))
        for one in settings["allowed"]
    ]
    return [*words, *names], exemptions


def sources() -> Iterator[tuple[str, str]]:
    """Every file that is looked at: its path below the root and its text."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        paths += (ROOT / folder).rglob("*")
    for path in sorted(paths):
        file = path.relative_to(ROOT)
        if path.suffix in SUFFIXES and not MADE & set(file.parts) and path != LEFT:
            yield file.as_posix(), path.read_text(encoding="utf-8")


def find(file: str, text: str, terms: Sequence[Term], exemptions: Sequence[Exemption]) -> Iterator[Finding]:
    """The places in a file, its name first, that no exemption covers."""
    for number, line in enumerate((file, *text.splitlines())):
        words = words_of(line)
        for term in terms:
            for found in term.pattern.finditer(words if term.in_words else line):
                if not any(one.covers(term, file, line) for one in exemptions):
                    yield Finding(file, number, term, found.group())


def words_of(line: str) -> str:
    """The line in lower case, its identifiers taken apart: `TrainingWish._in_use` is `training wish. in use`."""
    return re.sub(r"[ \t]+", " ", BETWEEN_WORDS.sub(" ", line)).lower()


def count(terms: Sequence[Term], findings: Iterable[Finding]) -> dict[str, int]:
    """How often each term was found; every term has an entry."""
    found = Counter(one.term.key for one in findings)
    return {term.key: found[term.key] for term in terms}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
