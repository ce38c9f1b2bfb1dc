"""Fetching images: only the requested number, a few at a time, each decoded before it is saved."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from PIL import Image

from apiframe_studio.forgetting import forget_subject
from apiframe_studio.image_store import MAX_IN_MEMORY

from .illustrated import refuse, show

if TYPE_CHECKING:
    from .conftest import Serving, Session

pytestmark = pytest.mark.slow

HOST = "https://cdn.apiframe.pro"
GENERATE = "/ai-photo-generate"
TRAINED = {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}


def _noise(kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.effect_noise((200, 200), 90).save(file, kind)
    return file.getvalue()


@dataclass
class Hosted:
    """An embedded service that responds to a generation with `links` and serves `images` by path."""

    links: list[str]
    images: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    fetched: list[str] = field(default_factory=list[str])
    at_once: int = 0
    most_at_once: int = 0
    waiting: anyio.Event | None = None
    """Images are delayed until it is set."""
    generations: int = 0

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body", False):
            pass
        status, body = await self._answer(scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str) -> tuple[int, bytes]:
        if path == "/fetch":
            return 200, _json(TRAINED)
        if path == GENERATE:
            self.generations += 1
            task = {"task_id": f"g-{self.generations}", "status": "finished"}
            return 200, _json({**task, "task_type": "ai-photo-generate", "image_urls": self.links})
        return await self._image(path)

    async def _image(self, path: str) -> tuple[int, bytes]:
        self.fetched.append(path)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.waiting is not None:
                await self.waiting.wait()
            return (200, self.images[path]) if path in self.images else (404, b"")
        finally:
            self.at_once -= 1


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def _serve(serving: Serving, hosted: Hosted) -> Any:
    return serving(
        app_factory=lambda: hosted.app, is_sandbox=False, picture_hosts=(".apiframe.pro",), read_seconds=5.0
    )


def _files(session: Session) -> list[str]:
    """The suffixes of the images and their descriptions."""
    paths = session.studio.config.output_folder.rglob("*")
    return sorted(path.suffix for path in paths if path.is_file() and path.name != "gallery.html")


@pytest.mark.parametrize("ordered", [None, 3])
async def test_only_the_requested_number_of_links_is_fetched(serving: Serving, ordered: int | None) -> None:
    paths = [f"/{number}.png" for number in range(20)]
    hosted = Hosted([HOST + path for path in paths], dict.fromkeys(paths, _noise()))
    async with _serve(serving, hosted) as session:
        shown = await show(
            session, "generate_photos", task_id="t-1", prompt="by the sea", number_of_images=ordered
        )
        again = await show(
            session, "generate_photos", task_id="t-1", prompt="by the sea", number_of_images=ordered
        )
        assert _files(session) == [".json"] * (ordered or 1) + [".png"] * (ordered or 1)
    assert hosted.fetched == paths[: ordered or 1]
    assert shown.facts["status"] == "finished"
    for answer in (shown, again):
        assert len(answer.facts["pictures"]) == len(answer.images()) == (ordered or 1)


async def test_concurrent_calls_together_keep_at_most_two_images_in_memory(serving: Serving) -> None:
    paths = [f"/{number}.png" for number in range(4)]
    hosted = Hosted([HOST + path for path in paths], dict.fromkeys(paths, _noise()), waiting=anyio.Event())
    async with _serve(serving, hosted) as session:

        async def ask(number: int) -> None:
            arguments = {"prompt": f"by sea {number}", "number_of_images": 4}
            assert len((await show(session, "generate_photos", task_id="t-1", **arguments)).images()) == 4

        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(ask, number)
            with anyio.fail_after(60):
                while session.studio.image_store.fetching.statistics().tasks_waiting < 5 - MAX_IN_MEMORY:
                    await anyio.lowlevel.checkpoint()
            assert hosted.waiting is not None
            hosted.waiting.set()
    assert len(hosted.fetched) == 5 * 4
    assert hosted.most_at_once == MAX_IN_MEMORY


async def test_a_host_that_hangs_does_not_delay_calls_for_saved_images(serving: Serving) -> None:
    hosted = Hosted([f"{HOST}/1.png"], {"/1.png": _noise()})
    async with _serve(serving, hosted) as session:
        await show(session, "generate_photos", task_id="t-1", prompt="saved", seed=1)
        hosted.waiting = anyio.Event()
        async with anyio.create_task_group() as group:
            for number in range(MAX_IN_MEMORY):
                hanging = {"task_id": "t-1", "prompt": f"hangs {number}"}
                group.start_soon(partial(session.client.call_tool, "generate_photos", hanging))
            with anyio.fail_after(60):
                while hosted.at_once < MAX_IN_MEMORY:
                    await anyio.lowlevel.checkpoint()
                again = await show(session, "generate_photos", task_id="t-1", prompt="saved", seed=1)
            assert len(again.images()) == 1
            hosted.waiting.set()


async def test_images_that_arrive_after_their_subject_was_forgotten_are_removed(serving: Serving) -> None:
    hosted = Hosted([f"{HOST}/1.png"], {"/1.png": _noise()}, waiting=anyio.Event())
    async with _serve(serving, hosted) as session:
        arguments = {"task_id": "t-1", "decision": "accepted", "ref": "Canarianna"}
        await session.ask("resolve_training", **arguments)
        studio = session.studio
        async with anyio.create_task_group() as group:
            group.start_soon(
                partial(session.client.call_tool, "generate_photos", {"subject": "Canarianna", "prompt": "a"})
            )
            with anyio.fail_after(60):
                while not hosted.at_once:
                    await anyio.lowlevel.checkpoint()
            await forget_subject("canarianna", studio.ledger, studio.image_store, session.clock.now())
            assert hosted.waiting is not None
            hosted.waiting.set()
        assert list(studio.config.output_folder.iterdir()) == []


@dataclass
class Busy(Hosted):
    """Reject the first `refusals` generations."""

    refusals: int = 3

    async def _answer(self, path: str) -> tuple[int, bytes]:
        if path == GENERATE and self.refusals:
            self.refusals -= 1
            return 429, b"{}"
        return await super()._answer(path)


async def test_images_that_waited_to_be_sent_report_their_cost_when_sent(serving: Serving) -> None:
    hosted = Busy([f"{HOST}/1.png"], {"/1.png": _noise()})
    async with _serve(serving, hosted) as session:
        session.clock.runs = True
        message = await refuse(session, "generate_photos", task_id="t-1", prompt="by the sea")
        made = await show(session, "generate_photos", task_id="t-1", prompt="by the sea")
        again = await show(session, "generate_photos", task_id="t-1", prompt="by the sea")
    assert "nothing was paid" in message
    assert (made.facts["deduplicated"], again.facts["deduplicated"]) == (False, True)
    assert "This costs 1 credit." in made.text
    assert hosted.generations == 1


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _bomb() -> bytes:
    """A PNG of a few kilobytes whose header declares 2,500 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6)))


NOT_WHOLE: dict[str, Callable[[], bytes]] = {
    "three bytes of a JPEG": lambda: b"\xff\xd8\xff",
    "a JPEG's beginning": lambda: _noise("JPEG")[:200],
    "half a JPEG": lambda: _cut(_noise("JPEG")),
    "half a PNG": lambda: _cut(_noise()),
    "half a WebP": lambda: _cut(_noise("WEBP")),
    "a page behind a PNG's first bytes": lambda: b"\x89PNG\r\n\x1a\n<!doctype html>",
}


@pytest.mark.parametrize("era", ["auto"], indirect=True)
@pytest.mark.parametrize("kind", NOT_WHOLE)
async def test_an_image_is_saved_only_if_it_can_be_decoded_completely(serving: Serving, kind: str) -> None:
    images = {"/1": _noise(), "/2": NOT_WHOLE[kind](), "/3": _noise("WEBP")}
    hosted = Hosted([HOST + path for path in images], dict(images))
    arguments: dict[str, Any] = {"task_id": "t-1", "prompt": "by the sea", "number_of_images": 3}
    async with _serve(serving, hosted) as session:
        message = await refuse(session, "generate_photos", **arguments)
        assert _files(session) == [".json", ".json", ".png", ".webp"]
        hosted.images = {**images, "/2": _noise("JPEG")}
        shown = await show(session, "generate_photos", **arguments)
        saved = [Path(image["path"]).suffix for image in shown.facts["pictures"]]
    assert "One is damaged" in message
    assert "made and paid for" in message
    assert "calling again gives the same result" in message
    assert "give_up ends this request from a day after" in message
    assert saved == [".png", ".jpg", ".webp"]
    assert hosted.fetched.count("/1") == 1
    assert hosted.generations == 1


async def test_an_image_with_too_many_pixels_is_not_saved(serving: Serving) -> None:
    hosted = Hosted([f"{HOST}/1.png"], {"/1.png": _bomb()})
    async with _serve(serving, hosted) as session:
        message = await refuse(session, "generate_photos", task_id="t-1", prompt="by the sea")
        assert _files(session) == []
    assert "60 megapixels" in message


@pytest.mark.real_decoders
@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_images_are_saved_unchecked_if_no_decoder_can_be_started(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They are paid for, and their links expire if nothing fetches them."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    hosted = Hosted([f"{HOST}/1.png"], {"/1.png": _noise()})
    async with _serve(serving, hosted) as session:
        shown = await show(session, "generate_photos", task_id="t-1", prompt="by the sea")
        assert _files(session) == [".json", ".png"]
    assert (shown.facts["status"], shown.images()) == ("finished", [])
    assert "saved unchecked" in caplog.text
