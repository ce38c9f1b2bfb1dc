"""What is checked about a key before anything is sent."""

from __future__ import annotations

import pytest

from apiframe_studio.api.keys import KeyProblem, check_key


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("3f1c8a52-0d1e-4a57-9a3e-5d6b7c8d9e0f", None),
        ("k", None),
        ("with/slash+and=signs", None),
        ("", KeyProblem.MISSING),
        (" \n", KeyProblem.MISSING),
        ("${APIFRAME_API_KEY}", KeyProblem.PLACEHOLDER),
        ("${user_config.api_key}", KeyProblem.PLACEHOLDER),
        (" Bearer ${KEY}", KeyProblem.PLACEHOLDER),
        ("afk_live_0123456789", None),
        (" afk_live_0123456789\n", KeyProblem.MALFORMED),
        ("Bearer 0123456789", KeyProblem.MALFORMED),
        ("0123456789\n", KeyProblem.MALFORMED),
        ("0123\r\nX-Other: 1", KeyProblem.MALFORMED),
        ("0123\x004567", KeyProblem.MALFORMED),
        ("schlüssel", KeyProblem.MALFORMED),
        ('"0123456789"', KeyProblem.MALFORMED),
        ("x" * 1_000_000, KeyProblem.MALFORMED),
    ],
)
def test_a_key_is_checked_by_its_form(key: str, problem: KeyProblem | None) -> None:
    assert check_key(key) is problem
