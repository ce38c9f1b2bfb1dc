"""From a folder of photos to portraits on disk, with the real program over stdio."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from PIL import Image

from ..server.program import Wire, fields_of, running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


async def _facts(wire: Wire, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await wire.call(tool, **arguments)
    assert not result.get("isError"), result
    return fields_of(result)


def _portraits(folder: Path) -> dict[str, str]:
    """Return the trigger word in each image's JSON file by the image's name, and check that every image opens."""
    words = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            image.load()
        words[path.name] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["trigger_word"]
    return words


async def test_a_folder_of_photos_becomes_portraits_and_a_new_chat_generates_another(
    tmp_path: Path, photos: Path
) -> None:
    settings = {
        "PHOTO_FOLDERS": str(photos),
        "OUTPUT_FOLDER": str(tmp_path / "portraits"),
        "SANDBOX_SECONDS": "1",
    }
    data = tmp_path / "data"
    with anyio.fail_after(90):
        async with running("--sandbox", folder=data, settings=settings) as wire:
            await wire.greet()
            checked = await _facts(wire, "check_photos", paths=[str(photos)])
            assert checked["enough"]
            person = {"gender": "female", "ethnicity": "white", "consent": True, "subject": "Anna"}
            prepared = await _facts(wire, "prepare_photos", paths=[str(photos)], **person)
            assert prepared["status"] == "ready"
            begun = await _facts(wire, "start_training", training_images_id=prepared["training_images_id"])
            assert (begun["subject"], begun["credits"]) == ("Anna", 48)
            trained = await _facts(wire, "wait_for_training", task_id=begun["task_id"])
            word = trained["trigger_word"]
            assert word
            await _facts(wire, "generate_photos", subject="Anna", prompt="by a window", number_of_images=3)
        async with running("--sandbox", folder=data, settings=settings) as wire:
            await wire.greet()
            again = await _facts(wire, "generate_photos", subject="anna", prompt="in the rain", seed=3)
            account = await _facts(wire, "get_account")
    assert again["trigger_word"] == word
    assert list(_portraits(tmp_path / "portraits" / "@sandbox" / "Anna").values()) == [word] * 4
    assert account["credits"] == 12_000 - 2 - 48 - 4
