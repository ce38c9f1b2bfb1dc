"""Fetching images: what is accepted, what hosts receive, and which redirects are followed."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import Any

import anyio
import pytest
import stamina
from PIL import Image as PillowImage
from pydantic import SecretStr

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    ImageRefused,
    InsufficientCredits,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from apiframe_studio.api.provider import Deadlines, Image
from apiframe_studio.api.v1.client import ApiframeV1

from ...faults.fault_server import Fault, FaultServer, answer, dripping, fault_server, replying
from .conftest import Service

KEY = "canary-key-0123456789"
MAX_IMAGE_BYTES = 100_000


def drawn(kind: str) -> bytes:
    file = BytesIO()
    PillowImage.effect_noise((80, 60), 90).save(file, kind)
    return file.getvalue()


PNG = drawn("PNG")
KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def client(base_url: str, **deadlines: float) -> ApiframeV1:
    return ApiframeV1(key=SecretStr(KEY), base_url=base_url, deadlines=Deadlines(**deadlines))


async def download(
    server: FaultServer, *others: FaultServer, path: str = "/a.png", seconds: float = 2
) -> Image:
    """Fetch from a local image host that is separate from the local service."""
    place = server.base_url.removeprefix("http://")
    hosts = [place, *(other.base_url.removeprefix("http://") for other in others)]
    api = client("http://127.0.0.1:9")
    with anyio.fail_after(60), stamina.set_testing(True, attempts=2):
        return await api.download(
            f"http://{place}{path}", hosts=hosts, deadline_seconds=seconds, max_bytes=MAX_IMAGE_BYTES
        )


def served(body: bytes, **headers: Any) -> dict[str, Fault]:
    return {"served": replying(answer("200 OK", body, **headers))}


@pytest.mark.parametrize("header", ["image/png", "text/html", "application/octet-stream", ""])
@pytest.mark.parametrize(("kind", "media_type"), KINDS.items())
async def test_the_type_of_an_image_is_detected_from_its_bytes(
    kind: str, media_type: str, header: str
) -> None:
    data = drawn(kind)
    with fault_server("served", faults=served(data, content_type=header)) as server:
        assert await download(server) == Image(data, media_type)


HOSTILE = {
    "nothing": b"",
    "a page": b"<!doctype html><title>Sign in</title>",
    "JSON": json.dumps({"error": "expired"}).encode(),
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "a GIF": drawn("GIF"),
    "a BMP": drawn("BMP"),
    "a TIFF": drawn("TIFF"),
    "a PDF": b"%PDF-1.7\n" + PNG,
    "an archive": b"PK\x03\x04" + PNG,
    "a program": b"\x7fELF" + PNG,
    "a script": b"#!/bin/sh\nrm -rf /\n" + PNG,
    "an image after a space": b" " + PNG,
    "an image after a byte order mark": b"\xef\xbb\xbf" + PNG,
    "an image in base64": b"iVBORw0KGgoAAAANSUhEUgAA",
    "half a signature": PNG[:7],
    "a PNG whose line ends were changed": PNG.replace(b"\r\n", b"\n"),
    "the first two bytes of a JPEG": b"\xff\xd8",
    "a sound in the frame of a WebP": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "a frame without content": b"RIFF\x24\x00\x00\x00",
    "a film": b"\x00\x00\x00\x20ftypisom",
    "a HEIC": b"\x00\x00\x00\x18ftypheic",
    "zeros": bytes(1000),
    "a compressed image": gzip.compress(PNG),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_content_that_only_claims_to_be_an_image_is_rejected(body: bytes) -> None:
    faults = served(body, content_type="image/png")
    with fault_server("served", faults=faults) as server, pytest.raises(ImageRefused) as caught:
        await download(server)
    assert caught.value.reason == "type"
    assert len(server.requests) == 1


async def test_a_compressed_image_is_not_decompressed() -> None:
    bomb = served(gzip.compress(bytes(50_000_000)), content_encoding="gzip", content_type="image/png")
    with fault_server("served", faults=bomb) as server, pytest.raises(ImageRefused) as caught:
        await download(server)
    assert caught.value.reason == "type"
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (replying(answer("200 OK", PNG + bytes(MAX_IMAGE_BYTES))), "size"),
        (replying(answer("200 OK", PNG + bytes(MAX_IMAGE_BYTES), length=10**15)), "size"),
        (dripping(b"HTTP/1.1 200 OK\r\n\r\n", PNG + bytes(60_000)), "size"),
    ],
    ids=["as declared", "and declared still larger", "without an end"],
)
async def test_the_download_of_a_too_large_image_is_stopped(fault: Fault, why: str) -> None:
    with fault_server("served", faults={"served": fault}) as server, pytest.raises(ImageRefused) as caught:
        await download(server)
    assert caught.value.reason == why
    assert len(server.requests) == 1


async def test_an_image_of_exactly_the_maximum_size_is_accepted() -> None:
    data = PNG + bytes(MAX_IMAGE_BYTES - len(PNG))
    with fault_server("served", faults=served(data)) as server:
        assert len((await download(server)).data) == MAX_IMAGE_BYTES


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status_400", Refused),
        ("status_401", Refused),
        ("status_402", Refused),
        ("status_403", Refused),
        ("status_404", NotFound),
        ("gone", NotFound),
        ("redirect_nowhere", Refused),
        ("not_modified", Refused),
        ("throttled_hugely", RateLimited),
        ("part", OutcomeUnknown),
        ("no_content_204", OutcomeUnknown),
        ("status_408", OutcomeUnknown),
        ("status_503", OutcomeUnknown),
        ("closed_after_request", OutcomeUnknown),
        ("reset_after_request", OutcomeUnknown),
        ("partial_headers", OutcomeUnknown),
        ("switching_101", OutcomeUnknown),
        ("truncated", OutcomeUnknown),
        ("truncated_chunk_with_id", OutcomeUnknown),
        ("silent", OutcomeUnknown),
        ("slow_loris_headers", OutcomeUnknown),
        ("slow_loris_body", OutcomeUnknown),
    ],
)
async def test_each_fault_of_an_image_host_has_its_error(fault: str, error: type[ApiframeError]) -> None:
    faults = {
        "gone": replying(answer("410 Gone")),
        "redirect_nowhere": replying(answer("302 Found")),
        "not_modified": replying(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        "part": replying(answer("206 Partial Content", PNG)),
        "truncated": replying(answer("200 OK", PNG, length=len(PNG) + 1)),
    }
    with fault_server(fault, faults=faults) as server, pytest.raises(error) as caught:
        await download(server, seconds=0.5)
    assert type(caught.value) is error
    assert not isinstance(caught.value, AuthenticationFailed | InsufficientCredits)
    assert caught.value.message == ""


async def test_an_unreachable_image_host_is_reported() -> None:
    with fault_server("refused") as server, pytest.raises(NotSent) as caught:
        await download(server)
    assert caught.value.reason == "refused"


async def test_a_temporary_fault_is_retried_because_it_costs_nothing() -> None:
    with fault_server("status_503", "served", faults=served(PNG)) as server:
        assert (await download(server, seconds=4)).data == PNG
    assert len(server.requests) == 2


# -- redirects ---------------------------------------------------------------------------------------------


def leading(*links: str) -> dict[str, Fault]:
    """A redirect for each link, and then the image."""
    hops = {f"hop{n}": replying(answer("302 Found", location=link)) for n, link in enumerate(links)}
    return {**hops, **served(PNG)}


async def test_three_redirects_to_allowed_hosts_are_followed() -> None:
    with fault_server("served", faults=served(PNG)) as other:
        faults = leading("/b.png", "?c", f"{other.base_url}/d.png")
        with fault_server(*faults, faults=faults) as server:
            assert (await download(server, other)).data == PNG
    assert [request.target for request in server.requests] == ["/a.png", "/b.png", "/b.png?c"]
    assert [request.target for request in other.requests] == ["/d.png"]


async def test_a_fourth_redirect_is_rejected() -> None:
    faults = leading(*["/again"] * 9)
    with fault_server(*faults, faults=faults) as server, pytest.raises(Refused) as caught:
        await download(server)
    assert caught.value.status == 302
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("https://evil.example/a.png", "host"),
        ("//evil.example/a.png", "host"),
        ("http://169.254.169.254/latest/meta-data/", "host"),
        ("http://127.0.0.1:1/a.png", "host"),
        ("http://localhost/a.png", "host"),
        ("http://cdn.allowed.example/a.png", "scheme"),
        ("file:///etc/passwd", "host"),
        ("http://[::1", "host"),
        ("data:image/png;base64,iVBORw0KGgo=", "host"),
        ("https://xn--zzzzzzzzz.example/a.png", "host"),
        ("http://\xff\xfe/a.png", "host"),
    ],
)
async def test_a_redirect_to_another_host_is_rejected_before_a_request(
    link: str, why: str, status: int
) -> None:
    hop = {"hop": replying(answer(f"{status} Elsewhere", location=link))}
    with fault_server("hop", faults=hop) as server:
        api = client("http://127.0.0.1:9")
        hosts = [server.base_url.removeprefix("http://"), "cdn.allowed.example"]
        with pytest.raises(ImageRefused) as caught, anyio.fail_after(60):
            await api.download(
                f"{server.base_url}/a", hosts=hosts, deadline_seconds=2, max_bytes=MAX_IMAGE_BYTES
            )
    assert caught.value.reason == why
    assert server.connections == 1


# -- what an image host receives ---------------------------------------------------------------------------


def everything_in(server: FaultServer) -> str:
    return " ".join(
        f"{request.target} {dict(request.headers)} {request.body!r}" for request in server.requests
    )


async def test_an_image_host_gets_no_key_no_cookie_and_no_referrer() -> None:
    set_cookie = "session=crumb; Path=/; Domain=127.0.0.1"
    with fault_server("served", faults=served(PNG, set_cookie=set_cookie)) as other:
        hop = {"hop": replying(answer("302 Found", location=f"{other.base_url}/b", set_cookie=set_cookie))}
        with fault_server("hop", faults=hop) as service, anyio.fail_after(60):
            api = client(service.base_url)
            hosts = [other.base_url.removeprefix("http://")]
            for _ in range(2):
                await api.download(
                    f"{service.base_url}/a", hosts=hosts, deadline_seconds=2, max_bytes=MAX_IMAGE_BYTES
                )
    for server in (service, other):
        assert len(server.requests) == 2
        assert KEY not in everything_in(server)
        assert "crumb" not in everything_in(server)
        for request in server.requests:
            assert set(request.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}


@pytest.mark.parametrize("link", [f"/a.png?key={KEY}", f"/{KEY}.png", f"/{KEY.upper()}"])
async def test_a_link_that_contains_the_key_is_not_followed(link: str) -> None:
    with fault_server("served", faults=served(PNG)) as server, pytest.raises(ImageRefused) as caught:
        await download(server, path=link)
    assert server.connections == 0
    assert KEY not in f"{caught.value!r} {vars(caught.value)}".lower()


async def test_a_remote_image_is_fetched_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fault_server("status_403") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(NotSent) as caught, anyio.fail_after(60), stamina.set_testing(True):
            await client("https://api.apiframe.pro").download(
                "https://cdn.apiframe.pro/a.png",
                hosts=[".apiframe.pro"],
                deadline_seconds=2,
                max_bytes=MAX_IMAGE_BYTES,
            )
    assert caught.value.reason == "proxy"
    assert [(request.method, request.target) for request in proxy.requests] == [
        ("CONNECT", "cdn.apiframe.pro:443")
    ]
    assert KEY not in everything_in(proxy)


async def test_an_embedded_service_serves_its_images_without_a_network() -> None:
    service = Service({"/images/a.png": PNG})
    api = ApiframeV1(key=SecretStr(KEY), base_url="http://sandbox.invalid", app=service)
    wanted: dict[str, Any] = {"hosts": [".apiframe.pro"], "deadline_seconds": 2, "max_bytes": MAX_IMAGE_BYTES}
    for link in ("http://sandbox.invalid/images/a.png", "https://cdn.apiframe.pro/images/a.png"):
        assert (await api.download(link, **wanted)).media_type == "image/png"
    with pytest.raises(ImageRefused):
        await api.download("https://evil.example/images/a.png", **wanted)
    assert service.paths == ["/images/a.png"] * 2


def test_the_representation_of_an_image_has_no_bytes() -> None:
    assert repr(Image(PNG, "image/png")) == "Image(media_type='image/png')"
