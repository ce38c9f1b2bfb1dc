"""What tools return: small types of our own, each with a text that stands alone.

Many clients show a model the text only, so every text names the state, the id, the trigger word and the
next step.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, PrivateAttr

from apiframe_studio.ledger.reuse import CREDITS_A_PHOTO, MOST_A_TRAINING_COSTS
from apiframe_studio.trainings import LEAST_CREDITS

Status = Literal[
    "submitting", "queued", "processing", "finished", "failed", "unconfirmed", "rejected", "abandoned"
]
"""Where a training is, in the same words everywhere."""

MOST_TOLD = 10
"""Unsettled requests that a text names; the field has more."""

SANDBOX_WORDS = "Sandbox: nothing here is real, and its credits are play money."


class TrainingStarted(BaseModel):
    """A training that was started, or the one that already was."""

    ref: str
    task_id: str | None = Field(description="The service's id; null until it is known")
    status: Status
    training_images_id: str
    subject: str | None
    requested_trigger_word: str | None
    trigger_word: str | None = Field(description="Null until the service names it")
    credits: float | None = Field(description="What it costs; null for a set that this ledger never saw")
    credits_left: float | None = Field(
        description="On the account after this payment; null when nothing was paid or it is not known"
    )
    deduplicated: bool = Field(description="True when an earlier training was returned and nothing was sent")
    webhook: bool | None = Field(
        description="Whether the service was given webhook_url by this call; null without one"
    )
    warnings: list[str]
    sandbox: bool
    next_step: str

    def __str__(self) -> str:
        of = f"Training of {self.subject}" if self.subject else "Training"
        return text_of(
            self.sandbox,
            self._cost(),
            f"{of} is {self.status}.",
            _names(self.task_id, self.ref),
            _word(self.status, self.trigger_word, self.requested_trigger_word),
            self._webhook(),
            balance_in_words(self.credits_left),
            *self.warnings,
            f"Next: {self.next_step}",
        )

    def _webhook(self) -> str:
        match self.webhook:
            case True:
                return "Its updates are posted to webhook_url too."
            case False:
                return "webhook_url was not used: nothing was sent now, so no updates are posted there."
            case None:
                return ""

    def _cost(self) -> str:
        if self.deduplicated and self.status == "submitting":
            return (
                "This call cost nothing: an earlier request for these photos exists and has not been confirmed as "
                "sent."
            )
        if self.deduplicated:
            return "This call cost nothing: it was started earlier, and nothing was sent now."
        price = (
            f"{CREDITS_A_PHOTO:g} credits a photo ({LEAST_CREDITS:g} to {MOST_A_TRAINING_COSTS:g})"
            if self.credits is None
            else counted(self.credits, "credit")
        )
        return f"This {costs(self.status)} {price}."


class TrainingStatus(BaseModel):
    """What is known of one training."""

    ref: str | None = Field(description="This ledger's name for it; null when it was made elsewhere")
    task_id: str | None
    subject: str | None
    status: Status
    percentage: float | None = Field(description="0 to 100")
    trigger_word: str | None = Field(
        description="Must stand in every prompt; null until the service names it"
    )
    message: str | None = Field(description="The service's own words")
    started_at: datetime | None
    finished_at: datetime | None
    eta_seconds: float | None = Field(
        description="Estimated from what this ledger saw; null when that says nothing"
    )
    checked_at: datetime | None = Field(description="When the service was last asked")
    warnings: list[str]
    sandbox: bool
    next_step: str
    _what: str = PrivateAttr("Training")

    def call_it(self, what: str) -> None:
        """What the text calls it, when a person decided about something else than a training."""
        self._what = what

    def __str__(self) -> str:
        of = f"{self._what} of {self.subject}" if self.subject else self._what
        done = (
            f", {self.percentage:g} % done"
            if self.percentage is not None and self.status != "finished"
            else ""
        )
        left = f"About {_duration(self.eta_seconds)} left." if self.eta_seconds is not None else ""
        said = f"The service says: {self.message!r}." if self.message and self.status == "failed" else ""
        return text_of(
            self.sandbox,
            f"{of} is {self.status}{done}.",
            _word(self.status, self.trigger_word) if self._what == "Training" else "",
            left,
            said,
            _names(self.task_id, self.ref),
            *self.warnings,
            f"Next: {self.next_step}",
        )


class TrainingRow(BaseModel):
    """One training in a list."""

    ref: str
    task_id: str | None
    subject: str | None
    status: Status
    percentage: float | None
    trigger_word: str | None
    created_at: datetime
    checked_at: datetime | None
    stale: bool = Field(description="True when the service could not be asked just now")

    def __str__(self) -> str:
        done = (
            f" {self.percentage:g} %" if self.percentage is not None and self.status == "processing" else ""
        )
        word = f", trigger word {self.trigger_word}" if self.trigger_word else ""
        seen = f"{self.checked_at:%Y-%m-%d %H:%M} UTC" if self.checked_at else "never"
        age = f", not refreshed (last seen {seen})" if self.stale else ""
        task = f", task_id {self.task_id}" if self.task_id else ""
        return f"- {self.subject or 'unnamed'}: {self.status}{done}{word}, ref {self.ref}{task}{age}"


KIND_NAMES = {"training": "training", "upload": "photo upload", "generation": "image generation"}


class UnsettledRow(BaseModel):
    """A paid request of any kind that has not come to an end."""

    ref: str
    kind: Literal["training", "upload", "generation"]
    status: Status
    task_id: str | None
    subject: str | None
    prompt: str | None = Field(description="Of an image generation")
    created_at: datetime
    next_step: str

    def __str__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        short = self.prompt if self.prompt is None or len(self.prompt) <= 80 else f"{self.prompt[:80]}…"
        prompt = f", prompt {short!r}" if short else ""
        task = f", task_id {self.task_id}" if self.task_id else ""
        named = f"- {KIND_NAMES[self.kind]}{of}: {self.status}{prompt}, ref {self.ref}{task}"
        return f"{named}. Next: {self.next_step}"


class TrainingList(BaseModel):
    """Trainings of this ledger, newest first."""

    trainings: list[TrainingRow]
    unsettled: list[UnsettledRow] = Field(
        description="Paid requests of every kind that are open or unconfirmed; on the first page"
    )
    unsettled_total: int = Field(description="How many there are, when unsettled has the first of them only")
    total: int
    next_cursor: str | None
    warnings: list[str]
    sandbox: bool
    next_step: str

    def __str__(self) -> str:
        count = f"{len(self.trainings)} of {self.total} trainings, newest first:"
        head = text_of(self.sandbox, count if self.trainings else "No trainings.")
        ending = text_of(False, *self.warnings, f"Next: {self.next_step}")
        if not self.trainings and not self.unsettled:
            return f"{head} {ending}"
        return "\n".join([head, *map(str, self.trainings), *self._unsettled(), ending])

    def _unsettled(self) -> list[str]:
        if not self.unsettled:
            return []
        told = [str(row) for row in self.unsettled[:MOST_TOLD]]
        more = self.unsettled_total - len(told)
        beyond = self.unsettled_total - len(self.unsettled)
        rest = f"the first {len(self.unsettled)}" if beyond else "them"
        listed = [f"- and {more} more (field unsettled has {rest})"] if more else []
        return ["Not settled yet:", *told, *listed]


class AccountStatus(BaseModel):
    """What is left to spend."""

    credits: float | None
    plan: str | None
    sandbox: bool
    next_step: str

    def __str__(self) -> str:
        left = "an unknown number of credits" if self.credits is None else f"{self.credits:.15g} credits"
        plan = f" on the plan {self.plan!r}" if self.plan else ""
        return text_of(self.sandbox, f"The account has {left}{plan}.", f"Next: {self.next_step}")


def text_of(sandbox: bool, *sentences: str) -> str:
    """Sentences as one text, beginning with a word about the sandbox where there is one."""
    return " ".join(sentence for sentence in (SANDBOX_WORDS if sandbox else "", *sentences) if sentence)


def costs(status: str) -> str:
    """The verb of a price: what is unconfirmed may not have been charged, what failed may have been refunded."""
    return "may have cost" if status in {"unconfirmed", "failed"} else "costs"


def balance_in_words(credits_left: float | None) -> str:
    """What is left on the account; empty when it is not known."""
    return "" if credits_left is None else f"{counted(credits_left, 'credit')} left on the account."


def counted(number: float, thing: str) -> str:
    """A number of things in words: 1 credit, 3 credits."""
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"


def _names(task_id: str | None, ref: str | None) -> str:
    names = [f"task_id {task_id}" if task_id else "", f"ref {ref}" if ref else ""]
    return f"It is {' and '.join(name for name in names if name)}." if task_id or ref else ""


def _word(status: Status, word: str | None, requested: str | None = None) -> str:
    if word:
        return f"Trigger word: {word}."
    if status in ("failed", "rejected", "abandoned"):
        return "It has no trigger word."
    if status == "finished":
        # A warning says why: none was named, it cannot be shown, or the subject was forgotten.
        return ""
    asked = f" ({requested} was asked for)" if requested else ""
    return f"The trigger word is not known yet{asked}."


def _duration(seconds: float) -> str:
    number, unit = (seconds / 60, "minute") if seconds >= 60 else (seconds, "second")
    whole = max(round(number), 1)
    return f"{whole} {unit}" if whole == 1 else f"{whole} {unit}s"
