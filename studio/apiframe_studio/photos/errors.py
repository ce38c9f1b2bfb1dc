"""What can go wrong with photos, as exceptions.

    PhotoError
    ├── PathRefused        a path outside the allowed folders (it names them), or one we do not follow
    ├── ChoiceRefused      a photo was named that cannot be left out or kept
    ├── NothingToPrepare   a check found no picture that can be used
    └── DecodersFailed     the processes that read pictures could not be started

A picture that cannot be used is no exception: it is a verdict (see `verdicts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from apiframe_studio.errors import StudioError
from apiframe_studio.guarded_files import Refusal as Refusal


class PhotoError(StudioError):
    """The base of everything this package raises on purpose."""


class PathRefused(PhotoError):
    """A path is not read. `position` is its place in the list that was given, from 0; `near` is what it may mean.

    The path itself is not repeated: the caller has it, and it is text from a stranger.
    """

    def __init__(
        self, refusal: Refusal, allowed: Sequence[Path], position: int = 0, near: Sequence[Path] = ()
    ) -> None:
        self.refusal = refusal
        self.allowed = tuple(allowed)
        self.position = position
        self.near = tuple(near)
        folders = ", ".join(str(folder) for folder in self.allowed) or "none"
        super().__init__(f"{refusal.value}; allowed folders: {folders}")


class ChoiceProblem(StrEnum):
    """Why what was named cannot be left out or kept."""

    UNKNOWN = "unknown"
    SEVERAL = "several"
    NUMBER_WITHOUT_CODE = "number_without_code"
    OTHER_CODE = "other_code"
    NO_SUCH_NUMBER = "no_such_number"
    UNREADABLE = "unreadable"
    BOTH = "both"
    TOO_MANY = "too_many"


class ChoiceRefused(PhotoError):
    """A photo was named that cannot be left out or kept.

    `named` is what was given, `near` what it may mean, `most` how many photos a training takes (for TOO_MANY).
    """

    def __init__(
        self, problem: ChoiceProblem, named: str = "", near: Sequence[str] = (), *, most: int = 0
    ) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.named = named
        self.near = tuple(near)
        self.most = most


class NothingToPrepare(PhotoError):
    """The check holds no picture with the verdict use or warn."""


class DecodersFailed(PhotoError):
    """A decoder process could not be started, or ended before it was ready."""
