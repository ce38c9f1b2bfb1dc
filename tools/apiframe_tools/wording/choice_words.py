"""Words for a photo that was named in leave_out or keep and cannot be meant."""

from __future__ import annotations

from apiframe_studio.photos import MOST, ChoiceProblem, ChoiceRefused
from apiframe_studio.strangers import plain

_LOOK_AGAIN = "Call check_photos again and take the names or numbers of its contact sheet."


def refused_choice(error: ChoiceRefused) -> str:
    """What was wrong with it, that nothing was sent, and how to name it."""
    named, near = plain(error.named, 100), ", ".join(error.near)
    match error.problem:
        case ChoiceProblem.OTHER_CODE:
            return (
                f"{named} is a number of another contact sheet: the photos at these paths have changed since, so it "
                f"could be another photo now. Nothing was sent. {_LOOK_AGAIN}"
            )
        case ChoiceProblem.NUMBER_WITHOUT_CODE:
            return (
                f"{named} alone may be another photo than the user saw, so nothing was sent. Write the code of the "
                "contact sheet before the number, such as 7f3a:15, or the name of the file."
            )
        case ChoiceProblem.NO_SUCH_NUMBER:
            return f"The contact sheet has no photo {named}, so nothing was sent. {_LOOK_AGAIN}"
        case ChoiceProblem.SEVERAL:
            return f"Several photos are called {named}, so nothing was sent. Name it with its folder: {near}."
        case ChoiceProblem.UNREADABLE:
            return (
                f"{named} could not be read, so it cannot be kept and nothing was sent. Take it out of keep, or give "
                "the photo in another format."
            )
        case ChoiceProblem.BOTH:
            return f"{named} is in leave_out and in keep, so nothing was sent. Name it in one of them."
        case ChoiceProblem.TOO_MANY:
            return (
                f"keep names more than {MOST} photos, which is all that a training takes; nothing was sent."
            )
        case ChoiceProblem.UNKNOWN:
            meant = f"Did you mean {near}?" if near else _LOOK_AGAIN
            return f"No photo at these paths is called {named}, so nothing was sent. {meant}"
