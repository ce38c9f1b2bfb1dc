"""Keeping secrets out of everything that is shown, logged or stored.

Which forms are recognised is told to people in docs/secrets.md; a test compares the two.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, quote_plus

from apiframe_studio.strangers import plain

MASK = "[secret]"
_SHORTEST_INSIDE_A_WORD = 4
SHORTEST_INSIDE_A_VALUE = 8
"""Characters. An id may hold a shorter one by chance, and an id that was paid for must not be lost by chance."""
# As many times the limit: a megabyte against many secrets would take seconds, and its beginning is all that shows.
_READ_AT_MOST = 10


class Mask:
    """Blots out a few secrets, in the forms in which a service might echo them.

    A secret of fewer than four characters is blotted out only where it stands alone: elsewhere it would
    turn every sentence into noise and so give itself away.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        given = [secret for secret in secrets if secret]
        self._forms = _longest_first(given)
        self._pattern = _any_of(self._forms)
        long = [secret for secret in given if len(secret) >= SHORTEST_INSIDE_A_VALUE]
        self._inside = _any_of(_longest_first(long))

    def __call__(self, text: str, *, cut: bool = False) -> str:
        """Return `text` without the secrets; of a `cut` text also without the beginning of one at its end."""
        if self._pattern is None:
            return text
        masked = self._pattern.sub(MASK, text)
        return self._without_cut_secret(masked) if cut else masked

    def is_found_in(self, value: str) -> bool:
        """Whether a value that cannot be shown in part (an id, a word, a link) holds a secret.

        One of fewer than eight characters counts only where it is the whole value.
        """
        if self._pattern is None:
            return False
        return bool(self._pattern.fullmatch(value) or (self._inside and self._inside.search(value)))

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


def _longest_first(secrets: Iterable[str]) -> list[str]:
    return sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    pattern = "|".join(map(_pattern, forms))
    return re.compile(pattern, re.IGNORECASE) if pattern else None


ESCAPES: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "as it is shown here, without invisible characters": lambda secret: plain(secret, len(secret) + 1),
    "percent-encoded, all but letters and digits": lambda secret: quote(secret, safe="", errors="replace"),
    "percent-encoded, slashes kept": lambda secret: quote(secret, errors="replace"),
    "as in a form, a space as +": lambda secret: quote_plus(secret, errors="replace"),
    "HTML-escaped": html.escape,
    "as Python writes it": lambda secret: repr(secret)[1:-1],
}
"""What is also recognised when JSON escapes it, once or twice."""

ENCODINGS: Mapping[str, Callable[[bytes], Iterable[str]]] = {
    "hexadecimal": lambda secret: (secret.hex(), secret.hex(" "), secret.hex(":")),
    "base64, by itself or inside a longer text": lambda secret: _base64(secret),
    "every byte percent-encoded": lambda secret: ("".join(f"%{byte:02x}" for byte in secret),),
}
"""Of a secret of eight characters or more, as UTF-8."""

LETTER_BY_LETTER: Mapping[str, Callable[[str], str]] = {
    "every character as a JSON escape": lambda secret: "".join(f"\\u{unit:04x}" for unit in _units(secret)),
    "every character as a decimal HTML entity": lambda secret: "".join(f"&#{ord(one)};" for one in secret),
    "every character as a hexadecimal HTML entity": lambda secret: "".join(
        f"&#x{ord(one):x};" for one in secret
    ),
}
"""Of a secret of eight characters or more."""


def _forms(secret: str) -> set[str]:
    said = {escape(secret) for escape in ESCAPES.values()}
    # Twice: a service that complains about a body often quotes the JSON it was sent inside its own JSON.
    escaped = _escaped(said)
    forms = said | escaped | _escaped(escaped)
    if len(secret) >= SHORTEST_INSIDE_A_VALUE:
        data = secret.encode("utf-8", errors="replace")
        forms |= {form for encode in ENCODINGS.values() for form in encode(data)}
        forms |= {write(secret) for write in LETTER_BY_LETTER.values()}
    return forms - {""}


def _base64(secret: bytes) -> set[str]:
    """The characters that stand for nothing but the secret, for each place where it may begin in a longer text."""
    forms: set[str] = set()
    for before in range(3):
        written = b64encode(bytes(before) + secret + bytes(2)).decode()
        first, last = -(-8 * before // 6), 8 * (before + len(secret)) // 6
        forms |= {written[first:last], written[first:last].replace("+", "-").replace("/", "_")}
    return forms


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-be", errors="surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def _escaped(texts: set[str]) -> set[str]:
    ascii_only = {json.dumps(text)[1:-1] for text in texts}
    with_slashes = {text.replace("/", "\\/") for text in ascii_only}
    return ascii_only | with_slashes | {json.dumps(text, ensure_ascii=False)[1:-1] for text in texts}


def _pattern(form: str) -> str:
    pattern = re.escape(form)
    return pattern if len(form) >= _SHORTEST_INSIDE_A_WORD else rf"(?<!\w){pattern}(?!\w)"
