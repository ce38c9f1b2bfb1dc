"""Keeping secrets out of everything that is shown, logged or stored.

docs/secrets.md lists for users which encodings are recognised; a test compares the two.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote, quote_plus

from apiframe_studio.sanitize import sanitize_text

Sanitizer: TypeAlias = Callable[[object], str]
"""Turns a text of the service into one that may be shown: `sanitize_text`, or a redactor's `sanitize`."""

REDACTED: Final = "[secret]"
MAX_REMEMBERED: Final = 20
_MIN_PARTIAL_LENGTH: Final = 4
MIN_LENGTH_INSIDE_A_VALUE: Final = 8
"""Characters. An id may contain a shorter secret by chance, and an id that was paid for must not be lost by chance."""
# As a multiple of the limit: a megabyte against many secrets would take seconds, and only its beginning is shown.
_READ_FACTOR: Final = 10


class Redactor:
    """Redacts a few secrets, in every encoding in which a service might echo them.

    A secret of fewer than four characters is redacted only as a word by itself: elsewhere it would garble every
    sentence and so reveal itself.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._given = [secret for secret in secrets if secret]
        self._remembered: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self._build_patterns()
        self._of_given = self._pattern

    def remember(self, secret: str) -> None:
        """Redact another secret from now on; only the last 20 of these are remembered."""
        if secret and secret not in self._remembered:
            self._remembered.append(secret)
            self._build_patterns()

    def __call__(self, text: str, *, cut: bool = False) -> str:
        """Return `text` without the secrets; of a `cut` text also without the beginning of one at its end."""
        redacted = self._pattern.sub(REDACTED, text)
        return self._remove_cut_secret(redacted) if cut else redacted

    def is_in(self, value: str) -> bool:
        """Whether a value that cannot be shown in part (an id, a word, a link) contains a secret.

        One of fewer than eight characters counts only where it is the whole value.
        """
        return bool(self._pattern.fullmatch(value) or self._inside.search(value))

    def is_in_link(self, link: str) -> bool:
        """Whether a link contains a secret: one that was given at first counts whatever its length."""
        return bool(self._of_given.search(link)) or self.is_in(link)

    def keep_value(self, value: str | None) -> str | None:
        """Return a value that is kept and shown unchanged, or None if it contains a secret."""
        return None if value is None or self.is_in(value) else value

    def keep_links(self, links: Sequence[str]) -> tuple[str, ...]:
        """Return the links that contain no secret."""
        return tuple(link for link in links if not self.is_in_link(link))

    def sanitize(self, text: object, limit: int = 300, *, cut: bool = False) -> str:
        """Return untrusted text, safe to show and without secrets.

        Redacted twice: first because sanitizing may cut a secret in two, then because it may join one that had
        invisible characters in it.
        """
        if not isinstance(text, str):
            return ""
        read = text[: limit * _READ_FACTOR]
        return self(sanitize_text(self(read, cut=cut or len(read) < len(text)), limit))

    def __repr__(self) -> str:
        return f"Redactor({len(self._encodings)} encodings)"

    def _build_patterns(self) -> None:
        secrets = [*self._given, *self._remembered]
        self._encodings = _longest_first(secrets)
        self._pattern = _any_of(self._encodings)
        long = [secret for secret in secrets if len(secret) >= MIN_LENGTH_INSIDE_A_VALUE]
        self._inside = _any_of(_longest_first(long))

    def _remove_cut_secret(self, text: str) -> str:
        for encoding in self._encodings:
            for length in range(len(encoding) - 1, _MIN_PARTIAL_LENGTH - 1, -1):
                if text.endswith(encoding[:length]):
                    return text[:-length] + REDACTED
        return text


def _longest_first(secrets: Iterable[str]) -> list[str]:
    return sorted({one for secret in secrets for one in _encode(secret)}, key=len, reverse=True)


def _any_of(encodings: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_pattern, encodings)) or "(?!)", re.IGNORECASE)


ESCAPES: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "as it is shown here, without invisible characters": lambda secret: sanitize_text(
        secret, len(secret) + 1
    ),
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


def _encode(secret: str) -> set[str]:
    plain_forms = {escape(secret) for escape in ESCAPES.values()}
    # Twice: a service that complains about a body often quotes the JSON it was sent inside its own JSON.
    escaped = _escape_as_json(plain_forms)
    encodings = plain_forms | escaped | _escape_as_json(escaped)
    if len(secret) >= MIN_LENGTH_INSIDE_A_VALUE:
        data = secret.encode("utf-8", errors="replace")
        encodings |= {one for encode in ENCODINGS.values() for one in encode(data)}
        encodings |= {write(secret) for write in LETTER_BY_LETTER.values()}
    return encodings - {""}


def _base64(secret: bytes) -> set[str]:
    """Return the characters that encode only the secret, for each offset at which it may begin in a longer text."""
    encodings: set[str] = set()
    for before in range(3):
        encoded = b64encode(bytes(before) + secret + bytes(2)).decode()
        first, last = -(-8 * before // 6), 8 * (before + len(secret)) // 6
        encodings |= {encoded[first:last], encoded[first:last].replace("+", "-").replace("/", "_")}
    return encodings


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-be", errors="surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def _escape_as_json(texts: set[str]) -> set[str]:
    ascii_only = {json.dumps(text)[1:-1] for text in texts}
    with_slashes = {text.replace("/", "\\/") for text in ascii_only}
    return ascii_only | with_slashes | {json.dumps(text, ensure_ascii=False)[1:-1] for text in texts}


def _pattern(encoding: str) -> str:
    pattern = re.escape(encoding)
    return pattern if len(encoding) >= _MIN_PARTIAL_LENGTH else rf"(?<!\w){pattern}(?!\w)"
