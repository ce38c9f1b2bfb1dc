"""On a full or read-only disk nothing is started, and recorded data can still be read."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ..faults.fault_server import ACCEPTED, FaultServer, answer, fault_server, replying
from .program import Wire, running

GOLDEN = Path(__file__).parents[1] / "golden/ledger-0.1.0.sqlite3"
TASK_ID = ACCEPTED["task_id"]
FINISHED = replying(
    answer("200 OK", {**ACCEPTED, "status": "finished", "percentage": 100, "trigger_word": "TOKIKD"})
)
FAULTS = {"finished": FINISHED}
# In a separate mount namespace: a small file system in memory with the current files of the folder, which is then
# filled or made read-only. It disappears when the server ends.
MOUNT = (
    'set -e; cp -a "$1" "$1.kept"; mount -t tmpfs -o size=400k,mode=700 tmpfs "$1"; cp -a "$1.kept/." "$1"; '
)
FILL = 'cat /dev/zero > "$1/filling" 2>/dev/null || true; '
READ_ONLY = 'mount -o remount,ro "$1"; '
RUN = 'shift; exec "$@"'
DISKS = {"full": FILL, "read-only": READ_ONLY}
"""The state of the disk before the server starts."""


def on_disk(disk: str, folder: Path) -> Sequence[str]:
    return ["unshare", "-rm", "sh", "-c", MOUNT + DISKS[disk] + RUN, "sh", str(folder)]


def namespaces_are_missing() -> bool:
    if shutil.which("unshare") is None:
        return True
    mount = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(mount, capture_output=True, check=False).returncode != 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(namespaces_are_missing(), reason="no file system can be mounted here"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


def settings(service: FaultServer) -> dict[str, str]:
    return {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}


async def accepted(folder: Path, service: FaultServer) -> str:
    """Start a training while the disk has space and return its ref."""
    async with running(folder=folder, settings=settings(service)) as wire:
        await wire.greet()
        begun = await wire.call("start_training", training_images_id="photos-1", subject="Anna")
    return str(begun["structuredContent"]["ref"])


async def ask(wire: Wire, tool: str, **arguments: object) -> str:
    """Return the text of a successful result."""
    result = await wire.call(tool, **arguments)
    text: str = result["content"][0]["text"]
    assert not result.get("isError"), text
    return text


@pytest.mark.parametrize("disk", DISKS)
async def test_a_trigger_word_can_be_read_from_a_read_only_disk(disk: str, folder: Path) -> None:
    with fault_server("accepted", "finished", faults=FAULTS) as service:
        ref = await accepted(folder, service)
        async with running(folder=folder, settings=settings(service), within=on_disk(disk, folder)) as wire:
            await wire.greet()
            for name in (TASK_ID, ref):
                status = await ask(wire, "get_training_status", task_id=name)
                assert "TOKIKD" in status
                assert "could not be written" in status
                assert "was not started from here" not in status
            assert "TOKIKD" in await ask(wire, "wait_for_training", task_id=TASK_ID)
            listed = await ask(wire, "list_trainings")
            assert "TOKIKD" in listed
            assert "Anna" in listed


@pytest.mark.parametrize("disk", DISKS)
async def test_nothing_is_sent_on_a_read_only_disk(disk: str, folder: Path) -> None:
    with fault_server("accepted", "finished", faults=FAULTS) as service:
        await accepted(folder, service)
        sent = len(service.posts)
        async with running(folder=folder, settings=settings(service), within=on_disk(disk, folder)) as wire:
            await wire.greet()
            refused = await wire.call("start_training", training_images_id="photos-2")
        assert refused["isError"]
        assert "ledger.sqlite3" in refused["content"][0]["text"]
        assert len(service.posts) == sent


@pytest.mark.parametrize("disk", DISKS)
async def test_a_submission_of_a_crashed_sender_is_unconfirmed_also_on_a_read_only_disk(
    disk: str, folder: Path
) -> None:
    with fault_server("accepted", "finished", faults=FAULTS) as service:
        ref = await accepted(folder, service)
        with closing(sqlite3.connect(folder / "ledger.sqlite3")) as ledger:
            ledger.execute(
                "UPDATE submissions SET state = 'sending', lease_until = sent_at - 49, sent_at = sent_at - 99"
            )
            ledger.commit()
        async with running(folder=folder, settings=settings(service), within=on_disk(disk, folder)) as wire:
            await wire.greet()
            assert "unconfirmed" in await ask(wire, "get_training_status", task_id=ref)
            assert ref in await ask(wire, "list_trainings")


@pytest.mark.parametrize("disk", DISKS)
async def test_a_ledger_of_an_earlier_version_can_be_read_where_it_cannot_be_migrated(
    disk: str, folder: Path
) -> None:
    shutil.copyfile(GOLDEN, folder / "ledger.sqlite3")
    nowhere = {"API_KEY": "v1-key-of-a-test"}
    async with running(folder=folder, settings=nowhere, within=on_disk(disk, folder)) as wire:
        await wire.greet()
        assert "TOKSIS" in await ask(wire, "get_training_status", task_id="tr-b3xgxfg")


async def test_a_training_can_be_polled_by_its_id_without_a_ledger(folder: Path) -> None:
    with fault_server("finished", faults=FAULTS) as service:
        async with running(
            folder=folder, settings=settings(service), within=on_disk("read-only", folder)
        ) as wire:
            await wire.greet()
            for tool in ("get_training_status", "wait_for_training"):
                status = await ask(wire, tool, task_id=TASK_ID)
                assert "TOKIKD" in status
                assert "could not be read" in status
