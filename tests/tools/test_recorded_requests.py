"""Every request of the main job, byte for byte, against a recording of an earlier version.

Ids are replaced by the order in which the service gave them, photos by a placeholder. To record again, set
APIFRAME_RECORD=yes: only when a change is meant to change what is sent, and with a line in the changelog.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.sandbox.app import build_app, build_v1

if TYPE_CHECKING:
    from .conftest import Serving

RECORDING = Path(__file__).resolve().parents[1] / "golden" / "requests-of-the-main-job.json"
PAID = {"/ai-photo-upload", "/ai-photo-train", "/ai-photo-generate"}
NOT_COMPARED = {b"host", b"user-agent"}
_PHOTO = re.compile(rb'"(/9j/[A-Za-z0-9+/=]+)"')
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")

Message = MutableMapping[str, Any]


class Recorder:
    """An ASGI app that forwards to another and records every request: paid ones in order, others once each."""

    def __init__(self) -> None:
        self.app: Any = None
        self.paid: list[tuple[Message, bytes]] = []
        self.free: list[tuple[Message, bytes]] = []
        self._ids: dict[str, str] = {}

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body = bytearray()
        response = bytearray()

        async def received() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            response.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, received, sent)
        if scope["path"] in PAID:
            self.paid.append((scope, bytes(body)))
            self._replace_ids(response.decode())
        else:
            self.free.append((scope, bytes(body)))

    def recording(self) -> dict[str, list[dict[str, object]]]:
        """Return what is compared."""
        free = {json.dumps(request): request for request in map(self._described, self.free)}
        return {
            "paid": [self._described(request) for request in self.paid],
            "free": [free[request] for request in sorted(free)],
        }

    def _described(self, request: tuple[Message, bytes]) -> dict[str, object]:
        scope, body = request
        photos = _PHOTO.findall(body)
        assert len(set(photos)) == len(photos)
        length = str(len(body)).encode()
        headers = [
            f"{name.decode()}: {'<length>' if photos and value == length else value.decode()}"
            for name, value in scope["headers"]
            if name not in NOT_COMPARED
        ]
        return {
            "request": f"{scope['method']} {self._replace_ids(scope['path'])}",
            "headers": headers,
            "body": self._replace_ids(_PHOTO.sub(b'"<photo>"', body).decode()),
        }

    def _replace_ids(self, text: str) -> str:
        return _ID.sub(lambda found: self._ids.setdefault(found[0], f"<id {len(self._ids) + 1}>"), text)


async def _do_the_main_job(serving: Serving, recorder: Recorder, photos: Path) -> None:
    plan = {"photo_folders": (photos,), "paid_seconds": 20.0, "read_seconds": 15.0}
    async with serving(app_factory=lambda: recorder, speeds={"training_seconds": 20.0}, **plan) as session:
        recorder.app = session.sandbox.app
        session.clock.runs = True
        described = {"gender": "female", "ethnicity": "white", "age": 30, "subject": "Anna", "consent": True}
        await session.call("get_account")
        prepared = await session.ask("prepare_photos", paths=[str(photos)], **described)
        assert prepared.facts["status"] == "ready", prepared.text
        photo_set = prepared.facts["training_images_id"]
        await session.call("prepare_photos", paths=[str(photos)], **described)
        begun = await session.ask("start_training", training_images_id=photo_set, trigger_word="TOKANNA")
        await session.call("start_training", training_images_id=photo_set, trigger_word="TOKANNA")
        hook = {"webhook_url": "https://hooks.example/x", "webhook_secret": "s3cr3t-of-hook", "subject": "Bo"}
        await session.call("start_training", training_images_id="sandbox-person", **hook)
        await session.call("list_trainings")
        ended = await session.ask("wait_for_training", task_id=begun.facts["task_id"])
        assert ended.facts["status"] == "finished", ended.text
        await session.call("get_training_status", task_id=begun.facts["task_id"])
        asked = {"subject": "Anna", "prompt": "portrait by a window"}
        await session.call("generate_photos", **asked)
        await session.call("generate_photos", **asked, aspect_ratio="3:4", number_of_images=2, seed=7)
        await session.call("generate_photos", **asked, aspect_ratio="custom", width=512, height=768)
        state = session.sandbox.state
        recorder.app = build_app(build_v1(replace(state, generation_seconds=3.0)))
        await session.call("generate_photos", **asked, seed=8)


@pytest.mark.slow
@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_every_request_of_the_main_job_is_sent_as_recorded(serving: Serving, photos: Path) -> None:
    recorder = Recorder()
    await _do_the_main_job(serving, recorder, photos)
    sent = json.dumps(recorder.recording(), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("APIFRAME_RECORD") == "yes":
        RECORDING.write_text(sent, encoding="utf-8")
    assert sent == RECORDING.read_text(encoding="utf-8")
