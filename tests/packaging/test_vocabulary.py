"""The vocabulary check finds the words of its list, in identifiers too, and its counts only fall."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from collections.abc import Mapping
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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the word twice, which is allowed."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text("a wish\nand a wish\n")
    (tmp_path / "words").write_text(SETTINGS)
    monkeypatch.setattr(vocabulary, "ROOT", tmp_path)
    monkeypatch.setattr(vocabulary, "FOLDERS", ("docs",))
    monkeypatch.setattr(vocabulary, "WORDS", tmp_path / "words")
    monkeypatch.setattr(vocabulary, "LEFT", tmp_path / "left.json")
    assert vocabulary.main([]) == 0
    return tmp_path


def read_counts(project: Path) -> Mapping[str, int]:
    return dict(json.loads((project / "left.json").read_text()))


def test_one_occurrence_more_fails_and_cannot_be_accepted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "docs/other.md").write_text("a third wish\n")
    before = read_counts(project)
    assert vocabulary.main([]) == 1
    assert "docs/other.md:1: 'wish': request" in capsys.readouterr().out
    assert vocabulary.main(["--write"]) == 1
    assert read_counts(project) == before


def test_one_occurrence_less_fails_until_it_is_written_down(project: Path) -> None:
    (project / "docs/page.md").write_text("a wish\n")
    assert vocabulary.main([]) == 1
    assert vocabulary.main(["--write"]) == 0
    assert read_counts(project)["wish(?:es)?"] == 1
    assert vocabulary.main([]) == 0


def test_every_exemption_has_a_reason_and_a_known_word() -> None:
    settings = tomllib.loads((ROOT / ".ci/vocabulary.toml").read_text(encoding="utf-8"))
    assert [entry for entry in settings["allowed"] if not entry.get("why")] == []
    known = {*settings["words"], *settings["names"], "*"}
    assert [entry["word"] for entry in settings["allowed"] if entry["word"] not in known] == []
