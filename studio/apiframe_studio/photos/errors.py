"""Errors of photos.

    PhotoError
    ├── PathRefused        a path outside the allowed folders, which it lists, or one that is not followed
    ├── ChoiceRefused      a given photo cannot be left out or kept
    ├── NothingToPrepare   a check found no usable photo
    └── DecodersFailed     a decoder process could not be started

A photo that cannot be used is not an error: its verdict says so (see `models`). `DecodeFailed` is how it gets there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from apiframe_studio.guarded_files import Refusal as Refusal
from apiframe_studio.photos.models import Reason
from apiframe_studio.studio_error import StudioError


class PhotoError(StudioError):
    """The base class of the errors of this package."""


class PathRefused(PhotoError):
    """A path is not read. `position` is its index in the given list; `near` has similar paths. `is_at_host`: it looks
    like the path of a file that the user gave to the chat, which is on the host's machine.

    The path itself is not repeated: the caller has it, and it is untrusted text.
    """

    def __init__(self, refusal: Refusal, allowed: Sequence[Path], near: Sequence[Path] = ()) -> None:
        self.refusal = refusal
        self.allowed = tuple(allowed)
        self.position = 0
        self.near = tuple(near)
        self.is_at_host = False
        folders = ", ".join(str(folder) for folder in self.allowed) or "none"
        super().__init__(f"the path is not read ({_spoken(refusal)}); the allowed folders are: {folders}")


class ChoiceProblem(StrEnum):
    """Why a photo cannot be left out or kept."""

    UNKNOWN = "unknown"
    SEVERAL = "several"
    NUMBER_WITHOUT_CODE = "number_without_code"
    OTHER_CODE = "other_code"
    NO_SUCH_NUMBER = "no_such_number"
    UNREADABLE = "unreadable"
    BOTH = "both"
    TOO_MANY = "too_many"


class ChoiceRefused(PhotoError):
    """A photo cannot be left out or kept.

    `named` is what was given, `near` what it may mean, `most` how many photos a training takes (for TOO_MANY).
    """

    def __init__(
        self, problem: ChoiceProblem, named: str = "", near: Sequence[str] = (), *, most: int = 0
    ) -> None:
        super().__init__(f"a photo cannot be left out or kept ({_spoken(problem)})")
        self.problem = problem
        self.named = named
        self.near = tuple(near)
        self.most = most


class NothingToPrepare(PhotoError):
    """The check has no photo with the verdict use or warn."""

    summary = "no photo can be used"


class DecodersFailed(PhotoError):
    """A decoder process could not be started, or ended before it was ready."""


class DecodeFailed(Exception):
    """A photo could not be decoded, also because its decoder took too long or died."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def _spoken(code: StrEnum) -> str:
    return code.value.replace("_", " ")
