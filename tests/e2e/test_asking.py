"""The real program over stdio, asked by the SDK's own client: what happens to photos while a user is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ElicitResult, TextContent

from apiframe_studio.photos.synthetic import draw, scenes

from ..conftest import DRAWN
from ..server.program import COMMAND, environment

pytestmark = pytest.mark.slow

PERSON = {"gender": "female", "ethnicity": "white", "consent": True}


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_photos_put_into_the_folder_while_the_user_is_asked_never_leave_the_machine(
    tmp_path: Path, photos: Path, era: Any
) -> None:
    asked: list[str] = []
    names = [photos / f"IMG_{number:04}.jpg" for number in range(1, DRAWN + 1)]

    async def swaps_and_agrees(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        for path, scene in zip(names, scenes(30)[DRAWN + 1 :], strict=False):
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
            refused = await client.call_tool("prepare_photos", {"paths": [str(photos)], **PERSON})
            account = await client.call_tool("get_account", {})
    [words] = refused.content
    assert isinstance(words, TextContent)
    assert refused.is_error
    assert "changed while the user was asked, so nothing was sent" in words.text
    assert len(asked) == 1
    assert account.structured_content is not None
    assert account.structured_content["credits"] == 12_000
