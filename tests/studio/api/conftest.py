"""A service in the same process: an ASGI app with scripted responses that records its requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import stamina
from anyio.lowlevel import checkpoint
from pydantic import SecretStr

from apiframe_studio.api.v1.client import ApiframeV1

KEY = "v1-key-of-a-test-0123456789"

Message = MutableMapping[str, Any]
Answering = Callable[[Any], object]


@dataclass
class Service:
    """Responds to a path with its entry in `answers`: JSON, raw bytes, `(status, either)`, or a function
    of the request's JSON that returns one of these."""

    answers: dict[str, object] = field(default_factory=dict[str, object])
    asked: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        reply = json.loads(body) if body else None
        self.asked.append((scope["path"], reply))
        await checkpoint()  # As on a network, other tasks run before the response arrives.
        answer = self.answers.get(scope["path"], (404, {}))
        answer = answer(reply) if callable(answer) else answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        await send({"type": "http.response.start", "status": status, "headers": self.headers})
        await send({"type": "http.response.body", "body": data})

    @property
    def paths(self) -> list[str]:
        """The requested paths, in order."""
        return [path for path, _ in self.asked]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def api(service: Service) -> AsyncIterator[ApiframeV1]:
    """Return a client of `service` that never waits before retries."""
    client = ApiframeV1(key=SecretStr(KEY), app=service)
    with stamina.set_testing(True, attempts=3):
        yield client
    await client.aclose()
