"""Text that a stranger wrote: what the service, or somebody through it, says, and the names of files and subjects.

A model reads characters that nobody sees, so instructions can hide in a name. Every name and every text that
may reach a model goes through `plain`. What is visible stays: letters of all scripts, combining marks, emoji.
Of emoji the joiners and variation selectors go too: a family becomes its members and a heart loses its colour,
and both stay readable, while any run of such characters can spell out a hidden text.
"""

from __future__ import annotations

import unicodedata

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

# These look like nothing, yet Unicode files them under letters, marks and symbols.
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U00016fe4\U0001d159")
_VARIATION_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))

# A megabyte of text costs a second to read character by character, and only its beginning is ever shown.
_READ_AT_MOST = 8


def plain(text: object, limit: int = 300) -> str:
    """Return `text` as one line that is safe to show: at most `limit` characters, nothing invisible in it.

    Anything but a string becomes "". Control, format (bidirectional, zero width, tags), private and
    unassigned characters are removed, every run of whitespace becomes one space, and a text that is cut
    ends with an ellipsis. What comes back is still a stranger's word, never an instruction.
    """
    if not isinstance(text, str):
        return ""
    read = text[: limit * _READ_AT_MOST]
    visible = "".join(character for character in read if character.isspace() or not _is_invisible(character))
    folded = " ".join(visible.split())
    if len(folded) <= limit and len(read) == len(text):
        return folded
    return folded[: limit - 1].rstrip() + "…" if limit > 0 else ""


def _is_invisible(character: str) -> bool:
    if " " <= character <= "~":
        return False
    if unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE_LETTERS:
        return True
    return any(ord(character) in selectors for selectors in _VARIATION_SELECTORS)
