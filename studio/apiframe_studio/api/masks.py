"""Keeping secrets out of everything that is shown, logged or stored."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from apiframe_studio.strangers import plain

MASK = "[secret]"
_SHORTEST_INSIDE_A_WORD = 4
# As many times the limit: a megabyte against many secrets would take seconds, and its beginning is all that shows.
_READ_AT_MOST = 10


class Mask:
    """Blots out a few secrets, in the forms in which a service might echo them.

    A secret of fewer than four characters is blotted out only where it stands alone: elsewhere it would
    turn every sentence into noise and so give itself away.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_pattern, self._forms)), re.IGNORECASE) if forms else None

    def __call__(self, text: str, *, cut: bool = False) -> str:
        """Return `text` without the secrets; of a `cut` text also without the beginning of one at its end."""
        if self._pattern is None:
            return text
        masked = self._pattern.sub(MASK, text)
        return self._without_cut_secret(masked) if cut else masked

    def plain(self, text: object, limit: int = 300, *, cut: bool = False) -> str:
        """Return a stranger's text, safe to show and without secrets.

        Masked twice: first because `plain` may cut a secret in two, then because it may join one that had
        invisible characters in it.
        """
        if not isinstance(text, str):
            return ""
        read = text[: limit * _READ_AT_MOST]
        return self(plain(self(read, cut=cut or len(read) < len(text)), limit))

    def __repr__(self) -> str:
        return f"Mask({len(self._forms)} forms)"

    def _without_cut_secret(self, text: str) -> str:
        for form in self._forms:
            for length in range(len(form) - 1, _SHORTEST_INSIDE_A_WORD - 1, -1):
                if text.endswith(form[:length]):
                    return text[:-length] + MASK
        return text


def _forms(secret: str) -> set[str]:
    said = {
        secret,
        plain(secret, len(secret) + 1),
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
        html.escape(secret),
        repr(secret)[1:-1],
    }
    # Twice: a service that complains about a body often quotes the JSON it was sent inside its own JSON.
    escaped = _escaped(said)
    return (said | escaped | _escaped(escaped)) - {""}


def _escaped(texts: set[str]) -> set[str]:
    ascii_only = {json.dumps(text)[1:-1] for text in texts}
    with_slashes = {text.replace("/", "\\/") for text in ascii_only}
    return ascii_only | with_slashes | {json.dumps(text, ensure_ascii=False)[1:-1] for text in texts}


def _pattern(form: str) -> str:
    pattern = re.escape(form)
    return pattern if len(form) >= _SHORTEST_INSIDE_A_WORD else rf"(?<!\w){pattern}(?!\w)"
