"""A data folder that other users can change: what the program does and reports."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from ..faults.fault_server import fault_server
from .program import run, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="rights of owner and others are POSIX"),
]
OTHER_USER = 4_242


@pytest.mark.parametrize("arguments", [(), ("--sandbox",)], ids=["service", "sandbox"])
async def test_a_data_folder_that_others_can_access_is_made_private_before_use(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    with fault_server("accepted") as service:
        settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}
        async with running(*arguments, folder=folder, settings=settings) as wire:
            await wire.greet()
            begun = await wire.call("start_training", training_images_id="sandbox-person")
    assert not begun.get("isError"), begun
    assert stat.S_IMODE(folder.stat().st_mode) & 0o022 == 0
    for kept in folder.rglob("*"):
        assert stat.S_IMODE(kept.stat().st_mode) & 0o077 == 0, kept


@pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can change the owner of a file"
)
@pytest.mark.parametrize("whose", [".", "ledger.sqlite3"])
async def test_files_of_another_user_are_reported_and_nothing_is_sent(tmp_path: Path, whose: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "ledger.sqlite3").touch()
    theirs = folder / whose
    os.chown(theirs, OTHER_USER, OTHER_USER)
    with fault_server("accepted") as service:
        settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}
        async with running(folder=folder, settings=settings) as wire:
            await wire.greet()
            refused = await wire.call("start_training", training_images_id="photos-1")
        doctor = await run("doctor", folder=folder, settings=settings)
        assert not [post for post in service.posts if post.target == "/ai-photo-train"]
    message = refused["content"][0]["text"]
    assert refused["isError"]
    assert message.startswith(f"{theirs} belongs to another user of this machine")
    assert "APIFRAME_DATA_DIR" in message
    assert f"{theirs} belongs to another user" in doctor.out
    assert doctor.process.returncode == 1
