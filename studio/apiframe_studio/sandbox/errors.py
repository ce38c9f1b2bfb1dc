"""The errors of the v1 contract as exceptions, each knowing its status and body.

Refusal            400 and its kin: `{"errors":[{"msg":…}]}`
└── KeyRefused     401: `{}`, without a word of why
"""

from __future__ import annotations

from .tasks import Answer


class Refusal(Exception):
    """A request that is refused, with one sentence or more.

    400 is documented in this form. 402, 404 and 413 are documented nowhere; the sandbox words them like 400.
    """

    def __init__(self, *messages: str, status: int = 400) -> None:
        super().__init__(*messages)
        self.messages = messages
        self.status = status

    def body(self) -> Answer:
        """What the service writes."""
        return {"errors": [{"msg": message} for message in self.messages]}


class KeyRefused(Refusal):
    """No key or a wrong one."""

    def __init__(self) -> None:
        super().__init__(status=401)

    def body(self) -> Answer:
        """An empty object, as documented."""
        return {}
