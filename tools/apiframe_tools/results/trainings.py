"""The results of the tools for trainings."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, PrivateAttr

from apiframe_studio.api.provider import Terms
from apiframe_studio.ledger import Kind
from apiframe_studio.ledger.states import UNDER_WAY
from apiframe_studio.studio import Studio
from apiframe_studio.training import Note, Training
from apiframe_studio.training_sources import TrainingRequest
from apiframe_studio.trainings import Page, Price
from apiframe_tools.results import Priced, Result
from apiframe_tools.wording.next_steps import SUBMITTED_BY, next_step, suggest_after_listing
from apiframe_tools.wording.notifications import WILL_NOTIFY
from apiframe_tools.wording.phrases import (
    KIND_NAMES,
    STATUS,
    Status,
    costs,
    describe_balance,
    join_sentences,
    pluralize,
)
from apiframe_tools.wording.prices import Prices
from apiframe_tools.wording.quotes import Question, Quote
from apiframe_tools.wording.warnings import warn_about_list, warn_about_training

MAX_LISTED = 10
"""Unsettled requests that a text names; the field has more."""

_WEBHOOK = {
    True: "Updates are also posted to webhook_url.",
    False: "webhook_url was not used: nothing was sent, so no updates are posted there.",
    None: "",
}


class TrainingStarted(Priced):
    """A training that was started, or the existing one."""

    ref: str
    task_id: str | None = Field(description="The service's id; null until it is known")
    status: Literal[Status, "quote"]
    training_images_id: str
    subject: str | None
    requested_trigger_word: str | None
    trigger_word: str | None = Field(description="Null until the service returns it")
    credits: float | None = Field(description="Price; null for a set that is not in this ledger")
    credits_left: float | None = Field(
        description="Left after this payment; null when nothing was paid or it is unknown"
    )
    deduplicated: bool = Field(description="True when an existing training was returned and nothing was sent")
    webhook: bool | None = Field(
        description="Whether this call gave webhook_url to the service; null without one"
    )
    warnings: list[str]
    sandbox: bool
    next_step: str
    _price: str = PrivateAttr("")

    @classmethod
    def quoted(
        cls,
        request: TrainingRequest,
        price: Price,
        question: Question,
        studio: Studio,
        balance: float | None,
    ) -> Self:
        """The price of a training that was not sent, since the user has not agreed to it."""
        is_known = price.least == price.most
        per_photo = studio.terms.training_credits.per_photo
        detail = (
            f"{f'{price.photos} photos at' if is_known else ''} {per_photo:g}{'' if is_known else ' a photo'}"
        )
        quote = Quote(
            "start_training",
            "This training" if is_known else "These photos were uploaded elsewhere",
            question,
            price.most,
            None if is_known else price.least,
            detail.strip() if per_photo else "",
            request.max_credits,
            balance,
        )
        return cls.of_quote(
            quote,
            request,
            studio,
            task_id=None,
            training_images_id=request.training_images_id,
            subject=price.subject,
            requested_trigger_word=request.trigger_word,
            trigger_word=None,
            credits=price.most,
            credits_left=balance,
            webhook=None,
        )

    @classmethod
    def of(cls, training: Training, studio: Studio, *, credits_left: float | None = None) -> Self:
        result = cls.copy_of(
            training,
            ref=training.ref or "",
            status=STATUS[training.state],
            training_images_id=training.training_images_id or "",
            credits_left=credits_left,
            webhook=training.posts_updates,
            warnings=warn_about_training(training),
            sandbox=studio.is_sandbox,
            next_step=_next_step(training, studio),
        )
        result._price = Prices(studio.terms).training_total
        return result

    def describe(self) -> str:
        of = f"Training of {self.subject}" if self.subject else "Training"
        return join_sentences(
            self.sandbox,
            self._cost(),
            f"{of} is {self.status}.",
            _names(self.task_id, self.ref),
            _word(self.status, self.trigger_word, self.requested_trigger_word),
            _WEBHOOK[self.webhook],
            describe_balance(self.credits_left),
            *self.warnings,
            f"Next: {self.next_step}",
        )

    def _cost(self) -> str:
        if self.deduplicated and self.status == "submitting":
            return (
                "This call cost nothing: an earlier request for these photos exists, which has not been confirmed as "
                "sent."
            )
        if self.deduplicated:
            return "This call cost nothing: the training was started earlier, and nothing was sent now."
        price = self._price if self.credits is None else pluralize(self.credits, "credit")
        return f"This {costs(self.status)} {price}."


class TrainingStatus(Result):
    """The status of one training."""

    ref: str | None = Field(description="Its id in this ledger; null when made elsewhere")
    task_id: str | None
    subject: str | None
    status: Status
    percentage: float | None = Field(description="0 to 100")
    trigger_word: str | None = Field(description="Must be in every prompt; null until the service returns it")
    message: str | None = Field(description="Message from the service")
    started_at: datetime | None
    finished_at: datetime | None
    eta_seconds: float | None = Field(description="Estimated from earlier trainings; null when unknown")
    checked_at: datetime | None = Field(description="When the service was last asked")
    warnings: list[str]
    sandbox: bool
    next_step: str
    _what: str = PrivateAttr("Training")

    @classmethod
    def of(cls, training: Training, studio: Studio) -> Self:
        result = cls.copy_of(
            training,
            status=STATUS[training.state],
            warnings=warn_about_training(training),
            sandbox=studio.is_sandbox,
            next_step=_next_step(training, studio),
        )
        # resolve_training decides about uploads and image generations too.
        if training.kind is not Kind.TRAINING:
            result._what = SUBMITTED_BY[training.kind][0]
        return result

    def __str__(self) -> str:
        of = f"{self._what} of {self.subject}" if self.subject else self._what
        done = (
            f", {self.percentage:g} % done"
            if self.percentage is not None and self.status != "finished"
            else ""
        )
        left = f"About {_duration(self.eta_seconds)} left." if self.eta_seconds is not None else ""
        said = f"The service says: {self.message!r}." if self.message and self.status == "failed" else ""
        return join_sentences(
            self.sandbox,
            f"{of} is {self.status}{done}.",
            _word(self.status, self.trigger_word) if self._what == "Training" else "",
            left,
            said,
            _names(self.task_id, self.ref),
            *self.warnings,
            f"Next: {self.next_step}",
        )


class TrainingRow(Result):
    """One training in a list."""

    ref: str
    task_id: str | None
    subject: str | None
    status: Status
    percentage: float | None
    trigger_word: str | None
    created_at: datetime
    checked_at: datetime | None
    stale: bool = Field(description="True when the service could not be reached")

    @classmethod
    def of(cls, training: Training) -> Self:
        return cls.copy_of(
            training,
            ref=training.ref or "",
            status=STATUS[training.state],
            created_at=training.created_at or 0.0,
            stale=Note.NOT_REFRESHED in training.notes
            or (Note.AT_ANOTHER_SERVICE in training.notes and training.state in UNDER_WAY),
        )

    def __str__(self) -> str:
        done = (
            f" {self.percentage:g} %" if self.percentage is not None and self.status == "processing" else ""
        )
        word = f", trigger word {self.trigger_word}" if self.trigger_word else ""
        seen = f"{self.checked_at:%Y-%m-%d %H:%M} UTC" if self.checked_at else "never"
        age = f", not refreshed (last seen {seen})" if self.stale else ""
        task = f", task_id {self.task_id}" if self.task_id else ""
        return f"- {self.subject or 'unnamed'}: {self.status}{done}{word}, ref {self.ref}{task}{age}"


class UnsettledRow(Result):
    """A paid request of any kind that is still open."""

    ref: str
    kind: Literal["training", "upload", "generation"]
    status: Status
    task_id: str | None
    subject: str | None
    prompt: str | None = Field(description="Of an image generation")
    created_at: datetime
    next_step: str

    @classmethod
    def of(cls, training: Training, terms: Terms) -> Self:
        return cls.copy_of(
            training,
            ref=training.ref or "",
            kind=training.kind.value,
            status=STATUS[training.state],
            created_at=training.created_at or 0.0,
            next_step=next_step(training, terms),
        )

    def __str__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        short = self.prompt if self.prompt is None or len(self.prompt) <= 80 else f"{self.prompt[:80]}…"
        prompt = f", prompt {short!r}" if short else ""
        task = f", task_id {self.task_id}" if self.task_id else ""
        named = f"- {KIND_NAMES[Kind(self.kind)]}{of}: {self.status}{prompt}, ref {self.ref}{task}"
        return f"{named}. Next: {self.next_step}"


class TrainingList(Result):
    """Trainings of this ledger, newest first."""

    trainings: list[TrainingRow]
    unsettled: list[UnsettledRow] = Field(
        description="Paid requests of every kind that are open or unconfirmed; first page only"
    )
    unsettled_total: int = Field(description="Total, of which unsettled may have only the first")
    total: int
    next_cursor: str | None
    warnings: list[str]
    sandbox: bool
    next_step: str

    @classmethod
    def of(cls, page: Page, studio: Studio, *, is_filtered: bool = False) -> Self:
        terms, sandbox = studio.terms, studio.is_sandbox
        return cls.copy_of(
            page,
            trainings=[TrainingRow.of(training) for training in page.trainings],
            unsettled=[UnsettledRow.of(training, terms) for training in page.unsettled],
            warnings=warn_about_list(page),
            sandbox=sandbox,
            next_step=suggest_after_listing(page, terms, sandbox=sandbox, is_filtered=is_filtered),
        )

    def __str__(self) -> str:
        count = f"{len(self.trainings)} of {self.total} trainings, newest first:"
        head = join_sentences(self.sandbox, count if self.trainings else "No trainings.")
        ending = join_sentences(False, *self.warnings, f"Next: {self.next_step}")
        if not self.trainings and not self.unsettled:
            return f"{head} {ending}"
        return "\n".join([head, *map(str, self.trainings), *self._unsettled(), ending])

    def _unsettled(self) -> list[str]:
        if not self.unsettled:
            return []
        rows = [str(row) for row in self.unsettled[:MAX_LISTED]]
        more = self.unsettled_total - len(rows)
        beyond = self.unsettled_total - len(self.unsettled)
        rest = f"the first {len(self.unsettled)}" if beyond else "them"
        listed = [f"- and {more} more (the field unsettled has {rest})"] if more else []
        return ["Open requests:", *rows, *listed]


def _next_step(training: Training, studio: Studio) -> str:
    step = next_step(training, studio.terms)
    return f"{step} {WILL_NOTIFY}" if studio.follower.will_notify(training) else step


def _names(task_id: str | None, ref: str | None) -> str:
    names = [f"task_id {task_id}" if task_id else "", f"ref {ref}" if ref else ""]
    return f"It is {' and '.join(name for name in names if name)}." if task_id or ref else ""


def _word(status: str, word: str | None, requested: str | None = None) -> str:
    if word:
        return f"Trigger word: {word}."
    if status in ("failed", "rejected", "abandoned"):
        return "It has no trigger word."
    if status == "finished":
        # A warning says why: there is none, it cannot be shown, or the subject was forgotten.
        return ""
    asked = f" ({requested} was requested)" if requested else ""
    return f"The trigger word is not known yet{asked}."


def _duration(seconds: float) -> str:
    number, unit = (seconds / 60, "minute") if seconds >= 60 else (seconds, "second")
    return pluralize(max(round(number), 1), unit)
