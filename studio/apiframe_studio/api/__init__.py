"""Apiframe's AI Photos service as Python: the only place that knows a URL.

Importing this package costs next to nothing: the HTTP library is imported when `ApiframeV1` or
`Deadlines` is first asked for, since a server that only lists its tools needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiframe_studio.api.errors import (
    ApiframeError,
    BaseUrlProblem,
    BaseUrlUnusable,
    KeyRefused,
    KeyUnusable,
    NotFound,
    NotSent,
    NotSentBecause,
    OutOfCredits,
    PictureRefused,
    PictureRefusedBecause,
    Refused,
    Throttled,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api.keys import KeyProblem, check_key
from apiframe_studio.api.models import Accepted, Account, Generated, Picture, Task, TaskKind, TaskState

if TYPE_CHECKING:
    from apiframe_studio.api.transport import Deadlines
    from apiframe_studio.api.v1 import ApiframeV1

__all__ = [
    "Accepted",
    "Account",
    "ApiframeError",
    "ApiframeV1",
    "BaseUrlProblem",
    "BaseUrlUnusable",
    "Deadlines",
    "Generated",
    "KeyProblem",
    "KeyRefused",
    "KeyUnusable",
    "NotFound",
    "NotSent",
    "NotSentBecause",
    "OutOfCredits",
    "Picture",
    "PictureRefused",
    "PictureRefusedBecause",
    "Refused",
    "Task",
    "TaskKind",
    "TaskState",
    "Throttled",
    "Unclear",
    "UnclearBecause",
    "check_key",
]


def __getattr__(name: str) -> object:
    if name == "ApiframeV1":
        from apiframe_studio.api.v1 import ApiframeV1

        return ApiframeV1
    if name == "Deadlines":
        from apiframe_studio.api.transport import Deadlines

        return Deadlines
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
