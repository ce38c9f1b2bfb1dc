"""Another process forgets a subject during a request: no personal data is recorded afterwards."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from PIL import Image

from ..faults.fault_server import FaultServer, answer, fault_server, read_request
from .program import fields_of, run, running

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from .program import Wire

pytestmark = pytest.mark.slow

SUBJECT, WORD, PROMPT = "Canarianna", "TOKCNRY", "canary-prompt by the sea"
UPLOAD, TRAIN, GENERATE, IMAGE = "/ai-photo-upload", "/ai-photo-train", "/ai-photo-generate", "/image.png"
RUNNING = {"task_id": "task-0123456789", "status": "processing", "percentage": "40"}
FINISHED = {"task_id": "task-0123456789", "status": "finished", "percentage": 100, "trigger_word": WORD}


class Service:
    """A service with responses by path, which delays one of them until `open` is set."""

    def __init__(self, held: str | None) -> None:
        self.held = held
        self.seen = threading.Event()
        self.open = threading.Event()
        self.task: dict[str, Any] = FINISHED
        self.url = ""
        self.is_busy = False
        self.answered: list[str] = []

    def fault(self, connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        path = server.requests[-1].target
        if path == self.held:
            self.seen.set()
            self.open.wait(60)
        self.answered.append(path)
        if self.is_busy and path == self.held:
            self.is_busy = False
            connection.sendall(answer("429 Too Many Requests", {}, retry_after="1"))
            return
        connection.sendall(self._answer(path))

    def _answer(self, path: str) -> bytes:
        match path:
            case "/image.png":
                return answer("200 OK", _png(), content_type="image/png")
            case "/ai-photo-generate":
                urls = [f"{self.url}{IMAGE}"]
                return answer(
                    "200 OK", {"task_id": "images-01234567", "status": "finished", "image_urls": urls}
                )
            case "/fetch":
                return answer("200 OK", self.task)
            case _:
                return answer("200 OK", {"task_id": "task-0123456789"})


def _png() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(drawn, "PNG")
    return drawn.getvalue()


@contextmanager
def _serving(held: str | None) -> Iterator[Service]:
    service = Service(held)
    with fault_server("ours", faults={"ours": service.fault}) as server:
        service.url = server.base_url
        try:
            yield service
        finally:
            service.open.set()


def _settings(service: Service, folder: Path) -> dict[str, str]:
    return {
        "API_KEY": "v1-key-of-a-test",
        "BASE_URL": service.url,
        "OUTPUT_FOLDER": str(folder / "images"),
        "PHOTO_FOLDERS": str(folder / "photos"),
    }


def _holding(folder: Path, *words: str) -> list[str]:
    """Return the names and contents below the data and image folders that mention the subject."""
    paths = [path for part in ("data", "images") for path in (folder / part).rglob("*")]
    return [
        f"{word} in {path}"
        for path in paths
        for word in words
        if word.lower() in path.name.lower()
        or (path.is_file() and word.lower().encode() in path.read_bytes().lower())
    ]


async def _forget_while_held(
    wire: Wire, service: Service, folder: Path, tool: str, **arguments: Any
) -> dict[str, Any]:
    """Call a tool, forget its subject while the response is delayed, and return the result."""
    asked = await wire.ask("tools/call", {"name": tool, "arguments": arguments})
    with anyio.fail_after(60):
        while not service.seen.is_set():
            await anyio.lowlevel.checkpoint()
    await _forget(service, folder)
    service.open.set()
    return await wire.answer(asked)


async def _forget(service: Service, folder: Path) -> None:
    done = await run("forget", SUBJECT, "--yes", folder=folder / "data", settings=_settings(service, folder))
    assert done.process.returncode == 0, done.err + done.out


@pytest.mark.parametrize("held", [GENERATE, IMAGE])
async def test_forgetting_while_images_are_generated_or_fetched_leaves_no_word_and_no_file(
    tmp_path: Path, held: str
) -> None:
    with _serving(held) as service:
        async with running(folder=tmp_path / "data", settings=_settings(service, tmp_path)) as wire:
            await wire.greet()
            named = await wire.call(
                "resolve_training", ref=SUBJECT, decision="accepted", task_id="task-0123456789"
            )
            assert named["structuredContent"]["trigger_word"] == WORD
            assert _holding(tmp_path, SUBJECT, WORD)
            made = await _forget_while_held(
                wire, service, tmp_path, "generate_photos", subject=SUBJECT, prompt=PROMPT
            )
            listed = await wire.call("list_trainings")
        again = await run("forget", SUBJECT, folder=tmp_path / "data", settings=_settings(service, tmp_path))
    assert fields_of(made)["pictures"] == []
    assert "The subject was forgotten meanwhile" in made["content"][0]["text"]
    assert _holding(tmp_path, SUBJECT, WORD, "canary-prompt") == []
    assert SUBJECT not in listed["content"][0]["text"]
    assert "No subject with that name on this machine" in again.out


async def test_the_word_of_a_training_forgotten_while_running_is_not_recorded(tmp_path: Path) -> None:
    with _serving(None) as service:
        service.task = RUNNING
        async with running(folder=tmp_path / "data", settings=_settings(service, tmp_path)) as wire:
            await wire.greet()
            begun = (await wire.call("start_training", training_images_id="photos-0123", subject=SUBJECT))[
                "structuredContent"
            ]
            await wire.call("get_training_status", task_id=begun["ref"])
            await _forget(service, tmp_path)
            service.task = FINISHED
            ended = await wire.call("get_training_status", task_id=begun["ref"])
    result = ended["structuredContent"]
    assert (result["status"], result["trigger_word"], result["subject"]) == ("finished", None, None)
    assert WORD not in ended["content"][0]["text"]
    assert _holding(tmp_path, SUBJECT, WORD, "photos-0123") == []


async def test_forgetting_during_an_upload_leaves_neither_name_nor_fingerprint(
    tmp_path: Path, photos: Path
) -> None:
    with _serving(UPLOAD) as service:
        service.task = {"status": "processing", "message": "Training images are being processed"}
        settings = _settings(service, tmp_path)
        async with running(folder=tmp_path / "data", settings=settings) as wire:
            await wire.greet()
            arguments = {"paths": [str(photos)], "gender": "female", "ethnicity": "white", "consent": True}
            asked = await wire.ask(
                "tools/call", {"name": "prepare_photos", "arguments": {**arguments, "subject": SUBJECT}}
            )
            with anyio.fail_after(60):
                while not service.seen.is_set():
                    await anyio.lowlevel.checkpoint()
            await _forget(service, tmp_path)
            service.open.set()
            await wire.send({"method": "notifications/cancelled", "params": {"requestId": asked}})
            listed = (await wire.call("list_trainings"))["structuredContent"]
    assert [(row["kind"], row["subject"]) for row in listed["unsettled"]] == [("upload", None)]
    assert _holding(tmp_path, SUBJECT, "IMG_0001", "female") == []


@pytest.mark.parametrize("held", [UPLOAD, TRAIN, GENERATE])
async def test_a_rate_limited_request_is_not_sent_again_after_its_subject_was_forgotten(
    tmp_path: Path, photos: Path, held: str
) -> None:
    with _serving(held) as service:
        service.is_busy = True
        async with running(folder=tmp_path / "data", settings=_settings(service, tmp_path)) as wire:
            await wire.greet()
            await wire.call("resolve_training", ref=SUBJECT, decision="accepted", task_id="task-0123456789")
            calls: dict[str, tuple[str, dict[str, Any]]] = {
                UPLOAD: (
                    "prepare_photos",
                    {"paths": [str(photos)], "gender": "female", "ethnicity": "white", "consent": True},
                ),
                TRAIN: ("start_training", {"training_images_id": "photos-0123"}),
                GENERATE: ("generate_photos", {"prompt": PROMPT}),
            }
            tool, arguments = calls[held]
            answered = await _forget_while_held(wire, service, tmp_path, tool, **arguments, subject=SUBJECT)
            listed = (await wire.call("list_trainings"))["structuredContent"]
    assert answered["isError"]
    assert "The subject was forgotten" in answered["content"][0]["text"]
    assert service.answered.count(held) == 1
    assert listed["unsettled"] == []
    assert _holding(tmp_path, SUBJECT, WORD, PROMPT) == []
