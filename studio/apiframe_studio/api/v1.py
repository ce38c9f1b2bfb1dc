"""The first generation of the service, `https://api.apiframe.pro`.

Source: the vendor's v1 documentation of AI Photos. There is no list, cancel, delete or idempotency key, so
a paid request is sent once on a connection of its own, and whatever repeats or remembers is above.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import anyio

from apiframe_studio.api.answers import Answer, understood, without_task_id
from apiframe_studio.api.batches import matched
from apiframe_studio.api.errors import (
    ApiframeError,
    KeyRefused,
    OutOfCredits,
    PictureRefused,
    PictureRefusedBecause,
    Refused,
)
from apiframe_studio.api.looks import Looks
from apiframe_studio.api.masks import Mask
from apiframe_studio.api.models import (
    Accepted,
    Account,
    Generated,
    Picture,
    Task,
    TaskKind,
    read_account,
    read_task,
)
from apiframe_studio.api.photos_body import PhotosBody, Sent
from apiframe_studio.api.pictures import Pictures
from apiframe_studio.api.retries import patiently
from apiframe_studio.api.transport import Deadlines, Transport

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

BASE_URL = "https://api.apiframe.pro"
FEWEST_AT_ONCE = 2
MOST_AT_ONCE = 20
_SECRETS_REMEMBERED = 20
_KEPT_AS_THEY_ARE = ("task_id", "trigger_word", "image_urls")


class ApiframeV1:
    """A client of the v1 service. `app` answers in its place: an ASGI app that keeps the same contract.

    `on_date` hears the time that each answer tells, where it tells one.

    Raises:
        BaseUrlUnusable: when built with a base URL to which nothing can be sent.
    """

    generation: ClassVar[str] = "v1"

    def __init__(
        self,
        *,
        key: SecretStr | None,
        base_url: str = BASE_URL,
        allow_http: bool = False,
        app: ASGIApp | None = None,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen, so sharing it is harmless
        on_date: Callable[[datetime], None] | None = None,
    ) -> None:
        self._deadlines = deadlines
        self._transport = Transport(
            key=key,
            base_url=base_url,
            allow_http=allow_http,
            app=app,
            deadlines=deadlines,
            on_date=on_date,
        )
        self._pictures = Pictures(base_url=self._transport.base_url, app=app, deadlines=deadlines)
        self._key = key
        self._webhook_secrets: deque[str] = deque(maxlen=_SECRETS_REMEMBERED)
        self._mask = self._key_mask = Mask([key.get_secret_value()] if key else [])
        self._looks = Looks(self.fetch, self.fetch_many)

    @property
    def base_url(self) -> str:
        """The base URL in its one form, without a trailing slash: also the name of the service."""
        return self._transport.base_url

    async def train(
        self,
        training_images_id: str,
        *,
        trigger_word: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: SecretStr | None = None,
    ) -> Accepted:
        """Start a training. PAID: 4 credits a photo, sent once and never repeated here.

        `training_images_id` is the task_id of an upload. What is None is not sent. The trigger word that
        the service returns may be another than the one asked for, or than its documented default.
        Source: `POST /ai-photo-train`.

        Raises:
            KeyUnusable, BaseUrlUnusable, NotSent, Throttled, Refused: nothing was bought.
            Unclear: nobody can know; `task_id` is set when an id could be salvaged.
        """
        secret = webhook_secret.get_secret_value() if webhook_secret else None
        self._remember(secret)
        body = {
            "training_images_id": training_images_id,
            "trigger_word": trigger_word,
            "webhook_url": webhook_url,
            "webhook_secret": secret,
        }
        return await self._paid_task("/ai-photo-train", _given(body), self._deadlines.paid)

    async def upload(
        self,
        images: Sequence[bytes],
        *,
        ethnicity: str,
        gender: str,
        age: int | None = None,
        webhook_url: str | None = None,
        webhook_secret: SecretStr | None = None,
        seconds: float,
        sent: Sent | None = None,
    ) -> Accepted:
        """Upload 10 to 30 JPEGs, as bytes. PAID: 2 credits, sent once and never repeated here.

        `seconds` is for all of it, and for the caller to size by the bytes; the body is a third larger than
        the pictures and is made while it is sent. `sent` is told the bytes that have left and those of the
        whole body. A body that stands still for `Deadlines.stalled` ends it sooner.
        Source: `POST /ai-photo-upload`.

        Raises:
            As `train`.
        """
        secret = webhook_secret.get_secret_value() if webhook_secret else None
        self._remember(secret)
        fields = {
            "ethnicity": ethnicity,
            "gender": gender,
            "age": age,
            "webhook_url": webhook_url,
            "webhook_secret": secret,
        }
        return await self._paid_task("/ai-photo-upload", PhotosBody(_given(fields), images, sent), seconds)

    async def generate(
        self,
        training_id: str,
        prompt: str,
        *,
        aspect_ratio: str | None = None,
        width: int | None = None,
        height: int | None = None,
        number_of_images: int | None = None,
        seed: int | None = None,
        seconds: float,
    ) -> Generated:
        """Make pictures. PAID: 1 credit a picture, sent once and never repeated here.

        The service answers with the pictures or with an id to fetch them by. It does not put the trigger
        word into the prompt. `width` and `height` (pixels) go with the aspect ratio `custom`, which is for
        the caller to see to; all is sent as given, and what is None is not sent.
        Source: `POST /ai-photo-generate`, which takes these numbers as text, but for the seed.

        Raises:
            As `train`; Unclear also for an answer with neither id nor pictures.
        """
        body = {
            "training_id": training_id,
            "prompt": prompt,
            "aspect_ratio": aspect_ratio,
            "width": _as_text(width),
            "height": _as_text(height),
            "number_of_images": _as_text(number_of_images),
            "seed": seed,
        }
        answer, task = await self._paid("/ai-photo-generate", _given(body), seconds)
        if task.task_id is None and not task.image_urls:
            raise without_task_id(answer, self._mask)
        return Generated(task, task.task_id, task.image_urls)

    async def download(self, url: str, *, hosts: Sequence[str], seconds: float, most_bytes: int) -> Picture:
        """Fetch one generated picture. Free, without the key; arguments and errors as `Pictures.download`."""
        if self._leaks(url):
            # The hosts of pictures must not learn a secret, and only the service could have put it there.
            raise PictureRefused(PictureRefusedBecause.HOST)
        try:
            return await self._pictures.download(url, hosts=hosts, seconds=seconds, most_bytes=most_bytes)
        except PictureRefused as error:
            if not self._leaks(error.host):
                raise
            why = error.why
        # Raised outside of `except`: else the error with the host would hang on it.
        raise PictureRefused(why)

    async def fetch(self, task_id: str) -> Task:
        """Look at one task. Free, repeated within one deadline. Source: `POST /fetch`.

        Raises:
            NotFound, Refused: no such task, as far as this service tells (undocumented).
            ApiframeError: the service could not be asked.
        """
        return await self._fetch(task_id, self._deadlines.read)

    async def fetch_many(self, ids: Sequence[str]) -> dict[str, Task | ApiframeError]:
        """Look at 2 to 20 tasks at once, each with its own outcome. Source: `POST /fetch-many`.

        What the answer does not surely tell, and every id of a batch that was refused as a whole (one bad id
        may be the reason), is fetched singly, within the same deadline.

        Raises:
            ApiframeError: the service could not be asked, or the key was refused.
        """
        asked = list(dict.fromkeys(ids))
        if not FEWEST_AT_ONCE <= len(asked) <= MOST_AT_ONCE:
            raise ValueError(f"{FEWEST_AT_ONCE} to {MOST_AT_ONCE} different ids, not {len(asked)}")
        until = anyio.current_time() + self._deadlines.read
        outcomes: dict[str, Task | ApiframeError] = {**await self._fetch_batch(asked)}

        async def fetch_singly(task_id: str) -> None:
            try:
                outcomes[task_id] = await self._fetch(task_id, max(until - anyio.current_time(), 0.0))
            except ApiframeError as error:
                outcomes[task_id] = error

        async with anyio.create_task_group() as group:
            for task_id in asked:
                if task_id not in outcomes:
                    group.start_soon(fetch_singly, task_id)
        return outcomes

    async def look(self, task_id: str, kind: TaskKind | None = None) -> Task:
        """Look at one task, sharing requests with everyone who looks at the same time. Raises as `fetch`.

        `kind` is what the caller knows the task to be: then the answer's shape is not asked about it.
        """
        task = await self._looks.look(task_id)
        return task if kind is None else replace(task, kind=kind)

    async def account(self) -> Account:
        """Whose key this is and how many credits are left. Free. Source: `GET /account`.

        Raises:
            ApiframeError: the service could not be asked, or the key was refused.
        """
        return read_account(await self._read("GET", "/account", None, self._deadlines.read), self._mask.plain)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _paid_task(
        self, path: str, body: Mapping[str, object] | PhotosBody, seconds: float
    ) -> Accepted:
        answer, task = await self._paid(path, body, seconds)
        if task.task_id is None:
            raise without_task_id(answer, self._mask)
        return Accepted(task.task_id, task)

    async def _paid(
        self, path: str, body: Mapping[str, object] | PhotosBody, seconds: float
    ) -> tuple[Answer, Task]:
        answer = await self._transport.request("POST", path, body, seconds=seconds, fresh=True)
        return answer, self._shown(read_task(understood(answer, self._mask), self._mask.plain))

    async def _fetch(self, task_id: str, seconds: float) -> Task:
        answered = await self._read("POST", "/fetch", {"task_id": task_id}, seconds)
        return self._shown(read_task(answered, self._mask.plain))

    async def _fetch_batch(self, asked: Sequence[str]) -> dict[str, Task]:
        body = {"task_ids": list(asked)}
        try:
            answered = await self._read("POST", "/fetch-many", body, self._deadlines.read)
        except (KeyRefused, OutOfCredits):
            raise
        except Refused:
            return {}
        found = matched(asked, answered.get("tasks"), self._mask.plain)
        return {task_id: self._shown(task) for task_id, task in found.items()}

    async def _read(
        self, method: str, path: str, body: Mapping[str, object] | None, seconds: float
    ) -> dict[str, object]:
        async def ask(seconds_left: float) -> dict[str, object]:
            answer = await self._transport.request(method, path, body, seconds=seconds_left)
            return understood(answer, self._mask)

        return await patiently(ask, seconds)

    def _shown(self, task: Task) -> Task:
        """Leave out what is kept and shown as it is, an id, a word or a link, where a secret is in it."""
        shown = replace(
            task,
            task_id=self._without_secret(task.task_id),
            trigger_word=self._without_secret(task.trigger_word),
            image_urls=tuple(link for link in task.image_urls if not self._leaks(link)),
        )
        lost = [name for name in _KEPT_AS_THEY_ARE if getattr(shown, name) != getattr(task, name)]
        return replace(shown, notes=tuple(dict.fromkeys((*task.notes, *(f"odd_{name}" for name in lost)))))

    def _without_secret(self, value: str | None) -> str | None:
        return None if value is None or self._mask.is_found_in(value) else value

    def _leaks(self, link: str) -> bool:
        return self._key_mask(link) != link or self._mask.is_found_in(link)

    def _remember(self, webhook_secret: str | None) -> None:
        """Mask a webhook secret in every later answer too: a task may show what it was started with."""
        if webhook_secret and webhook_secret not in self._webhook_secrets:
            self._webhook_secrets.append(webhook_secret)
            key = [self._key.get_secret_value()] if self._key else []
            self._mask = Mask([*key, *self._webhook_secrets])


def _given(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}


def _as_text(number: int | None) -> str | None:
    return None if number is None else str(number)
