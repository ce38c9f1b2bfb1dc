"""The results of check_photos and prepare_photos."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field, PrivateAttr

from apiframe_studio.api.provider import Terms
from apiframe_studio.photo_sets import CheckedPhotos, PhotoSet, PhotoSetRequest
from apiframe_studio.photos.models import PhotoCheck, UncheckedAspect, Verdict
from apiframe_studio.studio import Studio
from apiframe_tools.results import Priced, WithImages
from apiframe_tools.wording.next_steps import suggest_after_check, suggest_after_preparing
from apiframe_tools.wording.photos import (
    ASPECTS,
    FACES_NOT_CHECKED,
    LEFT_OUT,
    describe_choice,
    describe_reasons,
    group_by_reason,
    suggest_photos,
)
from apiframe_tools.wording.phrases import (
    SET_STATUS,
    PhotosStatus,
    costs,
    describe_balance,
    join_sentences,
    pluralize,
)
from apiframe_tools.wording.prices import describe_needed
from apiframe_tools.wording.quotes import Question, Quote
from apiframe_tools.wording.warnings import warn_about_check, warn_about_set

_LOOK_FOR_FACES = (
    f"{FACES_NOT_CHECKED} Look at the contact sheet for photos that do not show exactly one person, tell the user, "
    "and pass them as leave_out to prepare_photos."
)


class PhotoJudged(BaseModel):
    """One photo."""

    number: int
    name: str
    verdict: Literal["use", "warn", "reject"]
    reasons: list[str]


class PhotosChecked(WithImages):
    """Photos after a local check. Nothing was sent."""

    _choice: str = PrivateAttr("")

    good: int
    doubtful: int
    usable: int = Field(description="Good and doubtful")
    needed: int
    enough: bool
    sheet: str = Field(description="Code of the contact sheet; code:number names a photo")
    faces_checked: bool
    photos: list[PhotoJudged]
    preparing_credits: float
    training_credits: float | None = Field(
        description="For the photos that would be sent; null when there are too few"
    )
    photograph_next: list[str]
    not_judged: list[str]
    warnings: list[str]
    next_step: str

    @classmethod
    def of(cls, check: PhotoCheck, terms: Terms) -> Self:
        from apiframe_studio.photos.choosing import count_to_send

        sent = count_to_send(check)
        good = sum(photo.verdict is Verdict.USE for photo in check.photos)
        doubtful = sum(photo.verdict is Verdict.WARN for photo in check.photos)
        result = cls.copy_of(
            check,
            good=good,
            doubtful=doubtful,
            needed=check.takes.min,
            sheet=check.code,
            faces_checked=UncheckedAspect.FACES not in check.unchecked,
            preparing_credits=terms.upload_credits,
            training_credits=terms.training_credits.of(sent) if check.enough and not check.unseen else None,
            photos=[
                PhotoJudged(
                    number=photo.number,
                    name=photo.photo.name,
                    verdict=photo.verdict.value,
                    reasons=describe_reasons(photo),
                )
                for photo in check.photos
            ],
            photograph_next=suggest_photos(check),
            not_judged=[ASPECTS[aspect] for aspect in check.unchecked],
            warnings=warn_about_check(check),
            next_step=suggest_after_check(check, terms),
        )
        result._choice = (
            f"{describe_needed(check.takes)} photos."
            if check.unseen
            else describe_choice(good, doubtful, sent, check.takes)
        )
        if check.photos and check.sheet:
            result.add_image(check.sheet)
        return result

    def __str__(self) -> str:
        rejected = [photo for photo in self.photos if photo.verdict == "reject"]
        doubtful = [photo for photo in self.photos if photo.verdict == "warn"]
        return join_sentences(
            False,
            "" if self.faces_checked else _LOOK_FOR_FACES,
            f"{self.good} good, {self.doubtful} doubtful, {len(rejected)} rejected of "
            f"{pluralize(len(self.photos), 'photo')}.",
            self._choice,
            self._price(),
            f"Rejected: {_named(rejected)}." if rejected else "",
            f"Doubtful: {_named(doubtful)}." if doubtful else "",
            f"Photograph next: {'; '.join(self.photograph_next)}." if self.photograph_next else "",
            f"Not checked: {', '.join(self.not_judged)}." if self.not_judged else "",
            *self.warnings,
            f"prepare_photos takes file names, or numbers such as {self.sheet}:1, in leave_out and keep."
            if self.photos
            else "",
            f"Next: {self.next_step}",
        )

    def _price(self) -> str:
        if self.training_credits is None:
            return ""
        total = f"The full price is {self.preparing_credits + self.training_credits:g} credits"
        if not self.preparing_credits:
            return f"{total}, for the training."
        return f"{total}: {self.preparing_credits:g} to prepare the photos, {self.training_credits:g} to train on them."


class PhotosPrepared(Priced):
    """A set of photos at the service, being sent there, or kept on this machine until a training sends it."""

    _left_out: str = PrivateAttr("")
    _stays_here: bool = PrivateAttr(False)

    ref: str
    training_images_id: str | None = Field(description="For start_training; null until it can be used")
    status: Literal[PhotosStatus, "quote"]
    subject: str | None
    photos: int
    left_out: list[str]
    expires_at: datetime | None
    credits: float = Field(description="What the preparation cost")
    training_credits: float = Field(description="What training on it would cost")
    credits_left: float | None = Field(
        description="Left after this payment; null when nothing was paid or it is unknown"
    )
    deduplicated: bool
    warnings: list[str]
    sandbox: bool
    next_step: str

    @classmethod
    def quoted(
        cls,
        request: PhotoSetRequest,
        checked: CheckedPhotos,
        question: Question,
        studio: Studio,
        balance: float | None,
    ) -> Self:
        """The price of an upload that was not sent, since the user has not agreed to it."""
        photos, terms = len(checked.prepared.jpegs), studio.terms
        training = terms.training_credits.of(photos)
        detail = f"training on it costs {training:g} more"
        quote = Quote(
            "prepare_photos",
            "This upload",
            question,
            terms.upload_credits,
            detail=detail,
            limit=request.max_credits,
            balance=balance,
        )
        return cls.of_quote(
            quote,
            replace(request, fingerprint=checked.fingerprint),
            studio,
            training_images_id=None,
            subject=request.subject,
            photos=photos,
            left_out=[],
            expires_at=None,
            credits=terms.upload_credits,
            training_credits=training,
            credits_left=balance,
        )

    @classmethod
    def of(cls, photo_set: PhotoSet, studio: Studio, *, credits_left: float | None = None) -> Self:
        row, terms = photo_set.row, studio.terms
        status = "expired" if photo_set.expired else SET_STATUS[row.state]
        left_out = _left_out(photo_set)
        result = cls.copy_of(
            row,
            training_images_id=row.task_id,
            status=status,
            photos=row.photo_count or 0,
            left_out=[f"{name} {why}" for name, why in left_out],
            credits=row.estimated_credits or 0.0,
            training_credits=photo_set.training_credits,
            credits_left=credits_left,
            deduplicated=photo_set.deduplicated,
            warnings=warn_about_set(photo_set, terms),
            sandbox=studio.is_sandbox,
            next_step=suggest_after_preparing(photo_set, status, terms),
        )
        result._left_out = group_by_reason(left_out, most=len(left_out))
        result._stays_here = not terms.uploads_before_training
        return result

    def describe(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        until = f" Valid until {self.expires_at:%Y-%m-%d %H:%M} UTC." if self.expires_at else ""
        cost = (
            "This call cost nothing"
            if self.deduplicated or self._stays_here
            else f"Preparing {costs(self.status)} {pluralize(self.credits, 'credit')}"
        )
        return join_sentences(
            self.sandbox,
            "Nothing has left this machine: the photos are kept here until start_training sends them."
            if self._stays_here
            else "",
            f"{cost}; training on it costs {self.training_credits:g} more.",
            f"The set of {self.photos} photos{of} is {self.status}.{until}",
            f"training_images_id {self.training_images_id}." if self.training_images_id else "",
            f"ref {self.ref}." if self.ref != self.training_images_id else "",
            f"Left out: {self._left_out}." if self.left_out else "",
            describe_balance(self.credits_left),
            *self.warnings,
            f"Next: {self.next_step}",
        )


def _named(photos: list[PhotoJudged]) -> str:
    return group_by_reason((f"{photo.number} {photo.name}", photo.reasons[0]) for photo in photos)


def _left_out(photo_set: PhotoSet) -> list[tuple[str, str]]:
    """Return the name of each photo that is not sent, and why."""
    return [
        (
            photo.photo.name,
            LEFT_OUT.get(why, "").format(most=photo_set.check.takes.max)
            or ", ".join(describe_reasons(photo)),
        )
        for photo in photo_set.check.photos
        if (why := photo_set.prepared.why_left_out(photo))
    ]
