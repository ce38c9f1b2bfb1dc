"""Normalise the photos of a check that are sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.image_formats import detect_image_format
from apiframe_studio.photos import rules
from apiframe_studio.photos._concurrency import Progress, map_concurrently
from apiframe_studio.photos.cache import PhotoCache
from apiframe_studio.photos.choosing import NO_CHOICE, Choice, select_first, select_second
from apiframe_studio.photos.decoders import Decoders, open_decoders
from apiframe_studio.photos.errors import DecodeFailed, NothingToPrepare, PathRefused
from apiframe_studio.photos.folders import AllowedFolders, compute_digest
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import LeftOut, PhotoCheck, PhotoVerdict


@dataclass(frozen=True, slots=True)
class PreparedPhotos:
    """Photos ready to be sent, best first: JPEG, upright, sRGB, pixels only, bounded in size.

    `fingerprint` is a SHA-256 over the photos' pixels, whatever their names and order. Left out were: `changed`
    photos, which differ from those that were checked; `repeated` ones, with exactly the pixels of another; `spare`
    ones, which were good but too many; the numbers in `named`; and those excluded by their verdict.
    """

    jpegs: list[bytes] = field(repr=False)
    photos: tuple[PhotoVerdict, ...]
    fingerprint: str
    changed: tuple[PhotoVerdict, ...] = ()
    repeated: tuple[PhotoVerdict, ...] = ()
    spare: tuple[PhotoVerdict, ...] = ()
    named: frozenset[int] = frozenset()

    def why_left_out(self, photo: PhotoVerdict) -> LeftOut | None:
        """Return why a photo of the check is not sent; None if it is sent."""
        if photo.number in {sent.number for sent in self.photos}:
            return None
        if photo.number in self.named:
            return LeftOut.NAMED
        if photo in self.changed:
            return LeftOut.CHANGED
        if photo in self.repeated:
            return LeftOut.REPEATED
        return LeftOut.SPARE if photo in self.spare else LeftOut.VERDICT

    @property
    def size(self) -> int:
        """Total bytes of the photos, before base64 (which adds a third)."""
        return sum(map(len, self.jpegs))


@dataclass(frozen=True, slots=True)
class _Normalised:
    photo: PhotoVerdict
    jpeg: bytes = field(repr=False)
    digest: str


async def prepare(
    check: PhotoCheck,
    limit: int | None = None,
    *,
    long_side: int,
    max_bytes: int,
    choice: Choice = NO_CHOICE,
    progress: Progress | None = None,
    cache: PhotoCache | None = None,
) -> PreparedPhotos:
    """Normalise the best good photos of a check, and doubtful ones only up to what a training needs.

    At most `limit` (as many as a training takes), each at most `long_side` pixels long and
    of at most `max_bytes` as a JPEG.

    `choice` lists photos that are left out, or sent whatever their verdict. The files are read again, in the same
    safe way. A file that has changed since the check is left out, and the next best photo takes its place. Of files
    with exactly the same pixels, one is sent. Raises `NothingToPrepare`, `DecodersFailed`.
    """
    first, second = select_first(check.photos, choice), select_second(check.photos, choice)
    async with open_decoders(Limits()) as pool:
        normaliser = _Normaliser(check.allowed, pool, cache or PhotoCache(), progress, long_side, max_bytes)
        most = check.takes.max if limit is None else limit
        await normaliser.normalise_up_to(most, first)
        await normaliser.normalise_up_to(min(most, check.takes.min), second)
    if not normaliser.done:
        raise NothingToPrepare
    done = sorted(normaliser.done, key=lambda each: rules.best_first(each.photo))
    taken = {
        photo.number for photo in (*(each.photo for each in done), *normaliser.changed, *normaliser.repeated)
    }
    return PreparedPhotos(
        jpegs=[each.jpeg for each in done],
        photos=tuple(each.photo for each in done),
        fingerprint=compute_fingerprint(each.digest for each in done),
        changed=tuple(normaliser.changed),
        repeated=tuple(normaliser.repeated),
        spare=tuple(photo for photo in first if photo.number not in taken),
        named=choice.leave_out,
    )


def compute_fingerprint(digests: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of a set of photos from their digests, in any order."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


@dataclass(slots=True)
class _Normaliser:
    """Normalises checked photos until there are enough."""

    allowed: AllowedFolders
    pool: Decoders
    cache: PhotoCache
    progress: Progress | None
    long_side: int
    max_bytes: int
    done: list[_Normalised] = field(default_factory=list[_Normalised])
    changed: list[PhotoVerdict] = field(default_factory=list[PhotoVerdict])
    repeated: list[PhotoVerdict] = field(default_factory=list[PhotoVerdict])

    async def normalise_up_to(self, count: int, photos: Sequence[PhotoVerdict]) -> None:
        """Normalise these photos, in order, until there are `count` in all."""
        waiting = list(photos)
        while waiting and (room := count - len(self.done)) > 0:
            wave, waiting = waiting[:room], waiting[room:]
            results = await map_concurrently(wave, self._normalise, self.pool.width, self.progress)
            for place, photo in enumerate(wave):
                if (result := results[place]) is None:
                    self.changed.append(photo)
                elif any(result.digest == other.digest for other in self.done):
                    self.repeated.append(photo)
                else:
                    self.done.append(result)

    async def _normalise(self, photo: PhotoVerdict) -> _Normalised | None:
        """Return None if the photo is gone, has changed since the check, or cannot be decoded."""
        try:
            async with self.pool.turn() as ask:
                data = await in_file_thread(self.allowed.read, photo.photo, self.pool.limits.bytes)
                if await in_file_thread(compute_digest, data) != photo.digest:
                    return None
                if known := self.cache.normalised.get(photo.digest):
                    return _Normalised(photo, *known)
                turn = photo.facts.turn if photo.facts else 0
                head = {
                    "job": "normalise",
                    "turn": turn,
                    "long_side": self.long_side,
                    "max_bytes": self.max_bytes,
                }
                answer, (jpeg,) = await ask(head, [data])
        except (PathRefused, DecodeFailed):
            return None
        digest = str(answer.get("digest"))
        if detect_image_format(jpeg) != "JPEG" or not re.fullmatch(r"[0-9a-f]{64}", digest):
            return None
        self.cache.normalised.put(photo.digest, (jpeg, digest), len(jpeg))
        return _Normalised(photo, jpeg, digest)
