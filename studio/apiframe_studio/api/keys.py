"""What can be said about an API key before anything is sent."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

V2_PREFIX: Final = "afk_"
"""What every key of the second generation begins with. A v1 key has no fixed form."""
_MAX_KEY_LENGTH: Final = 512
_PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}")


class KeyProblem(StrEnum):
    """Why a key cannot be used."""

    MISSING = "missing"
    """Empty or blank."""
    PLACEHOLDER = "placeholder"
    """A `${…}` that a client's configuration should have replaced and did not."""
    V2 = "v2"
    """A key of the second generation (`afk_…`) where the first is spoken, which answers it with a 400."""
    NO_TEAM = "no_team"
    """A key that belongs to no team, so that there are no credits to pay with."""
    V1 = "v1"
    """A key of the first generation where the second is spoken."""
    MALFORMED = "malformed"
    """Whitespace (as in `Bearer …`), control or non-ASCII characters, quotes around it, or far too long."""


def check_key(key: str) -> KeyProblem | None:
    """Return what is wrong with a key of any generation, or None. None does not mean that the service accepts it."""
    bare = key.strip()
    if not bare:
        return KeyProblem.MISSING
    if _PLACEHOLDER.search(bare):
        return KeyProblem.PLACEHOLDER
    return KeyProblem.MALFORMED if _is_malformed(key) else None


def _is_malformed(key: str) -> bool:
    quoted = key[0] == key[-1] and key[0] in "\"'`"
    return quoted or len(key) > _MAX_KEY_LENGTH or not all("!" <= character <= "~" for character in key)
