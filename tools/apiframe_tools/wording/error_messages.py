"""The message for every error: what happened, what was paid, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from apiframe_studio.api.errors import ApiframeError, ImageRefused, ImageRefusedReason, RateLimited
from apiframe_studio.api.provider import Terms
from apiframe_studio.errors import (
    AtAnotherService,
    CheckIncomplete,
    ConsentMissing,
    FolderUnusable,
    InboxFull,
    MayStillFinish,
    NoPlaceFree,
    NotAPhotoSet,
    NotEnoughCredits,
    NotEnoughPhotos,
    NotFetched,
    NothingToResolve,
    NotTrained,
    NotYetSent,
    PhotosChanged,
    PhotosNotKept,
    PromptTooLong,
    Rejected,
    SetNotUsable,
    SubjectMismatch,
    TaskIdMissing,
    UnknownImages,
    UnknownSubject,
    UnknownTraining,
    WrongKind,
)
from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.ledger.errors import (
    KeyReused,
    LedgerError,
    PaymentNotApproved,
    PriceAboveLimit,
    SubjectForgotten,
    TaskIdTaken,
    UnknownCursor,
)
from apiframe_studio.ledger.states import State
from apiframe_studio.photos.errors import PhotoError
from apiframe_studio.training import Training, is_missing
from apiframe_tools.wording.ledger_errors import explain_ledger_error
from apiframe_tools.wording.next_steps import (
    SUBMITTED_BY,
    configure_service,
    list_arguments,
    next_step,
    suggest_after_refused_training,
)
from apiframe_tools.wording.photo_errors import explain_photo_error
from apiframe_tools.wording.phrases import KIND_NAMES, STATUS, describe_place
from apiframe_tools.wording.service_errors import ACCOUNT_ERRORS, render_error

_SAME_AGAIN = frozenset(ImageRefusedReason) - {ImageRefusedReason.HOST}
"""What is wrong with the image itself: fetching it again does not help."""


_OTHER_KINDS = {
    Kind.UPLOAD: (
        "This id is a photo upload, not a training. Pass it to start_training as training_images_id once the upload "
        "is finished."
    ),
    Kind.GENERATION: "This id is an image generation, not a training. list_trainings shows the trainings.",
}


_MESSAGES: Final[Mapping[type[BaseException], str]] = {
    ConsentMissing: (
        "Nothing was sent: photos are sent only with the consent of the subject. Ask the user whether the subject "
        "agreed; only if so, call prepare_photos with consent true."
    ),
    PhotosChanged: (
        "The photos changed while the user was asked, so nothing was sent or paid. Next: call "
        "prepare_photos again with the same arguments; the user is asked about the photos that are there "
        "now."
    ),
    PhotosNotKept: (
        "The prepared photos of that set are not on this machine any more, or are damaged, so nothing was sent "
        "or paid. Next: call prepare_photos with the same photos again, free, then start_training."
    ),
    SubjectForgotten: (
        "The subject was forgotten, so nothing more was sent or paid. Next: only if the user wants to train "
        "that subject after all, call prepare_photos with the photos again."
    ),
    PaymentNotApproved: (
        "This would cost credits now, and the user was not asked, so nothing was sent or paid. Next: call "
        "the tool again with the same arguments."
    ),
    TaskIdMissing: (
        "The decision accepted needs the task_id that the Apiframe dashboard shows for the training. Ask "
        "the user for it, then call resolve_training with ref, accepted and task_id."
    ),
    NotAPhotoSet: (
        "That is not a photo set, so nothing was sent or paid. Call start_training with the "
        "training_images_id or ref that prepare_photos returned."
    ),
    UnknownCursor: (
        "That cursor does not belong to this list. Call list_trainings without cursor to start over."
    ),
    InboxFull: "Too many photos wait already, so this one was not kept. They are removed after a day.",
    UnknownImages: "No images in this ledger have that ref. Call list_images to see them.",
    UnknownSubject: "No training in this ledger has that subject. Call list_trainings to see them.",
}


def explain_error(error: BaseException, terms: Terms) -> str | None:
    """Return the message for an error, or None when it is unexpected."""
    match error:
        case NotYetSent():
            return _not_yet_sent(error)
        case Rejected():
            return _rejected(error, terms)
        case ApiframeError():
            return render_error(error)
        case LedgerError():
            return explain_ledger_error(error)
        case KeyReused(earlier=Submission() as earlier):
            return _key_reused(Training.of(earlier), terms)
        case UnknownTraining(is_ref=True):
            return "No training in this ledger has that ref. Call list_trainings to see them."
        case UnknownTraining():
            return (
                "Neither this ledger nor the service knows that task_id. Call list_trainings to see what was started "
                "from here, or check the id with the user."
            )
        case AtAnotherService(training=training):
            return (
                f"{SUBMITTED_BY[training.kind][0]} (ref {training.ref}) was made at {describe_place(training)}, which "
                f"this server does not use, so nothing was sent or changed. Next: {configure_service(training)}"
            )
        case WrongKind(wanted=Kind.TRAINING):
            return _OTHER_KINDS.get(
                error.kind, "This id is not a training. Call list_trainings to see the trainings."
            )
        case WrongKind():
            return (
                f"This id is {_with_article(error.kind)}, not {_with_article(error.wanted)}; nothing was recorded. "
                "Ask the user for the id shown in their Apiframe dashboard, then call resolve_training."
            )
        case MayStillFinish():
            return _not_yet_over(error)
        case SubjectMismatch():
            return (
                f"The subject of that training (ref {error.training.ref}) is already {error.training.subject!r}; "
                "nothing was changed. Next: check the task_id with the user, or call get_training_status with it."
            )
        case NothingToResolve():
            training = error.training
            what = KIND_NAMES[training.kind].capitalize()
            return (
                f"{what} {training.ref} is {STATUS[training.state]}, so that decision does not apply. "
                f"Next: {next_step(training, terms)}"
            )
        case TaskIdTaken():
            return (
                f"That task_id belongs to {error.row.ref}, which is {STATUS[error.row.state]}; nothing was recorded. "
                "Ask the user for the id of the unconfirmed request, then call resolve_training with it."
            )
        case PriceAboveLimit():
            return (
                f"This could cost {error.needed:g} credits, more than max_credits {error.limit:g}, so nothing was sent "
                f"or paid. Next: tell the user; if they agree, call the tool again with max_credits {error.needed:g}."
            )
        case NotEnoughCredits():
            return (
                f"This costs {error.needed:g} credits and the account has {error.available:g}, so nothing was sent or "
                f"paid. Next: ask the user to add credits at {terms.key_page}, then call the tool again with the same "
                "arguments."
            )
        case NoPlaceFree():
            return (
                f"{error.under_way} trainings of the user's team are under way, as many as Apiframe trains at once, so "
                "nothing was sent or paid. Next: call start_training again with the same arguments in about half an "
                "hour, when one of them has ended."
            )
        case NotEnoughPhotos() | CheckIncomplete() | SetNotUsable() | PhotoError():
            return explain_photo_error(error, terms)
        case NotTrained(training=training):
            no_word = " and its trigger word is not known" if training.state is State.FINISHED else ""
            return (
                f"That training is {STATUS[training.state]}{no_word}, so it cannot make images; nothing was sent. "
                f"Next: {next_step(training, terms)}"
            )
        case PromptTooLong():
            return (
                f"With the trigger word the prompt has {error.length} characters, and Apiframe takes {error.most}, so "
                f"nothing was sent or paid. Next: call generate_photos with a prompt that is "
                f"{error.length - error.most} characters shorter."
            )
        case NotFetched():
            return _not_fetched(error)
        case FolderUnusable(row=row):
            paid = f"and the images were made and paid for (ref {row.ref})" if row else "so nothing was sent"
            return (
                f"The output folder {error.folder} cannot be written ({error.why}), {paid}. To fix this, ask the "
                "user to free space, to give access, or to set APIFRAME_OUTPUT_FOLDER to another folder and restart "
                "this server. Then call generate_photos again with the same arguments; it is not charged twice."
            )
        case _:
            return _MESSAGES.get(type(error))


def _with_article(kind: Kind) -> str:
    return f"{'an' if kind is Kind.GENERATION else 'a'} {KIND_NAMES[kind]}"


def _not_yet_over(error: MayStillFinish) -> str:
    order, tool = SUBMITTED_BY[error.training.kind]
    asks = "get_training_status" if error.training.kind is Kind.TRAINING else tool
    at = datetime.fromtimestamp(error.may_end_at, UTC)
    return (
        f"{order} (ref {error.training.ref}) is {STATUS[error.training.state]}: the service has it and may still "
        "finish it, so it was not given up. give_up is possible once the service no longer knows it, or from "
        f"{at:%Y-%m-%d %H:%M} UTC on. Next: call {asks} for its status, free."
    )


def _key_reused(earlier: Training, terms: Terms) -> str:
    return (
        f"This idempotency_key belongs to training {earlier.ref}, which has other photos or another trigger word and "
        f"is {STATUS[earlier.state]}; nothing was sent. Next: call start_training with "
        f"{list_arguments(earlier, terms)} to get that training. For the photos of this call, omit idempotency_key: "
        "that returns their training, or starts and charges for one if there is none."
    )


def _not_yet_sent(error: NotYetSent) -> str:
    order, tool = SUBMITTED_BY[error.row.kind]
    named, again = (
        f"{order} (status submitting, ref {error.row.ref})",
        f"call {tool} again with the same arguments",
    )
    if isinstance(error.cause, RateLimited):
        wait = error.cause.retry_after
        when = f"in {wait:.0f} seconds" if wait else "in a minute"
        return (
            f"The service is busy and did not accept this. {named} is pending; nothing was paid. Next: {again} "
            f"{when}."
        )
    return f"{render_error(error.cause)} {named} was not sent, and nothing was paid. Next: {again}."


def _rejected(error: Rejected, terms: Terms) -> str:
    order, tool = SUBMITTED_BY[error.row.kind]
    fix = f"once that is corrected, call {tool} again."
    # Errors of the key or the account have their own advice.
    if error.row.kind is Kind.TRAINING and not isinstance(error.cause, ACCOUNT_ERRORS):
        fix = suggest_after_refused_training(terms)
    said = render_error(error.cause)
    return f"{said} {order} was rejected (ref {error.row.ref}) and nothing was paid. Next: {fix}"


def _not_fetched(error: NotFetched) -> str:
    row, said = error.row, render_error(error.cause)
    paid = f"The images were made and paid for (ref {row.ref}), but"
    again = "Next: call generate_photos again with the same arguments; fetching is free."
    if is_missing(row):
        return (
            f"{paid} the service does not return them now. {said} {again} If it does not change, ask the user: "
            f"resolve_training with ref {row.ref} and give_up ends it, and the same call then makes new images, at "
            "full price."
        )
    if isinstance(error.cause, ImageRefused) and error.cause.reason in _SAME_AGAIN:
        return (
            f"{paid} not all were saved. {said} Next: tell the user; calling again gives the same result. The saved "
            f"images are in the output folder; resolve_training with ref {row.ref} and give_up ends this request from "
            "a day after it was accepted."
        )
    return f"{paid} not downloaded yet. {said} {again}"
