"""Pictures are drawn when they are looked at, from nothing but what the task remembers."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.drawing import appearance_of, draw_image
from apiframe_studio.sandbox.tasks import Portrait

if TYPE_CHECKING:
    from tests.studio.sandbox.conftest import Connect

START = 1_790_000_000.0


async def generated(client: httpx.AsyncClient) -> Any:
    order = {"training_images_id": "sandbox-person", "trigger_word": "TOKIKD"}
    task_id = (await client.post("/ai-photo-train", json=order)).json()["task_id"]
    await client.post("/sandbox/clock", json={"advance_seconds": 20})
    order = {"training_id": task_id, "prompt": "TOKIKD"}
    return (await client.post("/ai-photo-generate", json=order)).json()


async def test_a_slow_generation_is_answered_with_an_id_alone_and_fetched(connect: Connect) -> None:
    async with connect(Sandbox(clock=lambda: START, generation_seconds=5)) as client:
        answer = await generated(client)
        assert list(answer) == ["task_id"]
        running = (await client.post("/fetch", json=answer)).json()
        await client.post("/sandbox/clock", json={"advance_seconds": 5})
        finished = (await client.post("/fetch", json=answer)).json()
        assert "image_urls" not in running
        assert finished["status"] == "finished"
        assert (await client.get(finished["image_urls"][0])).status_code == 200


async def test_a_picture_of_a_generation_that_still_runs_is_not_found(connect: Connect) -> None:
    async with connect(Sandbox(clock=lambda: START, generation_seconds=5)) as client:
        answer = await generated(client)
        assert (await client.get(f"/pictures/{answer['task_id']}-1.png")).status_code == 404


async def test_a_picture_is_the_same_after_a_restart(tmp_path: Path, connect: Connect) -> None:
    path = tmp_path / "sandbox.db"
    async with connect(Sandbox(clock=lambda: START, store_path=path)) as client:
        (url,) = (await generated(client))["image_urls"]
        before = (await client.get(url)).content
    async with connect(Sandbox(clock=lambda: START, store_path=path)) as client:
        assert (await client.get(url)).content == before


async def test_uploaded_pictures_are_not_kept(tmp_path: Path, connect: Connect) -> None:
    written = BytesIO()
    Image.effect_noise((64, 64), 90).save(written, "PNG")
    text = b64encode(written.getvalue()).decode()
    order = {"images": [text] * 10, "ethnicity": "white", "gender": "female"}
    async with connect(Sandbox(store_path=tmp_path / "sandbox.db")) as client:
        assert (await client.post("/ai-photo-upload", json=order)).status_code == 200
    assert (tmp_path / "sandbox.db").stat().st_size < 40_000


@pytest.mark.parametrize(("width", "height"), [(64, 64), (2048, 64), (64, 2048), (2048, 2048)])
@pytest.mark.parametrize("prompt", ["p", "long " * 800, "ü 漢字 \u202e \n\n\t", "x" * 4000])
def test_every_size_and_prompt_can_be_drawn(width: int, height: int, prompt: str) -> None:
    drawn = draw_image(Portrait(subject="a", prompt=prompt, seed=-1, width=width, height=height), 1)
    with Image.open(BytesIO(drawn)) as picture:
        picture.load()
        assert picture.size == (width, height)
        assert picture.format == "PNG"


def test_a_subject_looks_the_same_every_time_and_unlike_most_others() -> None:
    assert appearance_of("one") == appearance_of("one")
    assert len({appearance_of(str(number)) for number in range(30)}) > 20


def test_nobody_in_particular_has_no_face() -> None:
    assert not appearance_of(None).has_face
