"""A scripted v2 service in the same process, and trainings and jobs as the service describes them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stamina
from anyio.lowlevel import checkpoint
from pydantic import SecretStr

from apiframe_studio.api.provider import Marker, TrainingCall
from apiframe_studio.api.v2.client import ApiframeV2

KEY = "afk_of-a-test-0123456789"
USER = "0f0a3a52-5f0e-4c58-9d5e-000000000001"
TEAM = "0f0a3a52-5f0e-4c58-9d5e-00000000000a"
SENT = 1_777_111_200.0
"""2026-04-25T10:00:00Z."""
MARKER = Marker("tr-4k7m2p9", "k3fa", 2)
PHOTOS = [b"\xff\xd8\xff" + bytes([number]) * 50 for number in range(15)]
CALL = TrainingCall(photos=PHOTOS, gender="non-binary", ethnicity="Mixed", age="early 30s", marker=MARKER)

AsgiMessage = MutableMapping[str, Any]


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def parts(self) -> list[Message]:
        """Return the parts of a multipart body, as the standard library reads them."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        whole = BytesParser().parsebytes(head + self.body)
        assert not whole.defects
        return [part for part in whole.walk() if part is not whole]


@dataclass
class Service:
    """Responds to "GET /v2/me" with its entry in `answers`: JSON, `(status, JSON or bytes)`, or a function of
    the request that returns one of these. What has no entry is answered as an unknown id."""

    answers: dict[str, object] = field(default_factory=dict[str, object])
    requests: list[Request] = field(default_factory=list[Request])
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])

    async def __call__(
        self,
        scope: AsgiMessage,
        receive: Callable[[], Awaitable[AsgiMessage]],
        send: Callable[[AsgiMessage], Awaitable[None]],
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode()))
        request = Request(scope["method"], scope["path"], query, headers, body)
        self.requests.append(request)
        await checkpoint()  # as on a network, others get their turn before the answer comes
        answer = self.answers.get(f"{request.method} {request.path}", (404, {"error": "Not found"}))
        answer = answer(request) if callable(answer) else answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        await send({"type": "http.response.start", "status": status, "headers": self.headers})
        await send({"type": "http.response.body", "body": data})

    @property
    def paths(self) -> list[str]:
        """The requests, in order."""
        return [f"{request.method} {request.path}" for request in self.requests]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def api(service: Service) -> AsyncIterator[ApiframeV2]:
    """Return a client of `service` that never waits before retries."""
    client = ApiframeV2(key=SecretStr(KEY), app=service)
    with stamina.set_testing(True, attempts=3):
        yield client
    await client.aclose()


def task_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def lora(number: int = 1, **changes: object) -> dict[str, object]:
    """Return a training as `GET /v2/loras/{id}` describes it."""
    return {
        "id": task_id(number),
        "userId": USER,
        "teamId": TEAM,
        "name": "AI photos",
        "subjectKind": "person",
        "gender": "non-binary",
        "ethnicity": "Mixed",
        "age": None,
        "status": "TRAINING",
        "imageCount": 15,
        "steps": 1000,
        "loraRank": 32,
        "isReady": False,
        "hasWeights": False,
        "error": None,
        "triggerWord": None,
        "createdAt": "2026-04-25T10:01:00.000Z",
        "startedAt": None,
        "completedAt": None,
        **changes,
    }


def job(number: int = 1, **changes: object) -> dict[str, object]:
    """Return an image generation as `GET /v2/jobs/{id}` describes it."""
    return {
        "id": task_id(number),
        "status": "COMPLETED",
        "model": "flux-lora",
        "progress": 100,
        "result": {"images": [f"https://cdn2.apiframe.ai/images/{number}-1.png"]},
        "error": None,
        "creditCost": 2,
        "webhookStatus": None,
        "createdAt": "2026-04-25T10:01:00.000Z",
        "completedAt": None,
        **changes,
    }


def me(**team: object) -> dict[str, object]:
    """Return the account as `GET /v2/me` describes it."""
    return {
        "user": {"id": USER, "email": "user@example.com", "role": "MEMBER"},
        "team": {"id": TEAM, "name": "Team", "credits": 1000, "plan": "pro", "customerId": None, **team},
        "apiKey": {"id": task_id(9), "name": "mine", "prefix": "afk_of"},
    }
