"""Which image links are followed. The tables have what a service or an attacker might return."""

from __future__ import annotations

import httpx
import pytest

from apiframe_studio.api.errors import ImageRefused
from apiframe_studio.api.http.image_hosts import check_image_url

SERVICE = "https://api.apiframe.pro"
HOSTS = [
    ".apiframe.pro",
    "images.example",
    "Files.Example",
    " port.example:8443 ",
    "203.0.113.7",
    "[2001:db8::7]",
    "xn--bcher-kva.example",
    ".0.0.1",
    "",
    ".",
    "*",
    "*.star.example",
]

FOLLOWED = {
    "https://cdn.apiframe.pro/a.png": "cdn.apiframe.pro",
    "https://apiframe.pro/a.png": "apiframe.pro",
    "https://a.b.c.apiframe.pro/a.png": "a.b.c.apiframe.pro",
    "https://CDN.Apiframe.PRO/a.png": "cdn.apiframe.pro",
    "HTTPS://cdn.apiframe.pro/a.png": "cdn.apiframe.pro",
    "https://cdn.apiframe.pro:443/a.png": "cdn.apiframe.pro",
    "https://cdn.apiframe.pro:/a.png": "cdn.apiframe.pro",
    "https://cdn_1.apiframe.pro/a.png": "cdn_1.apiframe.pro",
    "https://cdn.apiframe.pro/@evil.example/": "cdn.apiframe.pro",
    "https://cdn.apiframe.pro?@evil.example/": "cdn.apiframe.pro",
    "https://cdn.apiframe.pro#@evil.example/": "cdn.apiframe.pro",
    "https://images.example/a.png?sig=a%2Fb": "images.example",
    "https://files.example/ä ö.png": "files.example",
    "https://port.example:8443/a.png": "port.example",
    "https://203.0.113.7/a.png": "203.0.113.7",
    "https://[2001:db8::7]/a.png": "2001:db8::7",
    "https://bücher.example/a.png": "xn--bcher-kva.example",
}

REFUSED = {
    # other names
    "https://evil.example/a.png": "host",
    "https://evilapiframe.pro/a.png": "host",
    "https://apiframe.pro.evil.example/a.png": "host",
    "https://cdn.images.example/a.png": "host",
    "https://localhost/a.png": "host",
    "https://metadata.google.internal/": "host",
    "https://star.example/a.png": "host",
    "https://a.star.example/a.png": "host",
    "https://*.star.example/a.png": "host",
    "https://pro/a.png": "host",
    # userinfo
    "https://cdn.apiframe.pro@evil.example/a.png": "host",
    "https://cdn.apiframe.pro:443@evil.example/a.png": "host",
    "https://user:word@cdn.apiframe.pro/a.png": "host",
    "https://user@cdn.apiframe.pro/a.png": "host",
    "https://cdn.apiframe.pro%40evil.example/a.png": "host",
    # other ways to write or split a host
    "https://evil.example\\.apiframe.pro/a.png": "host",
    "https://cdn.apiframe.pro\\@evil.example/a.png": "host",
    "https://evil.example\\@cdn.apiframe.pro/a.png": "host",
    "https://evil.example%2f.apiframe.pro/a.png": "host",
    "https://evil.example%00.apiframe.pro/a.png": "host",
    "https://evil.example#.apiframe.pro/a.png": "host",
    "https://evil.example?.apiframe.pro/a.png": "host",
    "https://evil.example;.apiframe.pro/a.png": "host",
    "https://evil.example&.apiframe.pro/a.png": "host",
    "https://evil.example\t.apiframe.pro/a.png": "host",
    "https://evil.example\r\nHost: cdn.apiframe.pro/a.png": "host",
    " https://cdn.apiframe.pro/a.png": "host",
    # dots and labels
    "https://cdn.apiframe.pro./a.png": "host",
    "https://apiframe.pro../a.png": "host",
    "https://.apiframe.pro/a.png": "host",
    "https://a..apiframe.pro/a.png": "host",
    "https://-.apiframe.pro/a.png": "host",
    # internationalized names
    "https://cdn.аpiframe.pro/a.png": "host",  # noqa: RUF001 - its first a is Cyrillic
    "https://cdn.apiframe.pro\u2044.evil.example/a.png": "host",
    "https://ｃdn.apiframe.pro/a.png": "host",  # noqa: RUF001 - its first c is fullwidth
    "https://xn--zzzzzzzzz.apiframe.pro/a.png": "host",
    "https://xn--pple-43d.example/a.png": "host",
    # ports
    "https://cdn.apiframe.pro:80/a.png": "host",
    "https://cdn.apiframe.pro:8443/a.png": "host",
    "https://cdn.apiframe.pro:22/a.png": "host",
    "https://cdn.apiframe.pro:0/a.png": "host",
    "https://cdn.apiframe.pro:99999/a.png": "host",
    "https://cdn.apiframe.pro:port/a.png": "host",
    "https://port.example/a.png": "host",
    "https://port.example:8444/a.png": "host",
    # addresses
    "https://127.0.0.1/a.png": "host",
    "https://127.1/a.png": "host",
    "https://2130706433/a.png": "host",
    "https://0x7f000001/a.png": "host",
    "https://0/a.png": "host",
    "https://169.254.169.254/latest/meta-data/": "host",
    "https://[::1]/a.png": "host",
    "https://[::ffff:127.0.0.1]/a.png": "host",
    "https://[::ffff:203.0.113.7]/a.png": "host",
    "https://[fe80::1%25eth0]/a.png": "host",
    "https://[2001:db8::8]/a.png": "host",
    "https://203.0.113.70/a.png": "host",
    "https://203.0.113.7.evil.example/a.png": "host",
    # no host, no scheme, another scheme
    "": "host",
    "https://": "host",
    "https:///a.png": "host",
    "https:cdn.apiframe.pro/a.png": "host",
    "/a.png": "host",
    "data:image/png;base64,iVBORw0KGgo=": "host",
    "file:///etc/passwd": "host",
    "javascript:alert(1)": "host",
    "//cdn.apiframe.pro/a.png": "scheme",
    "http://cdn.apiframe.pro/a.png": "scheme",
    "http://images.example:80/a.png": "scheme",
    "file://cdn.apiframe.pro/etc/passwd": "scheme",
    "ftp://cdn.apiframe.pro/a.png": "scheme",
    "ws://cdn.apiframe.pro/a.png": "scheme",
    "gopher://cdn.apiframe.pro:443/_GET": "scheme",
    "http://images.example:443/a.png": "host",
    f"https://cdn.apiframe.pro/{'a' * 3_000}": "host",
}


def why_refused(link: str, base_url: str = SERVICE, *, embedded: bool = False) -> str:
    """Return the reason for a rejection, or "" for a link that is followed."""
    try:
        check_image_url(link, HOSTS, base_url=base_url, embedded=embedded)
    except ImageRefused as refused:
        return refused.reason.value
    return ""


@pytest.mark.parametrize(("link", "host"), FOLLOWED.items())
def test_a_link_to_an_allowed_host_leads_to_that_host(link: str, host: str) -> None:
    url = check_image_url(link, HOSTS, base_url=SERVICE)
    assert (url.scheme, url.raw_host.decode()) == ("https", host)


@pytest.mark.parametrize(("link", "why"), REFUSED.items(), ids=[link[:60] for link in REFUSED])
def test_any_other_link_is_rejected(link: str, why: str) -> None:
    assert why_refused(link) == why


def test_the_tables_have_many_rows() -> None:
    assert len(FOLLOWED) + len(REFUSED) >= 80


RELATIVE = [
    "//evil.example/b.png",
    "http:b.png",
    "http:/b.png",
    "///evil.example/b.png",
    "\\\\evil.example/b.png",
]


@pytest.mark.parametrize("link", [*REFUSED, *RELATIVE])
def test_a_redirect_to_another_host_is_rejected_too(link: str) -> None:
    page = httpx.URL("https://cdn.apiframe.pro/x/a.png")
    try:
        url = check_image_url(link, HOSTS, base_url=SERVICE, seen_at=page)
    except ImageRefused:
        return
    # A relative link is resolved against the URL of its response, which was allowed.
    assert (url.scheme, url.netloc, url.userinfo) == ("https", b"cdn.apiframe.pro", b"")


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("b.png", "https://cdn.apiframe.pro/x/b.png"),
        ("/b.png", "https://cdn.apiframe.pro/b.png"),
        ("?b", "https://cdn.apiframe.pro/x/a.png?b"),
        ("//images.example/b.png", "https://images.example/b.png"),
    ],
)
def test_a_relative_redirect_is_resolved_against_its_url(link: str, leads_to: str) -> None:
    page = httpx.URL("https://cdn.apiframe.pro/x/a.png")
    assert str(check_image_url(link, HOSTS, base_url=SERVICE, seen_at=page)) == leads_to


@pytest.mark.parametrize(
    ("link", "base_url", "embedded", "why"),
    [
        ("http://127.0.0.1:8000/a.png", "http://127.0.0.1:8000", False, ""),
        ("http://localhost:8000/a.png", "http://localhost:8000", False, ""),
        ("http://[::1]:8000/a.png", "http://[::1]:8000", False, ""),
        ("http://sandbox.invalid/a.png", "http://sandbox.invalid", True, ""),
        ("https://cdn.apiframe.pro/a.png", "http://127.0.0.1:8000", False, ""),
        # Not the address of the local service:
        ("http://127.0.0.1:8001/a.png", "http://127.0.0.1:8000", False, "host"),
        ("https://127.0.0.1:8000/a.png", "http://127.0.0.1:8000", False, "host"),
        ("http://localhost:8000/a.png", "http://127.0.0.1:8000", False, "host"),
        ("http://other.invalid/a.png", "http://sandbox.invalid", True, "host"),
        ("http://cdn.apiframe.pro/a.png", "http://127.0.0.1:8000", False, "scheme"),
        ("http://cdn.apiframe.pro/a.png", "http://sandbox.invalid", True, "scheme"),
        # A remote service does not serve images itself:
        ("https://api.service.example/a.png", "https://api.service.example", False, "host"),
        ("http://sandbox.invalid/a.png", "http://sandbox.invalid", False, "host"),
    ],
)
def test_only_a_local_service_may_serve_its_images_itself_and_without_https(
    link: str, base_url: str, *, embedded: bool, why: str
) -> None:
    assert why_refused(link, base_url, embedded=embedded) == why


def test_a_local_port_can_be_allowed_if_the_service_is_local_too() -> None:
    link = "http://127.0.0.1:9000/a.png"
    assert check_image_url(link, ["127.0.0.1:9000"], base_url="http://127.0.0.1:8000").port == 9000
    with pytest.raises(ImageRefused) as caught:
        check_image_url(link, ["127.0.0.1:9000"], base_url=SERVICE)
    assert caught.value.reason == "scheme"


def test_an_empty_list_allows_nothing() -> None:
    with pytest.raises(ImageRefused):
        check_image_url("https://cdn.apiframe.pro/a.png", [], base_url=SERVICE)


def test_a_rejection_names_the_host_as_written_in_the_setting() -> None:
    for link, named in {
        "https://Evil.Example:8443/a?b": "evil.example:8443",
        "https://" + "e" * 300 + ".example/": "e" * 99 + "…",
    }.items():
        with pytest.raises(ImageRefused) as caught:
            check_image_url(link, HOSTS, base_url=SERVICE)
        assert caught.value.host == named
