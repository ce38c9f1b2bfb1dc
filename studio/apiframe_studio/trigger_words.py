"""Which trigger words can be requested, and which may work badly. Pure.

The service documents no limits. The form is our choice: letters, digits, `_` and `-` are
unchanged by prompts, URLs and shells.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

MIN_LENGTH: Final = 3
MAX_LENGTH: Final = 32
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+")


class WordProblem(StrEnum):
    """Why a word cannot be requested."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SHAPE = "shape"


class WordDoubt(StrEnum):
    """Why a word may work badly."""

    ORDINARY = "ordinary"
    DIGITS = "digits"


# One text, which is easier to read than hundreds of quoted words. Plurals with s are not listed.
_ORDINARY: Final = frozenset(
    """
    adult age alex amy anna art artist aunt autumn baby background beach beard beautiful bed bench
    big bird black blonde blue boat body book boss boy bride brother brown building business camera
    car cat chair chef child christmas city clear close clothes cloud coat coffee cold color colour
    cool couple cousin cute dad dance dark daughter david day desk doctor dog door dress elegant
    emma engineer eva evening expression eye face family fantasy fashion father female field fire
    flower food forest friend garden girl glasses gold golden grandfather grandma grandmother
    grandpa gray green grey guy hair hand handsome happy hat head hero home horse hot house human
    husband ice image jacket jane jeans jewelry john julia kid kitchen kitten lady lake lamp
    landscape large laura leather light linkedin lips lisa little london long look love lucas male
    man maria mark martin mary max michael mirror model modern mom moon morning mother mountain
    mouth movie mum music nature neck new night nose nurse ocean office old orange outdoor outside
    painting paris park party paul person pet peter photo photography picture pink player police
    pool portrait pretty prince princess professional profile puppy purple queen rain red retro ring
    river road robe robot rock room rose sad sam sara sarah scarf school sea selfie serious shadow
    shirt shoe short silver sister sit sitting skin sky small smile smiling snow soft soldier son
    sophie spring standing star street studio style suit summer sun sunglasses sunny sunset sunshine
    superhero sweater table tall teacher team teen token tom travel tree trigger uncle urban user
    vacation vintage walking wall warm water wedding white wife wind window wine winter woman wood
    word work worker yellow young
    """.split()  # noqa: SIM905 - see above
)


def find_problem(word: str) -> WordProblem | None:
    """Return what is wrong with `word`, or None if it can be requested."""
    if len(word) < MIN_LENGTH:
        return WordProblem.TOO_SHORT
    if len(word) > MAX_LENGTH:
        return WordProblem.TOO_LONG
    return None if _SHAPE.fullmatch(word) else WordProblem.SHAPE


def find_doubts(word: str, subject: str | None = None) -> tuple[WordDoubt, ...]:
    """Return why `word` may work badly in prompts.

    A word in the name of the `subject` counts as ordinary: prompts also use the name for other people.
    """
    plain = word.casefold()
    names = (subject or "").casefold().split()
    ordinary = plain in _ORDINARY or plain.removesuffix("s") in _ORDINARY or plain in names
    digits = any(letter.isdigit() for letter in word)
    return (WordDoubt.ORDINARY,) * ordinary + (WordDoubt.DIGITS,) * digits
