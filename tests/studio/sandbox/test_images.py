"""Images are drawn when they are requested, from the stored task alone."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.drawing import choose_appearance, draw_image
from apiframe_studio.sandbox.tasks import Portrait

from .conftest import START, Connect


async def generated(client: httpx.AsyncClient) -> Any:
    body = {"training_images_id": "sandbox-person", "trigger_word": "TOKIKD"}
    task_id = (await client.post("/ai-photo-train", json=body)).json()["task_id"]
    await client.post("/sandbox/clock", json={"advance_seconds": 20})
    body = {"training_id": task_id, "prompt": "TOKIKD"}
    return (await client.post("/ai-photo-generate", json=body)).json()


async def test_a_slow_generation_returns_only_an_id_and_can_be_polled(connect: Connect) -> None:
    async with connect(Sandbox(clock=lambda: START, generation_seconds=5)) as client:
        response = await generated(client)
        assert list(response) == ["task_id"]
        running = (await client.post("/fetch", json=response)).json()
        await client.post("/sandbox/clock", json={"advance_seconds": 5})
        finished = (await client.post("/fetch", json=response)).json()
        assert "image_urls" not in running
        assert finished["status"] == "finished"
        assert (await client.get(finished["image_urls"][0])).status_code == 200


async def test_an_image_of_a_running_generation_is_not_found(connect: Connect) -> None:
    async with connect(Sandbox(clock=lambda: START, generation_seconds=5)) as client:
        response = await generated(client)
        assert (await client.get(f"/pictures/{response['task_id']}-1.png")).status_code == 404


async def test_an_image_is_the_same_after_a_restart(tmp_path: Path, connect: Connect) -> None:
    path = tmp_path / "sandbox.db"
    async with connect(Sandbox(clock=lambda: START, store_path=path)) as client:
        (url,) = (await generated(client))["image_urls"]
        before = (await client.get(url)).content
    async with connect(Sandbox(clock=lambda: START, store_path=path)) as client:
        assert (await client.get(url)).content == before


async def test_uploaded_photos_are_not_kept(tmp_path: Path, connect: Connect) -> None:
    buffer = BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "PNG")
    text = b64encode(buffer.getvalue()).decode()
    body = {"images": [text] * 10, "ethnicity": "white", "gender": "female"}
    async with connect(Sandbox(store_path=tmp_path / "sandbox.db")) as client:
        assert (await client.post("/ai-photo-upload", json=body)).status_code == 200
    assert (tmp_path / "sandbox.db").stat().st_size < 40_000


@pytest.mark.parametrize(
    ("width", "height"),
    [(64, 64), (2048, 64), (64, 2048), pytest.param(2048, 2048, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("prompt", ["p", "long " * 800, "ü 漢字 \u202e \n\n\t", "x" * 4000])
def test_every_size_and_prompt_can_be_drawn(width: int, height: int, prompt: str) -> None:
    drawn = draw_image(Portrait(subject="a", prompt=prompt, seed=-1, width=width, height=height), 1)
    with Image.open(BytesIO(drawn)) as image:
        image.load()
        assert image.size == (width, height)
        assert image.format == "PNG"


def test_a_subject_always_looks_the_same_and_differs_from_most_others() -> None:
    assert choose_appearance("one") == choose_appearance("one")
    assert len({choose_appearance(str(number)) for number in range(30)}) > 20


def test_an_image_without_a_subject_has_no_face() -> None:
    assert not choose_appearance(None).has_face
