"""Which trigger words can be asked for, and which are asked for at one's peril. Pure.

The service documents no limits. The shape is ours: a single token of plain letters, digits, `_` or `-`
survives every prompt, URL and shell unchanged.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

SHORTEST: Final = 3
LONGEST: Final = 32
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+")


class WordProblem(StrEnum):
    """Why a word cannot be asked for."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SHAPE = "shape"


class WordDoubt(StrEnum):
    """Why a word may work badly."""

    ORDINARY = "ordinary"
    DIGITS = "digits"


# One text, since ninety quoted words would hide the words.
_ORDINARY: Final = frozenset(
    """
    anna baby beach black blonde blue body boy bride brother business child city close color cat dad dark
    daughter day dog dress eyes face family father female forest friend girl glasses gold green hair hand happy
    head husband image jacket john kid lady light little male man maria model mom mother mountain nature night
    old outdoor paris park person photo picture portrait professional red sister smile smiling snow son
    standing street studio style suit summer sun sunset teen token trigger user white wife winter woman word
    work young
    """.split()  # noqa: SIM905 - see above
)


def problem_of(word: str) -> WordProblem | None:
    """What is wrong with `word`, or None when it can be asked for."""
    if len(word) < SHORTEST:
        return WordProblem.TOO_SHORT
    if len(word) > LONGEST:
        return WordProblem.TOO_LONG
    return None if _SHAPE.fullmatch(word) else WordProblem.SHAPE


def doubts_about(word: str) -> tuple[WordDoubt, ...]:
    """Why `word` may work badly in prompts; empty when nothing speaks against it."""
    ordinary = word.lower() in _ORDINARY
    digits = any(letter.isdigit() for letter in word)
    return (WordDoubt.ORDINARY,) * ordinary + (WordDoubt.DIGITS,) * digits
