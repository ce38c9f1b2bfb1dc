"""How the name of a subject is shown, and when two names are the same name. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

from apiframe_studio.sanitize import plain

MAX_NAME_LENGTH: Final = 80
"""Characters that a tool takes."""


def visible_name(name: str | None) -> str | None:
    """The name as it is stored and shown: one line, nothing in it that cannot be seen; None when nothing is left."""
    return plain(name) or None


def subject_key(name: str | None) -> str | None:
    """The form in which names are compared: Unicode's compatible form, letters without case, single spaces.

    None for no name, and for one in which nothing can be seen.
    """
    visible = visible_name(name)
    if visible is None:
        return None
    # Case folding can undo the normal form, so it is applied on both sides of it.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return " ".join(folded.split()) or None
