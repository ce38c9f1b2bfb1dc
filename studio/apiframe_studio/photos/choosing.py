"""Choose which photos of a check are sent: the good ones, and those that the user names. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from apiframe_studio.guarded_files import comparable
from apiframe_studio.photos import rules
from apiframe_studio.photos.errors import ChoiceProblem, ChoiceRefused
from apiframe_studio.photos.models import PhotoCheck, PhotoVerdict, Verdict

_NUMBER = re.compile(r"(?:([0-9a-z]{1,8})\s*:)?\s*#?([0-9]{1,4})", re.ASCII | re.IGNORECASE)
_MAX_NEAR = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """Numbers of photos of a check: those never sent, and those sent even if they are doubtful or rejected."""

    leave_out: frozenset[int] = frozenset()
    keep: frozenset[int] = frozenset()


NO_CHOICE: Final = Choice()


def choose(check: PhotoCheck, leave_out: Iterable[str] = (), keep: Iterable[str] = ()) -> Choice:
    """Return the choice of photos given by file name, by path, or by code and number (`7f3a:15`).

    Raises `ChoiceRefused`, also for a number from another sheet, since the folder has changed.
    """
    out = {_find(check, named).number for named in leave_out}
    kept = {photo.number: photo for photo in (_find(check, named) for named in keep)}
    for photo in kept.values():
        if photo.number in out:
            raise ChoiceRefused(ChoiceProblem.BOTH, photo.photo.name)
        if photo.facts is None:
            raise ChoiceRefused(ChoiceProblem.UNREADABLE, photo.photo.name)
    if len(kept) > check.takes.max:
        raise ChoiceRefused(ChoiceProblem.TOO_MANY, most=check.takes.max)
    return Choice(frozenset(out), frozenset(kept))


def select_first(photos: Sequence[PhotoVerdict], choice: Choice) -> list[PhotoVerdict]:
    """Return the photos to send, up to the limit: those to keep, then the good ones, each best first."""
    left = [photo for photo in photos if photo.number not in choice.leave_out]
    good = [photo for photo in left if photo.verdict is Verdict.USE and photo.number not in choice.keep]
    return [*_best(photo for photo in left if photo.number in choice.keep), *_best(good)]


def select_second(photos: Sequence[PhotoVerdict], choice: Choice) -> list[PhotoVerdict]:
    """Return the doubtful photos, best first: sent only if the others are too few for a training."""
    named = choice.leave_out | choice.keep
    return _best(photo for photo in photos if photo.verdict is Verdict.WARN and photo.number not in named)


def count_to_send(check: PhotoCheck, choice: Choice = NO_CHOICE) -> int:
    """Return how many photos are sent if none changes, which determines the price of a training."""
    first = min(check.takes.max, len(select_first(check.photos, choice)))
    return max(first, min(check.takes.min, first + len(select_second(check.photos, choice))))


def _best(photos: Iterable[PhotoVerdict]) -> list[PhotoVerdict]:
    return sorted(photos, key=rules.best_first)


def _find(check: PhotoCheck, named: str) -> PhotoVerdict:
    if found := _called(check.photos, named):
        if len(found) > 1:
            paths = ["/".join(photo.photo.path.parts[-2:]) for photo in found]
            raise ChoiceRefused(ChoiceProblem.SEVERAL, named, paths)
        return found[0]
    if number := _NUMBER.fullmatch(named.strip()):
        return _numbered(check, named, number[1], int(number[2]))
    names = [photo.photo.name for photo in check.photos]
    near = difflib.get_close_matches(named, names, _MAX_NEAR)
    raise ChoiceRefused(ChoiceProblem.UNKNOWN, named, near)


def _numbered(check: PhotoCheck, named: str, code: str | None, number: int) -> PhotoVerdict:
    if code is None:
        raise ChoiceRefused(ChoiceProblem.NUMBER_WITHOUT_CODE, named)
    if code.lower() != check.code:
        raise ChoiceRefused(ChoiceProblem.OTHER_CODE, named)
    for photo in check.photos:
        if photo.number == number:
            return photo
    raise ChoiceRefused(ChoiceProblem.NO_SUCH_NUMBER, named)


def _called(photos: Sequence[PhotoVerdict], named: str) -> list[PhotoVerdict]:
    """Match the end of the path, else the name in any case, else the name without its suffix."""
    wanted = comparable(PurePath(named.strip()))
    if not wanted:
        return []
    paths = [(photo, path) for photo in photos for path in _written(photo)]
    name = wanted[-1].casefold()
    rules: list[Callable[[tuple[str, ...]], bool]] = [
        lambda path: path[-len(wanted) :] == wanted,
        lambda path: path[-1].casefold() == name,
        # A bare number is never a name: it would be confused with the number on the sheet.
        lambda path: PurePath(path[-1]).stem.casefold() == name and not name.isdecimal(),
    ]
    for rule in rules:
        if found := list({photo.number: photo for photo, path in paths if rule(path)}.values()):
            return found
    return []


def _written(photo: PhotoVerdict) -> set[tuple[str, ...]]:
    """Return the path unchanged and as shown, without invisible characters in the name."""
    path = photo.photo.path
    return {comparable(path), comparable(path.parent / photo.photo.name)}
