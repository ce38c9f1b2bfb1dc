"""From the studio's facts to the results of tools."""

from __future__ import annotations

from datetime import UTC, datetime

from apiframe_studio.api.models import Account
from apiframe_studio.ledger import Kind
from apiframe_studio.photo_sets import UPLOAD_CREDITS
from apiframe_studio.submission import State
from apiframe_studio.training import Note, Training
from apiframe_studio.trainings import Page
from apiframe_tools.results.trainings import (
    AccountStatus,
    TrainingList,
    TrainingRow,
    TrainingStarted,
    TrainingStatus,
    UnsettledRow,
    counted,
)
from apiframe_tools.wording.instructions import READY_PHOTOS
from apiframe_tools.wording.next_steps import ORDERS, STATUS, next_step
from apiframe_tools.wording.warnings import warnings_of

_WHAT_IT_COSTS = (
    f"a training takes 4 credits a photo, so 40 to 120, after {UPLOAD_CREDITS:g} for preparing its photos; tell the "
    "user if that is more than is left."
)
_HIDDEN = "{}, which cost nothing, not shown: status rejected lists them."
_NOTHING_IS_CHARGED = (
    "in the sandbox credits are simulated, so anything can be tried; at the service a training takes 4 credits a "
    "photo."
)


def started(training: Training, *, sandbox: bool, credits_left: float | None = None) -> TrainingStarted:
    """What start_training returns."""
    return TrainingStarted(
        ref=training.ref or "",
        task_id=training.task_id,
        status=STATUS[training.state],
        training_images_id=training.training_images_id or "",
        subject=training.subject,
        requested_trigger_word=training.requested_trigger_word,
        trigger_word=training.trigger_word,
        credits=training.credits,
        credits_left=credits_left,
        deduplicated=training.deduplicated,
        webhook=training.posts_updates,
        warnings=warnings_of(training),
        sandbox=sandbox,
        next_step=next_step(training),
    )


def status(training: Training, *, sandbox: bool) -> TrainingStatus:
    """What get_training_status, wait_for_training and resolve_training return."""
    told = TrainingStatus(
        ref=training.ref,
        task_id=training.task_id,
        subject=training.subject,
        status=STATUS[training.state],
        percentage=training.percentage,
        trigger_word=training.trigger_word,
        message=training.message,
        started_at=_time(training.started_at),
        finished_at=_time(training.finished_at),
        eta_seconds=training.eta_seconds,
        checked_at=_time(training.checked_at),
        warnings=warnings_of(training),
        sandbox=sandbox,
        next_step=next_step(training),
    )
    if training.kind is not Kind.TRAINING:
        told.call_it(ORDERS[training.kind][0])
    return told


def listing(page: Page, *, sandbox: bool, is_filtered: bool = False) -> TrainingList:
    """What list_trainings returns; `is_filtered` when only some subject or status was asked for."""
    rows = [_row(training) for training in page.trainings]
    stale = any(row.stale for row in rows)
    return TrainingList(
        trainings=rows,
        unsettled=[_unsettled(training) for training in page.unsettled],
        unsettled_total=page.unsettled_total,
        total=page.total,
        next_cursor=page.next_cursor,
        warnings=[
            *(["The service could not be asked about some of them just now."] if stale else []),
            *([_HIDDEN.format(counted(page.rejected, "rejected request"))] if page.rejected else []),
        ],
        sandbox=sandbox,
        next_step=_after_listing(page, sandbox=sandbox, is_filtered=is_filtered),
    )


def account(found: Account, *, sandbox: bool) -> AccountStatus:
    """What get_account returns."""
    return AccountStatus(
        credits=found.credits,
        plan=found.plan,
        sandbox=sandbox,
        next_step=_NOTHING_IS_CHARGED if sandbox else _WHAT_IT_COSTS,
    )


def _unsettled(training: Training) -> UnsettledRow:
    return UnsettledRow(
        ref=training.ref or "",
        kind=training.kind.value,
        status=STATUS[training.state],
        task_id=training.task_id,
        subject=training.subject,
        prompt=training.prompt,
        created_at=datetime.fromtimestamp(training.created_at or 0.0, UTC),
        next_step=next_step(training),
    )


def _row(training: Training) -> TrainingRow:
    return TrainingRow(
        ref=training.ref or "",
        task_id=training.task_id,
        subject=training.subject,
        status=STATUS[training.state],
        percentage=training.percentage,
        trigger_word=training.trigger_word,
        created_at=datetime.fromtimestamp(training.created_at or 0.0, UTC),
        checked_at=_time(training.checked_at),
        stale=Note.NOT_REFRESHED in training.notes,
    )


def _after_listing(page: Page, *, sandbox: bool, is_filtered: bool) -> str:
    unconfirmed = [found for found in page.unsettled if found.state is State.UNCONFIRMED]
    if unconfirmed:
        return next_step(unconfirmed[0])
    if page.next_cursor:
        return f"call list_trainings with cursor {page.next_cursor} for older ones."
    if not page.trainings:
        ready = f" In the sandbox, {READY_PHOTOS}." if sandbox else ""
        everything = "leave subject and status out to see all there are; " if is_filtered else ""
        return f"{everything}a new training begins with check_photos.{ready}"
    return "call get_training_status with a task_id or ref for more about one of them."


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
