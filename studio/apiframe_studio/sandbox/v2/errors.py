"""The error responses of the v2 contract as exceptions."""

from __future__ import annotations

from collections.abc import Mapping

from ..tasks import JsonObject

DEVIATION = "X-Sandbox-Deviation"


class ErrorEnvelope(Exception):
    """A request that is rejected, with `{"error": ...}` and, if given, more fields of the body.

    `is_deviation` marks a response that the vendor's document does not declare, in the header DEVIATION.
    """

    def __init__(
        self,
        error: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        is_deviation: bool = False,
        **fields: object,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.headers = {**(headers or {}), **({DEVIATION: "1"} if is_deviation else {})}
        self.body: JsonObject = {"error": error, **fields}


def invalid(details: Mapping[str, list[str]]) -> ErrorEnvelope:
    """Return a 400 with the problems of each field. `details` has field paths as keys."""
    return ErrorEnvelope("Validation failed", details=dict(details))
