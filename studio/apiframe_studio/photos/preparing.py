"""From a judged set to the pictures that are sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.photos import judging
from apiframe_studio.photos._spread import Progress, spread
from apiframe_studio.photos.cache import PhotoCache
from apiframe_studio.photos.decoders import Decoders, Refused, decoders
from apiframe_studio.photos.errors import NothingToPrepare, PathRefused
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.verdicts import MOST, PhotoCheck, PhotoVerdict


@dataclass(frozen=True, slots=True)
class PreparedPhotos:
    """Pictures ready to be sent, best first: JPEG, upright, sRGB, pixels only, at most 1536 long and 400 kB.

    `fingerprint` is a SHA-256 over the pictures' pixels, whatever their names and order. `changed` names the
    pictures that were no longer what the check had judged, and were left out; `spare` were good but too many.
    """

    jpegs: list[bytes] = field(repr=False)
    photos: tuple[PhotoVerdict, ...]
    fingerprint: str
    changed: tuple[PhotoVerdict, ...] = ()
    spare: tuple[PhotoVerdict, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all pictures together, before base64 (which adds a third)."""
        return sum(map(len, self.jpegs))


@dataclass(frozen=True, slots=True)
class _Made:
    photo: PhotoVerdict
    jpeg: bytes = field(repr=False)
    digest: str


async def prepare(
    check: PhotoCheck,
    limit: int = MOST,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    cache: PhotoCache | None = None,
) -> PreparedPhotos:
    """Normalise the best `limit` usable pictures of a check. Raises `NothingToPrepare`, `DecodersFailed`.

    The files are read again through the same guard and left out when they are not what was judged; a spare
    picture then takes their place. Two files that show the very same pixels are sent once.
    """
    waiting = best(check.photos)
    made: list[_Made] = []
    changed: list[PhotoVerdict] = []
    async with decoders(limits or Limits()) as pool:
        maker = _Maker(check.allowed, pool, cache or PhotoCache())
        while waiting and len(made) < limit:
            wave, waiting = waiting[: limit - len(made)], waiting[limit - len(made) :]
            results = await spread(wave, maker.make, pool.width, progress)
            for photo, result in zip(wave, results, strict=True):
                if result is None:
                    changed.append(photo)
                elif all(result.digest != other.digest for other in made):
                    made.append(result)
    if not made:
        raise NothingToPrepare
    return PreparedPhotos(
        jpegs=[each.jpeg for each in made],
        photos=tuple(each.photo for each in made),
        fingerprint=fingerprint(each.digest for each in made),
        changed=tuple(changed),
        spare=tuple(waiting),
    )


def fingerprint(digests: Iterable[str]) -> str:
    """One SHA-256 (hex) for a set of pictures, given each one's digest; the order does not matter."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def best(photos: Sequence[PhotoVerdict]) -> list[PhotoVerdict]:
    """The usable pictures, best first."""
    return sorted((photo for photo in photos if photo.usable), key=judging.best_first)


class _Maker:
    """Makes the picture that is sent of one that was judged."""

    def __init__(self, allowed: AllowedFolders, pool: Decoders, cache: PhotoCache) -> None:
        self._allowed, self._pool, self._cache = allowed, pool, cache

    async def make(self, photo: PhotoVerdict) -> _Made | None:
        """None when the picture is gone, changed since it was judged, or cannot be decoded any more."""
        try:
            async with self._pool.turn() as ask:
                data = await in_file_thread(self._allowed.read, photo.photo, self._pool.limits.bytes)
                if await in_file_thread(_digest, data) != photo.digest:
                    return None
                if known := self._cache.normalised(photo.digest):
                    return _Made(photo, *known)
                answer, (jpeg,) = await ask({"job": "normalise"}, [data])
        except (PathRefused, Refused):
            return None
        digest = str(answer.get("digest"))
        if not jpeg.startswith(b"\xff\xd8\xff") or not re.fullmatch(r"[0-9a-f]{64}", digest):
            return None
        self._cache.keep_normalised(photo.digest, jpeg, digest)
        return _Made(photo, jpeg, digest)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
