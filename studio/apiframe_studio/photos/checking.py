"""Judging photos before money is spent: local, free, read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.photos import _facts, faces, judging
from apiframe_studio.photos._spread import Progress, spread
from apiframe_studio.photos.decoders import Decoders, Refused, decoders
from apiframe_studio.photos.errors import PathRefused
from apiframe_studio.photos.folders import AllowedFolders, Photo
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.verdicts import PhotoCheck, PhotoVerdict, Reason, Verdict


@dataclass(frozen=True, slots=True)
class _Looked:
    """One picture as judged alone, with its 16 x 16 print and its thumbnail (both empty when unreadable)."""

    photo: PhotoVerdict
    print: bytes = b""
    thumbnail: bytes = b""


async def check(
    paths: Sequence[str | Path],
    allowed: AllowedFolders,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> PhotoCheck:
    """Judge the pictures at `paths` (files, folders or both), at most 500.

    `progress` is awaited with (done, of) after each picture. Raises `PathRefused` for a path that is not
    under an allowed folder and `DecodersFailed`; whatever is wrong with a picture is its verdict.
    """
    limits = limits or Limits()
    listing = await in_file_thread(allowed.pictures, paths)

    async with decoders(limits) as pool:

        async def look(numbered: tuple[int, Photo]) -> _Looked:
            return await _look(numbered, allowed, pool)

        looked = await spread(list(enumerate(listing.photos, 1)), look, pool.width, progress)
        photos, likeness = await _compare(looked, pool)
        sheet = await _draw(photos, looked, pool)
    seen = judging.variety(photos, likeness)
    return PhotoCheck(
        photos=photos,
        usable=sum(photo.usable for photo in photos),
        left_out=listing.left_out,
        variety=seen,
        wishes=judging.wishes(photos, seen),
        not_judged=judging.not_judged(photos, faces_available=faces.available()),
        sheet=sheet,
        allowed=allowed,
    )


async def _look(numbered: tuple[int, Photo], allowed: AllowedFolders, pool: Decoders) -> _Looked:
    number, photo = numbered
    try:
        data = await in_file_thread(allowed.read, photo, pool.limits.bytes)
        if len(data) > pool.limits.bytes:
            return _unusable(number, photo, Reason.TOO_MANY_BYTES)
        answer, (print_, thumbnail) = await pool.ask({"job": "measure"}, [data])
        facts = _facts.facts(answer["facts"])
    except PathRefused:
        return _unusable(number, photo, Reason.NOT_READABLE)
    except Refused as refused:
        return _unusable(number, photo, refused.reason)
    except (KeyError, TypeError, ValueError):
        return _unusable(number, photo, Reason.DAMAGED)
    found = judging.reasons(facts)
    digest = await in_file_thread(_digest, data)
    return _Looked(
        PhotoVerdict(number, photo, judging.verdict(found), found, facts, digest), print_, thumbnail
    )


def _unusable(number: int, photo: Photo, reason: Reason) -> _Looked:
    return _Looked(PhotoVerdict(number, photo, Verdict.REJECT, (reason,)))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def _compare(
    looked: Sequence[_Looked], pool: Decoders
) -> tuple[tuple[PhotoVerdict, ...], float | None]:
    """The verdicts with near duplicates rejected, and how like each other the readable pictures are."""
    photos = [each.photo for each in looked]
    places = [place for place, each in enumerate(looked) if each.print]
    if len(places) < 2:
        return tuple(photos), None
    answer, _ = await pool.ask(
        {"job": "compare", "alike": judging.ALIKE_FROM}, [looked[place].print for place in places]
    )
    alike: list[tuple[int, int]] = answer["pairs"]
    pairs = [(places[one], places[other]) for one, other in alike]
    return judging.without_duplicates(photos, pairs), answer["median"]


async def _draw(photos: Sequence[PhotoVerdict], looked: Sequence[_Looked], pool: Decoders) -> bytes:
    tiles: list[list[Any]] = [
        [photo.number, photo.photo.name, photo.verdict.value, _note(photo)] for photo in photos
    ]
    _, (sheet,) = await pool.ask({"job": "draw", "tiles": tiles}, [each.thumbnail for each in looked])
    return sheet


def _note(photo: PhotoVerdict) -> str:
    if photo.duplicate_of is not None:
        return f"nearly the same as {photo.duplicate_of}"
    return ", ".join(reason.value.replace("_", " ") for reason in photo.reasons)
