"""When two spellings are the same name, as keyboards, file systems and models write them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.subjects import subject_key


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("José", "Jose\u0301"),
        ("ANNA", "anna"),
        ("  Anna   Maria ", "anna\tmaria"),
        ("Straße", "STRASSE"),
        ("Zoë", unicodedata.normalize("NFD", "ZOË")),
        ("\uff21\uff4e\uff4e\uff41", "Anna"),
        ("İpek", "i\u0307pek"),
        ("ﬁona", "Fiona"),
        ("Σοφος", "ΣΟΦΟΣ"),
    ],
)
def test_the_same_name_has_the_same_key(name: str, other: str) -> None:
    assert subject_key(name) == subject_key(other)


@pytest.mark.parametrize(("name", "other"), [("Jose", "José"), ("Anna", "Anne"), ("Anna Maria", "AnnaMaria")])
def test_a_different_name_has_a_different_key(name: str, other: str) -> None:
    assert subject_key(name) != subject_key(other)


@pytest.mark.parametrize("nothing", [None, "", "  \t\u00a0"])
def test_an_absent_name_has_no_key(nothing: str | None) -> None:
    assert subject_key(nothing) is None


@given(st.text())
def test_a_key_is_its_own_key_in_every_normal_form(name: str) -> None:
    key = subject_key(name)
    assert subject_key(key) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert subject_key(unicodedata.normalize(form, name)) == key
