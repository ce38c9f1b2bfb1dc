"""Which trigger words can be requested."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.trigger_words import WordDoubt, WordProblem, find_doubts, find_problem


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("TOKSIS", None),
        ("tok_sis-2", None),
        ("abc", None),
        ("x" * 32, None),
        ("", WordProblem.TOO_SHORT),
        ("ab", WordProblem.TOO_SHORT),
        ("x" * 33, WordProblem.TOO_LONG),
        ("x" * 1_000_000, WordProblem.TOO_LONG),
        ("two words", WordProblem.SHAPE),
        ("TOKSIS\n", WordProblem.SHAPE),
        ("Süß", WordProblem.SHAPE),
        ("ТОКСИС", WordProblem.SHAPE),
        ("tok​sis", WordProblem.SHAPE),
        ("a.b.c", WordProblem.SHAPE),
        ("${WORD}", WordProblem.SHAPE),
    ],
)
def test_a_word_is_rejected_for_one_reason(word: str, problem: WordProblem | None) -> None:
    assert find_problem(word) is problem


@given(st.text(max_size=40))
def test_a_valid_word_is_safe_in_urls_and_shells(word: str) -> None:
    if find_problem(word) is None:
        assert word.isascii()
        assert word.replace("_", "").replace("-", "").isalnum() or not word.strip("_-")


@pytest.mark.parametrize(
    ("word", "doubts"),
    [
        ("TOKSIS", ()),
        ("woman", (WordDoubt.ORDINARY,)),
        ("Portrait", (WordDoubt.ORDINARY,)),
        ("flowers", (WordDoubt.ORDINARY,)),
        ("ucja", (WordDoubt.ORDINARY,)),
        ("TOK2", (WordDoubt.DIGITS,)),
    ],
)
def test_an_ordinary_word_or_a_digit_is_a_warning_not_an_error(
    word: str, doubts: tuple[WordDoubt, ...]
) -> None:
    assert find_problem(word) is None
    assert find_doubts(word, "Maja Ucja") == doubts
