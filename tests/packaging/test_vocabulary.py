"""The vocabulary check finds the words of its list, in prose and in identifiers."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import ROOT

SETTINGS = """
[words]
"wish(?:es)?" = "request"
"the persons?" = "the user or the subject"

[names]
'Looks' = "FetchBatcher"

[[allowed]]
word = "wish(?:es)?"
file = "docs/*"
text = "quoted wish"
why = "an example"
"""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vocabulary", ROOT / ".ci/vocabulary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


vocabulary = load()


def find(text: str, file: str = "server/module.py") -> list[str]:
    terms, exemptions = vocabulary.read_words(tomllib.loads(SETTINGS))
    return [str(finding) for finding in vocabulary.find(file, text, terms, exemptions)]


@pytest.mark.parametrize(
    "line",
    ["a wish", "TrainingWish(", "_training_wish", "WISHES", "HTTPWish", "tell the person", "ThePerson"],
)
def test_a_word_is_found_in_prose_and_in_identifiers(line: str) -> None:
    (finding,) = find(f"first line\n{line}")
    assert finding.startswith("server/module.py:2: ")


@pytest.mark.parametrize("line", ["wishful", "swishes", "it looks right", "a person"])
def test_a_similar_word_is_not_found(line: str) -> None:
    assert find(line) == []


def test_a_finding_has_the_file_the_line_and_the_better_term() -> None:
    assert find("import Looks") == ["server/module.py:1: 'Looks': FetchBatcher"]


def test_a_word_in_the_name_of_a_file_is_found() -> None:
    assert find("", "server/wish.py") == ["server/wish.py:0: 'wish': request"]


def test_a_word_may_stay_where_the_list_allows_it() -> None:
    assert find("a quoted wish", "docs/page.md") == []
    assert find("a wish", "docs/page.md") != []
    assert find("a quoted wish") != []


def test_the_check_fails_as_long_as_a_word_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs/page.md"
    page.parent.mkdir()
    page.write_text("a wish\n")
    (tmp_path / "words").write_text(SETTINGS)
    monkeypatch.setattr(vocabulary, "ROOT", tmp_path)
    monkeypatch.setattr(vocabulary, "FOLDERS", ("docs",))
    monkeypatch.setattr(vocabulary, "WORDS", tmp_path / "words")
    assert vocabulary.main() == 1
    assert capsys.readouterr().out == "docs/page.md:1: 'wish': request\n"
    page.write_text("a request\n")
    assert vocabulary.main() == 0


def test_every_exemption_has_a_reason_and_a_known_word() -> None:
    settings = tomllib.loads((ROOT / ".ci/vocabulary.toml").read_text(encoding="utf-8"))
    assert [entry for entry in settings["allowed"] if not entry.get("why")] == []
    known = {*settings["words"], *settings["names"], "*"}
    assert [entry["word"] for entry in settings["allowed"] if entry["word"] not in known] == []
