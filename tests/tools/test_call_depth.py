"""How many of our functions a call goes through between its tool and the socket.

The aim is 8. When a count falls, lower its limit here, so that it does not rise again.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import currentframe
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from apiframe_studio.api.v1.client import ApiframeV1

if TYPE_CHECKING:
    from types import FrameType

    from .conftest import Session

OURS = ("apiframe_tools", "apiframe_studio")
TOOL = "apiframe_tools.mcp.tool.StudioTool.run"


class Stacks:
    """Our functions on the stack of each request when the transport sends it, outermost first, by its path.

    Status checks of several callers share a request, which one of them sends in a separate task. So what is on the
    stack of its caller is put before.
    """

    def __init__(self) -> None:
        self.of: dict[str, Sequence[str]] = {}
        self.caller: Sequence[str] = ()

    def add(self, path: str) -> None:
        own = _our_functions()
        own = own if own[0].startswith("apiframe_tools") else [*self.caller, *own]
        # What handles the protocol before the tool is called is not counted.
        self.of[path] = own[own.index(TOOL) :]


def _our_functions() -> Sequence[str]:
    frame: FrameType | None = currentframe()
    found: list[str] = []
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(OURS):
            found.append(f"{module}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return found[::-1]


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """Recorded from here on."""
    stacks = Stacks()
    send, status = httpx.ASGITransport.handle_async_request, ApiframeV1.status

    async def recorded_send(self: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
        stacks.add(request.url.path)
        return await send(self, request)

    async def recorded_status(self: ApiframeV1, *arguments: Any) -> Any:
        # With `status` itself, which has no frame yet.
        stacks.caller = [*_our_functions(), "apiframe_studio.api.v1.client.ApiframeV1.status"]
        return await status(self, *arguments)

    monkeypatch.setattr(httpx.ASGITransport, "handle_async_request", recorded_send)
    monkeypatch.setattr(ApiframeV1, "status", recorded_status)
    return stacks


@pytest.mark.parametrize(
    ("tool", "path", "most"),
    [
        ("get_account", "/account", 6),
        ("start_training", "/ai-photo-train", 7),
        ("get_training_status", "/fetch", 8),
    ],
)
async def test_no_more_functions_than_written_down_are_between_a_tool_and_the_socket(
    session: Session, stacks: Stacks, tool: str, path: str, most: int
) -> None:
    begun = await session.ask("start_training", training_images_id="sandbox-person")
    if tool == "get_training_status":
        await session.ask(tool, task_id=begun.facts["task_id"])
    elif tool == "get_account":
        await session.ask(tool)
    functions = stacks.of[path]
    assert len(functions) <= most, "\n".join(functions)
