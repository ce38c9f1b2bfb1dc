"""The tool that sends photos: check, normalise and upload them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.mcpserver import Context, Elicit

from apiframe_studio.ledger.reuse import CREDITS_A_PHOTO
from apiframe_studio.photo_sets import (
    CHECKING_SECONDS,
    UPLOAD_CREDITS,
    CheckedPhotos,
    ConsentMissing,
    PhotosChanged,
    PhotosWish,
    Tell,
)
from apiframe_studio.studio import Studio
from apiframe_tools.mcp.annotations import SPENDS
from apiframe_tools.mcp.balance import credits_left
from apiframe_tools.mcp.confirmation import (
    MAY_PAY,
    Agreement,
    Answered,
    can_ask,
    checked_first,
    may_pay,
    question,
    set_in_words,
    words_or_none,
)
from apiframe_tools.mcp.parameters import Subject
from apiframe_tools.mcp.photo_parameters import Age, Consent, Ethnicity, Gender, Keep, LeaveOut, Paths
from apiframe_tools.mcp.progress import steps_of
from apiframe_tools.mcp.tool import StudioTool
from apiframe_tools.results import photo_reporting
from apiframe_tools.results.photos import PhotosPrepared
from apiframe_tools.wording.warnings import trained_before

LONGEST_SECONDS: Final = 40.0
MOST_ASKED: Final = 16


@dataclass(frozen=True)
class _Ready:
    """Photos that can be asked about and sent. `seconds` are left for the call when the user has answered."""

    wish: PhotosWish
    photos: CheckedPhotos
    tell: Tell
    seconds: float


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""
    # Only to say that photos changed: whether an answer counts is decided by the words of the question.
    asked: dict[tuple[Sequence[str], ...], str] = {}

    async def prepare_photos(
        paths: Paths,
        gender: Gender,
        ethnicity: Ethnicity,
        consent: Consent,
        age: Age | None = None,
        subject: Subject | None = None,
        leave_out: LeaveOut | None = None,
        keep: Keep | None = None,
        *,
        ready: _Ready,
        answered: Answered,
    ) -> PhotosPrepared:
        """Check, clean and upload 10 to 30 photos of one person; gives the training_images_id for start_training.

        Costs 2 credits, once for the same photos while the set lives (about a day). Removes places and other hidden
        data. A slow upload goes on after the call: the same call again reports it. Needs the subject's consent.
        """
        photo_set = await studio.photo_sets.prepare(
            ready.wish,
            ready.tell,
            ready.seconds,
            checked=ready.photos,
            may_pay=may_pay(answered),
        )
        paid = photo_set.row.task_id is not None and not photo_set.deduplicated
        left = await credits_left(studio) if paid else None
        return photo_reporting.prepared(photo_set, sandbox=studio.is_sandbox, credits_left=left)

    async def check(
        ctx: Context[Any, Any],
        paths: list[str],
        gender: str,
        ethnicity: str,
        consent: bool,
        age: int | None,
        subject: str | None,
        leave_out: list[str] | None,
        keep: list[str] | None,
    ) -> _Ready:
        if not consent:
            raise ConsentMissing
        await studio.service()
        began = studio.clock.monotonic()
        tell = steps_of(ctx, ("checking", "preparing", "uploading", "preparing at the service"))
        wish = PhotosWish(
            paths,
            gender,
            ethnicity,
            age,
            subject,
            consent_at=studio.clock.now(),
            leave_out=leave_out or (),
            keep=keep or (),
        )
        photos = await studio.photo_sets.check_and_normalise(wish, tell, CHECKING_SECONDS)
        # In the 2026 protocol the call has come again with the answer: it was given for what was there before.
        if ctx.input_responses and asked.get(_named(wish), photos.fingerprint) != photos.fingerprint:
            raise PhotosChanged
        return _Ready(wish, photos, tell, LONGEST_SECONDS - (studio.clock.monotonic() - began))

    async def ask(ctx: Context[Any, Any], ready: _Ready) -> Agreement | Elicit[Agreement]:
        if not (studio.asks_before_spending and can_ask(ctx)):
            return MAY_PAY
        if len(asked) >= MOST_ASKED:
            asked.clear()
        asked[_named(ready.wish)] = ready.photos.fingerprint
        return question(await words_or_none(_question(studio, ready)), sandbox=studio.is_sandbox)

    checked_first(prepare_photos, check, ask)
    return StudioTool.of(prepare_photos, title="Prepare photos", annotations=SPENDS)


def _named(wish: PhotosWish) -> tuple[Sequence[str], ...]:
    return tuple(wish.paths), tuple(wish.leave_out), tuple(wish.keep)


async def _question(studio: Studio, ready: _Ready) -> str | None:
    if not await studio.photo_sets.costs(ready.wish, ready.photos):
        return None
    number = len(ready.photos.prepared.jpegs)
    photos = set_in_words(number, ready.wish.subject, ready.photos.fingerprint)
    trained = await studio.photo_sets.trained(ready.photos)
    before = f" {trained_before(trained)}" if trained else ""
    left_out = ready.photos.found - number
    told = f"Left out: {left_out} of {ready.photos.found}. " if left_out else ""
    return (
        f"Send {photos} to Apiframe? {told}It costs {UPLOAD_CREDITS:g} credits; training on them costs "
        f"{CREDITS_A_PHOTO * number:g} more, and you will be asked again before it starts. Apiframe then holds photos "
        f"of the subject's face.{before}"
    )
