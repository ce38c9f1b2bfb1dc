"""Company networks: proxies and certificates."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from apiframe_studio.api.errors import BaseUrlProblem, InvalidBaseUrl, NotSent, NotSentReason
from apiframe_studio.api.http import tls
from apiframe_studio.api.provider import Deadlines, TrainingCall
from apiframe_studio.api.v1.client import ApiframeV1

from ...faults.fault_server import ACCEPTED, Fault, FaultServer, answer, fault_server, replying

KEY = "v1-key-of-a-test-0123456789"
ID = ACCEPTED["task_id"]
ELSEWHERE = "photos.invalid"
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere trust is the system's, not a file's"
)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def client_of(base_url: str) -> AsyncIterator[ApiframeV1]:
    deadlines = Deadlines(connect=1, read=2, paid=2)
    api = ApiframeV1(key=SecretStr(KEY), base_url=base_url, allow_http=True, deadlines=deadlines)
    with anyio.fail_after(60):
        yield api
    await api.aclose()


async def test_paid_requests_and_reads_use_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fault_server("accepted") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        async with client_of(f"http://{ELSEWHERE}") as api:
            assert (await api.train(TrainingCall("images-1"))).task_id == ID
            assert (await api.fetch(ID)).task_id == ID
    assert [post.target for post in proxy.posts] == [
        f"http://{ELSEWHERE}/ai-photo-train",
        f"http://{ELSEWHERE}/fetch",
    ]


async def test_no_proxy_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    with fault_server("accepted") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        monkeypatch.setenv("NO_PROXY", f"localhost,{ELSEWHERE}")
        async with client_of(f"http://{ELSEWHERE}") as api:
            with pytest.raises(NotSent) as caught:
                await api.train(TrainingCall("images-1"))
    assert caught.value.reason is NotSentReason.DNS
    assert proxy.connections == 0


@pytest.mark.parametrize("setting", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "http://nowhere:port"])
async def test_a_local_service_is_never_called_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", setting)
    monkeypatch.setenv("ALL_PROXY", setting)
    with fault_server("accepted") as server:
        async with client_of(server.base_url) as api:
            assert (await api.train(TrainingCall("images-1"))).task_id == ID


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
async def test_a_proxy_that_refuses_the_connection_gets_no_secret(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    with fault_server("closed_door", faults={"closed_door": replying(answer(status))}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url.replace("//", "//me:pass@"))
        async with client_of(f"https://{ELSEWHERE}") as api:
            with pytest.raises(NotSent) as caught:
                await api.train(TrainingCall("images-1"))
    assert caught.value.reason is NotSentReason.PROXY
    (connect,) = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", f"{ELSEWHERE}:443")
    assert KEY not in str(connect)
    assert connect.headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "setting",
    [
        "socks5://me:pass@127.0.0.1:9",
        "socks9://me:pass@127.0.0.1:9",
        "http://me:pass@nowhere:port",
        "::::",
    ],
)
async def test_an_invalid_proxy_setting_is_reported_without_its_password(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", setting)
    async with client_of(f"https://{ELSEWHERE}") as api:
        for call in (api.train(TrainingCall("images-1")), api.account()):
            with pytest.raises(InvalidBaseUrl) as caught:
                await call
            assert caught.value.reason is BaseUrlProblem.PROXY
            assert caught.value.__context__ is None
            assert "pass" not in repr(caught.value)


async def test_a_netrc_file_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password pass\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with fault_server("accepted") as server:
        async with client_of(server.base_url) as api:
            await api.train(TrainingCall("images-1"))
    assert server.posts[0].headers["authorization"] == KEY


async def test_a_cookie_is_never_sent_back() -> None:
    tracked = replying(answer("200 OK", ACCEPTED, set_cookie="track=1; Path=/"))
    with fault_server("tracked", faults={"tracked": tracked}) as server:
        async with client_of(server.base_url) as api:
            await api.fetch(ID)
            await api.fetch(ID)
    assert ["cookie" in post.headers for post in server.posts] == [False, False]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a company's certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Company")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    path = tmp_path_factory.mktemp("certificate") / "company.pem"
    path.write_bytes(
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def own_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """A separate TLS context, so that what one test trusts is not trusted in the next."""
    monkeypatch.setattr(tls, "_shared", None)


def over_tls(certificate: Path, fault: Fault) -> Fault:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def secured(connection: socket.socket, server: FaultServer) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            fault(inside, server)

    return secured


@pytest.mark.usefixtures("own_trust")
async def test_an_untrusted_certificate_is_reported_and_nothing_is_sent(certificate: Path) -> None:
    company = over_tls(certificate, replying(answer("200 OK", ACCEPTED)))
    with fault_server("company", faults={"company": company}) as server:
        async with client_of(server.base_url.replace("http:", "https:")) as api:
            with pytest.raises(NotSent) as caught:
                await api.train(TrainingCall("images-1"))
    assert caught.value.reason is NotSentReason.CERTIFICATE
    assert server.posts == []


@linux_only
@pytest.mark.usefixtures("own_trust")
async def test_a_company_certificate_that_this_machine_trusts_is_accepted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    company = over_tls(certificate, replying(answer("200 OK", ACCEPTED)))
    with fault_server("company", faults={"company": company}) as server:
        async with client_of(server.base_url.replace("http:", "https:")) as api:
            assert (await api.train(TrainingCall("images-1"))).task_id == ID
            assert (await api.fetch(ID)).task_id == ID
    assert len(server.posts) == 2


@pytest.mark.usefixtures("own_trust")
async def test_concurrent_callers_share_one_tls_context() -> None:
    contexts: list[ssl.SSLContext] = []

    async def take() -> None:
        contexts.append(await tls.get_tls_context("https://photos.invalid"))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(take)
    assert len({id(context) for context in contexts}) == 1
