"""When two names of a subject are the same name. Pure."""

from __future__ import annotations

import unicodedata


def subject_key(name: str | None) -> str | None:
    """The form in which names are compared: Unicode's compatible form, letters without case, single spaces.

    None for no name, and for one of nothing but spaces.
    """
    if name is None:
        return None
    # Case folding can undo the normal form, so it is applied on both sides of it.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split()) or None
