"""The interface between the studio and one generation of the service. No HTTP here.

What differs between generations is a method of `Provider` or a field of `Terms`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from apiframe_studio.api.errors import ApiframeError, NotFound

if TYPE_CHECKING:
    from pydantic import SecretStr

OnBytesSent: TypeAlias = Callable[[int, int], None]
"""Called while a body is sent: with the bytes handed to the system so far, and the bytes of the whole body."""

BeforeLastPart: TypeAlias = Callable[[], Awaitable[None]]
"""Awaited before the last part of a body is handed to the system. If it raises, that part is not sent."""

OnDate: TypeAlias = Callable[[datetime], None]
"""Called with the time (aware) that a response of the service names."""


class Kind(StrEnum):
    """What a request asks for."""

    TRAINING = "training"
    UPLOAD = "upload"
    GENERATION = "generation"


class TaskState(StrEnum):
    """The state of a task. Only `finished` and `failed` are final; an unknown status is read as `processing`."""

    QUEUED = "queued"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class TaskStatus:
    """What the service says about one task."""

    task_id: str | None = None
    """None where the service sends none (a running upload), or one that cannot be an id."""
    state: TaskState = TaskState.PROCESSING
    raw_status: str = ""
    """The status as the service wrote it, sanitized; "" when it sent none."""
    kind: Kind | None = None
    """None when the response does not show it."""
    percentage: float | None = None
    """0 to 100, or None when the service sent none or something else."""
    message: str | None = None
    trigger_word: str | None = None
    """Exactly as the service returned it, never repaired or assumed."""
    expires_at: datetime | None = None
    """Until when an upload can be trained on (aware); a time without a zone is read as UTC."""
    image_urls: tuple[str, ...] = ()
    created_at: datetime | None = None
    started_at: datetime | None = None
    is_archived: bool = False
    """Whether a training was deleted at the service: it makes no more images."""
    is_expired: bool = False
    """Whether the service has removed the images, so that their links may lead nowhere."""
    notes: tuple[str, ...] = ()
    """Codes of what was left out: odd_task_id, odd_percentage, odd_trigger_word, odd_expires_at, odd_image_urls."""


Outcome: TypeAlias = TaskStatus | ApiframeError
"""What a check of one task returns, or why it failed."""


@dataclass(frozen=True)
class Accepted:
    """A paid request that the service accepted. An id, images or both: at least one of the two is there."""

    task_id: str | None
    image_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """One generated image: `media_type` is image/jpeg, image/png or image/webp, detected from its first bytes."""

    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True)
class Account:
    """The account of a key. Unknown is None, never 0."""

    credits: float | int | None = None
    plan: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    """Whose credits these are, where keys belong to teams."""
    lacks_team: bool = False
    """Whether the key belongs to no team, so that there are no credits to spend."""


@dataclass(frozen=True)
class Marker:
    """Names one attempt of one submission at the service, so that it can be found in a listing."""

    ref: str
    """The submission's, in lower case: letters, a hyphen, letters and digits."""
    install: str
    """Four lower-case letters and digits that tell two installations apart."""
    attempt: int

    def __str__(self) -> str:
        return f"{self.ref}-{self.install}-{self.attempt}"


@dataclass(frozen=True)
class UploadCall:
    """Photos to upload (JPEG bytes), and what the user said about the subject. What is None is not sent."""

    photos: Sequence[bytes] = field(repr=False)
    gender: str
    ethnicity: str
    age: int | None = None


@dataclass(frozen=True)
class TrainingCall:
    """A training to start. What is None is not sent.

    Where `terms.uploads_before_training`, of the photo set that the service knows by `photo_set_id`; else of `photos`
    (JPEG bytes), with what the user said about the subject.
    """

    photo_set_id: str | None = None
    trigger_word: str | None = None
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    photos: Sequence[bytes] = field(default=(), repr=False)
    gender: str | None = None
    ethnicity: str | None = None
    age: str | None = None
    marker: Marker | None = None


@dataclass(frozen=True)
class ImageCall:
    """Images to generate. `width` and `height` are pixels. What is None is not sent."""

    training_id: str
    prompt: str
    aspect_ratio: str | None = None
    width: int | None = None
    height: int | None = None
    number_of_images: int | None = None
    seed: int | None = None
    idempotency_key: str | None = None
    """At most 255 visible ASCII characters."""


@dataclass(frozen=True)
class Search:
    """What a listing of the service shows of one submission. Each tuple begins with the oldest."""

    is_complete: bool
    """Whether every page came and could be read. Only then does absence mean anything."""
    found: tuple[TaskStatus, ...] = ()
    """What certainly came of the call."""
    other_attempts: tuple[TaskStatus, ...] = ()
    """What came of other attempts of the same submission."""
    candidates: tuple[TaskStatus, ...] = ()
    """What looks the same and belongs to the user of the key. Only the user can tell."""
    trainings_under_way: int = 0
    """Of the whole team, as far as the listing shows; 0 for images."""


@dataclass(frozen=True)
class Deleted:
    """The service has deleted the training, or does not know it."""


@dataclass(frozen=True)
class NotNow:
    """A training could not be deleted; it can be tried again."""

    error: ApiframeError | None = None
    """Why the service could not be asked, or None: it is still being trained."""


@dataclass(frozen=True)
class Deadlines:
    """Seconds. `read` and `paid` are totals: from the call to the last byte of the response."""

    connect: float = 5.0
    read: float = 15.0
    paid: float = 20.0
    stalled: float = 60.0
    """How long sending a body may make no progress. Not a measure of slowness: a system that buffers 4 MB for a
    connection asks for more when a third has left, which takes 33 seconds at 40 kB/s."""


@dataclass(frozen=True)
class Range:
    """From `min` to `max`, both included."""

    min: int
    max: int

    def __contains__(self, number: float) -> bool:
        return self.min <= number <= self.max

    def __str__(self) -> str:
        return f"{self.min} to {self.max}"


@dataclass(frozen=True)
class TrainingPrice:
    """Credits of one training: a flat part and a part for each photo."""

    flat: float = 0.0
    per_photo: float = 0.0

    def of(self, photos: int) -> float:
        """Credits of a training of so many photos."""
        return self.flat + self.per_photo * photos


@dataclass(frozen=True)
class Terms:
    """What one generation of the service charges, allows and can do: the only definition of each of these facts.

    Prices are in credits. `None` in a field that allows it means that the service documents none.
    """

    generation: Literal["v1", "v2"]
    base_url: str
    key_page: str
    """Where a user creates a key."""

    photos: Range
    max_photo_bytes: int | None
    max_upload_bytes: int | None
    photo_long_side: int
    """Pixels; larger photos are scaled down before they are sent."""
    jpeg_bytes: int
    """The most bytes of a photo as it is sent: it is compressed until it fits. Our choice, not the service's limit."""
    uploads_before_training: bool
    """Whether photos are sent in a separate request, which is paid for."""
    set_lifetime_seconds: float
    """About how long a photo set can be trained on."""

    upload_credits: float
    training_credits: TrainingPrice
    charges_at_once: bool
    """Whether all of a training's price is taken when it is accepted."""
    image_credits: float
    training_refund: float | None
    """Credits that come back when a training fails."""

    genders: tuple[str, ...]
    ethnicities: tuple[str, ...] | None
    """None: any text."""
    age: type[int] | type[str]
    max_attribute_length: int | None
    """Characters of an ethnicity or age that is text."""

    chooses_trigger_word: bool
    """Whether a request may name the trigger word it would like."""
    reports_percentage: bool
    usual_training_minutes: Range | None
    trainings_at_once: int | None

    aspect_ratios: tuple[str, ...]
    """Without the one that takes a width and a height; see `custom_size`."""
    default_aspect_ratio: str | None
    """What to ask for when the user names no shape; None where the service documents a square as its default."""
    custom_size: bool
    images_per_request: Range
    max_prompt: int
    """Characters, with the trigger word."""

    idempotent: frozenset[Kind]
    """The paid requests that take an idempotency key."""
    idempotency_seconds: float
    can_find: bool
    can_delete: bool
    image_link_days: int | None
    """For how long generated images stay on public links; None where that is not documented."""
    support: str | None
    """The address that a user writes to for complete erasure."""
    webhook_secret: bool
    """Whether a request may name a secret that the service sends back with each webhook."""
    status_batch: int
    """Most tasks that one status request can name."""
    poll_seconds: float
    image_poll_seconds: float

    def min_training_credits(self) -> float:
        """Credits of the smallest training."""
        return self.training_credits.of(self.photos.min)

    def max_training_credits(self) -> float:
        """Credits of the largest training."""
        return self.training_credits.of(self.photos.max)

    def count_trainings(self, credits_left: float) -> Range:
        """How many trainings, with the uploads of their photos, so many credits pay for: all large to all small."""
        prices = (self.max_training_credits(), self.min_training_credits())
        return Range(*(int(max(credits_left, 0) // (self.upload_credits + price)) for price in prices))


_UNSUPPORTED: Final = "the terms of this generation rule this call out"


class Provider(Protocol):
    """One generation of the service. A client inherits from it, and leaves out what its terms rule out.

    The methods that pay send once and never repeat, and raise one of these:

    - InvalidKey, InvalidBaseUrl, NotSent, RateLimited, Refused: nothing was bought.
    - OutcomeUnknown: it may have been bought; `task_id` is set when an id could be salvaged.

    The others cost nothing and are repeated within their deadline; they raise ApiframeError.
    """

    terms: Terms
    """What this generation charges, allows and can do."""

    async def upload(
        self, call: UploadCall, *, deadline_seconds: float, on_sent: OnBytesSent | None = None
    ) -> Accepted:
        """Upload photos. PAID. Only where `terms.uploads_before_training`."""
        raise TypeError(_UNSUPPORTED)

    async def train(
        self,
        call: TrainingCall,
        *,
        deadline_seconds: float | None = None,
        on_sent: OnBytesSent | None = None,
        before_last_part: BeforeLastPart | None = None,
    ) -> Accepted:
        """Start a training. PAID. The callbacks are called where the photos are sent with it.

        If `before_last_part` was not awaited to its end, the service cannot have received a complete request.
        """
        ...

    async def generate(self, call: ImageCall, *, deadline_seconds: float) -> Accepted:
        """Generate images. PAID."""
        ...

    async def status(self, kind: Kind | None, task_ids: Sequence[str]) -> Mapping[str, Outcome]:
        """Check tasks, each with its own outcome. `kind` None: ids of unknown kind. Does not raise ApiframeError."""
        ...

    async def find(self, call: TrainingCall | ImageCall, since: float) -> Search:
        """Find what became of a call that was sent after `since` (seconds since 1970, the service's clock).

        Only where `terms.can_find`. Raises ApiframeError when not even the beginning of the listing came.
        """
        raise TypeError(_UNSUPPORTED)

    async def delete(self, task_id: str) -> Deleted | NotNow:
        """Delete a training that has ended. Only where `terms.can_delete`. Does not raise ApiframeError.

        An id that the service does not know counts as deleted, so `task_id` must belong to the team of the key.
        """
        raise TypeError(_UNSUPPORTED)

    async def account(self) -> Account:
        """Credits and plan."""
        ...

    async def download(
        self, url: str, *, hosts: Sequence[str], deadline_seconds: float, max_bytes: int
    ) -> Image:
        """Fetch one generated image, without the key. Raises ImageRefused for one that may not be fetched or kept."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


ProviderFactory: TypeAlias = Callable[[], Awaitable[Provider]]
"""Returns the provider, built at the first use. Raises InvalidKey or InvalidBaseUrl."""


async def check_status(provider: Provider, kind: Kind | None, task_id: str) -> TaskStatus:
    """Check one task. Raises ApiframeError."""
    outcome = (await provider.status(kind, [task_id])).get(task_id) or NotFound()
    if isinstance(outcome, ApiframeError):
        raise outcome
    return outcome
