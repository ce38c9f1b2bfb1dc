"""The error answers that the contract declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse


class Answered(Exception):
    """Ends a request with an error answer."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.response = JSONResponse(dict(body), status, headers=dict(headers or {}))


def error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answered:
    """The generic envelope."""
    return Answered(status, {"error": text}, headers)


def invalid(details: Mapping[str, Sequence[str]]) -> Answered:
    """A refused request, with the reasons by field."""
    return Answered(400, {"error": "Validation failed", "details": {k: list(v) for k, v in details.items()}})


def too_poor(required: int, available: int) -> Answered:
    """A request that the team cannot pay."""
    body = {"error": "Insufficient credits", "creditsRequired": required, "creditsAvailable": available}
    return Answered(402, body)
