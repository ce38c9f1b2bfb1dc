"""Base URLs: one form for one service, and no way to nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api import BaseUrlProblem, BaseUrlUnusable
from apiframe_studio.api.urls import leads_to_this_machine, usable_base_url


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("https://api.apiframe.pro", "https://api.apiframe.pro"),
        ("https://api.apiframe.pro/", "https://api.apiframe.pro"),
        ("HTTPS://API.Apiframe.PRO:443//", "https://api.apiframe.pro"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:80", "http://localhost"),
    ],
)
def test_a_service_has_one_form_however_it_is_written(written: str, form: str) -> None:
    assert usable_base_url(written) == form


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        *[
            (odd, BaseUrlProblem.NOT_A_URL)
            for odd in ("", "api.apiframe.pro", "https://", "https://:443", "not a url")
        ],
        *[
            (odd, BaseUrlProblem.NOT_A_URL)
            for odd in ("https://[::1", "https://x:port", "https://x:99999", "https://ä.de")
        ],
        *[
            (odd, BaseUrlProblem.NOT_A_URL)
            for odd in ("https://x\r\ny", "https://x\\@y", "https://" + "x" * 9_999)
        ],
        ("ftp://api.apiframe.pro", BaseUrlProblem.SCHEME),
        ("https://me:secret@api.apiframe.pro", BaseUrlProblem.CREDENTIALS),
        ("https://api.apiframe.pro?key=secret", BaseUrlProblem.QUERY),
        ("https://api.apiframe.pro/#", BaseUrlProblem.QUERY),
    ],
)
def test_an_unusable_base_url_is_told_by_its_problem_and_not_repeated(
    written: str, problem: BaseUrlProblem
) -> None:
    with pytest.raises(BaseUrlUnusable) as caught:
        usable_base_url(written)
    assert caught.value.problem is problem
    assert "secret" not in f"{caught.value!r}{caught.value}"


@given(
    st.text(max_size=40)
    | st.builds("{}://{}".format, st.sampled_from(["http", "https"]), st.text(max_size=30))
)
def test_any_text_is_usable_in_a_stable_form_or_refused(written: str) -> None:
    try:
        form = usable_base_url(written)
    except BaseUrlUnusable:
        return
    assert usable_base_url(form) == form


@pytest.mark.parametrize(
    ("base_url", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1", True),
        ("http://localhost:1", True),
        ("http://api.localhost", True),
        ("https://api.apiframe.pro", False),
        ("http://192.168.0.1", False),
        ("http://localhost.example", False),
    ],
)
def test_it_is_known_what_leads_to_this_machine(base_url: str, here: bool) -> None:
    assert leads_to_this_machine(base_url) is here
