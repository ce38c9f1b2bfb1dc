"""What the clients of all generations do alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

import anyio

from apiframe_studio.api.http.downloads import download_image
from apiframe_studio.api.http.fetch_batcher import fetch_all, into_outcomes
from apiframe_studio.api.http.responses import RawResponse, ResponseFormat, parse_or_raise
from apiframe_studio.api.http.retries import with_retries
from apiframe_studio.api.http.transport import Body, Transport
from apiframe_studio.api.provider import Deadlines, Image, OnDate, Outcome, Provider, TaskStatus

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

T = TypeVar("T")


class ApiClient(Provider):
    """A `Provider` that sends requests. `app` is an ASGI app that answers in place of the service.

    Raises:
        InvalidBaseUrl: when built with a base URL to which nothing can be sent.
    """

    key_header: ClassVar[str]
    """The header that carries the bare key."""
    response_format: ClassVar[ResponseFormat]

    def __init__(
        self,
        *,
        key: SecretStr | None,
        base_url: str | None = None,
        allow_http: bool = False,
        app: ASGIApp | None = None,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen, so sharing it is harmless
        on_date: OnDate | None = None,
    ) -> None:
        self._deadlines = deadlines
        self._transport = Transport(
            key=key,
            key_header=self.key_header,
            base_url=self.terms.base_url if base_url is None else base_url,
            allow_http=allow_http,
            app=app,
            deadlines=deadlines,
            on_date=on_date,
        )
        self._redactor = self._transport.redactor

    async def download(
        self, url: str, *, hosts: Sequence[str], deadline_seconds: float, max_bytes: int
    ) -> Image:
        """Fetch one generated image, without the key. Arguments and errors as `download_image`."""
        return await download_image(
            self._transport, url, hosts=hosts, deadline_seconds=deadline_seconds, max_bytes=max_bytes
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _pay(
        self, path: str, body: Body, seconds: float | None, headers: Mapping[str, str] | None = None
    ) -> Awaitable[RawResponse]:
        """Send a paid request once, on a new connection, within `seconds` or the deadline of paid requests."""
        seconds = self._deadlines.paid if seconds is None else seconds
        return self._transport.request("POST", path, body, seconds=seconds, fresh=True, extra_headers=headers)

    def _read(
        self,
        method: str,
        path: str,
        read: Callable[[dict[str, object]], T],
        *,
        body: Body | None = None,
        seconds: float | None = None,
    ) -> Awaitable[T]:
        """Send a free request, again if need be, within `seconds` or the deadline of reads. `read` reads its JSON."""
        return with_retries(
            lambda left: self._transport.request(method, path, body, seconds=left),
            lambda response: read(parse_or_raise(response, self._redactor, self.response_format)),
            self._deadlines.read if seconds is None else seconds,
        )

    async def _fetch_together(
        self,
        ids: Sequence[str],
        fetch_batch: Callable[[Sequence[str]], Awaitable[Mapping[str, TaskStatus]]],
        fetch: Callable[[str, float], Awaitable[TaskStatus]],
    ) -> dict[str, Outcome]:
        """Check tasks by `fetch_batch`, and those that it leaves out by `fetch`, all within one deadline."""
        until = anyio.current_time() + self._deadlines.read
        found = await fetch_batch(ids)

        def fetch_in_time(task_id: str) -> Awaitable[TaskStatus]:
            return fetch(task_id, max(until - anyio.current_time(), 0.0))

        missing = [task_id for task_id in ids if task_id not in found]
        return {**found, **await fetch_all(into_outcomes(fetch_in_time), missing)}
