"""The messages of one stdio client, with an eye on what has not been answered yet.

The SDK drops unanswered calls the moment the input ends, so that `printf '…' | apiframe-photo-mcp` would
often print nothing. Here the end of the input is passed on a moment later.
"""

from __future__ import annotations

from typing import Any, Final, Self

import anyio

PATIENCE_SECONDS: Final = 1.0


class OpenCalls:
    """The ids of calls that came in and were not answered."""

    def __init__(self) -> None:
        self.input_ended = anyio.Event()
        self._open: set[Any] = set()
        self._answered = anyio.Event()

    def came(self, message: Any) -> None:
        """Note a call."""
        if hasattr(message, "method") and getattr(message, "id", None) is not None:
            self._open.add(message.id)

    def went(self, message: Any) -> None:
        """Note an answer."""
        if not hasattr(message, "method"):
            self._open.discard(getattr(message, "id", None))
            self._answered.set()

    async def ended(self) -> None:
        """Say that the input has ended, and let quick calls be answered all the same."""
        self.input_ended.set()
        with anyio.move_on_after(PATIENCE_SECONDS):
            while self._open:
                self._answered = anyio.Event()
                await self._answered.wait()


class Incoming:
    """The SDK's stream of what the client sends."""

    def __init__(self, messages: Any, calls: OpenCalls) -> None:
        self._messages = messages
        self._calls = calls

    @property
    def last_context(self) -> Any:
        """What the SDK keeps beside a message."""
        return self._messages.last_context

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await self._messages.__anext__()
        except StopAsyncIteration:
            await self._calls.ended()
            raise
        self._calls.came(getattr(item, "message", None))
        return item

    async def aclose(self) -> None:
        """Close the SDK's stream."""
        await self._messages.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Outgoing:
    """The SDK's stream of what the client is sent."""

    def __init__(self, messages: Any, calls: OpenCalls) -> None:
        self._messages = messages
        self._calls = calls

    async def send(self, item: Any) -> None:
        """Send, and note an answer."""
        await self._messages.send(item)
        self._calls.went(item.message)

    async def aclose(self) -> None:
        """Close the SDK's stream."""
        await self._messages.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
