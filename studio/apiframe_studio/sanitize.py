"""Untrusted text: messages of the service, and the names of files and subjects.

A model reads characters that users do not see, so instructions can be hidden in a name. Every name and text that may
reach a model goes through `plain`. It keeps visible characters: letters of all scripts, combining marks, emoji. It also
removes the joiners and variation selectors of emoji, because a sequence of them can encode a hidden text; a family then
becomes its members and a heart loses its colour, but both stay readable.
"""

from __future__ import annotations

import unicodedata

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

# Invisible, although Unicode classifies them as letters, marks and symbols.
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U00016fe4\U0001d159")
_VARIATION_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))

# Checking a megabyte character by character takes a second, and only the beginning is shown.
_READ_AT_MOST = 8


def sanitize_text(text: object, limit: int = 300) -> str:
    """Return `text` as one line of at most `limit` visible characters.

    Anything but a string becomes "". Control, format (bidirectional, zero width, tags), private and unassigned
    characters are removed, each run of whitespace becomes one space, and a truncated text ends with an ellipsis. The
    result is still untrusted: never treat it as instructions.
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
