"""Check photos before credits are spent: local, free, read-only."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from apiframe_studio.api.provider import Range
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.photos import faces, rules
from apiframe_studio.photos._concurrency import Progress, map_concurrently
from apiframe_studio.photos._frames import parse_facts
from apiframe_studio.photos.cache import Measured, PhotoCache
from apiframe_studio.photos.decoders import Ask, Decoders, open_decoders
from apiframe_studio.photos.errors import DecodeFailed, DecodersFailed, PathRefused
from apiframe_studio.photos.folders import AllowedFolders, FileIdentity, Photo, compute_digest
from apiframe_studio.photos.limits import MAX_TILES, Limits
from apiframe_studio.photos.models import PhotoCheck, PhotoVerdict, Reason, Verdict

CHECKING_SHARE = 0.8
"""Share of a call's time for checking photos; the rest is for comparing and drawing."""


async def check(
    paths: Sequence[str | Path],
    allowed: AllowedFolders,
    *,
    takes: Range,
    limits: Limits | None = None,
    progress: Progress | None = None,
    seconds: float | None = None,
    cache: PhotoCache | None = None,
) -> PhotoCheck:
    """Check the photos at `paths` (files, folders or both), at most 500, for a training that `takes` so many.

    `progress` is awaited with (done, total) after each photo. After `seconds`, returns what was checked so far; with
    the same `cache` the next call continues. Raises `PathRefused` for a path outside the allowed folders, and
    `DecodersFailed`. A fault of a photo is reported as its verdict.
    """
    limits = limits or Limits()
    until = None if seconds is None else anyio.current_time() + seconds * CHECKING_SHARE
    listing = await in_file_thread(allowed.list_photos, paths)
    files = await in_file_thread(lambda: [allowed.identify(photo) for photo in listing.photos])
    async with open_decoders(limits) as pool:
        checker = _Checker(listing.photos, files, allowed, pool, cache or PhotoCache())
        found = await checker.measure_all(progress, until)
        measured = [found[place] for place in sorted(found)]
        rated = [_rate(place + 1, listing.photos[place], found[place]) for place in sorted(found)]
        photos, likeness = await _compare(rated, measured, pool)
        code, unseen = _compute_code(files), len(listing.photos) - len(photos)
        sheet = await _draw(photos, measured, code, unseen, pool)
    return PhotoCheck(
        photos=photos,
        usable=sum(photo.usable for photo in photos),
        left_out=listing.left_out,
        suggestions=rules.suggest(photos, likeness, takes.min),
        unchecked=rules.list_unchecked(photos, faces_available=faces.is_available()),
        sheet=sheet,
        allowed=allowed,
        unseen=tuple(photo for place, photo in enumerate(listing.photos) if place not in found),
        code=code,
        inner=listing.inner,
        takes=takes,
    )


def _compute_code(files: Sequence[FileIdentity | None]) -> str:
    """Return four characters that change when one of the files changes."""
    listed = "\n".join(sorted(map(repr, files)))
    return hashlib.sha256(listed.encode("utf-8", "surrogatepass")).hexdigest()[:4]


@dataclass(frozen=True, slots=True)
class _Checker:
    """Measures each photo by itself, once."""

    photos: Sequence[Photo]
    files: Sequence[FileIdentity | None]
    allowed: AllowedFolders
    pool: Decoders
    cache: PhotoCache

    async def measure_all(self, progress: Progress | None, until: float | None) -> dict[int, Measured]:
        """Return the photos measured in time, by index. Cached ones take no time."""
        places = range(len(self.photos))
        found = {place: measured for place in places if (measured := self._find_cached(place))}
        waiting = [place for place in places if place not in found]
        known = len(found)

        async def report(done: int, _of: int) -> None:
            if progress is not None:
                await progress(known + done, len(self.photos))

        if known:
            await report(0, known)
        results = await map_concurrently(waiting, self._measure, self.pool.width, report, until)
        return found | {waiting[turn]: measured for turn, measured in results.items()}

    def _find_cached(self, place: int) -> Measured | None:
        return self.cache.find_measured(self.files[place], self.pool.limits)

    async def _measure(self, place: int) -> Measured:
        async with self.pool.turn() as ask:
            # Another call may have measured it in the meantime.
            if known := self._find_cached(place):
                return known
            found = await _measure(self.photos[place], self.allowed, self.pool.limits, ask)
        self.cache.keep_measured(self.files[place], self.pool.limits, found)
        return found


async def _measure(photo: Photo, allowed: AllowedFolders, limits: Limits, ask: Ask) -> Measured:
    try:
        data = await in_file_thread(allowed.read, photo, limits.bytes)
        if len(data) > limits.bytes:
            return Measured(reason=Reason.TOO_MANY_BYTES)
        answer, (thumbprint_, thumbnail) = await ask({"job": "measure"}, [data])
        facts = parse_facts(answer["facts"])
    except PathRefused:
        return Measured(reason=Reason.NOT_READABLE)
    except DecodeFailed as failure:
        return Measured(reason=failure.reason)
    except (KeyError, TypeError, ValueError):
        return Measured(reason=Reason.DAMAGED)
    digest = await in_file_thread(compute_digest, data)
    return Measured(facts, None, digest, thumbprint_, thumbnail)


def _rate(number: int, photo: Photo, found: Measured) -> PhotoVerdict:
    """Rate one photo by itself."""
    if found.facts is None:
        return PhotoVerdict(number, photo, Verdict.REJECT, (found.reason or Reason.DAMAGED,))
    reasons = rules.find_reasons(found.facts)
    return PhotoVerdict(number, photo, rules.rate(reasons), reasons, found.facts, found.digest)


async def _compare(
    photos: Sequence[PhotoVerdict], measured: Sequence[Measured], pool: Decoders
) -> tuple[tuple[PhotoVerdict, ...], float | None]:
    """Reject near duplicates. Also returns the median correlation of the readable photos."""
    places = [place for place, found in enumerate(measured) if found.thumbprint]
    if len(places) < 2:
        return tuple(photos), None
    head = {"job": "compare", "alike": rules.DUPLICATE_CORRELATION}
    try:
        answer, _ = await pool.ask_first(head, [measured[place].thumbprint for place in places])
    except DecodeFailed:
        raise DecodersFailed("the photos could not be compared with each other") from None
    alike: list[tuple[int, int]] = answer["pairs"]
    pairs = [(places[one], places[other]) for one, other in alike]
    return rules.reject_duplicates(photos, pairs), answer["median"]


async def _draw(
    photos: Sequence[PhotoVerdict], measured: Sequence[Measured], code: str, unseen: int, pool: Decoders
) -> bytes:
    """Draw the sheet of the best photos, by number. Empty if it cannot be drawn."""
    places = sorted(range(len(photos)), key=lambda place: rules.best_first(photos[place]))
    shown = sorted(places[:MAX_TILES])
    tiles = [
        [photo.number, photo.photo.name, photo.verdict.value, _note(photo)]
        for photo in (photos[place] for place in shown)
    ]
    counts = Counter(photo.verdict.value for photo in photos)
    remark = [f"best {len(shown)} of {len(photos)}"] if len(shown) < len(photos) else []
    remark += [f"{unseen} not checked yet"] if unseen else []
    head = {"job": "draw", "tiles": tiles, "counts": counts, "code": code, "remark": ", ".join(remark)}
    try:
        _, (sheet,) = await pool.ask_first(head, [measured[place].thumbnail for place in shown])
    except DecodeFailed:
        return b""
    return sheet


def _note(photo: PhotoVerdict) -> str:
    """Return the most serious reason, short enough for a tile."""
    if photo.worst is Reason.NEAR_DUPLICATE:
        return f"nearly the same as {photo.duplicate_of}"
    return photo.worst.value.replace("_", " ") if photo.worst else ""
