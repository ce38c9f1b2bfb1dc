"""A user who moves to a key of another generation learns which one is spoken and what stays behind."""

from __future__ import annotations

import time
from pathlib import Path

from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.ledger import Ledger, NewTraining

from .program import run, running


async def test_doctor_names_generation_and_team_and_what_an_earlier_key_leaves(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3", service="https://api.apiframe.pro v1", terms=V1_TERMS)
    await ledger.get_or_create(NewTraining("images-1", subject="Anna"), time.time())
    await ledger.aclose()
    async with running("sandbox", "--api", "v2", "--port", "0", folder=tmp_path / "service") as wire:
        address = (await wire.err_until("listening on ")).partition("listening on ")[2]
        settings = {"API_KEY": "afk_sandbox", "BASE_URL": address}
        done = await run("doctor", folder=tmp_path, settings=settings)
        wire.process.terminate()
    lines = {line.split(":")[0].split(maxsplit=1)[1]: line for line in done.out.splitlines()}
    assert lines["service"].endswith(f"service: {address} responded, v2 of the API")
    assert "enough for 46 trainings. Team " in lines["account"]
    assert f"1 training of another service than {address} v2." in lines["other services"]
    assert "Their trigger words and saved images are kept." in lines["other services"]
    assert "no images can be generated with their models" in lines["other services"]


async def test_doctor_says_which_sandbox_a_key_selects(tmp_path: Path) -> None:
    for settings, generation in (({}, "v1"), ({"API_KEY": "afk_1"}, "v2"), ({"API_VERSION": "v2"}, "v2")):
        done = await run("doctor", "--sandbox", folder=tmp_path, settings=settings)
        assert f"service: the built-in sandbox of {generation} of the API" in done.out
