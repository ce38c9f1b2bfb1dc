"""Cache measurements and normalised photos for a while, so that a repeated call continues where it stopped.

Measurements are cached by the file's identity, normalised photos by the digest of the file's bytes. A file that was
written just now is not cached: it could change again without changing its identity.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from apiframe_studio.photos.folders import FileIdentity
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Facts, Reason

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

KEPT_SECONDS: Final = 1800.0
MAX_MEASURED: Final = 2_000
MAX_MEASURED_BYTES: Final = 40_000_000
MAX_NORMALISED: Final = 60
MAX_NORMALISED_BYTES: Final = 24_000_000
STILL_BEING_WRITTEN_SECONDS: Final = 2.0
_OVERHEAD: Final = 1_000


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of one file: `facts`, or the `reason` why there are none.

    `digest` is the SHA-256 (hex) of the file, `thumbprint` its 32 x 32 grey levels, `thumbnail` a small JPEG.
    """

    facts: Facts | None = None
    reason: Reason | None = None
    digest: str = ""
    thumbprint: bytes = field(default=b"", repr=False)
    thumbnail: bytes = field(default=b"", repr=False)


class BoundedCache(Generic[Key, Value]):
    """An LRU cache with limits on entries, bytes and age."""

    def __init__(
        self,
        entries: int,
        size: int,
        seconds: float = KEPT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries, self._size, self._seconds, self._now = entries, size, seconds, now
        self._kept: OrderedDict[Key, tuple[float, int, Value]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Value | None:
        """Return the value, if it is cached and not too old."""
        if key not in self._kept:
            return None
        until, _, value = self._kept[key]
        if self._now() >= until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return value

    def put(self, key: Key, value: Value, size: int) -> None:
        """Store a value of `size` bytes, and evict what is too old or exceeds the limits."""
        if key in self._kept:
            self._drop(key)
        self._kept[key] = (self._now() + self._seconds, size + _OVERHEAD, value)
        self._held += size + _OVERHEAD
        for old in [old for old, (until, _, _) in self._kept.items() if until <= self._now()]:
            self._drop(old)
        while self._kept and (len(self._kept) > self._entries or self._held > self._size):
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        _, size, _ = self._kept.pop(key)
        self._held -= size


class PhotoCache:
    """The cache that checks and preparations share between calls. For one event loop."""

    def __init__(self) -> None:
        self._measured = BoundedCache[tuple[FileIdentity, Limits], Measured](MAX_MEASURED, MAX_MEASURED_BYTES)
        self.normalised = BoundedCache[str, tuple[bytes, str]](MAX_NORMALISED, MAX_NORMALISED_BYTES)
        """The JPEG for the file with this digest, and the digest of its pixels."""

    def find_measured(self, file: FileIdentity | None, limits: Limits) -> Measured | None:
        return None if file is None else self._measured.get((file, limits))

    def keep_measured(self, file: FileIdentity | None, limits: Limits, found: Measured) -> None:
        """Store measurements, unless the file may still be being written."""
        if file is None or time.time() - file.mtime_ns / 1e9 < STILL_BEING_WRITTEN_SECONDS:
            return
        self._measured.put((file, limits), found, len(found.thumbprint) + len(found.thumbnail))
