"""The next step of each result: the next call, or what to tell or ask the user. Pure."""

from __future__ import annotations

from math import ceil
from typing import Final

from apiframe_studio.generations import SAME_AGAIN_SECONDS, Pictures
from apiframe_studio.ledger import Kind
from apiframe_studio.ledger.reuse import FAILED_JUST_NOW_SECONDS
from apiframe_studio.photo_sets import UPLOAD_CREDITS, PhotoSet
from apiframe_studio.photos import PhotoCheck
from apiframe_studio.submission import State
from apiframe_studio.training import Note, Training, is_missing
from apiframe_studio.trainings import Page
from apiframe_tools.wording.instructions import READY_PHOTOS
from apiframe_tools.wording.photos import photos_missing
from apiframe_tools.wording.phrases import PhotosStatus, pluralize

AFTER_REFUSED_TRAINING: Final = (
    f"if the photo set has expired, call prepare_photos with its photos ({UPLOAD_CREDITS:g} credits) and "
    "start_training with the new set; else call start_training with corrected arguments."
)
END_OR_CORRECT: Final = (
    "ask the user to compare the id with their Apiframe dashboard: resolve_training with ref {ref} takes accepted with "
    "the right task_id, or give_up to end it (asking for it again then costs full price)."
)
AFTER_FAILED_UPLOAD: Final = (
    f"better photos are usually needed: check_photos, then prepare_photos ({UPLOAD_CREDITS:g} credits). The same "
    f"photos can be uploaded again only {FAILED_JUST_NOW_SECONDS / 60:g} minutes after the failure."
)
CHECK_AGAIN_MINUTES: Final = 5
MAX_CHECK_AGAIN_MINUTES: Final = 15

_UPLOAD: Final = pluralize(UPLOAD_CREDITS, "credit")

SUBMITTED_BY: Final = {
    Kind.TRAINING: ("The training", "start_training"),
    Kind.UPLOAD: ("The photo upload", "prepare_photos"),
    Kind.GENERATION: ("The order of pictures", "generate_photos"),
}
"""What was to be paid for, and the tool that asks for it."""


def next_step(training: Training) -> str:
    """One or two sentences that name the next call, or what to tell or ask the user."""
    if training.kind is not Kind.TRAINING:
        return _after_decision(training, SUBMITTED_BY[training.kind][1])
    name = training.task_id or training.ref
    match training.state:
        case State.INTENT if Note.OTHER_WORD in training.notes:
            return (
                f"call start_training with {arguments_of(training)} to send the one that waits, or resolve_training "
                f"with ref {training.ref} and give_up to drop it; nothing was sent now."
            )
        case State.INTENT:
            return (
                f"call start_training with {arguments_of(training)} to send it; nothing is sent before that."
            )
        case State.SENDING:
            return f"call get_training_status with task_id {training.ref} in a minute; it is being sent right now."
        case State.QUEUED | State.PROCESSING if Note.MISSING in training.notes:
            return (
                f"call get_training_status with task_id {name} in {CHECK_AGAIN_MINUTES} minutes, since right after a "
                f"start this may pass. If it stays so, {END_OR_CORRECT.format(ref=training.ref)}"
            )
        case State.QUEUED | State.PROCESSING if Note.NO_PROGRESS in training.notes:
            return (
                "tell the user that the training goes on by itself, and call get_training_status with task_id "
                f"{name} in {check_again_minutes(training.eta_seconds)} minutes; waiting longer now will show "
                "nothing new."
            )
        case State.QUEUED | State.PROCESSING:
            return (
                f"call wait_for_training with task_id {name}, or tell the person that it goes on by itself and "
                "look again later with get_training_status; looking is free."
            )
        case State.FINISHED if Note.ODD_WORD in training.notes:
            return "ask the person to look the trigger word up in their Apiframe dashboard."
        case State.FINISHED if Note.FORGOTTEN in training.notes:
            return "nothing; it is over. start_training with the same photos begins a new one, at full price."
        case State.FINISHED if training.trigger_word is None:
            return f"call get_training_status with task_id {name} in a minute to learn the trigger word."
        case State.FINISHED:
            word = training.trigger_word
            return f"tell the person the trigger word {word}; it must stand in every prompt (generate_photos adds it)."
        case State.FAILED:
            return (
                "tell the user why, and ask for other photos, since photos are the usual cause: call check_photos on "
                "them, then prepare_photos and start_training with the new set. Whether credits come back is not "
                "documented; get_account shows what is left. Only to train the same photos again, at full price: "
                "start_training with a new idempotency_key."
            )
        case State.UNCONFIRMED:
            return (
                "ask the person. Money may have been spent, and nobody can know from here, so it is not sent again. "
                "They look whether the training stands in their Apiframe dashboard; then call resolve_training with "
                f"ref {training.ref} and their decision: accepted (with the task_id from there), send_again or give_up."
            )
        case State.REJECTED:
            return f"tell the user why; nothing was paid. Then, {AFTER_REFUSED_TRAINING}"
        case State.ABANDONED:
            return (
                "nothing; the user gave this one up. start_training with these photos begins a new one, at full "
                "price."
            )


def check_again_minutes(eta_seconds: float | None) -> int:
    """Whole minutes after which looking at a training that runs may tell more."""
    if eta_seconds is None:
        return CHECK_AGAIN_MINUTES
    return min(max(ceil(eta_seconds / 60), 1), MAX_CHECK_AGAIN_MINUTES)


def after_unknown_id(tool: str, ref: str | None) -> str:
    """What to do about an upload or a generation whose id the service does not know."""
    return (
        f"call {tool} again with the same arguments in {CHECK_AGAIN_MINUTES} minutes, free, since right after a start "
        f"this may pass. If it stays so, {END_OR_CORRECT.format(ref=ref)}"
    )


def _after_decision(order: Training, tool: str) -> str:
    """About an upload or a generation; its own tool says more."""
    match order.state:
        case State.UNCONFIRMED:
            return (
                "ask the person. Money may have been spent, and nobody can know from here, so it is not sent again. "
                f"Then call resolve_training with ref {order.ref} and their decision: accepted (with the task_id from "
                "their Apiframe dashboard), send_again or give_up."
            )
        case State.INTENT:
            return f"call {tool} again with the same arguments to send it; nothing is sent before that."
        case State.FAILED if order.kind is Kind.UPLOAD:
            return f"nothing; it is over: {AFTER_FAILED_UPLOAD}"
        case State.FAILED | State.REJECTED | State.ABANDONED:
            return f"nothing; it is over. {tool} begins a new one, at full price."
        case State.FINISHED:
            return (
                f"nothing; it is over. {tool} with the same arguments returns it while it is valid, otherwise it makes "
                "and charges for a new one."
            )
        case _ if Note.MISSING in order.notes:
            return after_unknown_id(tool, order.ref)
        case _:
            return f"call {tool} again with the same arguments to get it; it is not paid for twice."


def arguments_of(training: Training) -> str:
    """The arguments of start_training that ask for this training."""
    asked = training.requested_trigger_word
    word = f"trigger_word {asked}" if asked else "no trigger_word"
    return f"training_images_id {training.training_images_id} and {word}"


def after_listing(page: Page, *, sandbox: bool, is_filtered: bool) -> str:
    """After a page of trainings."""
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


def after_check(judged: PhotoCheck) -> str:
    """After a check of photos."""
    if judged.inner and not judged.photos:
        return "call check_photos with the folder that holds the subject's photos."
    if judged.unseen:
        return (
            f"call check_photos again with the same paths; it goes on with the {len(judged.unseen)} photos that it has "
            "not looked at yet."
        )
    if judged.enough:
        return (
            "show the user the contact sheet and the price; once they agree to send the photos, call prepare_photos "
            "with the same paths."
        )
    missing = photos_missing(judged)
    needed = "1 more good photo is" if missing == 1 else f"{missing} more good photos are"
    return f"tell the user; {needed} needed before anything can be sent."


def after_preparing(photo_set: PhotoSet, status: PhotosStatus) -> str:
    """After a call of prepare_photos."""
    if is_missing(photo_set.row):
        return after_unknown_id("prepare_photos", photo_set.row.ref)
    ref, task_id, trained = photo_set.row.ref, photo_set.row.task_id, photo_set.trained
    match status:
        case "ready" if trained:
            return (
                f"call get_training_status with task_id {trained.ref} for the training that exists. To train these "
                f"photos once more, call start_training with training_images_id {task_id} and a new idempotency_key "
                "once the user agrees to pay again."
            )
        case "ready":
            return (
                f"call start_training with training_images_id {task_id}, once the person agrees to the price."
            )
        case "submitting" if not photo_set.same_wording:
            return (
                f"nothing was sent. Ask the user: call resolve_training with ref {ref} and give_up to drop the waiting "
                f"set, then prepare_photos again ({_UPLOAD}), or call prepare_photos with the earlier gender, "
                f"ethnicity and age to send it ({_UPLOAD})."
            )
        case "uploading" | "preparing" if not photo_set.same_wording:
            return (
                "tell the user that a set of these photos with a different gender, ethnicity or age is being prepared. "
                "Call prepare_photos with those earlier values to follow it, free; with the present ones it makes "
                f"another set for {_UPLOAD} once this one is ready."
            )
        case "submitting" | "uploading" | "preparing":
            return "call prepare_photos again with the same arguments in a minute; it goes on by itself meanwhile."
        case "unconfirmed":
            return (
                f"ask the person: {_UPLOAD} may have been spent and it is not sent again by itself. Then call "
                f"resolve_training with ref {ref} and their decision: accepted (with task_id), send_again or give_up."
            )
        case "failed":
            return f"tell the user; {AFTER_FAILED_UPLOAD}"
        case "expired" | "rejected" | "abandoned":
            return f"tell the user; calling prepare_photos again makes a new set for {_UPLOAD}."


_IMAGES_GONE = (
    "tell the user. With a seed, the same call tries to fetch them again, free; without one only within "
    f"{SAME_AGAIN_SECONDS / 60:g} minutes of making them, and after that it makes new images at full price. A new seed "
    "always does."
)


def after_making(pictures: Pictures) -> str:
    """After a call of generate_photos."""
    row = pictures.row
    if row.forgotten_at is not None:
        return "tell the user; nothing is kept."
    if pictures.gone:
        return _IMAGES_GONE
    match row.state:
        case State.FINISHED:
            return "show the person the pictures; another one of the same prompt takes a new seed."
        case State.UNCONFIRMED:
            return (
                "ask the person: credits may have been spent and it is not sent again by itself. Then call "
                f"resolve_training with ref {row.ref} and their decision: accepted (with task_id), send_again or "
                "give_up."
            )
        case State.FAILED:
            return (
                "tell the person; the service made no pictures. A changed prompt or a new seed is a new try, at full "
                "price."
            )
        case _:
            return "call generate_photos again with the same arguments in a minute; it is not paid for twice."
