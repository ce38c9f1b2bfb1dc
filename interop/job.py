"""The main job through one client, with the expected result of each step."""

from __future__ import annotations

import re
from typing import Any, Final

from interop.client import Client, ShownResult
from interop.clients import ClientSpec

WAITS: Final = 5
PHOTOS: Final = {"training_images_id": "sandbox-person", "subject": "Anna"}


class UnexpectedResult(Exception):
    """A step did not show the expected result."""


def run_job(client: Client, spec: ClientSpec) -> str:
    """Run the job and return its result for the table.

    Raises:
        UnexpectedResult: with the expectation and what was shown.
        ClientEnded: the client crashed.
    """
    account = client.call("get_account")
    _expect("12000 credits" in account.text or _fact(account, "credits") == 12000, "the credits", account)
    task_id = _start_training(client)
    word, finished = _wait_for_training(client, task_id)
    listed = client.call("list_trainings", subject="Anna")
    _expect(word in listed.text and task_id in listed.text, "the training in the list", listed)
    _make_a_mistake(client, spec)
    if spec.shows_structured:
        _expect(_fact(finished, "trigger_word") == word, "the trigger word as structured content", finished)
        return (
            "done; trigger word in the text and in structured content"
            if _has_text(finished)
            else "done; trigger word in structured content, which it shows instead of the text"
        )
    return "done; trigger word in the text, which is all it shows"


def _start_training(client: Client) -> str:
    started = client.call("start_training", **PHOTOS)
    found = re.search(r"task_id\W+([0-9a-f-]{36})", started.text)
    if found is None:
        raise UnexpectedResult(f"a task_id in the text: {started}")
    again = client.call("start_training", **PHOTOS)
    _expect(found[1] in again.text, "the same training again", again)
    known = "nothing was sent now" in again.text or _fact(again, "deduplicated") is True
    _expect(known, "that nothing was sent", again)
    return found[1]


def _wait_for_training(client: Client, task_id: str) -> tuple[str, ShownResult]:
    for _ in range(WAITS):
        seen = client.call("wait_for_training", task_id=task_id, max_wait_seconds=10)
        if "finished" in seen.text and (word := re.search(r"[Tt]rigger[ _]word\W+(TOK[A-Z]+)", seen.text)):
            return word[1], seen
    raise UnexpectedResult(f"a finished training: {seen}")


def _make_a_mistake(client: Client, spec: ClientSpec) -> None:
    seen = client.call("get_training_status", task_id="no-such-training")
    _expect("Call list_trainings" in seen.text, "what was wrong and what to call", seen)
    if spec.marks_errors:
        _expect(seen.error, "an error marked as one", seen)


def _has_text(seen: ShownResult) -> bool:
    return "Trigger word: " in seen.text


def _fact(seen: ShownResult, name: str) -> Any:
    return (seen.structured or {}).get(name)


def _expect(met: bool, what: str, seen: ShownResult) -> None:
    if not met:
        raise UnexpectedResult(f"{what}: {seen}")
