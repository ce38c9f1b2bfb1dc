"""Which webhook URLs are accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.webhooks import WebhookProblem, find_problem

NOT_A_URL, NOT_HTTPS = WebhookProblem.NOT_A_URL, WebhookProblem.NOT_HTTPS


@pytest.mark.parametrize(
    ("url", "remote", "local"),
    [
        ("https://example.com/hook?x=1", None, None),
        ("HTTPS://EXAMPLE.COM/", None, None),
        ("https://[2001:db8::1]:8443/hook", None, None),
        ("https://127.0.0.1/hook", None, None),
        ("http://example.com/hook", NOT_HTTPS, NOT_HTTPS),
        ("http://127.0.0.1:8000/hook", NOT_HTTPS, None),
        ("http://127.9.9.9/hook", NOT_HTTPS, None),
        ("http://[::1]:8000/hook", NOT_HTTPS, None),
        ("http://localhost/hook", NOT_HTTPS, None),
        ("http://app.localhost./hook", NOT_HTTPS, None),
        ("http://localhost.example.com/", NOT_HTTPS, NOT_HTTPS),
        ("http://127.0.0.1.example.com/", NOT_HTTPS, NOT_HTTPS),
        ("http://2130706433/", NOT_HTTPS, NOT_HTTPS),
        ("http://192.168.0.1/", NOT_HTTPS, NOT_HTTPS),
        ("http://127.0.0.1@example.com/", WebhookProblem.CREDENTIALS, WebhookProblem.CREDENTIALS),
        ("https://me:word@example.com/", WebhookProblem.CREDENTIALS, WebhookProblem.CREDENTIALS),
        ("ftp://example.com/", NOT_A_URL, NOT_A_URL),
        ("javascript:alert(1)", NOT_A_URL, NOT_A_URL),
        ("example.com/hook", NOT_A_URL, NOT_A_URL),
        ("https://", NOT_A_URL, NOT_A_URL),
        ("https:///hook", NOT_A_URL, NOT_A_URL),
        ("https://example.com:99999/", NOT_A_URL, NOT_A_URL),
        ("https://[::1/", NOT_A_URL, NOT_A_URL),
        ("https://exa mple.com/", NOT_A_URL, NOT_A_URL),
        ("https://example.com/\r\nX: y", NOT_A_URL, NOT_A_URL),
        ("https://exämple.com/", NOT_A_URL, NOT_A_URL),
        ("", NOT_A_URL, NOT_A_URL),
        ("https://example.com/" + "x" * 2_048, WebhookProblem.TOO_LONG, WebhookProblem.TOO_LONG),
    ],
)
def test_plain_http_is_allowed_only_to_this_machine_and_only_if_the_service_is_local(
    url: str, remote: WebhookProblem | None, local: WebhookProblem | None
) -> None:
    assert find_problem(url, service_is_local=False) is remote
    assert find_problem(url, service_is_local=True) is local


@pytest.mark.slow
@given(st.text(max_size=60), st.booleans())
def test_no_text_raises(text: str, local: bool) -> None:
    for url in (text, f"https://{text}", f"http://{text}/"):
        find_problem(url, service_is_local=local)
