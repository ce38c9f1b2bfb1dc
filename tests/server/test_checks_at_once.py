"""Concurrent checks of files crafted to take long: few processes, and every call returns."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import anyio
import pytest
from PIL import Image

from .program import fields_of, running

pytestmark = pytest.mark.slow

CALLS = 6
CRAFTED = 3
MAX_PROCESSES = 3


def _asks_for_minutes() -> bytes:
    """A JPEG of about 300 kB that encodes its 16 megapixels in three thousand passes."""
    file = io.BytesIO()
    Image.new("RGB", (4000, 4000), (120, 90, 80)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 3000 + b"\xff\xd9"


def _children(process: int) -> int:
    tasks = Path(f"/proc/{process}/task")
    return sum(len((task / "children").read_text().split()) for task in tasks.iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts processes through /proc")
async def test_concurrent_checks_of_crafted_files_all_return_with_few_processes(
    tmp_path: Path, drawn: Path
) -> None:
    crafted = _asks_for_minutes()
    folders = [tmp_path / "photos" / f"{number}" for number in range(CALLS)]
    for folder in folders:
        folder.mkdir(parents=True)
        shutil.copy(drawn / "IMG_0001.jpg", folder)
        for number in range(CRAFTED):
            (folder / f"crafted {number}.jpg").write_bytes(crafted)
    settings = {"PHOTO_FOLDERS": str(tmp_path / "photos")}
    async with running("--sandbox", folder=tmp_path / "data", settings=settings) as wire:
        await wire.greet()
        with anyio.fail_after(60):
            asked = [
                await wire.ask("tools/call", {"name": "check_photos", "arguments": {"paths": [str(folder)]}})
                for folder in folders
            ]
            answers, running_then = [], []
            for number in asked:
                answers.append(await wire.answer(number))
                running_then.append(_children(wire.process.pid))
    assert max(running_then) <= MAX_PROCESSES
    for answer in answers:
        facts = fields_of(answer)
        assert (facts["good"], len(facts["photos"])) == (1, 1 + CRAFTED)
        assert "took too long to read: 2 crafted 0.jpg" in answer["content"][0]["text"]
