"""The real program over stdio with the SDK's own client, which can ask a user before something is paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ElicitResult, TextContent

from apiframe_studio.photos.synthetic import draw, make_scenes

from ..conftest import DRAWN
from ..server.program import COMMAND, environment

pytestmark = pytest.mark.slow

ATTRIBUTES = {"gender": "female", "ethnicity": "white", "consent": True}


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_repeated_start_with_word_and_key_returns_the_training_and_is_paid_once(
    tmp_path: Path, era: Any
) -> None:
    asked: list[str] = []

    async def agrees(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"agreed": True})

    answers: Any = agrees
    command = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "--sandbox"], env=environment(tmp_path / "data")
    )
    arguments = {"training_images_id": "sandbox-person", "trigger_word": "TOKANNA", "idempotency_key": "once"}
    with anyio.fail_after(60):
        async with Client(command, mode=era, elicitation_callback=answers) as client:
            first = await client.call_tool("start_training", arguments)
            second = await client.call_tool("start_training", arguments)
            account = await client.call_tool("get_account", {})
    assert not first.is_error
    assert not second.is_error
    assert first.structured_content is not None
    assert second.structured_content is not None
    assert account.structured_content is not None
    assert second.structured_content["deduplicated"] is True
    assert second.structured_content["ref"] == first.structured_content["ref"]
    assert account.structured_content["credits"] == 12_000 - 48
    assert len(asked) == 1


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_photos_added_while_the_user_is_asked_never_leave_the_machine(
    tmp_path: Path, photos: Path, era: Any
) -> None:
    asked: list[str] = []
    names = [photos / f"IMG_{number:04}.jpg" for number in range(1, DRAWN + 1)]

    async def swaps_and_agrees(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        for path, scene in zip(names, make_scenes(30)[DRAWN + 1 :], strict=False):
            draw(scene, (768, 960)).save(path, "JPEG", quality=80)
        return ElicitResult(action="accept", content={"agreed": True})

    answers: Any = swaps_and_agrees
    command = StdioServerParameters(
        command=COMMAND[0],
        args=[*COMMAND[1:], "--sandbox"],
        env=environment(tmp_path / "data", {"PHOTO_FOLDERS": str(photos)}),
    )
    with anyio.fail_after(90):
        async with Client(command, mode=era, elicitation_callback=answers) as client:
            refused = await client.call_tool("prepare_photos", {"paths": [str(photos)], **ATTRIBUTES})
            account = await client.call_tool("get_account", {})
    [words] = refused.content
    assert isinstance(words, TextContent)
    assert refused.is_error
    assert "changed while the user was asked, so nothing was sent" in words.text
    assert len(asked) == 1
    assert account.structured_content is not None
    assert account.structured_content["credits"] == 12_000
