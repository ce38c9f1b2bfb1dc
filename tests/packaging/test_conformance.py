"""A failed check cannot go unnoticed, and a client that fails the job is reported with what it showed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance import protocol
from conformance.reports import Report
from interop import job
from interop.client import Client, ShownResult
from interop.clients import CLIENTS

from .conftest import ROOT

TASK = "00000000-0000-4000-8000-000000000000"
FINISHED = ShownResult(f"finished. Trigger word: TOKABC. task_id {TASK}", {"trigger_word": "TOKABC"}, False)
GOOD = {
    "get_account": [ShownResult("12000 credits", {"credits": 12000}, False)],
    "start_training": [
        ShownResult(f"queued, task_id {TASK}", {}, False),
        ShownResult(f"nothing was sent now, task_id {TASK}", {}, False),
    ],
    "wait_for_training": [ShownResult("processing", {}, False), FINISHED],
    "list_trainings": [FINISHED],
    "get_training_status": [ShownResult("Call list_trainings", None, True)],
}
BROKEN = [
    ("get_account", ShownResult("", {}, False), "the credits"),
    ("start_training", ShownResult("queued", {}, False), "a task_id in the text"),
    ("wait_for_training", ShownResult(FINISHED.text, {}, False), "as structured content"),
    ("list_trainings", ShownResult("No trainings.", {}, False), "the training in the list"),
    ("get_training_status", ShownResult("", None, True), "what to call"),
    ("get_training_status", ShownResult("Call list_trainings", None, False), "an error marked as one"),
]


class ScriptedClient(Client):
    """A client that shows scripted results."""

    def __init__(self, shows: dict[str, list[ShownResult]]) -> None:
        self._shows = {tool: list(seen) for tool, seen in shows.items()}

    def call(self, tool: str, **_arguments: Any) -> ShownResult:
        seen = self._shows[tool]
        return seen.pop(0) if len(seen) > 1 else seen[0]


def test_a_client_that_shows_every_result_passes() -> None:
    assert (
        job.run_job(ScriptedClient(GOOD), CLIENTS[0])
        == "done; trigger word in the text and in structured content"
    )


@pytest.mark.parametrize(("tool", "seen", "missed"), BROKEN)
def test_a_missing_result_fails_with_its_name(tool: str, seen: ShownResult, missed: str) -> None:
    with pytest.raises(job.UnexpectedResult, match=missed):
        job.run_job(ScriptedClient(GOOD | {tool: [seen]}), CLIENTS[0])


def test_a_second_training_for_the_same_photos_fails() -> None:
    again = ShownResult("queued, task_id 11111111-0000-4000-8000-000000000000", {}, False)
    with pytest.raises(job.UnexpectedResult, match="the same training again"):
        job.run_job(ScriptedClient(GOOD | {"start_training": [GOOD["start_training"][0], again]}), CLIENTS[0])


def test_a_failure_without_a_reason_is_unexplained() -> None:
    report = Report("checker", "thing", 1, {"known": "no", "new": "worse"}, {"known": "It needs a fixture"})
    assert report.unexplained == {"new": "worse"}
    assert report.as_row()["failures"] == {"known": "It needs a fixture", "new": ""}


@pytest.mark.parametrize(
    ("folder", "scenario"),
    [
        ("server-ping-2026-01-02T03-04-05-678Z", "ping"),
        ("server-server-initialize-2026-01-02T03-04-05-678Z", "server-initialize"),
        ("server-sep-2164-resource-not-found-2026-01-02T03-04-05-678Z", "sep-2164-resource-not-found"),
    ],
)
def test_a_scenario_is_recognized_by_its_results_folder(folder: str, scenario: str) -> None:
    assert protocol._scenario(Path(folder) / "checks.json") == scenario


def test_every_failure_in_the_table_has_a_reason() -> None:
    rows = json.loads((ROOT / "docs/results/conformance.json").read_text(encoding="utf-8"))
    assert [check for row in rows for check, reason in row["failures"].items() if not reason] == []


def test_every_client_in_the_table_passed() -> None:
    rows = json.loads((ROOT / "docs/results/interop.json").read_text(encoding="utf-8"))
    assert [row for row in rows if not row["result"].startswith("done")] == []
    assert [(row["client"], row["way"]) for row in rows] == [(one.client, one.way) for one in CLIENTS]
