"""The second generation of the service, for AI photos, written from its published contract alone.

It shares no line and no reading with the sandbox: where the two disagree, one of them has misread the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message as Mail
from email.parser import BytesParser

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import jobs, loras
from .answers import Answered
from .asking import caller_of
from .team import Service


@dataclass(frozen=True)
class Part:
    """One part of a form, as it was sent."""

    name: str
    filename: str | None
    content_type: str | None
    data: bytes


@dataclass
class Received:
    """One request, as it was sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def parts(self) -> list[Part]:
        """The parts of the form in the order in which they were sent, read by the standard library."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser().parsebytes(head + self.body)
        return [_read_part(part) for part in form.walk() if not part.is_multipart()]


def _read_part(part: Mail) -> Part:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    name = str(part.get_param("name", header="Content-Disposition"))
    return Part(name, part.get_filename(), part["Content-Type"], data)


def emulate(service: Service) -> tuple[Starlette, list[Received]]:
    """Return the app, and the list of the requests that it receives."""
    received: list[Received] = []
    app = Starlette(
        routes=[
            Route("/v2/me", _me),
            Route("/v2/loras", loras.show_page),
            Route("/v2/loras", loras.create, methods=["POST"]),
            Route("/v2/loras/{id}", loras.show),
            Route("/v2/loras/{id}", loras.archive, methods=["DELETE"]),
            Route("/v2/images/generate", jobs.generate, methods=["POST"]),
            Route("/v2/jobs", jobs.show_page),
            Route("/v2/jobs/{id}", jobs.show),
            Route("/images/{name}", jobs.download),
        ],
        middleware=[Middleware(_Recorder, received=received)],
        exception_handlers={Answered: _answer, 404: _unknown, 405: _unknown},
    )
    app.state.service = service
    return app, received


class _Recorder:
    def __init__(self, app: ASGIApp, received: list[Received]) -> None:
        self._app = app
        self._received = received

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = Received(scope["method"], scope["path"], headers)
        self._received.append(request)

        async def keep() -> Message:
            message = await receive()
            request.body += message.get("body", b"")
            return message

        await self._app(scope, keep, send)


async def _me(request: Request) -> Response:
    caller = caller_of(request)
    key = request.headers["X-API-Key"]
    return JSONResponse(
        {
            "user": {"id": caller.id, "email": caller.email, "role": caller.role},
            "team": {
                "id": caller.team.id,
                "name": "A team",
                "credits": caller.team.credits,
                "plan": "pro",
                "customerId": None,
            },
            "apiKey": {"id": caller.id, "name": "A key", "prefix": key[:8]},
        }
    )


async def _answer(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, Answered)
    return error.response


async def _unknown(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return JSONResponse({"error": "Not found"}, getattr(error, "status_code", 404))
