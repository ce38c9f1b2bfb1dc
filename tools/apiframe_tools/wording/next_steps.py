"""The next step of each result: the next call, or what to tell or ask the user. Pure."""

from __future__ import annotations

from math import ceil
from typing import Final

from apiframe_studio.api.provider import Terms
from apiframe_studio.image_history import ImagePage
from apiframe_studio.images import DEDUP_WINDOW_SECONDS, GeneratedImages
from apiframe_studio.ledger import Kind
from apiframe_studio.ledger.dedup import FAILED_JUST_NOW_SECONDS
from apiframe_studio.ledger.states import State
from apiframe_studio.photo_sets import PhotoSet
from apiframe_studio.photos.models import PhotoCheck
from apiframe_studio.training import Note, Training, is_missing
from apiframe_studio.trainings import Page
from apiframe_tools.wording.instructions import READY_PHOTOS
from apiframe_tools.wording.photos import count_missing_photos
from apiframe_tools.wording.phrases import PhotosStatus, pluralize
from apiframe_tools.wording.prices import Prices

END_OR_CORRECT: Final = (
    "ask the user to check the id in their Apiframe dashboard, then call resolve_training with ref {ref}: accepted "
    "with the right task_id, or give_up to end it (a new request then costs full price)."
)
CHECK_AGAIN_MINUTES: Final = 5
MAX_CHECK_AGAIN_MINUTES: Final = 15

SUBMITTED_BY: Final = {
    Kind.TRAINING: ("The training", "start_training"),
    Kind.UPLOAD: ("The photo upload", "prepare_photos"),
    Kind.GENERATION: ("The image generation", "generate_photos"),
}
"""The paid request of each kind, and the tool that makes it."""


def suggest_after_refused_training(terms: Terms) -> str:
    return (
        f"if the photo set has expired, call prepare_photos with its photos ({Prices(terms).upload}) and "
        "start_training with the new set. Otherwise call start_training with corrected arguments."
    )


def suggest_after_failed_upload(terms: Terms) -> str:
    """Return what to do about photos that the service could not use."""
    return (
        f"better photos are usually needed: check_photos, then prepare_photos ({Prices(terms).upload}). The same "
        f"photos can be uploaded again only {FAILED_JUST_NOW_SECONDS / 60:g} minutes after the failure."
    )


def next_step(training: Training, terms: Terms) -> str:
    """Return the next call, or what to tell or ask the user."""
    if Note.AT_ANOTHER_SERVICE in training.notes and training.state not in (State.REJECTED, State.ABANDONED):
        tell = (
            f"tell the user the trigger word {training.trigger_word}, and " if training.trigger_word else ""
        )
        return f"{tell}{configure_service(training)}"
    if training.kind is not Kind.TRAINING:
        return _after_decision(training, SUBMITTED_BY[training.kind][1], terms)
    name = training.task_id or training.ref
    match training.state:
        case State.INTENT if Note.OTHER_WORD in training.notes:
            return (
                f"call start_training with {list_arguments(training, terms)} to send the earlier request, or "
                f"resolve_training with ref {training.ref} and give_up to drop it; nothing was sent."
            )
        case State.INTENT:
            return f"call start_training with {list_arguments(training, terms)} to send it; nothing is sent until then."
        case State.SENDING:
            return f"call get_training_status with task_id {training.ref} in a minute; it is being sent."
        case State.QUEUED | State.PROCESSING if Note.MISSING in training.notes:
            return (
                f"call get_training_status with task_id {name} in {CHECK_AGAIN_MINUTES} minutes; right after a "
                f"start this is often temporary. If it does not change, {END_OR_CORRECT.format(ref=training.ref)}"
            )
        case State.QUEUED | State.PROCESSING if Note.NO_PROGRESS in training.notes:
            return (
                "tell the user that the training continues without this chat, and call get_training_status with "
                f"task_id {name} in {check_again_minutes(training.eta_seconds)} minutes; waiting longer now would "
                "not show progress."
            )
        case State.QUEUED | State.PROCESSING if not terms.reports_percentage:
            return (
                "tell the user that the training continues without this chat, and call get_training_status with "
                f"task_id {name} in {check_again_minutes(training.eta_seconds)} minutes; status checks are free."
            )
        case State.QUEUED | State.PROCESSING:
            return (
                f"call wait_for_training with task_id {name}, or tell the user that it continues without this "
                "chat and call get_training_status later; status checks are free."
            )
        case State.FINISHED if Note.ODD_WORD in training.notes:
            return "ask the user to look up the trigger word in their Apiframe dashboard."
        case State.FINISHED if Note.ARCHIVED in training.notes:
            return (
                "tell the user. Images of the subject need a new training: start_training with the photos and a new "
                "idempotency_key, at full price."
            )
        case State.FINISHED if Note.FORGOTTEN in training.notes:
            return "nothing; it is finished. start_training with the same photos starts a new training, at full price."
        case State.FINISHED if training.trigger_word is None:
            return f"call get_training_status with task_id {name} in a minute to get the trigger word."
        case State.FINISHED:
            word = training.trigger_word
            return f"tell the user the trigger word {word}; it must be in every prompt (generate_photos adds it)."
        case State.FAILED:
            return (
                "tell the user why, and ask for other photos, which are the usual cause: check_photos, then "
                f"prepare_photos and start_training with the new set. {Prices(terms).refund} {_had_before(training)}"
                "get_account shows the credits left. To train the same photos again, at full price: start_training "
                "with a new idempotency_key."
            )
        case State.UNCONFIRMED if terms.can_find:
            return _look_for(training, terms)
        case State.UNCONFIRMED:
            return _ask_about_unconfirmed("the training", training.ref)
        case State.REJECTED:
            return f"tell the user why; nothing was paid. Then, {suggest_after_refused_training(terms)}"
        case State.ABANDONED:
            return (
                "nothing; the user gave it up. start_training with these photos starts a new training, at full "
                "price."
            )


def _had_before(training: Training) -> str:
    before = training.credits_before
    return "" if before is None else f"Before it the account had {pluralize(before, 'credit')}; "


def configure_service(training: Training) -> str:
    """Return what makes the service of a submission reachable."""
    key = f", with a key of team {training.team_id}," if training.team_id else ""
    return (
        "ask the user to set APIFRAME_API_KEY and APIFRAME_BASE_URL for "
        f"{training.service}{key} and to restart this server; nothing is sent for it until then."
    )


def check_again_minutes(eta_seconds: float | None) -> int:
    """Return whole minutes after which the status of a running training may have changed."""
    if eta_seconds is None:
        return CHECK_AGAIN_MINUTES
    return min(max(ceil(eta_seconds / 60), 1), MAX_CHECK_AGAIN_MINUTES)


def suggest_after_unknown_id(tool: str, ref: str | None) -> str:
    """Return what to do about an upload or image generation whose id the service does not know."""
    return (
        f"call {tool} again with the same arguments in {CHECK_AGAIN_MINUTES} minutes (free); right after a start this "
        f"is often temporary. If it does not change, {END_OR_CORRECT.format(ref=ref)}"
    )


def _after_decision(order: Training, tool: str, terms: Terms) -> str:
    """About an upload or an image generation, whose tool returns more."""
    match order.state:
        case State.UNCONFIRMED if order.kind in terms.idempotent:
            return _repeat(tool, order.ref)
        case State.UNCONFIRMED:
            return _ask_about_unconfirmed("it", order.ref)
        case State.INTENT:
            return f"call {tool} again with the same arguments to send it; nothing is sent until then."
        case State.FAILED if order.kind is Kind.UPLOAD:
            return f"nothing; it failed: {suggest_after_failed_upload(terms)}"
        case State.FAILED | State.REJECTED | State.ABANDONED:
            return f"nothing; it has ended. {tool} starts a new one, at full price."
        case State.FINISHED:
            return (
                f"nothing; it is finished. {tool} with the same arguments returns it while it is valid, and otherwise "
                "makes and charges for a new one."
            )
        case _ if Note.MISSING in order.notes:
            return suggest_after_unknown_id(tool, order.ref)
        case _:
            return f"call {tool} again with the same arguments to get it; it is not charged twice."


def _ask_about_unconfirmed(what: str, ref: str | None, spent: str = "Money") -> str:
    return (
        f"ask the user to check whether {what} appears in their Apiframe dashboard. {spent} may have been spent, so "
        f"it is not sent again automatically. Then call resolve_training with ref {ref} and their decision: accepted "
        "(with the task_id from there), send_again or give_up."
    )


def _look_for(training: Training, terms: Terms) -> str:
    """About a training that this server looks for at the service itself."""
    if Note.NOT_LISTED in training.notes:
        return (
            "ask the user. Apiframe does not show this training, and no credits are gone that this server did not "
            f"spend ({training.credits_now:g} are left), so it was most likely not accepted. To send it again, for "
            f"{Prices(terms).training}: "
            f"resolve_training with ref {training.ref} and send_again, then start_training. give_up ends it."
        )
    again = f"call get_training_status with task_id {training.ref} in a minute"
    if training.candidates:
        listed = ", ".join(training.candidates)
        return (
            f"ask the user whether one of their trainings at Apiframe is this one: {listed}. If so, call "
            f"resolve_training with ref {training.ref}, accepted and its task_id. If not, {again}."
        )
    return f"{again}: this server looks for it at Apiframe, free. It is not sent again meanwhile."


def list_arguments(training: Training, terms: Terms) -> str:
    """Return the arguments of start_training that request this training."""
    if not terms.chooses_trigger_word:
        return f"training_images_id {training.training_images_id}"
    asked = training.requested_trigger_word
    word = f"trigger_word {asked}" if asked else "no trigger_word"
    return f"training_images_id {training.training_images_id} and {word}"


def suggest_after_listing_images(page: ImagePage) -> str:
    if page.next_cursor:
        return f"call list_images with cursor {page.next_cursor} for older ones."
    if not page.requests:
        return "call generate_photos with a finished training; list_trainings shows them."
    return "for another one like them, call generate_photos with their ref as like."


def suggest_after_listing(page: Page, terms: Terms, *, sandbox: bool, is_filtered: bool) -> str:
    unconfirmed = [found for found in page.unsettled if found.state is State.UNCONFIRMED]
    if unconfirmed:
        return next_step(unconfirmed[0], terms)
    if page.next_cursor:
        return f"call list_trainings with cursor {page.next_cursor} for older ones."
    if not page.trainings:
        ready = f" In the sandbox, {READY_PHOTOS}." if sandbox and terms.uploads_before_training else ""
        everything = "omit subject and status to list all; " if is_filtered else ""
        return f"{everything}to start a training, call check_photos.{ready}"
    return "call get_training_status with a task_id or ref for details of one."


def suggest_after_check(check: PhotoCheck, terms: Terms) -> str:
    if check.inner and not check.photos:
        return "call check_photos with the folder that holds the subject's photos."
    if check.unseen:
        return (
            f"call check_photos again with the same paths; it continues with the {len(check.unseen)} photos that were "
            "not checked yet."
        )
    if check.enough:
        agreed = (
            "agree to send the photos" if terms.uploads_before_training else "say that the subject agreed"
        )
        return (
            f"show the user the contact sheet and the price. Once they {agreed}, call prepare_photos with the same "
            "paths."
        )
    missing = count_missing_photos(check)
    needed = "1 more good photo is" if missing == 1 else f"{missing} more good photos are"
    return f"tell the user; {needed} needed before anything can be sent."


def suggest_after_preparing(photo_set: PhotoSet, status: PhotosStatus, terms: Terms) -> str:
    if is_missing(photo_set.row):
        return suggest_after_unknown_id("prepare_photos", photo_set.row.ref)
    price = Prices(terms).upload
    ref, task_id, trained = photo_set.row.ref, photo_set.row.task_id, photo_set.trained
    match status:
        case "ready" if trained and Note.AT_ANOTHER_SERVICE not in trained.notes:
            return (
                f"call get_training_status with task_id {trained.ref} for the existing training. To train these photos "
                f"again, call start_training with training_images_id {task_id} and a new idempotency_key "
                "once the user agrees to pay again."
            )
        case "ready":
            return f"call start_training with training_images_id {task_id} once the user agrees to the price."
        case "submitting" if not photo_set.same_attributes:
            return (
                f"nothing was sent. Ask the user: call resolve_training with ref {ref} and give_up to drop the pending "
                f"set, then prepare_photos again ({price}), or call prepare_photos with the earlier gender, "
                f"ethnicity and age to send it ({price})."
            )
        case "uploading" | "preparing" if not photo_set.same_attributes:
            return (
                "tell the user that a set of these photos with a different gender, ethnicity or age is being prepared. "
                "Call prepare_photos with those earlier values for its status, free. With the present values it makes "
                f"another set, for {price}, once this one is ready."
            )
        case "submitting" | "uploading" | "preparing":
            return "call prepare_photos again with the same arguments in a minute; the upload continues meanwhile."
        case "unconfirmed":
            return _ask_about_unconfirmed("it", ref, price)
        case "failed":
            return f"tell the user; {suggest_after_failed_upload(terms)}"
        case "expired" | "rejected" | "abandoned":
            return f"tell the user; prepare_photos makes a new set for {price}."


_IMAGES_GONE = (
    "tell the user. With a seed, the same call tries to fetch them again, free; without one, only within "
    f"{DEDUP_WINDOW_SECONDS / 60:g} minutes, and after that it makes new images at full price. A new seed always does."
)


def _repeat(tool: str, ref: str | None) -> str:
    """About a request that its idempotency key lets this server send again."""
    return (
        f"call {tool} again with the same arguments: within a day of the first call it is sent again under the same "
        f"idempotency key, so it is charged once. To end it instead, call resolve_training with ref {ref} and give_up."
    )


def suggest_after_generating(made: GeneratedImages, terms: Terms) -> str:
    row = made.row
    if row.forgotten_at is not None:
        return "tell the user; nothing is kept."
    if made.gone:
        return _IMAGES_GONE
    match row.state:
        case State.FINISHED:
            return "show the user the images; for another image of the same prompt, pass a new seed."
        case State.UNCONFIRMED if row.kind in terms.idempotent:
            return _repeat("generate_photos", row.ref)
        case State.UNCONFIRMED:
            return _ask_about_unconfirmed("it", row.ref, "Credits")
        case State.FAILED:
            return (
                "tell the user; the service made no images. A changed prompt or a new seed tries again, at full "
                "price."
            )
        case _:
            return "call generate_photos again with the same arguments in a minute; it is not charged twice."
