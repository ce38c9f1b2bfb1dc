"""The error responses of the contract as exceptions."""

from __future__ import annotations

from .tasks import JsonObject


class ErrorResponse(Exception):
    """A request that is rejected, with one or more messages or, as documented for 401, with none.

    The service documents messages for 400 only; the sandbox also sends them with 402, 403, 404, 413 and 421.
    """

    def __init__(self, *messages: str, status: int = 400) -> None:
        super().__init__(*messages)
        self.messages = messages
        self.status = status

    def to_json(self) -> JsonObject:
        """Return the response body: `{"errors": [{"msg": ...}]}`, or `{}` without messages."""
        return {"errors": [{"msg": message} for message in self.messages]} if self.messages else {}
