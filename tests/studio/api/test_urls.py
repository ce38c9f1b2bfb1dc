"""Base URLs: one normalized form for each service, and rejected URLs."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api.errors import BaseUrlProblem, InvalidBaseUrl
from apiframe_studio.api.http.transport import Transport
from apiframe_studio.api.provider import Deadlines
from apiframe_studio.api.urls import is_loopback, is_loopback_url, normalize_base_url, require_https
from apiframe_studio.webhooks import WebhookProblem, find_problem


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
def test_every_form_of_a_base_url_is_normalized(written: str, form: str) -> None:
    assert normalize_base_url(written) == form


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
def test_an_unusable_base_url_is_reported_by_its_problem_and_not_repeated(
    written: str, problem: BaseUrlProblem
) -> None:
    with pytest.raises(InvalidBaseUrl) as caught:
        normalize_base_url(written)
    assert caught.value.reason is problem
    assert "secret" not in f"{caught.value!r}{caught.value}"


@given(
    st.text(max_size=40)
    | st.builds("{}://{}".format, st.sampled_from(["http", "https"]), st.text(max_size=30))
)
def test_any_text_is_normalized_or_rejected(written: str) -> None:
    try:
        form = normalize_base_url(written)
    except InvalidBaseUrl:
        return
    assert normalize_base_url(form) == form


HOSTS = [
    ("127.0.0.1", True),
    ("127.9.9.9", True),
    ("[::1]", True),
    ("localhost", True),
    ("LOCALHOST.", True),
    ("api.localhost", True),
    ("api.localhost.", True),
    ("api.apiframe.pro", False),
    ("192.168.0.1", False),
    ("0.0.0.0", False),  # noqa: S104 - asked about, not bound
    ("localhost.example", False),
    ("notlocalhost", False),
]


@pytest.mark.parametrize(("host", "here"), HOSTS)
def test_local_urls_are_recognized_by_their_host(host: str, here: bool) -> None:
    assert is_loopback(host.strip("[]")) is here
    assert is_loopback_url(f"http://{host}:8788/v1") is here
    at_home = find_problem(f"http://{host}/hook", service_is_local=True)
    assert at_home is (None if here else WebhookProblem.NOT_HTTPS)


@pytest.mark.parametrize(("host", "here"), HOSTS)
def test_plain_http_is_allowed_only_to_this_machine(host: str, here: bool) -> None:
    require_https(f"https://{host}")
    if here:
        require_https(f"http://{host}:8788")
        return
    with pytest.raises(InvalidBaseUrl) as caught:
        require_https(f"http://{host}:8788")
    assert caught.value.reason is BaseUrlProblem.PLAIN_HTTP


def test_a_transport_sends_no_key_unencrypted_unless_it_is_allowed() -> None:
    build = partial(
        Transport,
        key=None,
        key_header="Authorization",
        base_url="http://api.apiframe.pro",
        deadlines=Deadlines(),
    )
    with pytest.raises(InvalidBaseUrl) as caught:
        build()
    assert caught.value.reason is BaseUrlProblem.PLAIN_HTTP
    assert build(allow_http=True).base_url == "http://api.apiframe.pro"
