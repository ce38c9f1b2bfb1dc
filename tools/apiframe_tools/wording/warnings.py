"""The warnings of a result: what the user should know besides the state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from apiframe_studio.api.provider import Terms
from apiframe_studio.images import GeneratedImages
from apiframe_studio.ledger.states import State
from apiframe_studio.photo_sets import PhotoSet
from apiframe_studio.photos.limits import MAX_PHOTOS_CHECKED
from apiframe_studio.photos.models import PhotoCheck, UncheckedAspect, Verdict
from apiframe_studio.sanitize import sanitize_text
from apiframe_studio.training import Note, Training, is_missing
from apiframe_studio.trainings import Page
from apiframe_tools.wording.photos import FACES_NOT_CHECKED, describe_photos
from apiframe_tools.wording.phrases import STATUS, describe_place, pluralize
from apiframe_tools.wording.prices import Prices

MAX_NAMED: Final = 4

UNKNOWN_ID = "The service does not know this id."
_NOTE_SENTENCES = {
    Note.NOT_IN_LEDGER: "It was not started from here; resolve_training can add it to the list under a name.",
    Note.WAITS_TO_BE_SENT: "It waits to be sent, and is paid for only then.",
    Note.WORD_MISSING: "The service reports it as finished but returned no trigger word.",
    Note.ODD_WORD: "The service returned a trigger word with characters that a prompt cannot contain; it is not shown.",
    Note.DIGITS_IN_WORD: "The requested trigger word has digits, which image models often split; letters are safer.",
    Note.MISSING: UNKNOWN_ID,
    Note.NOT_REFRESHED: "The service could not be reached; this is the last known state.",
    Note.ID_NOT_IN_LEDGER: (
        "The ledger could not be written, so the task_id was saved next to it. Free some disk space."
    ),
    Note.ID_ONLY_HERE: "The task_id could not be saved anywhere. Show it to the user: this is its only record.",
    Note.NOT_WRITTEN: "The ledger could not be written (disk full or no permission), so this was not recorded. Ask "
    "the user to note it and to free disk space or give access.",
    Note.LEDGER_NOT_READ: "The ledger could not be read, so only the service's data is shown; run doctor.",
    Note.FORGOTTEN: "Its subject was forgotten here, so name, trigger word and images are no longer stored.",
    Note.ARCHIVED: "It was deleted at the service, so it makes no more images.",
    Note.FOUND_TWICE: (
        "The service has this training twice, and both were probably charged. The older one is this one; "
        "list_trainings shows the other."
    ),
    Note.NEW_IN_LEDGER: "It was made elsewhere and is now in the list.",
}


ONLY_ON_PURPOSE = (
    "start_training returns that training, free; only a new idempotency_key trains them again, at full price."
)


def describe_earlier_training(training: Training) -> str:
    """Describe the existing training of the same photos, without anything that changes over time."""
    began = datetime.fromtimestamp(training.created_at or 0.0, UTC)
    word = f", trigger word {training.trigger_word}" if training.trigger_word else ""
    facts = f"started {began:%Y-%m-%d}, ref {training.ref}{word}"
    place = f" at {describe_place(training)}" if Note.AT_ANOTHER_SERVICE in training.notes else ""
    if training.state is State.UNCONFIRMED:
        return f"A training with these photos may already exist{place}: {facts}, unconfirmed."
    failed = " It failed." if training.state is State.FAILED else ""
    return f"A training with these photos already exists{place}: {facts}.{failed}"


def describe_clock(ahead: float) -> str:
    """Describe a clock that is `ahead` seconds ahead of the service's (negative: behind)."""
    off = f"{_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the service's"
    return (
        f"This machine's clock is {off}, so times shown may be wrong. A photo set counts as expired only when both "
        "clocks agree. Ask the user to check this machine's clock."
    )


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86400.0), ("hour", 3600.0)):
        if seconds >= 0.95 * length:
            return pluralize(round(seconds / length), unit)
    return pluralize(round(seconds / 60), "minute")


def warn_about_training(training: Training) -> list[str]:
    """Return a sentence for each note, in order."""
    # A word that cannot be shown was returned all the same.
    unsaid = {Note.WORD_MISSING} if Note.ODD_WORD in training.notes else set[Note]()
    noted = [words for note in training.notes if note not in unsaid and (words := _sentence(note, training))]
    if training.others:
        # Two people may share a name.
        others = _OTHERS.format(_listed(training.others))
        noted.append(f"This is the newest training of {training.subject}. {others}")
    return noted


def _warn_about_other_trainings(training: Training) -> list[str]:
    """Return which training makes the images, where its subject has others: newer unfinished, and finished ones."""
    if not training.others:
        return []
    finished = [other for other in training.others if other.can_make_images]
    newer = [other for other in training.others if not other.can_make_images]
    warnings = [f"Images are made with the newest finished training of {training.subject}."]
    if newer:
        warnings.append(f"Newer, but not usable yet: {_listed(newer)}.")
    if finished:
        warnings.append(_OTHERS.format(_listed(finished)))
    return [" ".join(warnings)]


_OTHERS: Final = "Others with the same name: {}. To use another one, pass its task_id."


def _listed(trainings: Sequence[Training]) -> str:
    named = "; ".join(_named(other) for other in trainings[:MAX_NAMED])
    return f"{named}; and {len(trainings) - MAX_NAMED} more" if len(trainings) > MAX_NAMED else named


def _named(other: Training) -> str:
    facts = (
        "" if other.created_at is None else f"{datetime.fromtimestamp(other.created_at, UTC):%Y-%m-%d}",
        "" if other.photos is None else f"{other.photos} photos",
        STATUS[other.state],
        f"trigger word {other.trigger_word}" if other.trigger_word else "",
    )
    return f"{other.task_id or other.ref} ({', '.join(fact for fact in facts if fact)})"


def _sentence(note: Note, training: Training) -> str:
    requested = training.requested_trigger_word
    match note:
        case Note.OTHER_WORD:
            asked = f"trigger word {requested}" if requested else "no trigger word"
            return f"A training with these photos exists, which requested {asked}; returning that training."
        case Note.SAME_PHOTOS:
            return f"{describe_earlier_training(training)} {ONLY_ON_PURPOSE}"
        case Note.AT_ANOTHER_SERVICE:
            place = describe_place(training)
            return f"It was made at {place}, which this server does not use; this is the last known state."
        case Note.CREDITS_GONE:
            return (
                f"The account had {training.credits_before:g} credits before it and has {training.credits_now:g} now. "
                "More are gone than this server has spent since, so it may have been charged."
            )
        case Note.WORD_DIFFERS:
            return (
                f"{requested} was requested, but the service returned {training.trigger_word}, which is the one to "
                "use."
            )
        case Note.ORDINARY_WORD:
            word = training.trigger_word or requested
            ordinary = (
                f"{word} is an ordinary word or name: prompts that use it in its usual sense will also "
                "show the subject."
            )
            # The word of a training cannot be changed; advise only before the service has set it.
            return (
                ordinary if training.trigger_word else f"{ordinary} A made-up word such as TOKANNA is safer."
            )
        case _:
            return _NOTE_SENTENCES.get(note, "")


_HIDDEN = "{} not shown, which cost nothing: list with status rejected."

MAX_INNER_FOLDERS: Final = 10
"""The most subfolders that one sentence names."""


_PAST_THE_LIMIT = f"{{}} more photos were not checked: the limit of one call is {MAX_PHOTOS_CHECKED}."


NOT_USABLE_HERE = (
    "Their trigger words and saved images are kept. With the present key no images can be generated with their models, "
    "the same photos are not recognised as trained, and their credits do not count toward the daily limit."
)
"""What carries over from a service to another, and what does not."""

_OTHER_ATTRIBUTES = (
    "A set with these photos exists with a different gender, ethnicity or age; returning that set. Once it is ready, "
    "the same call makes another set, for {price}."
)


def warn_about_list(page: Page) -> list[str]:
    """Return what a list of trainings does not show."""
    stale = any(Note.NOT_REFRESHED in training.notes for training in page.trainings)
    listed = (*page.trainings, *page.unsettled)
    services = sorted({describe_place(one) for one in listed if Note.AT_ANOTHER_SERVICE in one.notes})
    return [
        *(
            [f"Requests made at {', '.join(services)} are shown as last known. {NOT_USABLE_HERE}"]
            if services
            else []
        ),
        *(["The service could not be reached for some of them."] if stale else []),
        *([_HIDDEN.format(pluralize(page.rejected, "rejected request"))] if page.rejected else []),
    ]


def warn_about_check(check: PhotoCheck) -> list[str]:
    warnings: list[str] = []
    if check.unseen:
        warnings.append(
            f"{len(check.unseen)} photos were not checked yet, from {check.unseen[0].name} on: the time limit of one "
            "call was reached."
        )
    if check.left_out:
        warnings.append(_PAST_THE_LIMIT.format(check.left_out))
    if check.inner:
        inner = ", ".join(
            f"{sanitize_text(str(one.path), 200)} ({one.photos})" for one in check.inner[:MAX_INNER_FOLDERS]
        )
        rest = len(check.inner) - MAX_INNER_FOLDERS
        more = f" and {rest} more" if rest > 0 else ""
        warnings.append(f"Subfolders were not searched; these contain photos: {inner}{more}.")
    return warnings


def warn_about_set(photo_set: PhotoSet, terms: Terms) -> list[str]:
    """Return what the user should know about a set besides its state."""
    check, sent = photo_set.check, photo_set.prepared.photos
    doubtful = [photo for photo in sent if photo.verdict is not Verdict.USE]
    return [
        *([FACES_NOT_CHECKED] if UncheckedAspect.FACES in check.unchecked else []),
        *([f"Sent despite a warning: {describe_photos(doubtful)}."] if doubtful else []),
        *([_PAST_THE_LIMIT.format(check.left_out)] if check.left_out else []),
        *([] if photo_set.refreshed else ["The service could not be reached; this is the last known state."]),
        *([UNKNOWN_ID] if is_missing(photo_set.row) else []),
        *([_warn_of_trained(photo_set.trained)] if photo_set.trained else []),
        *([describe_clock(photo_set.clock_ahead)] if photo_set.clock_ahead else []),
        *([] if photo_set.same_attributes else [_OTHER_ATTRIBUTES.format(price=Prices(terms).upload)]),
    ]


def _warn_of_trained(training: Training) -> str:
    elsewhere = Note.AT_ANOTHER_SERVICE in training.notes
    cost = "Training them here is a new training, at full price." if elsewhere else ONLY_ON_PURPOSE
    return f"{describe_earlier_training(training)} {cost}"


def warn_about_images(made: GeneratedImages) -> list[str]:
    """Return which images are missing, and which other training may have been meant."""
    if made.row.forgotten_at is not None:
        return ["The subject was forgotten meanwhile, so none of these images were kept."]
    warnings: list[str] = []
    if made.missing:
        warnings.append(f"{made.missing} fewer images were made than requested.")
    if made.gone:
        are = "image is" if made.gone == 1 else "images are"
        warnings.append(f"{made.gone} {are} no longer on this machine and could not be fetched again.")
    return [*warnings, *_warn_about_other_trainings(made.training)]
