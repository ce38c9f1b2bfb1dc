"""The client of the first generation of the service.

Source: the vendor's v1 documentation of AI Photos. There is no list, cancel, delete or idempotency key, so a paid
request is sent once, on a new connection; what repeats or remembers is in the layers above.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from apiframe_studio.api.errors import (
    AuthenticationFailed,
    InsufficientCredits,
    Refused,
)
from apiframe_studio.api.http.client import ApiClient
from apiframe_studio.api.http.fetch_batcher import FetchBatcher
from apiframe_studio.api.http.json_values import drop_none
from apiframe_studio.api.http.responses import RawResponse, missing_id_error, parse_or_raise
from apiframe_studio.api.provider import (
    Accepted,
    Account,
    BeforeLastPart,
    ImageCall,
    Kind,
    OnBytesSent,
    Outcome,
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

MIN_BATCH: Final = 2


class ApiframeV1(ApiClient):
    """A `Provider` that speaks v1."""

    terms = V1_TERMS
    key_header = "Authorization"
    response_format = RESPONSE_FORMAT

    @cached_property
    def _batcher(self) -> FetchBatcher:
        return FetchBatcher(self.fetch, self.fetch_many, V1_TERMS.status_batch)

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
        # A task may show what it was started with.
        self._redactor.remember(secret or "")
        body = {
            "training_images_id": call.photo_set_id,
            "trigger_word": call.trigger_word,
            "webhook_url": call.webhook_url,
            "webhook_secret": secret,
        }
        return self._accepted(await self._pay("/ai-photo-train", drop_none(body), deadline_seconds))

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

    async def status(self, kind: Kind | None, task_ids: Sequence[str]) -> Mapping[str, Outcome]:
        """Check tasks, sharing requests with all who check at the same time. `kind` replaces the guessed one."""
        outcomes = await self._batcher.fetch_all(task_ids)
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
        return self._read("POST", "/fetch", self._read_task, body={"task_id": task_id}, seconds=seconds)

    async def fetch_many(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """Check 2 to 20 tasks by one request, each with its own outcome. Source: `POST /fetch-many`.

        What the response leaves uncertain, and every id of a batch that was refused as a whole (one bad id may be the
        reason), is fetched by itself, within the same deadline. Raises ApiframeError.
        """
        requested = list(dict.fromkeys(ids))
        if not MIN_BATCH <= len(requested) <= V1_TERMS.status_batch:
            raise ValueError(f"{MIN_BATCH} to {V1_TERMS.status_batch} different ids, not {len(requested)}")
        return await self._fetch_together(requested, self._fetch_batch, self.fetch)

    async def account(self) -> Account:
        """Credits and plan. Source: `GET /account`. Raises as `Provider`."""
        return await self._read("GET", "/account", lambda fields: read_account(fields, self._redactor))

    def _accepted(self, response: RawResponse, *, needs_id: bool = True) -> Accepted:
        fields = parse_or_raise(response, self._redactor, RESPONSE_FORMAT)
        task_id = self._redactor.keep_value(read_task_id(fields.get("task_id")))
        image_urls = self._redactor.keep_links(read_image_urls(fields))
        if task_id is None and (needs_id or not image_urls):
            raise missing_id_error(response, self._redactor, RESPONSE_FORMAT)
        return Accepted(task_id, image_urls)

    async def _fetch_batch(self, requested: Sequence[str]) -> dict[str, TaskStatus]:
        body = {"task_ids": list(requested)}
        try:
            tasks = await self._read("POST", "/fetch-many", lambda fields: fields.get("tasks"), body=body)
        except (AuthenticationFailed, InsufficientCredits):
            raise
        except Refused:
            return {}
        return match_batch(requested, tasks, self._redactor)

    def _read_task(self, fields: Mapping[str, object]) -> TaskStatus:
        return read_task(fields, self._redactor)


def _as_text(number: int | None) -> str | None:
    return None if number is None else str(number)
