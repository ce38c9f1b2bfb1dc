"""Display and comparison of subjects' names. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

from apiframe_studio.sanitize import sanitize_text

MAX_NAME_LENGTH: Final = 80
"""The most characters that a tool accepts."""


def visible_name(name: str | None) -> str | None:
    """Return the name as stored and shown: one line of visible characters, or None if none are left."""
    return sanitize_text(name) or None


def subject_key(name: str | None) -> str | None:
    """Return the form in which names are compared: Unicode's compatibility form, case-folded, single spaces.

    None for an absent name and for one without visible characters.
    """
    visible = visible_name(name)
    if visible is None:
        return None
    # Case folding can undo the normal form, so the form is applied before and after it.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return " ".join(folded.split()) or None
