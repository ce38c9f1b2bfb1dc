"""A request whose process was killed while sending it is listed by the next process and counted by doctor."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import anyio

from ..faults.fault_server import answer, fault_server, replying
from .program import run, running, submissions

if TYPE_CHECKING:
    from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TRAINED = {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}


async def test_images_killed_while_sending_are_unconfirmed_in_the_list_and_in_doctor(tmp_path: Path) -> None:
    with fault_server(
        "trained", "silent", faults={"trained": replying(answer("200 OK", TRAINED))}
    ) as service:
        settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}
        async with running(folder=tmp_path, settings=settings) as wire:
            await wire.greet()
            await wire.ask(
                "tools/call",
                {"name": "generate_photos", "arguments": {"task_id": "t-1", "prompt": "by the sea"}},
            )
            with anyio.fail_after(60):
                while not any(post.target == "/ai-photo-generate" for post in service.posts):
                    await anyio.lowlevel.checkpoint()
            wire.process.kill()
            await wire.ended()
        assert [state for state, _ in submissions(tmp_path)] == ["sending"]
        _let_time_pass(tmp_path)
        async with running(folder=tmp_path, settings=settings) as wire:
            await wire.greet()
            listed = (await wire.call("list_trainings"))["structuredContent"]
        checked = await run("doctor", folder=tmp_path, settings=settings)
        _copy_request(tmp_path, 54)
        many = await run("doctor", folder=tmp_path, settings=settings)
        table = await run("trainings", folder=tmp_path, settings=settings)
    [row] = listed["unsettled"]
    assert (row["kind"], row["status"], row["prompt"]) == ("generation", "unconfirmed", "TOKABC by the sea")
    assert f"resolve_training with ref {row['ref']}" in row["next_step"]
    assert listed["trainings"] == []
    assert f"1 not settled: {row['ref']} (image generation, unconfirmed)" in checked.out
    assert "55 not settled: " in many.out
    assert "5 more are not settled." in table.err


def _copy_request(folder: Path, copies: int) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as ledger, ledger:
        names = [name for _, name, *_ in ledger.execute("PRAGMA table_info(submissions)") if name != "ref"]
        columns = ", ".join(names)
        for number in range(copies):
            ledger.execute(
                f"INSERT INTO submissions (ref, {columns}) SELECT ?, {columns} FROM submissions LIMIT 1",  # noqa: S608
                [f"ge-copy{number:03}"],
            )


def _let_time_pass(folder: Path) -> None:
    """Change the ledger as if the process had been killed an hour ago."""
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as ledger, ledger:
        ledger.execute("UPDATE submissions SET sent_at = sent_at - 3600, lease_until = lease_until - 3600")
