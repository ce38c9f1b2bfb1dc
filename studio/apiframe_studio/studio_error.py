"""The base of every error that the studio raises on purpose. `errors` shows the whole tree."""

from typing import ClassVar


class StudioError(Exception):
    """The base class. `str()` is one line with what happened and the facts (a ref, numbers), and holds no secret."""

    summary: ClassVar[str] = ""
    """The text of an error that is raised without one."""

    def __str__(self) -> str:
        return super().__str__() or self.summary
