"""Untrusted text becomes one short line of visible characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.sanitize import sanitize_text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Training is in progress", "Training is in progress"),
        ("  two\n\n lines\t of it\u2028 ", "two lines of it"),
        ("\x1b[31mred\x07", "[31mred"),
        ("safe\u202egpj.exe", "safegpj.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("selected\ufe0f\U000e0101", "selected"),
        ("\u3164\u2800\u115f", ""),
        ("half \ud800 a character", "half a character"),
        ("schön 写真 📷", "schön 写真 📷"),
        ("", ""),
        (None, ""),
        (40, ""),
        (b"bytes", ""),
        (["list"], ""),
    ],
)
def test_only_visible_text_is_kept(written: object, shown: str) -> None:
    assert sanitize_text(written) == shown


def test_a_long_text_is_truncated_with_a_mark() -> None:
    assert sanitize_text("word " * 500, 12) == "word word w…"


def test_a_text_of_exactly_the_limit_is_not_truncated() -> None:
    assert sanitize_text("x" * 300) == "x" * 300


@given(st.text(st.characters()), st.integers(1, 50))
def test_any_text_becomes_a_short_visible_and_stable_line(written: str, limit: int) -> None:
    shown = sanitize_text(written, limit)
    assert len(shown) <= limit
    assert not [letter for letter in shown if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn"}]
    assert sanitize_text(shown, limit) == shown
    shown.encode()
