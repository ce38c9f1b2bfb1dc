"""The warnings of a result: what a person should be told besides the state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from apiframe_studio.generations import Pictures
from apiframe_studio.photo_sets import UPLOAD_CREDITS, PhotoSet
from apiframe_studio.photos import MOST_PICTURES, Aspect, PhotoCheck, Verdict
from apiframe_studio.strangers import plain
from apiframe_studio.submission import State
from apiframe_studio.training import Note, Training, is_missing
from apiframe_studio.trainings import Page
from apiframe_tools.wording.photos import FACES_NOT_CHECKED, describe_photos
from apiframe_tools.wording.phrases import STATUS, pluralize

MAX_NAMED: Final = 4

UNKNOWN_ID = "The service says that it does not know this id."
_NOTE_SENTENCES = {
    Note.NOT_IN_LEDGER: "It was not started from here; resolve_training can take it into the list under a name.",
    Note.WORD_MISSING: "The service says that it is finished but named no trigger word.",
    Note.ODD_WORD: "The service named a trigger word with characters that cannot stand in a prompt; it is not shown.",
    Note.DIGITS_IN_WORD: "The requested trigger word has digits, which image models often split; letters are safer.",
    Note.MISSING: UNKNOWN_ID,
    Note.NOT_REFRESHED: "The service could not be asked just now; this is the last known state.",
    Note.ID_NOT_IN_LEDGER: "The ledger could not be written, so the task_id was kept beside it: free some disk space.",
    Note.ID_ONLY_HERE: "The task_id could not be written anywhere: show it to the person, this is its only record.",
    Note.NOT_WRITTEN: "The ledger could not be written (full disk, or no permission), so this is not remembered: tell "
    "the user to note it, and to make room.",
    Note.LEDGER_NOT_READ: "The ledger could not be read, so only what the service says is known; see doctor.",
    Note.FORGOTTEN: "Its subject was forgotten here, so name, trigger word and images are not kept.",
    Note.NEW_IN_LEDGER: "It was made elsewhere and is in the list from now on.",
}


ONLY_ON_PURPOSE = (
    "start_training returns that training and costs nothing; only with a new idempotency_key does it train them again, "
    "at full price."
)


def describe_earlier_training(training: Training) -> str:
    """That there is a training of the same photos: which, when, and its word. Nothing in it changes by itself."""
    began = datetime.fromtimestamp(training.created_at or 0.0, UTC)
    word = f", trigger word {training.trigger_word}" if training.trigger_word else ""
    facts = f"started {began:%Y-%m-%d}, ref {training.ref}{word}"
    if training.state is State.UNCONFIRMED:
        return f"A training of these same photos may exist already: {facts}, is unconfirmed."
    failed = " It failed." if training.state is State.FAILED else ""
    return f"A training of these same photos exists already: {facts}.{failed}"


def describe_clock(ahead: float) -> str:
    """That this machine's clock is `ahead` seconds ahead of the service's, or behind it."""
    off = f"{_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the service's"
    return (
        f"This machine's clock is {off}: one of the two is wrong, so times that are shown may be wrong. A photo set "
        "counts as expired only when neither clock contradicts. Ask the user to check this machine's clock."
    )


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86400.0), ("hour", 3600.0)):
        if seconds >= 0.95 * length:
            return pluralize(round(seconds / length), unit)
    return pluralize(round(seconds / 60), "minute")


def warnings_for(training: Training) -> list[str]:
    """One sentence for each thing worth telling, in the order it was noted."""
    # A word that cannot be shown was named all the same.
    unsaid = {Note.WORD_MISSING} if Note.ODD_WORD in training.notes else set[Note]()
    noted = [words for note in training.notes if note not in unsaid and (words := _sentence(note, training))]
    return [*noted, *_warn_of_others(training)]


def _warn_of_others(training: Training) -> list[str]:
    """Which other trainings have the subject's name: one of two people of that name may be meant."""
    if not training.others:
        return []
    return [f"This is the newest training of {training.subject}. {_OTHERS.format(_listed(training.others))}"]


def warn_of_other_trainings(training: Training) -> list[str]:
    """Which training images are made with, where its subject has others: newer unfinished ones, and finished ones."""
    if not training.others:
        return []
    finished = [other for other in training.others if other.can_make_images]
    newer = [other for other in training.others if not other.can_make_images]
    told = [f"Images are made with the newest finished training of {training.subject}."]
    if newer:
        told.append(f"Newer, but not usable yet: {_listed(newer)}.")
    if finished:
        told.append(_OTHERS.format(_listed(finished)))
    return [" ".join(told)]


_OTHERS: Final = "Others have the same name: {}. If another one is meant, pass its task_id."


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
            asked = f"the trigger word {requested}" if requested else "no trigger word of its own"
            return f"These photos are already in a training that asked for {asked}; that one is returned."
        case Note.SAME_PHOTOS:
            return f"{describe_earlier_training(training)} {ONLY_ON_PURPOSE}"
        case Note.WORD_DIFFERS:
            return f"{requested} was asked for, but the service named {training.trigger_word}; the latter counts."
        case Note.ORDINARY_WORD:
            word = training.trigger_word or requested
            ordinary = (
                f"{word} is an ordinary word or name: prompts that use it in its ordinary sense will also "
                "show the subject."
            )
            # What the service has named stays; for the next training it can be done better.
            return (
                ordinary if training.trigger_word else f"{ordinary} A made-up word such as TOKANNA is safer."
            )
        case _:
            return _NOTE_SENTENCES.get(note, "")


_HIDDEN = "{}, which cost nothing, not shown: status rejected lists them."

MAX_INNER_FOLDERS: Final = 10
"""How many folders inside one sentence names."""


_PAST_THE_LIMIT = f"{{}} more photos were not looked at: one call takes {MOST_PICTURES}."


_OTHER_ATTRIBUTES = (
    "A set with these photos exists with a different gender, ethnicity or age; returning that set. Once it is ready, "
    f"the same call makes another set, for {pluralize(UPLOAD_CREDITS, 'credit')}."
)


def warnings_for_list(page: Page) -> list[str]:
    """What a list of trainings does not show."""
    stale = any(Note.NOT_REFRESHED in training.notes for training in page.trainings)
    return [
        *(["The service could not be asked about some of them just now."] if stale else []),
        *([_HIDDEN.format(pluralize(page.rejected, "rejected request"))] if page.rejected else []),
    ]


def warnings_for_check(judged: PhotoCheck) -> list[str]:
    """Which photos were not looked at."""
    told: list[str] = []
    if judged.unseen:
        told.append(
            f"{len(judged.unseen)} photos were not looked at yet, beginning with {judged.unseen[0].name}: the time "
            "limit of one call was reached."
        )
    if judged.left_out:
        told.append(_PAST_THE_LIMIT.format(judged.left_out))
    if judged.inner:
        inner = ", ".join(
            f"{plain(str(one.path), 200)} ({one.pictures})" for one in judged.inner[:MAX_INNER_FOLDERS]
        )
        more = (
            f" and {len(judged.inner) - MAX_INNER_FOLDERS} more"
            if len(judged.inner) > MAX_INNER_FOLDERS
            else ""
        )
        told.append(f"Folders inside were not looked into; these hold photos: {inner}{more}.")
    return told


def warnings_for_set(photo_set: PhotoSet) -> list[str]:
    """What a user should know about a set besides its state."""
    check, sent = photo_set.check, photo_set.prepared.photos
    doubtful = [photo for photo in sent if photo.verdict is not Verdict.USE]
    return [
        *([FACES_NOT_CHECKED] if Aspect.FACES in check.not_judged else []),
        *([f"Sent despite a warning: {describe_photos(doubtful)}."] if doubtful else []),
        *([_PAST_THE_LIMIT.format(check.left_out)] if check.left_out else []),
        *(
            []
            if photo_set.refreshed
            else ["The service could not be asked just now; this is the last known state."]
        ),
        *([UNKNOWN_ID] if is_missing(photo_set.row) else []),
        *([f"{describe_earlier_training(photo_set.trained)} {ONLY_ON_PURPOSE}"] if photo_set.trained else []),
        *([describe_clock(photo_set.clock_ahead)] if photo_set.clock_ahead else []),
        *([] if photo_set.same_wording else [_OTHER_ATTRIBUTES]),
    ]


def warnings_for_images(pictures: Pictures) -> list[str]:
    """Which images are missing, and which other training may have been meant."""
    if pictures.row.forgotten_at is not None:
        return ["The subject was forgotten meanwhile, so none of these pictures is kept."]
    told: list[str] = []
    if pictures.missing:
        told.append(f"{pictures.missing} fewer pictures came than were asked for.")
    if pictures.gone:
        are = "image is" if pictures.gone == 1 else "images are"
        told.append(f"{pictures.gone} {are} no longer on this machine and could not be fetched again.")
    return [*told, *warn_of_other_trainings(pictures.training)]
