"""A training as the studio reports it: facts and codes, never sentences."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum

from apiframe_studio.api.provider import Kind
from apiframe_studio.eta import estimate_seconds_left
from apiframe_studio.ledger import Submission
from apiframe_studio.ledger.states import ENDED, OPEN, UNDER_WAY, State
from apiframe_studio.lookup import Lookup
from apiframe_studio.tracker import Checked
from apiframe_studio.trigger_words import WordDoubt, find_doubts


class Note(StrEnum):
    """Something about a training that the user should know."""

    NOT_IN_LEDGER = "not_in_ledger"
    """Made elsewhere: only what the service says is known."""
    OTHER_WORD = "other_word"
    """An earlier training of the same photos was returned, and it was asked for another trigger word."""
    SAME_PHOTOS = "same_photos"
    """An earlier training of the same photos was returned, which was made of another upload of them."""
    WAITS_TO_BE_SENT = "waits_to_be_sent"
    """It is remembered and was never sent, or not completely."""
    WORD_DIFFERS = "word_differs"
    """The service returned another trigger word than the one that was asked for."""
    WORD_MISSING = "word_missing"
    """Finished, and the service named no trigger word (yet)."""
    ODD_WORD = "odd_word"
    """The service named a trigger word with characters that cannot be used in a prompt."""
    ORDINARY_WORD = "ordinary_word"
    """The trigger word is a word that prompts contain anyway, or the subject's own name."""
    DIGITS_IN_WORD = "digits_in_word"
    """The requested trigger word has digits, which image models often split."""
    NOT_REFRESHED = "not_refreshed"
    """The service could not be asked; this is the last known state."""
    ID_NOT_IN_LEDGER = "id_not_in_ledger"
    """The training was accepted, but the ledger could not be written. The id was spooled beside it."""
    ID_ONLY_HERE = "id_only_here"
    """Accepted, and neither ledger nor spool could be written: this result is the only record."""
    MISSING = "missing"
    """Accepted, and the service says that it does not know the id (any more)."""
    NO_PROGRESS = "no_progress"
    """The last two waits or more ended without any."""
    NOT_WRITTEN = "not_written"
    """The result of a status check could not be written to the ledger."""
    LEDGER_NOT_READ = "ledger_not_read"
    """The ledger could not be read, so only what the service says is known."""
    FORGOTTEN = "forgotten"
    """Its subject was forgotten: only impersonal facts are kept."""
    NEW_IN_LEDGER = "new_in_ledger"
    """A training made elsewhere was imported into the ledger."""
    ARCHIVED = "archived"
    """It was deleted at the service: it makes no more images."""
    NOT_LISTED = "not_listed"
    """Complete listings of the service do not show it, for as long as it may take, and the credits are as before."""
    FOUND_TWICE = "found_twice"
    """The service has it twice: the older one is this one, the newer one is another training of the ledger."""
    CREDITS_GONE = "credits_gone"
    """The service does not show it, and more credits are gone than this ledger has spent."""
    AT_ANOTHER_SERVICE = "at_another_service"
    """Made at a service or by a team that the key does not reach: this is the last known state."""


@dataclass(frozen=True)
class Training:
    """What is known of one training. Times are seconds since 1970, UTC; `percentage` is 0 to 100.

    `kind` differs only in the result of a decision about an upload or a generation, and in lists of open requests.
    """

    state: State
    kind: Kind = Kind.TRAINING
    service: str | None = None
    """Address and generation of the service that it was made at; None when it is not in the ledger."""
    team_id: str | None = None
    """Whose credits paid for it, where keys belong to teams."""
    ref: str | None = None
    task_id: str | None = None
    subject: str | None = None
    training_images_id: str | None = None
    requested_trigger_word: str | None = None
    trigger_word: str | None = None
    percentage: float | None = None
    message: str | None = None
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    checked_at: float | None = None
    lease_until: float | None = None
    reported_at: float | None = None
    """When the user learned that it ended, before this result."""
    eta_seconds: float | None = None
    deduplicated: bool = False
    posts_updates: bool | None = None
    """Whether the webhook that a start named was given to the service; None when it named none."""
    credits: float | None = None
    prompt: str | None = None
    """Of images only: what they show."""
    photos: int | None = None
    """How many it was made of; None for a set that this ledger never saw."""
    candidates: tuple[str, ...] = ()
    """Ids at the service, one of which may be this one. Only the user can tell."""
    credits_before: float | None = None
    """What the account had when it was sent."""
    credits_now: float | None = None
    """What the account has, where it was asked for."""
    others: tuple[Training, ...] = ()
    """The other trainings of the subject that was asked for, newest first."""
    notes: tuple[Note, ...] = ()

    @staticmethod
    def of(row: Submission, *notes: Note) -> Training:
        is_training = row.kind is Kind.TRAINING
        same = {one.name: getattr(row, one.name) for one in fields(Training) if hasattr(row, one.name)}
        return Training(
            **same,
            training_images_id=(row.parent_task_id or row.set_ref) if is_training else None,
            credits_before=row.provider_facts.credits_before,
            credits=row.estimated_credits,
            photos=row.photo_count,
            notes=(
                *notes,
                *(Note.MISSING,) * is_missing(row),
                *(Note.ARCHIVED,) * is_archived(row),
                *(_word_notes(row) if is_training else ()),
            ),
        )

    @staticmethod
    def of_checked(checked: Checked) -> Training:
        """A training as a status check found it, with the time that it may still take."""
        row, history = checked.row, checked.history
        odd = checked.task is not None and "odd_trigger_word" in checked.task.notes
        notes = (Note.ODD_WORD,) * odd + (Note.NOT_WRITTEN,) * (checked.not_recorded is not None)
        notes += (Note.AT_ANOTHER_SERVICE,) * checked.elsewhere
        training = Training.of(row, *notes)
        if checked.lookup is not None:
            training = training._with_lookup(checked.lookup)
        if history is None or row.checked_at is None or row.state not in UNDER_WAY:
            return training
        return replace(training, eta_seconds=estimate_seconds_left(history, row.checked_at))

    def _with_lookup(self, lookup: Lookup) -> Training:
        notes = (Note.NOT_LISTED,) * lookup.is_absent + (Note.FOUND_TWICE,) * lookup.found_twice
        return replace(
            self.with_notes(*notes, *(Note.CREDITS_GONE,) * lookup.is_unexplained),
            candidates=lookup.candidates,
            credits_now=lookup.credits_now,
        )

    @property
    def can_make_images(self) -> bool:
        """Finished at the service that this studio sends to, and its trigger word is known."""
        reachable = not {Note.AT_ANOTHER_SERVICE, Note.ARCHIVED} & {*self.notes}
        return self.state is State.FINISHED and bool(self.trigger_word) and reachable

    @property
    def is_under_way(self) -> bool:
        """Whether a later status check can return something else."""
        return self.state in UNDER_WAY and not {Note.MISSING, Note.AT_ANOTHER_SERVICE} & {*self.notes}

    @property
    def is_unreported(self) -> bool:
        """Whether it is in the ledger and has ended, and the user may not know it."""
        is_recorded = self.ref is not None and self.kind is Kind.TRAINING
        return is_recorded and self.state in ENDED and self.reported_at is None

    @property
    def progress(self) -> tuple[State, float | None]:
        return self.state, self.percentage

    def with_notes(self, *notes: Note) -> Training:
        """The same training with these notes as well, each once."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes))))


def is_missing(row: Submission) -> bool:
    """Whether the service took it, and says that it does not know it or its links (any more)."""
    return row.missing_since is not None and row.state in UNDER_WAY


def is_archived(row: Submission) -> bool:
    """Whether a finished training was deleted at the service by another program or person."""
    return row.kind is Kind.TRAINING and row.state is State.FINISHED and row.missing_since is not None


def _word_notes(row: Submission) -> tuple[Note, ...]:
    if row.forgotten_at is not None:
        return (Note.FORGOTTEN,)
    word = row.trigger_word or row.requested_trigger_word
    counts = row.state in OPEN or row.state is State.FINISHED
    ordinary = word and counts and WordDoubt.ORDINARY in find_doubts(word, row.subject)
    doubts = (Note.ORDINARY_WORD,) if ordinary else ()
    if row.state is not State.FINISHED:
        return doubts
    if row.trigger_word is None:
        return (Note.WORD_MISSING,)
    differs = row.requested_trigger_word is not None and row.requested_trigger_word != row.trigger_word
    return (Note.WORD_DIFFERS, *doubts) if differs else doubts
