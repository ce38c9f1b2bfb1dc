"""Digests by which something is known again without being kept. Pure."""

from __future__ import annotations

import hashlib
import json


def digest(*parts: str | None) -> str:
    """A SHA-256 over texts, in hexadecimal. None and "" are told apart, and so are where one ends."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def forgotten_mark(ref: str, text: str) -> str:
    """What stands for the photos of a forgotten submission while it is under way.

    Salted with the ref, so that two rows, or two ledgers, of the same photos have nothing in common.
    """
    return f"forgotten {digest(ref, text)}"
