"""The file names of saved images: they sort by time and carry the ref of the request. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_REF: Final = "[a-z]{2}-[0-9a-z]+"
_NAME: Final = re.compile(
    rf"([0-9]{{8}}-[0-9]{{6}})-({_REF})-([1-9][0-9]{{0,3}})\.({'|'.join(ENDINGS.values())})"
)
_ANY_NAME: Final = re.compile(f"-({_REF})-")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """The name of one image. `time` is when it was requested: digits of date and time in UTC."""

    time: str
    ref: str
    number: int
    ending: str

    @classmethod
    def of(cls, requested_at: float, ref: str, number: int, media_type: str) -> Self:
        """Name the image of a request. `number` counts from 1."""
        time = f"{datetime.fromtimestamp(requested_at, UTC):%Y%m%d-%H%M%S}"
        return cls(time, ref, number, ENDINGS[media_type])

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Read the name of an image; None for every other file."""
        if (found := _NAME.fullmatch(name)) is None:
            return None
        time, ref, number, ending = found.groups()
        return cls(time, ref, int(number), ending)

    @property
    def name(self) -> str:
        return f"{self.time}-{self.ref}-{self.number}.{self.ending}"

    @property
    def description_name(self) -> str:
        """The name of the file next to it that describes its request."""
        return f"{self.time}-{self.ref}-{self.number}.json"

    @property
    def date(self) -> str:
        return f"{self.time[:4]}-{self.time[4:6]}-{self.time[6:8]}"

    @property
    def time_of_day(self) -> str:
        return f"{self.time[9:11]}:{self.time[11:13]}"


def ref_in_name(name: str) -> str | None:
    """Return the ref in the name of an image, of its description, or of an unfinished one of either."""
    found = _ANY_NAME.search(name)
    return found[1] if found else None
