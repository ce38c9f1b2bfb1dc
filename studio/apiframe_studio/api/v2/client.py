"""The client of the second generation of the service.

Source: the vendor's OpenAPI document of v2. A training is one upload, sent once on a new connection; what became of it
is found in the team's list, by a marker in its name. An image generation takes an idempotency key, so that its caller
may send it again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from urllib.parse import quote

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    NotFound,
    RateLimited,
    Refused,
    TooManyTrainings,
    is_unknown_task,
)
from apiframe_studio.api.http.client import ApiClient
from apiframe_studio.api.http.fetch_batcher import FetchBatcher, fetch_all, into_outcomes
from apiframe_studio.api.http.json_values import drop_none, object_or_empty
from apiframe_studio.api.http.responses import (
    RawResponse,
    ResponseFormat,
    missing_id_error,
    parse_or_raise,
)
from apiframe_studio.api.http.retries import with_retries
from apiframe_studio.api.provider import (
    Accepted,
    Account,
    BeforeLastPart,
    Deleted,
    ImageCall,
    Kind,
    NotNow,
    OnBytesSent,
    Outcome,
    Search,
    TaskState,
    TaskStatus,
    TrainingCall,
)
from apiframe_studio.api.v2.listing import Page, read_page, read_pages
from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.api.v2.upload_body import UploadBody
from apiframe_studio.api.v2.wire import (
    JOB_FORMAT,
    TRAINING_FORMAT,
    Job,
    Lora,
    Row,
    job_status,
    read_account,
    read_id,
    training_status,
)

MODEL: Final = "flux-lora"
LABEL: Final = "AI photos"
"""What the dashboard shows before the marker. Never the subject's name: the whole team sees it, and it cannot be
changed or deleted."""

MAX_STATUS_PAGES: Final = 2
MAX_COMPARED_JOBS: Final = 20
# The clocks of the service's machines may differ, and a photo set may take minutes to arrive.
_TRAINING_MARGIN: Final = timedelta(minutes=10)
_IMAGES_MARGIN: Final = timedelta(minutes=2)
# What the service trains with when a request names neither.
_DEFAULT_STEPS: Final = 1000
_DEFAULT_RANK: Final = 32
_NAMES_THE_CAP: Final = re.compile("concurrent|training", re.IGNORECASE)


class ApiframeV2(ApiClient):
    """A `Provider` that speaks v2."""

    terms = V2_TERMS
    key_header = "X-API-Key"
    response_format = TRAINING_FORMAT
    _user_id: str | None = None

    @cached_property
    def _batcher(self) -> FetchBatcher:
        return FetchBatcher(
            self.fetch_training, self.fetch_trainings, V2_TERMS.status_batch, collects_bursts=True
        )

    async def train(
        self,
        call: TrainingCall,
        *,
        deadline_seconds: float | None = None,
        on_sent: OnBytesSent | None = None,
        before_last_part: BeforeLastPart | None = None,
    ) -> Accepted:
        """Send photos and start a training of them. PAID, sent once.

        `deadline_seconds` is for all of it: the caller sizes it by the bytes. An exception of `before_last_part` ends
        the request before its end and is raised.
        Source: `POST /v2/loras`, which takes neither a trigger word nor a webhook secret. Raises as `Provider`;
        TooManyTrainings when the team's places are taken.
        """
        body = UploadBody(_training_fields(call), call.photos, on_sent, before_last_part)
        headers = {"Content-Type": body.content_type}
        try:
            return self._accepted(await self._pay("/v2/loras", body, deadline_seconds, headers), "id")
        except RateLimited as error:
            if error.retry_after is not None or not _NAMES_THE_CAP.search(error.message):
                raise
            full = TooManyTrainings(error.message, status=error.status, request_id=error.request_id)
        raise full

    async def generate(self, call: ImageCall, *, deadline_seconds: float) -> Accepted:
        """Generate images. PAID. The same call with the same key, within a day, returns the first one's id.

        The service puts the trigger word into a prompt that lacks it, and takes no width or height.
        Source: `POST /v2/images/generate`, whose body may have no other field. Raises as `Provider`; Conflict when
        the key belongs to another request.
        """
        params = {
            "loraId": call.training_id,
            "num_outputs": call.number_of_images,
            "aspect_ratio": call.aspect_ratio,
            "seed": call.seed,
        }
        body = {"model": MODEL, "prompt": call.prompt, "fluxLoraParams": drop_none(params)}
        headers = drop_none({"Idempotency-Key": call.idempotency_key})
        response = await self._pay("/v2/images/generate", body, deadline_seconds, headers)
        return self._accepted(response, "jobId", JOB_FORMAT)

    async def status(self, kind: Kind | None, task_ids: Sequence[str]) -> Mapping[str, Outcome]:
        """Check tasks, those of trainings by one request for all who check at the same time. No task is an upload."""
        match kind:
            case Kind.UPLOAD:
                return {task_id: NotFound() for task_id in task_ids}
            case Kind.TRAINING:
                return await self._batcher.fetch_all(task_ids)
            case Kind.GENERATION:
                return await fetch_all(into_outcomes(self.fetch_job), task_ids)
            case None:
                return await fetch_all(into_outcomes(self._fetch_either), task_ids)

    async def fetch_training(self, training_id: str, seconds: float | None = None) -> TaskStatus:
        """Check one training by a separate request. Source: `GET /v2/loras/{id}`.

        Raises:
            NotFound, Refused: the team of the key has no such training.
            ApiframeError: the request failed.
        """
        path = f"/v2/loras/{_path_id(training_id)}"
        return training_status(await self._read("GET", path, Lora.read, seconds=seconds), self._redactor)

    async def fetch_trainings(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """Check up to 100 trainings by one or two requests, each with its own outcome. Source: `GET /v2/loras`.

        What these pages do not show is fetched by itself, within the same deadline. Raises ApiframeError.
        """
        return await self._fetch_together(ids, self._list_trainings, self.fetch_training)

    async def fetch_job(self, job_id: str) -> TaskStatus:
        """Check one image generation. Source: `GET /v2/jobs/{id}`. Raises as `fetch_training`."""
        return job_status(await self._fetch_job(job_id), self._redactor)

    async def find(self, call: TrainingCall | ImageCall, since: float) -> Search:
        """Find what became of a call in the list of trainings, or of the user's image generations.

        A training is found by the marker in its name. Candidates have the same number of photos, gender and ethnicity,
        no marker, and belong to the user of the key. Images are found by prompt, training, number and seed; those
        whose request the service does not show are candidates.
        Sources: `GET /v2/loras`, `GET /v2/jobs`. Raises as `Provider`.
        """
        sent = datetime.fromtimestamp(since, UTC)
        if isinstance(call, TrainingCall):
            return await self._find_training(call, sent - _TRAINING_MARGIN)
        return await self._find_images(call, sent - _IMAGES_MARGIN)

    async def delete(self, task_id: str) -> Deleted | NotNow:
        """Archive a training that has ended: its model is removed, its record stays. Source: `DELETE /v2/loras/{id}`.

        What is still being trained is left alone: whether its credits would come back is not documented.
        """
        try:
            training = await self.fetch_training(task_id)
        except ApiframeError as error:
            # Without a message of the service, this may be another server's page.
            gone = is_unknown_task(error) and error.message
            return Deleted() if gone else NotNow(error)
        if training.state not in (TaskState.FINISHED, TaskState.FAILED):
            return NotNow()
        try:
            path = f"/v2/loras/{_path_id(task_id)}"
            await with_retries(
                lambda left: self._transport.request("DELETE", path, seconds=left),
                self._check_deleted,
                self._deadlines.read,
            )
        except ApiframeError as error:
            return NotNow(error)
        return Deleted()

    async def account(self) -> Account:
        """Credits and plan of the team, and whose key it is. Source: `GET /v2/me`. Raises as `Provider`."""
        account = await self._read("GET", "/v2/me", lambda fields: read_account(fields, self._redactor))
        self._user_id = account.user_id
        return account

    def _accepted(
        self, response: RawResponse, id_field: str, response_format: ResponseFormat = TRAINING_FORMAT
    ) -> Accepted:
        fields = parse_or_raise(response, self._redactor, response_format)
        task_id = self._redactor.keep_value(read_id(fields.get(id_field)))
        if task_id is None:
            raise missing_id_error(response, self._redactor, response_format)
        return Accepted(task_id)

    async def _fetch_either(self, task_id: str) -> TaskStatus:
        try:
            return await self.fetch_training(task_id)
        except Refused as error:
            if not is_unknown_task(error):
                raise
        return await self.fetch_job(task_id)

    async def _list_trainings(self, ids: Sequence[str]) -> dict[str, TaskStatus]:
        """Return the trainings among `ids` that the newest pages show; those of others in the team are left out."""
        found: dict[str, TaskStatus] = {}
        cursor: str | None = None
        for _ in range(MAX_STATUS_PAGES):
            try:
                page = await self._fetch_page(cursor)
            except Refused as error:
                if isinstance(error, AuthenticationFailed):
                    raise
                break
            shown = {row.id: row for row in page.rows if row.id in ids and row.status}
            found |= {one: training_status(row, self._redactor) for one, row in shown.items() if one}
            cursor = page.next_cursor
            if cursor is None or len(found) >= len(ids) - 1:
                break
        return found

    async def _find_training(self, call: TrainingCall, since: datetime) -> Search:
        page = await read_pages(self._fetch_page, since)
        rows = sorted(page.rows, key=_age)
        attempts = [
            (row, marker)
            for row in rows
            for marker in row.markers()
            if call.marker is not None and replace(marker, attempt=0) == replace(call.marker, attempt=0)
        ]
        candidates = [row for row in rows if _may_be(row, call, since)]
        if candidates:
            own = await self._own_user_id()
            candidates = [row for row in candidates if own is not None and row.user_id == own]
        return Search(
            is_complete=page.is_whole,
            found=self._statuses(row for row, marker in attempts if marker == call.marker),
            other_attempts=self._statuses(row for row, marker in attempts if marker != call.marker),
            candidates=self._statuses(candidates),
            trainings_under_way=sum(row.is_under_way for row in rows),
        )

    async def _find_images(self, call: ImageCall, since: datetime) -> Search:
        page = await read_pages(self._fetch_jobs_page, since)
        recent = [row for row in page.rows if row.created_at is None or row.created_at >= since]
        jobs = [job async for job in self._with_input(recent[:MAX_COMPARED_JOBS])]
        jobs.sort(key=_age)
        return Search(
            is_complete=page.is_whole and len(jobs) == len(recent),
            found=tuple(job_status(job, self._redactor) for job in jobs if _is_same(job, call)),
            candidates=tuple(job_status(job, self._redactor) for job in jobs if not job.input.get("prompt")),
        )

    async def _with_input(self, rows: Sequence[Job]) -> AsyncGenerator[Job]:
        with suppress(ApiframeError):
            for row in rows:
                yield await self._fetch_job(row.id or "")

    async def _own_user_id(self) -> str | None:
        if self._user_id is None:
            with suppress(ApiframeError):
                await self.account()
        return self._user_id

    async def _fetch_job(self, job_id: str) -> Job:
        return await self._read("GET", f"/v2/jobs/{_path_id(job_id)}", Job.read)

    def _fetch_page(self, cursor: str | None) -> Awaitable[Page[Lora]]:
        path = f"/v2/loras?limit=100&includeArchived=true{_cursor(cursor)}"
        return self._read("GET", path, lambda fields: read_page(fields, "items", Lora))

    def _fetch_jobs_page(self, cursor: str | None) -> Awaitable[Page[Job]]:
        path = f"/v2/jobs?model={MODEL}&limit=100{_cursor(cursor)}"
        return self._read("GET", path, lambda fields: read_page(fields, "jobs", Job))

    def _check_deleted(self, response: RawResponse) -> None:
        # The answer has no body, which would count as an error.
        if response.status != 204:
            with suppress(NotFound):
                parse_or_raise(response, self._redactor, TRAINING_FORMAT)

    def _statuses(self, rows: Iterable[Lora]) -> tuple[TaskStatus, ...]:
        return tuple(training_status(row, self._redactor) for row in rows)


def _training_fields(call: TrainingCall) -> dict[str, str]:
    fields = {
        "name": f"{LABEL} [{call.marker}]" if call.marker else LABEL,
        "subjectKind": "person",
        "gender": call.gender,
        "ethnicity": call.ethnicity,
        "age": call.age,
        "webhookUrl": call.webhook_url,
    }
    return drop_none(fields)


def _may_be(row: Lora, call: TrainingCall, since: datetime) -> bool:
    """Whether a training that has no marker looks like the one of `call`."""
    is_recent = row.created_at is not None and row.created_at >= since
    same = (row.image_count, row.gender, row.ethnicity) == (len(call.photos), call.gender, call.ethnicity)
    usual = row.steps in (None, _DEFAULT_STEPS) and row.lora_rank in (None, _DEFAULT_RANK)
    return is_recent and same and usual and not row.markers()


def _is_same(job: Job, call: ImageCall) -> bool:
    """Whether a job was requested by `call`. What a call leaves to the service may have any value."""
    params = object_or_empty(job.input.get("fluxLoraParams")) or job.input
    number = call.number_of_images or 1
    return (
        job.input.get("prompt") == call.prompt
        and params.get("loraId") == call.training_id
        and params.get("num_outputs", number) == number
        and (call.seed is None or params.get("seed") == call.seed)
        and (call.aspect_ratio is None or params.get("aspect_ratio", call.aspect_ratio) == call.aspect_ratio)
    )


def _age(row: Row) -> datetime:
    return row.created_at or datetime.max.replace(tzinfo=UTC)


def _path_id(task_id: str) -> str:
    """Return an id for a path. Any other text cannot be an id of this service."""
    if read_id(task_id) is None:
        raise NotFound
    return task_id


def _cursor(cursor: str | None) -> str:
    return "" if cursor is None else f"&cursor={quote(cursor, safe='')}"
