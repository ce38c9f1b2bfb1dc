"""The main job through one client, with the expected result of each step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.photos.synthetic import draw, make_scenes
from interop.client import Client, ShownResult
from interop.clients import ClientSpec

TRIGGER_WORDS: Final = {"v1": r"TOK[A-Z]+", "v2": r"[A-Z]{5,}"}
"""What the trigger words of each generation of the API look like."""
WAITS: Final = 5
SUBJECT: Final = "Anna"
UPLOADED: Final = "sandbox-person"
"""The photos that v1's sandbox has from the start; v2's has none, since a training sends its photos itself."""
DESCRIPTION: Final = {"gender": "female", "ethnicity": "Mixed", "consent": True}
PHOTO_SIZE: Final = (512, 640)
"""Small, because they are prepared again for every client."""


class UnexpectedResult(Exception):
    """A step did not show the expected result."""


def draw_photos(folder: Path) -> None:
    """Draw the photos of a training of v2 into the folder."""
    for number, scene in enumerate(make_scenes(V2_TERMS.photos.min)):
        draw(scene, PHOTO_SIZE).save(folder / f"{number}.jpg")


def run_job(client: Client, spec: ClientSpec, api: str, photos: Path) -> str:
    """Run the job with one generation of the API and return its result for the table.

    Raises:
        UnexpectedResult: with the expectation and what was shown.
        ClientEnded: the client crashed.
    """
    account = client.call("get_account")
    _expect("12000 credits" in account.text or _fact(account, "credits") == 12000, "the credits", account)
    task_id = _start_training(client, _prepare_photos(client, photos) if api == "v2" else UPLOADED)
    word, finished = _wait_for_training(client, task_id, TRIGGER_WORDS[api])
    listed = client.call("list_trainings", subject=SUBJECT)
    _expect(word in listed.text and task_id in listed.text, "the training in the list", listed)
    _generate(client, spec, word)
    if spec.shows_images:
        checked = client.call("check_photos", paths=[str(photos)])
        _expect(
            checked.images > 0 and "of 15 photos" in checked.text,
            "the contact sheet beside the text",
            checked,
        )
    _make_a_mistake(client, spec)
    if spec.shows_structured:
        _expect(_fact(finished, "trigger_word") == word, "the trigger word as structured content", finished)
        return (
            "done; in the text and in structured content"
            if _has_text(finished)
            else "done; in structured content, which it shows instead of the text"
        )
    return "done; in the text, which is all it shows"


def _prepare_photos(client: Client, photos: Path) -> str:
    prepared = client.call("prepare_photos", paths=[str(photos)], subject=SUBJECT, **DESCRIPTION)
    found = re.search(r"training_images_id\W+(ps-\w+)", prepared.text)
    if found is None:
        raise UnexpectedResult(f"a training_images_id in the text: {prepared}")
    return found[1]


def _start_training(client: Client, training_images_id: str) -> str:
    photos = {"training_images_id": training_images_id, "subject": SUBJECT}
    started = client.call("start_training", **photos)
    found = re.search(r"task_id\W+([0-9a-f-]{36})", started.text)
    if found is None:
        raise UnexpectedResult(f"a task_id in the text: {started}")
    again = client.call("start_training", **photos)
    _expect(found[1] in again.text, "the same training again", again)
    known = "nothing was sent now" in again.text or _fact(again, "deduplicated") is True
    _expect(known, "that nothing was sent", again)
    return found[1]


def _wait_for_training(client: Client, task_id: str, pattern: str) -> tuple[str, ShownResult]:
    for _ in range(WAITS):
        seen = client.call("wait_for_training", task_id=task_id, max_wait_seconds=10)
        if "finished" in seen.text and (word := re.search(rf"[Tt]rigger[ _]word\W+({pattern})", seen.text)):
            return word[1], seen
    raise UnexpectedResult(f"a finished training: {seen}")


def _generate(client: Client, spec: ClientSpec, word: str) -> None:
    for _ in range(WAITS):
        seen = client.call("generate_photos", subject=SUBJECT, prompt="portrait on a beach")
        if "finished" in seen.text and word in seen.text and ".png" in seen.text:
            _expect(not spec.shows_images or seen.images > 0, "the image beside the text", seen)
            return
    raise UnexpectedResult(f"an image made with the trigger word: {seen}")


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
