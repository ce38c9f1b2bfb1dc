"""Secrets are redacted in every encoding."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apiframe_studio.api.http.redaction import (
    ENCODINGS,
    ESCAPES,
    LETTER_BY_LETTER,
    MIN_LENGTH_INSIDE_A_VALUE,
    REDACTED,
    Redactor,
)

ROOT = Path(__file__).parents[3]

SECRET = 'pa/ss "wörd" & 100%\\'


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET).replace("/", "\\/"),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        html.escape(SECRET),
        SECRET.upper(),
    ],
)
def test_a_secret_is_redacted_in_every_escaped_form(echo: str) -> None:
    message = Redactor([SECRET]).sanitize(f"Invalid: {echo}!")
    assert REDACTED in message
    assert "rd" not in message.removeprefix("Invalid: ")


LONG = "v1-Key/with+odd=signs~0123"
WRITTEN = {
    "hexadecimal": LONG.encode().hex(),
    "hexadecimal with spaces": LONG.encode().hex(" ").upper(),
    "base64": base64.b64encode(LONG.encode()).decode(),
    "base64 of a longer text": base64.b64encode(f"user:{LONG}\n".encode()).decode(),
    "base64 of another longer text": base64.b64encode(f"key {LONG}!!".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(f"é{LONG}".encode()).decode(),
    "percent, all of it": "".join(f"%{byte:02X}" for byte in LONG.encode()),
    "JSON, all of it": "".join(f"\\u{ord(one):04x}" for one in LONG),
    "entities": "".join(f"&#{ord(one)};" for one in LONG),
    "hexadecimal entities": "".join(f"&#x{ord(one):X};" for one in LONG),
}


@pytest.mark.parametrize("echo", WRITTEN.values(), ids=WRITTEN)
def test_a_secret_is_redacted_in_every_encoding(echo: str) -> None:
    mask = Redactor([LONG])
    assert REDACTED in mask.sanitize(f"Invalid: {echo}!")
    assert mask.is_in(f"id-{echo}")


def test_every_redacted_encoding_is_documented_on_the_page_about_secrets() -> None:
    page = (ROOT / "docs" / "secrets.md").read_text(encoding="utf-8")
    listed = [line.removeprefix("- ").rstrip(".") for line in page.splitlines() if line.startswith("- ")]
    assert listed == [*ESCAPES, *ENCODINGS, *LETTER_BY_LETTER]
    assert f"{MIN_LENGTH_INSIDE_A_VALUE} characters" in page


def test_a_secret_hidden_by_invisible_characters_is_redacted() -> None:
    assert "0123456789" not in Redactor(["0123456789"]).sanitize("01234\u200b56789")


@pytest.mark.parametrize("space", ["\t", "\u00a0", "\u2028"])
def test_a_secret_with_an_unusual_space_is_redacted_as_it_is_shown(space: str) -> None:
    mask = Redactor([f"01234{space}56789"])
    assert mask.sanitize("Invalid: 01234 56789!") == f"Invalid: {REDACTED}!"
    assert mask.is_in("01234 56789")


def test_a_secret_across_the_end_of_an_excerpt_is_not_shown_in_part() -> None:
    assert Redactor(["0123456789"]).sanitize("x" * 15 + "0123456789", 20) == "x" * 15 + "[sec…"


def test_the_beginning_of_a_secret_at_the_end_of_a_truncated_text_is_redacted() -> None:
    mask = Redactor(["0123456789"])
    assert mask("your key 01234567", cut=True) == f"your key {REDACTED}"
    assert mask("your key 01234567") == "your key 01234567"


def test_a_very_short_secret_is_redacted_as_a_separate_word() -> None:
    assert Redactor(["a"])("a cat sat on a mat") == f"{REDACTED} cat sat on {REDACTED} mat"


def test_without_secrets_nothing_changes() -> None:
    assert Redactor(["", ""])("as it was") == "as it was"


def test_the_redactor_does_not_show_its_secrets() -> None:
    assert SECRET not in repr(Redactor([SECRET]))


@given(st.text(st.characters(), min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_every_secret_of_four_or_more_characters_is_redacted(secret: str, before: str, after: str) -> None:
    assume(secret not in REDACTED and REDACTED not in secret)
    assume(secret.strip() and secret not in before + after)
    assert secret not in Redactor([secret])(f"{before} {secret} {after}").replace(REDACTED, "")
