"""The error responses of the contract as exceptions.

ErrorResponse       `{"errors": [{"msg": ...}]}`, status 400 unless given
└── Unauthorized    `{}`, status 401
"""

from __future__ import annotations

from .tasks import JsonObject


class ErrorResponse(Exception):
    """A request that is rejected with one or more messages.

    The service documents this form for 400 only; the sandbox also uses it for 402, 403, 404, 413 and 421.
    """

    def __init__(self, *messages: str, status: int = 400) -> None:
        super().__init__(*messages)
        self.messages = messages
        self.status = status

    def to_json(self) -> JsonObject:
        """Return the response body."""
        return {"errors": [{"msg": message} for message in self.messages]}


class Unauthorized(ErrorResponse):
    """The key is missing or wrong."""

    def __init__(self) -> None:
        super().__init__(status=401)

    def to_json(self) -> JsonObject:
        """Return the empty object that the service documents for 401."""
        return {}
