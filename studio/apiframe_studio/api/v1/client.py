"""The client of the first generation of the service.

Source: the vendor's v1 documentation of AI Photos. There is no list, cancel, delete or idempotency key, so a paid
request is sent once, on a new connection; what repeats or remembers is in the layers above.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import anyio

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    InsufficientCredits,
    Refused,
)
from apiframe_studio.api.http.downloads import ImageDownloader
from apiframe_studio.api.http.fetch_batcher import FetchBatcher
from apiframe_studio.api.http.json_values import drop_none, object_or_empty
from apiframe_studio.api.http.redaction import Redactor
from apiframe_studio.api.http.responses import RawResponse, missing_id_error, parse_or_raise
from apiframe_studio.api.http.retries import with_retries
from apiframe_studio.api.http.transport import Body, Transport
from apiframe_studio.api.provider import (
    Accepted,
    Account,
    BeforeLastPart,
    Deadlines,
    Image,
    ImageCall,
    Kind,
    OnBytesSent,
    OnDate,
    Provider,
    TaskStatus,
    TrainingCall,
    UploadCall,
)
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v1.upload_body import UploadBody
from apiframe_studio.api.v1.wire import (
    RESPONSE_FORMAT,
    match_batch,
    read_account,
    read_image_urls,
    read_task,
    read_task_id,
)

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

T = TypeVar("T")

MIN_BATCH: Final = 2
_MAX_SECRETS: Final = 20
_KEPT_UNCHANGED: Final = ("task_id", "trigger_word", "image_urls")


class ApiframeV1(Provider):
    """A `Provider` that speaks v1. `app` is an ASGI app that answers in place of the service.

    Raises:
        InvalidBaseUrl: when built with a base URL to which nothing can be sent.
    """

    terms = V1_TERMS

    def __init__(
        self,
        *,
        key: SecretStr | None,
        base_url: str = V1_TERMS.base_url,
        allow_http: bool = False,
        app: ASGIApp | None = None,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen, so sharing it is harmless
        on_date: OnDate | None = None,
    ) -> None:
        self._deadlines = deadlines
        self._transport = Transport(
            key=key,
            key_header="Authorization",
            base_url=base_url,
            allow_http=allow_http,
            app=app,
            deadlines=deadlines,
            on_date=on_date,
        )
        self._images = ImageDownloader(
            base_url=self._transport.base_url, app=app, deadlines=deadlines, leaks=self._leaks
        )
        self._key = key
        self._webhook_secrets: deque[str] = deque(maxlen=_MAX_SECRETS)
        self._redactor = self._key_redactor = Redactor([key.get_secret_value()] if key else [])
        self._batcher = FetchBatcher(self.fetch, self.fetch_many, V1_TERMS.status_batch)

    async def train(
        self,
        call: TrainingCall,
        *,
        deadline_seconds: float | None = None,
        on_sent: OnBytesSent | None = None,  # noqa: ARG002 - the request has no photos
        before_last_part: BeforeLastPart | None = None,  # noqa: ARG002 - the request is sent as a whole
    ) -> Accepted:
        """Start a training. PAID, sent once. `photo_set_id` is the task_id of an upload.

        The trigger word that the service returns may be neither the requested one nor its documented default.
        Source: `POST /ai-photo-train`. Raises as `Provider`.
        """
        secret = call.webhook_secret.get_secret_value() if call.webhook_secret else None
        self._remember(secret)
        body = {
            "training_images_id": call.photo_set_id,
            "trigger_word": call.trigger_word,
            "webhook_url": call.webhook_url,
            "webhook_secret": secret,
        }
        seconds = self._deadlines.paid if deadline_seconds is None else deadline_seconds
        return self._accepted(await self._pay("/ai-photo-train", drop_none(body), seconds))

    async def upload(
        self, call: UploadCall, *, deadline_seconds: float, on_sent: OnBytesSent | None = None
    ) -> Accepted:
        """Upload photos. PAID, sent once.

        `deadline_seconds` is for all of it: the caller sizes it by the bytes. The body is a third larger than the
        photos and is made while it is sent. A body that makes no progress for `Deadlines.stalled` ends it sooner.
        Source: `POST /ai-photo-upload`. Raises as `Provider`.
        """
        fields = drop_none({"ethnicity": call.ethnicity, "gender": call.gender, "age": call.age})
        body = UploadBody(fields, call.photos, on_sent)
        return self._accepted(await self._pay("/ai-photo-upload", body, deadline_seconds))

    async def generate(self, call: ImageCall, *, deadline_seconds: float) -> Accepted:
        """Generate images. PAID, sent once. The response holds the images, or an id to fetch them by.

        The service does not put the trigger word into the prompt. `width` and `height` go with the aspect ratio
        `custom`, which is for the caller to ensure.
        Source: `POST /ai-photo-generate`, which takes these numbers as text, except the seed. Raises as `Provider`;
        OutcomeUnknown also for a response with neither id nor images.
        """
        body = {
            "training_id": call.training_id,
            "prompt": call.prompt,
            "aspect_ratio": call.aspect_ratio,
            "width": _as_text(call.width),
            "height": _as_text(call.height),
            "number_of_images": _as_text(call.number_of_images),
            "seed": call.seed,
        }
        response = await self._pay("/ai-photo-generate", drop_none(body), deadline_seconds)
        return self._accepted(response, needs_id=False)

    async def download(
        self, url: str, *, hosts: Sequence[str], deadline_seconds: float, max_bytes: int
    ) -> Image:
        """Fetch one generated image, without the key. Arguments and errors as `ImageDownloader.download`."""
        return await self._images.download(
            url, hosts=hosts, deadline_seconds=deadline_seconds, max_bytes=max_bytes
        )

    async def status(
        self, kind: Kind | None, task_ids: Sequence[str]
    ) -> Mapping[str, TaskStatus | ApiframeError]:
        """Check tasks, sharing requests with all who check at the same time. `kind` replaces the guessed one."""
        outcomes: dict[str, TaskStatus | ApiframeError] = {}
        async with anyio.create_task_group() as group:
            for task_id in dict.fromkeys(task_ids):
                group.start_soon(self._batcher.fetch, task_id, outcomes)
        if kind is None:
            return outcomes
        return {
            task_id: replace(outcome, kind=kind) if isinstance(outcome, TaskStatus) else outcome
            for task_id, outcome in outcomes.items()
        }

    def fetch(self, task_id: str, seconds: float | None = None) -> Awaitable[TaskStatus]:
        """Check one task by a separate request, within `seconds` or the deadline of reads. Source: `POST /fetch`.

        Raises:
            NotFound, Refused: there is no such task, as far as this service says (undocumented).
            ApiframeError: the request failed.
        """
        return self._read("POST", "/fetch", {"task_id": task_id}, self._read_task, seconds)

    async def fetch_many(self, ids: Sequence[str]) -> dict[str, TaskStatus | ApiframeError]:
        """Check 2 to 20 tasks by one request, each with its own outcome. Source: `POST /fetch-many`.

        What the response leaves uncertain, and every id of a batch that was refused as a whole (one bad id may be the
        reason), is fetched by itself, within the same deadline.

        Raises:
            ApiframeError: the request failed, or the key was refused.
        """
        requested = list(dict.fromkeys(ids))
        if not MIN_BATCH <= len(requested) <= V1_TERMS.status_batch:
            raise ValueError(f"{MIN_BATCH} to {V1_TERMS.status_batch} different ids, not {len(requested)}")
        until = anyio.current_time() + self._deadlines.read
        outcomes: dict[str, TaskStatus | ApiframeError] = {**await self._fetch_batch(requested)}

        async def fetch_one(task_id: str) -> None:
            try:
                outcomes[task_id] = await self.fetch(task_id, max(until - anyio.current_time(), 0.0))
            except ApiframeError as error:
                outcomes[task_id] = error

        async with anyio.create_task_group() as group:
            for task_id in requested:
                if task_id not in outcomes:
                    group.start_soon(fetch_one, task_id)
        return outcomes

    async def account(self) -> Account:
        """Credits and plan. Free. Source: `GET /account`.

        Raises:
            ApiframeError: the request failed, or the key was refused.
        """
        return await self._read(
            "GET", "/account", None, lambda fields: read_account(fields, self._redactor.sanitize)
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _pay(self, path: str, body: Body, seconds: float) -> Awaitable[RawResponse]:
        return self._transport.request(
            "POST", path, body, redactor=self._redactor, seconds=seconds, fresh=True
        )

    def _accepted(self, response: RawResponse, *, needs_id: bool = True) -> Accepted:
        fields = parse_or_raise(response, self._redactor, RESPONSE_FORMAT)
        task_id = self._none_if_secret(read_task_id(fields.get("task_id")))
        image_urls = self._without_leaks(read_image_urls(fields))
        if task_id is None and (needs_id or not image_urls):
            raise missing_id_error(response, self._redactor, RESPONSE_FORMAT)
        return Accepted(task_id, image_urls)

    async def _fetch_batch(self, requested: Sequence[str]) -> dict[str, TaskStatus]:
        body = {"task_ids": list(requested)}
        try:
            response = await self._read("POST", "/fetch-many", body, object_or_empty)
        except (AuthenticationFailed, InsufficientCredits):
            raise
        except Refused:
            return {}
        found = match_batch(requested, response.get("tasks"), self._redactor.sanitize)
        return {task_id: self._without_secrets(task) for task_id, task in found.items()}

    def _read(
        self,
        method: str,
        path: str,
        body: Body | None,
        read: Callable[[dict[str, object]], T],
        seconds: float | None = None,
    ) -> Awaitable[T]:
        return with_retries(
            lambda left: self._transport.request(method, path, body, redactor=self._redactor, seconds=left),
            lambda response: read(parse_or_raise(response, self._redactor, RESPONSE_FORMAT)),
            self._deadlines.read if seconds is None else seconds,
        )

    def _read_task(self, fields: Mapping[str, object]) -> TaskStatus:
        return self._without_secrets(read_task(fields, self._redactor.sanitize))

    def _without_secrets(self, task: TaskStatus) -> TaskStatus:
        """Leave out each field that is kept and shown unchanged (an id, a word, a link) and contains a secret."""
        safe = replace(
            task,
            task_id=self._none_if_secret(task.task_id),
            trigger_word=self._none_if_secret(task.trigger_word),
            image_urls=self._without_leaks(task.image_urls),
        )
        lost = [name for name in _KEPT_UNCHANGED if getattr(safe, name) != getattr(task, name)]
        return replace(safe, notes=tuple(dict.fromkeys((*task.notes, *(f"odd_{name}" for name in lost)))))

    def _none_if_secret(self, value: str | None) -> str | None:
        return None if value is None or self._redactor.is_in(value) else value

    def _without_leaks(self, links: Sequence[str]) -> tuple[str, ...]:
        return tuple(link for link in links if not self._leaks(link))

    def _leaks(self, link: str) -> bool:
        return self._key_redactor(link) != link or self._redactor.is_in(link)

    def _remember(self, webhook_secret: str | None) -> None:
        """Redact a webhook secret in every later response too: a task may show what it was started with."""
        if webhook_secret and webhook_secret not in self._webhook_secrets:
            self._webhook_secrets.append(webhook_secret)
            key = [self._key.get_secret_value()] if self._key else []
            self._redactor = Redactor([*key, *self._webhook_secrets])


def _as_text(number: int | None) -> str | None:
    return None if number is None else str(number)
