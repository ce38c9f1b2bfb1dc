"""A file that replaces a saved image neither blocks the server nor gives access outside the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .program import Wire, fields_of, run, running

pytestmark = pytest.mark.slow

MORE_THAN_THREADS = 45
"""anyio has 40 threads, and the pipe to the client needs one of them."""


async def _image(wire: Wire) -> dict[str, str]:
    """Train in the sandbox, generate one image, and return its path and URI."""
    await wire.greet()
    begun = await wire.call("start_training", training_images_id="sandbox-person", subject="Anna")
    await wire.call("wait_for_training", task_id=begun["structuredContent"]["task_id"])
    made = await wire.call("generate_photos", subject="Anna", prompt="by the sea")
    [image] = fields_of(made)["pictures"]
    return dict(image)


def _copy_and_put_a_fifo(path: Path, copy: Path) -> None:
    path.rename(copy)
    os.mkfifo(path)


def _put_a_link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.skipif(os.name == "nt", reason="makes FIFOs and links the POSIX way")
async def test_a_fifo_or_a_link_at_the_path_of_an_image_does_not_block_the_server(
    tmp_path: Path,
) -> None:
    settings = {"SANDBOX_SECONDS": "1", "OUTPUT_FOLDER": str(tmp_path / "out")}
    async with running("--sandbox", folder=tmp_path / "data", settings=settings) as wire:
        image = await _image(wire)
        path = Path(image["path"])
        private = tmp_path / "private.png"
        _copy_and_put_a_fifo(path, private)
        asked = [await wire.ask("resources/read", {"uri": image["uri"]}) for _ in range(MORE_THAN_THREADS)]
        assert await wire.request("ping") == {}
        for number in asked:
            assert "error" in await wire.message(number)
        _put_a_link(path, private)
        refused = await wire.message(await wire.ask("resources/read", {"uri": image["uri"]}))
        assert "error" in refused
        forgotten = await run(
            "forget", "Anna", "--sandbox", "--yes", folder=tmp_path / "data", settings=settings
        )
        assert str(path) in forgotten.out
        assert private.exists()
        await wire.close_input()
        assert await wire.ended() == 0


def _take_away(path: Path) -> bytes:
    content = path.read_bytes()
    path.unlink()
    return content


async def test_the_same_call_in_a_new_process_restores_a_removed_image(tmp_path: Path) -> None:
    settings = {"SANDBOX_SECONDS": "1", "OUTPUT_FOLDER": str(tmp_path / "out")}
    async with running("--sandbox", folder=tmp_path / "data", settings=settings) as wire:
        image = await _image(wire)
    content = _take_away(Path(image["path"]))
    async with running("--sandbox", folder=tmp_path / "data", settings=settings) as wire:
        await wire.greet()
        again = await wire.call("generate_photos", subject="Anna", prompt="by the sea")
    assert fields_of(again)["pictures"] == [image]
    assert fields_of(again)["deduplicated"] is True
    assert _take_away(Path(image["path"])) == content
