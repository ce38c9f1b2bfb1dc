"""A failed check cannot go unnoticed, and a client that fails the job is reported with what it showed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import interop.client
from conformance import protocol
from conformance.reports import Report
from interop import job
from interop.client import Client, ShownResult
from interop.clients import CLIENTS

from .conftest import ROOT

APIS = list(job.TRIGGER_WORDS)
PHOTOS = Path("photos")
TASK = "00000000-0000-4000-8000-000000000000"
FINISHED = ShownResult(f"finished. Trigger word: TOKABC. task_id {TASK}", {"trigger_word": "TOKABC"}, False)
GOOD = {
    "get_account": [ShownResult("12000 credits", {"credits": 12000}, False)],
    "prepare_photos": [ShownResult("ready, training_images_id ps-abc1234.", {}, False)],
    "start_training": [
        ShownResult(f"queued, task_id {TASK}", {}, False),
        ShownResult(f"nothing was sent now, task_id {TASK}", {}, False),
    ],
    "wait_for_training": [ShownResult("processing", {}, False), FINISHED],
    "list_trainings": [FINISHED],
    "generate_photos": [ShownResult("processing", {}, False), ShownResult("finished: TOKABC.png", {}, False)],
    "get_training_status": [ShownResult("Call list_trainings", None, True)],
}
BROKEN = [
    ("get_account", ShownResult("", {}, False), "the credits"),
    ("start_training", ShownResult("queued", {}, False), "a task_id in the text"),
    ("wait_for_training", ShownResult(FINISHED.text, {}, False), "as structured content"),
    ("generate_photos", ShownResult("finished: TOKXYZ.png", {}, False), "an image"),
    ("list_trainings", ShownResult("No trainings.", {}, False), "the training in the list"),
    ("get_training_status", ShownResult("", None, True), "what to call"),
    ("get_training_status", ShownResult("Call list_trainings", None, False), "an error marked as one"),
]


class ScriptedClient(Client):
    """A client that shows scripted results."""

    def __init__(self, shows: dict[str, list[ShownResult]]) -> None:
        self._shows = {tool: list(seen) for tool, seen in shows.items()}
        self.trained: set[str] = set()

    def call(self, tool: str, **arguments: Any) -> ShownResult:
        self.trained |= {arguments["training_images_id"]} if tool == "start_training" else set()
        seen = self._shows[tool]
        return seen.pop(0) if len(seen) > 1 else seen[0]


@pytest.mark.parametrize(("api", "photos"), [("v1", job.UPLOADED), ("v2", "ps-abc1234")])
def test_a_client_that_shows_every_result_passes(api: str, photos: str) -> None:
    client = ScriptedClient(GOOD)
    assert job.run_job(client, CLIENTS[0], api, PHOTOS) == "done; in the text and in structured content"
    assert client.trained == {photos}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("tool", "seen", "missed"), BROKEN)
def test_a_missing_result_fails_with_its_name(api: str, tool: str, seen: ShownResult, missed: str) -> None:
    with pytest.raises(job.UnexpectedResult, match=missed):
        job.run_job(ScriptedClient(GOOD | {tool: [seen]}), CLIENTS[0], api, PHOTOS)


def test_photos_of_v2_that_are_not_prepared_fail() -> None:
    broken = GOOD | {"prepare_photos": [ShownResult("14 photos are too few", None, True)]}
    with pytest.raises(job.UnexpectedResult, match="a training_images_id in the text"):
        job.run_job(ScriptedClient(broken), CLIENTS[0], "v2", PHOTOS)


def test_a_second_training_for_the_same_photos_fails() -> None:
    again = ShownResult("queued, task_id 11111111-0000-4000-8000-000000000000", {}, False)
    with pytest.raises(job.UnexpectedResult, match="the same training again"):
        job.run_job(
            ScriptedClient(GOOD | {"start_training": [GOOD["start_training"][0], again]}),
            *(CLIENTS[0], "v1", PHOTOS),
        )


def test_a_client_that_shows_nothing_in_time_is_ended_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interop.client, "TIMEOUT_SECONDS", 0.1)
    command = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    with (
        interop.client.start_client(CLIENTS[0], command, Path("server"), "v2", PHOTOS) as client,
        pytest.raises(interop.client.ClientEnded, match="exit code"),
    ):
        client.call("get_account")


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
    assert [row for row in rows for api in APIS if not row[api].startswith("done")] == []
    assert [(row["client"], row["way"]) for row in rows] == [(one.client, one.way) for one in CLIENTS]
