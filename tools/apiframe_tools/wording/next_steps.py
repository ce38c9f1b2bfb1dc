"""What to do next about a training: one pure function."""

from __future__ import annotations

from math import ceil
from typing import Final

from apiframe_studio.ledger import Kind
from apiframe_studio.ledger.reuse import FAILED_JUST_NOW_SECONDS
from apiframe_studio.photo_sets import UPLOAD_CREDITS
from apiframe_studio.submission import State
from apiframe_studio.training import Note, Training
from apiframe_tools.results.trainings import Status

STATUS: dict[State, Status] = {
    State.INTENT: "submitting",
    State.SENDING: "submitting",
    State.QUEUED: "queued",
    State.PROCESSING: "processing",
    State.FINISHED: "finished",
    State.FAILED: "failed",
    State.UNCONFIRMED: "unconfirmed",
    State.REJECTED: "rejected",
    State.ABANDONED: "abandoned",
}


AFTER_A_REFUSED_TRAINING: Final = (
    f"if the photo set has expired, call prepare_photos with its photos ({UPLOAD_CREDITS:g} credits) and "
    "start_training with the new set; else call start_training with corrected arguments."
)
END_OR_CORRECT: Final = (
    "ask the user to compare the id with their Apiframe dashboard: resolve_training with ref {ref} takes accepted with "
    "the right task_id, or give_up to end it (asking for it again then costs full price)."
)
AFTER_A_FAILED_UPLOAD: Final = (
    f"better photos are usually needed: check_photos, then prepare_photos ({UPLOAD_CREDITS:g} credits). The same "
    f"photos can be uploaded again only {FAILED_JUST_NOW_SECONDS / 60:g} minutes after the failure."
)
LOOK_AGAIN_MINUTES: Final = 5
MOST_LOOK_AGAIN_MINUTES: Final = 15

ORDERS: Final = {
    Kind.TRAINING: ("The training", "start_training"),
    Kind.UPLOAD: ("The photo upload", "prepare_photos"),
    Kind.GENERATION: ("The order of pictures", "generate_photos"),
}
"""What was to be paid for, and the tool that asks for it."""


def next_step(training: Training) -> str:
    """One or two sentences that name the next call, or what to tell or ask the user."""
    if training.kind is not Kind.TRAINING:
        return _after_deciding(training, ORDERS[training.kind][1])
    name = training.task_id or training.ref
    match training.state:
        case State.INTENT if Note.OTHER_WORD in training.notes:
            return (
                f"call start_training with {wish_of(training)} to send the one that waits, or resolve_training with "
                f"ref {training.ref} and give_up to drop it; nothing was sent now."
            )
        case State.INTENT:
            return f"call start_training with {wish_of(training)} to send it; nothing is sent before that."
        case State.SENDING:
            return f"call get_training_status with task_id {training.ref} in a minute; it is being sent right now."
        case State.QUEUED | State.PROCESSING if Note.MISSING in training.notes:
            return (
                f"call get_training_status with task_id {name} in {LOOK_AGAIN_MINUTES} minutes, since right after a "
                f"start this may pass. If it stays so, {END_OR_CORRECT.format(ref=training.ref)}"
            )
        case State.QUEUED | State.PROCESSING if Note.NO_PROGRESS in training.notes:
            return (
                "tell the user that the training goes on by itself, and call get_training_status with task_id "
                f"{name} in {look_again_minutes(training.eta_seconds)} minutes; waiting longer now will show "
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
            return f"tell the user why; nothing was paid. Then, {AFTER_A_REFUSED_TRAINING}"
        case State.ABANDONED:
            return (
                "nothing; the user gave this one up. start_training with these photos begins a new one, at full "
                "price."
            )


def look_again_minutes(eta_seconds: float | None) -> int:
    """Whole minutes after which looking at a training that runs may tell more."""
    if eta_seconds is None:
        return LOOK_AGAIN_MINUTES
    return min(max(ceil(eta_seconds / 60), 1), MOST_LOOK_AGAIN_MINUTES)


def unknown_to_the_service(tool: str, ref: str | None) -> str:
    """What to do about an upload or a generation whose id the service does not know."""
    return (
        f"call {tool} again with the same arguments in {LOOK_AGAIN_MINUTES} minutes, free, since right after a start "
        f"this may pass. If it stays so, {END_OR_CORRECT.format(ref=ref)}"
    )


def _after_deciding(order: Training, tool: str) -> str:
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
            return f"nothing; it is over: {AFTER_A_FAILED_UPLOAD}"
        case State.FAILED | State.REJECTED | State.ABANDONED:
            return f"nothing; it is over. {tool} begins a new one, at full price."
        case State.FINISHED:
            return (
                f"nothing; it is over. {tool} with the same arguments returns it while it is valid, otherwise it makes "
                "and charges for a new one."
            )
        case _ if Note.MISSING in order.notes:
            return unknown_to_the_service(tool, order.ref)
        case _:
            return f"call {tool} again with the same arguments to get it; it is not paid for twice."


def wish_of(training: Training) -> str:
    """The arguments of start_training that ask for this training."""
    asked = training.requested_trigger_word
    word = f"trigger_word {asked}" if asked else "no trigger_word"
    return f"training_images_id {training.training_images_id} and {word}"
