"""What the front answers is what the SDK answers, to the byte."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from apiframe_server.composition import build_server
from apiframe_server.front.answering import Answers
from apiframe_server.front.choosing import FOLDER, read_snapshot
from apiframe_studio.api.select import Generation
from docgen.snapshot import GENERATIONS, build_studio

from .front_sessions import compare, make_session

pytestmark = pytest.mark.slow

SESSIONS = 130
"""For each of four servers."""


@pytest.mark.parametrize("service", ["service", "sandbox"])
@pytest.mark.parametrize("api", GENERATIONS)
async def test_random_sessions_are_answered_as_by_the_sdk_alone(
    tmp_path: Path, api: Generation, service: str
) -> None:
    server = build_server(build_studio(api, tmp_path, service))
    random = Random(f"{api} {service}")  # noqa: S311 - a fixed seed
    snapshot = read_snapshot(FOLDER, api)
    by_front = handed_over = 0
    for number in range(SESSIONS):
        lines = make_session(random)
        compared = await compare(server, Answers(snapshot, service), lines, random.randint(0, 6))
        assert compared.together == compared.alone, (number, lines)
        by_front += compared.answered_by_front
        handed_over += compared.is_handed_over
    assert by_front > 1.25 * SESSIONS
    assert SESSIONS / 4 < handed_over < SESSIONS * 0.95
