"""prepare_photos: check and normalise photos, and upload or keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final
from weakref import WeakKeyDictionary

from mcp.server.mcpserver import Context, Resolve

from apiframe_studio.errors import ConsentMissing, PhotosChanged
from apiframe_studio.ledger.errors import PaymentNotApproved, PriceAboveLimit
from apiframe_studio.photo_sets import CHECKING_SECONDS, CheckedPhotos, PhotoSetRequest, Step
from apiframe_studio.studio import Studio
from apiframe_tools.mcp.confirmation import (
    CONFIRMED,
    Confirmation,
    Confirming,
    confirm_spending,
    credits_left,
    is_quoted,
    may_pay,
    name_set,
    read_balance,
)
from apiframe_tools.mcp.parameters import (
    Age,
    Consent,
    Ethnicity,
    Gender,
    Keep,
    LeaveOut,
    MaxUploadCredits,
    Paths,
    Subject,
)
from apiframe_tools.mcp.request import OnProgress, RequestStudio, combine_steps
from apiframe_tools.results.photos import PhotosPrepared
from apiframe_tools.wording.prices import Prices
from apiframe_tools.wording.quotes import Question
from apiframe_tools.wording.warnings import describe_earlier_training

MAX_SECONDS: Final = 40.0
MAX_ASKED: Final = 16

_asked: WeakKeyDictionary[Studio, dict[tuple[Sequence[str], ...], str]] = WeakKeyDictionary()
"""The fingerprint of the photos that each user was last asked about, by their paths. Used only to report that photos
changed: the wording of the question decides whether an answer counts."""


@dataclass(frozen=True)
class _Ready:
    """Photos ready to be confirmed and sent. `seconds` are left for the call once the user has answered."""

    request: PhotoSetRequest
    photos: CheckedPhotos
    on_progress: OnProgress
    seconds: float


async def _check(
    ctx: Context[Any, Any],
    studio: RequestStudio,
    paths: list[str],
    gender: str,
    ethnicity: str,
    consent: bool,
    age: int | str | None,
    subject: str | None,
    leave_out: list[str] | None,
    keep: list[str] | None,
    max_credits: int | None,
) -> _Ready:
    if not consent:
        raise ConsentMissing
    request = PhotoSetRequest(
        paths,
        gender,
        ethnicity,
        age,
        subject,
        consent_at=studio.clock.now(),
        leave_out=leave_out or (),
        keep=keep or (),
        max_credits=max_credits,
    )
    ready = await _check_request(studio, request, ctx.report_progress)
    # In the 2026 protocol the call has come again with the answer: it was given for what was there before.
    fingerprint = ready.photos.fingerprint
    if ctx.input_responses and _asked.get(studio, {}).get(_choice(request), fingerprint) != fingerprint:
        raise PhotosChanged
    return ready


async def _check_request(studio: Studio, request: PhotoSetRequest, progress: OnProgress) -> _Ready:
    await studio.provider()
    began = studio.clock.monotonic()
    on_progress = combine_steps(progress, tuple(Step))
    photos = await studio.photo_sets.check_and_normalise(request, on_progress, CHECKING_SECONDS)
    return _Ready(request, photos, on_progress, MAX_SECONDS - (studio.clock.monotonic() - began))


async def _confirm(
    ctx: Context[Any, Any], studio: RequestStudio, ready: Annotated[_Ready, Resolve(_check)]
) -> Confirming:
    if not studio.terms.uploads_before_training:
        return CONFIRMED
    asked = _asked.setdefault(studio, {})
    if len(asked) >= MAX_ASKED:
        asked.clear()
    asked[_choice(ready.request)] = ready.photos.fingerprint
    question = partial(_question, studio, ready)
    return await confirm_spending(ctx, studio, question, ready.request.max_credits)


async def prepare_photos(
    paths: Paths,
    gender: Gender,
    ethnicity: Ethnicity,
    consent: Consent,
    age: Age | None = None,
    subject: Subject | None = None,
    leave_out: LeaveOut | None = None,
    keep: Keep | None = None,
    max_credits: MaxUploadCredits | None = None,
    *,
    studio: RequestStudio,
    ready: Annotated[_Ready, Resolve(_check)],
    confirmation: Annotated[Confirmation, Resolve(_confirm)],
) -> PhotosPrepared:
    """Check and clean {terms.photos} photos of one subject. Returns the training_images_id for start_training.

    {prices.preparing} Removes location and other metadata. Needs the subject's consent.
    """
    return await _prepare(studio, ready, confirmation)


async def prepare_again(
    request: PhotoSetRequest, studio: Studio, progress: OnProgress, confirmation: Confirmation
) -> PhotosPrepared:
    """Make the call of a request that was answered with its price. Raises as the tool does."""
    return await _prepare(studio, await _check_request(studio, request, progress), confirmation)


async def _prepare(studio: Studio, ready: _Ready, confirmation: Confirmation) -> PhotosPrepared:
    try:
        photo_set = await studio.photo_sets.prepare(
            ready.request,
            ready.on_progress,
            ready.seconds,
            checked=ready.photos,
            may_pay=may_pay(confirmation),
        )
    except (PaymentNotApproved, PriceAboveLimit) as refused:
        if not is_quoted(confirmation, refused):
            raise
        question = await _describe(studio, ready)
        return PhotosPrepared.quoted(
            ready.request, ready.photos, question, studio, await read_balance(studio)
        )
    was_free = photo_set.deduplicated or not studio.terms.uploads_before_training
    left = await credits_left(studio, photo_set.row.task_id, deduplicated=was_free)
    return PhotosPrepared.of(photo_set, studio, credits_left=left)


def _choice(request: PhotoSetRequest) -> tuple[Sequence[str], ...]:
    return tuple(request.paths), tuple(request.leave_out), tuple(request.keep)


async def _question(studio: Studio, ready: _Ready) -> str | None:
    limit = ready.request.max_credits
    if not await studio.photo_sets.must_be_paid(ready.request, ready.photos) or (
        limit is not None and studio.terms.upload_credits > limit
    ):
        return None
    return str(await _describe(studio, ready))


async def _describe(studio: Studio, ready: _Ready) -> Question:
    number = len(ready.photos.prepared.jpegs)
    photos = name_set(number, ready.request.subject, ready.photos.fingerprint)
    trained = await studio.photo_sets.find_training(ready.photos.fingerprint)
    before = f" {describe_earlier_training(trained)}" if trained else ""
    left_out = ready.photos.found - number
    training = studio.terms.training_credits.of(number)
    omitted = f"Left out: {left_out} of {ready.photos.found}. " if left_out else ""
    return Question(
        f"Send {photos} to Apiframe?",
        f"{omitted}It costs {Prices(studio.terms).upload}; training on them costs {training:g} more, and you will be "
        f"asked again before it starts. Apiframe then stores photos of the subject's face.{before}",
    )
