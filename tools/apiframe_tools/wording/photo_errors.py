"""Messages for errors of photos, paths and photo sets: what happened, and what to do next."""

from __future__ import annotations

from apiframe_studio.api.provider import Terms
from apiframe_studio.errors import CheckIncomplete, NotEnoughPhotos, SetNotUsable
from apiframe_studio.ledger.states import State
from apiframe_studio.photos.errors import ChoiceProblem, ChoiceRefused, PathRefused, PhotoError, Refusal
from apiframe_studio.sanitize import sanitize_text
from apiframe_tools.wording.next_steps import suggest_after_failed_upload
from apiframe_tools.wording.photos import describe_photos
from apiframe_tools.wording.prices import Prices
from apiframe_tools.wording.warnings import describe_clock

REFUSALS = {
    Refusal.OUTSIDE: "That path is outside the allowed folders",
    Refusal.MALFORMED: "That is not a path",
    Refusal.PARENT_STEP: "Paths with .. are not followed",
    Refusal.HIDDEN: "Hidden files and folders are not read",
    Refusal.LINK: "Links are not followed",
    Refusal.NOT_FOUND: "There is nothing at that path",
    Refusal.NOT_A_FILE_OR_FOLDER: "That is not a file or folder",
    Refusal.NOT_READABLE: "That cannot be read",
}


def explain_photo_error(
    error: NotEnoughPhotos | CheckIncomplete | SetNotUsable | PhotoError, terms: Terms
) -> str:
    price = Prices(terms).upload
    match error:
        case CheckIncomplete():
            seen, unseen = len(error.check.photos), len(error.check.unseen)
            return (
                f"{seen} of {seen + unseen} photos were checked within the time limit of one call; nothing was sent "
                "yet. Next: call prepare_photos again with the same arguments; it continues where it stopped."
            )
        case NotEnoughPhotos():
            rejected = [photo for photo in error.check.photos if not photo.usable]
            why = f" Rejected: {describe_photos(rejected)}." if rejected else ""
            return (
                f"Only {error.usable} of {len(error.check.photos)} photos would be sent, and a training needs at least "
                f"{error.check.takes.min}, so nothing was sent.{why} Next: call check_photos to see all of them, and "
                "ask the user for more."
            )
        case SetNotUsable(expired=True):
            clock = f" {describe_clock(error.clock_ahead)}" if error.clock_ahead else ""
            return (
                "That photo set has expired, so nothing was sent or paid. Call prepare_photos with the "
                f"same photos to make a new one ({price}).{clock}"
            )
        case SetNotUsable(photo_set=photo_set) if photo_set.state is State.FAILED:
            return (
                "That photo set failed and cannot be trained on; nothing was sent. Next: tell the user; "
                f"{suggest_after_failed_upload(terms)}"
            )
        case SetNotUsable(photo_set=photo_set) if photo_set.state in (State.REJECTED, State.ABANDONED):
            return (
                f"That photo set is {photo_set.state.value} and cannot be trained on; nothing was sent. Call "
                f"prepare_photos to make a new one ({price})."
            )
        case SetNotUsable(photo_set=photo_set) if photo_set.state is State.INTENT:
            return (
                f"That photo set (ref {photo_set.ref}) was not sent yet. Call prepare_photos again with the same "
                f"arguments to send it ({price}), then start_training."
            )
        case SetNotUsable(photo_set=photo_set):
            return (
                f"That photo set (ref {photo_set.ref}) is not ready yet; nothing was sent. Call prepare_photos again "
                "with the same arguments for its status, then start_training."
            )
        case ChoiceRefused():
            return _refused_choice(error)
        case PathRefused(near=near) if near:
            meant = " or ".join(sanitize_text(str(path), 200) for path in near)
            return f"{REFUSALS[Refusal.NOT_FOUND]}. Did you mean {meant}?"
        case PathRefused():
            allowed = ", ".join(str(folder) for folder in error.allowed) or "none"
            if error.is_at_host:
                return (
                    "That file was given to the chat and is on the host's machine, where this server cannot read it. "
                    f"Ask the user to save the photos on their own machine in an allowed folder ({allowed}), then use "
                    "that path."
                )
            return (
                f"{REFUSALS.get(error.refusal, 'That path cannot be read')}. Photos are read only in the folders that "
                f"the user allowed: {allowed}. Use a path in one of them, or ask the user to add a folder to "
                "APIFRAME_PHOTO_FOLDERS."
            )
        case _:
            return "The photos could not be read on this machine, so nothing was sent. Try again with fewer of them."


_CHECK_AGAIN = "Call check_photos again and use the names or numbers on its contact sheet."


def _refused_choice(error: ChoiceRefused) -> str:
    """Say what was wrong, that nothing was sent, and how to name the photo."""
    named, near = sanitize_text(error.named, 100), ", ".join(error.near)
    match error.problem:
        case ChoiceProblem.OTHER_CODE:
            return (
                f"{named} is from another contact sheet: the photos at these paths have changed since, so it could be "
                f"another photo now. Nothing was sent. {_CHECK_AGAIN}"
            )
        case ChoiceProblem.NUMBER_WITHOUT_CODE:
            return (
                f"{named} alone may not be the photo that the user saw, so nothing was sent. Put the code of the "
                "contact sheet before the number, such as 7f3a:15, or use the file name."
            )
        case ChoiceProblem.NO_SUCH_NUMBER:
            return f"The contact sheet has no photo {named}, so nothing was sent. {_CHECK_AGAIN}"
        case ChoiceProblem.SEVERAL:
            return f"Several photos are called {named}, so nothing was sent. Include the folder: {near}."
        case ChoiceProblem.UNREADABLE:
            return (
                f"{named} could not be read, so it cannot be kept and nothing was sent. Remove it from keep, or "
                "provide the photo in another format."
            )
        case ChoiceProblem.BOTH:
            return f"{named} is in leave_out and in keep, so nothing was sent. Put it in one of them."
        case ChoiceProblem.TOO_MANY:
            return f"keep has more than {error.most} photos, the maximum of a training; nothing was sent."
        case ChoiceProblem.UNKNOWN:
            meant = f"Did you mean {near}?" if near else _CHECK_AGAIN
            return f"No photo at these paths is called {named}, so nothing was sent. {meant}"
