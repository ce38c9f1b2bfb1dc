"""The ledger's verbs: small synchronous functions, one transaction each, on SQLite.

Every method may raise the errors of `errors`. Every change of state is a compare-and-set inside
`BEGIN IMMEDIATE`, so of several processes exactly one wins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert

from apiframe_studio.api.provider import Terms
from apiframe_studio.eta import ProgressHistory
from apiframe_studio.ledger import queries
from apiframe_studio.ledger.absence import is_deleted_if_found, was_never_complete, with_absence
from apiframe_studio.ledger.dedup import (
    CLOCK_STEP_SECONDS,
    has_same_attributes,
    is_reusable,
    is_settled,
    max_cost,
    pick_duplicate,
)
from apiframe_studio.ledger.errors import (
    LedgerBusy,
    LedgerError,
    LedgerUnusable,
    PaymentNotApproved,
    PriceAboveLimit,
    SpendingCapReached,
    SubjectForgotten,
    TaskIdTaken,
)
from apiframe_studio.ledger.pages import read_names, read_page, read_unsettled
from apiframe_studio.ledger.photo_sets import ONE_SET, SETS_IN_USE, drop_unused_sets, get_or_create_set
from apiframe_studio.ledger.records import (
    Answer,
    Kind,
    NewSubmission,
    NewTraining,
    NewUpload,
    Observation,
    ProviderFacts,
    RecordedSet,
    RowPage,
    SavedImage,
    Scope,
    Submission,
)
from apiframe_studio.ledger.relations import find_about
from apiframe_studio.ledger.schema import images, observations
from apiframe_studio.ledger.spool import Spool, Spooled
from apiframe_studio.ledger.sqlite import (
    BUSY_SECONDS,
    is_checked,
    open_ledger,
    require_intact,
    require_version,
    spool_folder,
    translated,
)
from apiframe_studio.ledger.states import SEEN, UNDER_WAY, Event, State, next_state
from apiframe_studio.ledger.transitions import (
    apply_response,
    apply_status,
    is_open_to,
    is_unchanged,
    is_unreported,
    remove_personal_data,
)
from apiframe_studio.notes import TO_DELETE, TO_REPORT, write_note
from apiframe_studio.subjects import subject_key

MAX_LEASE_SECONDS: Final = 3600.0
MAX_UNSETTLED: Final = 50
DAY_SECONDS: Final = 24 * 3600.0
REPEAT_MARGIN_SECONDS: Final = 3600.0
NOT_PAID: Final = frozenset({Event.NOT_SENT, Event.THROTTLED, Event.REFUSED})
"""Outcomes that prove that an attempt cost nothing."""
_PARENT_KIND: Final = {Kind.TRAINING: Kind.UPLOAD, Kind.GENERATION: Kind.TRAINING}


class Store:
    """One ledger file, opened for one owner and service. Not for use from two threads at once.

    Every statement names the owner, so no verb reads or changes another owner's row, whatever ref it is given.
    """

    def __init__(self, path: Path, scope: Scope, *, terms: Terms, check: bool = False) -> None:
        self._path = path
        self._scope = scope
        self._terms = terms
        self._engine, self._unwritable = open_ledger(path, check=check)
        with translated(path):
            self._is_checked = check or is_checked(path)
            self._reader = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._spool = Spool(spool_folder(path))
        # A disk that is still full must not prevent reading; `get_or_create` and `resolve` insist.
        with contextlib.suppress(LedgerError):
            self._replay_spool()

    @property
    def is_copy(self) -> bool:
        """Whether the file cannot be written, so that this is a copy for reading."""
        return self._unwritable is not None

    def require_ready(self) -> None:
        """Check that requests can be recorded: the file is there, can be written, and has this version's schema.

        Raises:
            LedgerUnusable, LedgerTooNew, LedgerBusy, LedgerDamaged: they cannot.
        """
        if self._unwritable is not None:
            raise self._unwritable
        with self._reading() as connection:
            require_version(self._path, connection)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._engine.dispose()

    def get_or_create(
        self,
        new: NewSubmission,
        now: float,
        service_now: float | None = None,
        cap: float | None = None,
        *,
        may_send: bool = True,
        max_credits: float | None = None,
    ) -> tuple[Submission, bool]:
        """Record a new intent, or find the submission that already has it. Returns the row and whether it is new.
        `service_now` is the time at the service, if known, by which a set expires. Rows of crashed senders are marked
        unconfirmed first.

        Raises:
            KeyReused: see `dedup.pick_duplicate`.
            SubjectForgotten: it would be a new training, or new images, of a subject who was forgotten.
            SpendingCapReached: sending a new one would spend more than `cap` credits within 24 hours.
            PriceAboveLimit: it would be sent, and could cost more than `max_credits`. Nothing is recorded.
            PaymentNotApproved: the caller may not send, and nothing was sent before. Nothing is recorded.
        """
        self._replay_spool()
        with self._transaction() as connection:
            self._expire_leases(connection, now)
            new = queries.with_its_photos(connection, self._scope, new, self._terms.training_credits)
            known = self._duplicate_of(connection, new, now, service_now)
            if _would_be_sent(known, new):
                self._check_limit(new, max_credits)
                if not may_send:
                    raise PaymentNotApproved
                if known is not None and new.estimated_credits is not None:
                    # Otherwise it would be sent at, and compared with, what was known when it was recorded.
                    known = queries.write_row(
                        connection, replace(known, estimated_credits=new.estimated_credits)
                    )
            if known is None:
                _refuse_forgotten(connection, self._scope, new)
                self._check_cap(connection, new, cap, now)
            row = known or queries.add(connection, self._scope, new, now)
            queries.remember_key(connection, self._scope, new, row)
            return row, known is None

    def record_set(self, new: NewUpload, now: float) -> str:
        """Record a photo set that no submission is made of yet, or find it. Returns its ref."""
        with self._transaction() as connection:
            return get_or_create_set(connection, self._scope.owner, asdict(new), now)

    def find_set(self, ref: str) -> RecordedSet | None:
        """Return the photo set with this ref, unless it was forgotten."""
        with self._reading() as connection:
            known = {"owner": self._scope.owner, "ref": ref}
            found = connection.execute(ONE_SET, known).mappings().first()
            return None if found is None else RecordedSet(**found)

    def find_sets_in_use(self, refs: Collection[str]) -> frozenset[str]:
        """Return those of these photo sets that an open submission of any owner is made of."""
        with self._reading() as connection:
            return frozenset(queries.with_list(connection, SETS_IN_USE, refs).scalars())

    def drop_unused_sets(self, refs: Collection[str]) -> None:
        """Remove those of these photo sets that no submission is made of."""
        with self._transaction() as connection:
            drop_unused_sets(connection, self._scope.owner, refs)

    def check_cap(self, new: NewSubmission, now: float, cap: float | None) -> None:
        """Raise SpendingCapReached where sending this would spend more than `cap` credits within 24 hours."""
        with self._reading() as connection:
            self._check_cap(connection, new, cap, now)

    def find_duplicate(
        self, new: NewSubmission, now: float, service_now: float | None = None
    ) -> Submission | None:
        """Return the submission that `get_or_create` would find, and record nothing. Raises its errors."""
        with self._reading() as connection:
            new = queries.with_its_photos(connection, self._scope, new, self._terms.training_credits)
            known = self._duplicate_of(connection, new, now, service_now)
            if known is None:
                _refuse_forgotten(connection, self._scope, new)
            return known

    def begin_sending(
        self,
        ref: str,
        now: float,
        lease_seconds: float,
        cap: float | None = None,
        facts: ProviderFacts = ProviderFacts(),  # noqa: B008 - frozen, so sharing it is harmless
        max_credits: float | None = None,
    ) -> Submission | None:
        """Change INTENT to SENDING, durably before a byte is sent. Returns None if another call was first.

        `facts` are those that are known of this attempt beforehand; `max_credits` is the most that was agreed.

        When a training of the same photos was sent meanwhile, that one is returned and this one stays INTENT; but one
        that was requested with an idempotency key after the other was accepted is sent once that has ended.

        Raises:
            PriceAboveLimit: it could cost more than `max_credits`.
            SpendingCapReached: sending would spend more than `cap` credits within 24 hours.
            LedgerUnusable: also if there is no space to spool the id that will be returned.
        """
        with self._transaction() as connection:
            row = self._row(connection, ref)
            if row is None or row.state is not State.INTENT or row.service != self._scope.service:
                return None
            if (sent := _sent_meanwhile(connection, row)) is not None:
                return sent
            self._check_limit(row, max_credits)
            self._check_cap(connection, row, cap, now)
            # Inside the transaction: the loser of a race must not overwrite an id that the winner spooled.
            self._spool.reserve(ref, row.attempt + 1)
            sending = replace(
                row,
                state=State.SENDING,
                attempt=row.attempt + 1,
                sent_at=now,
                lease_until=now + lease_seconds,
                provider_facts=facts,
                max_credits=max_credits,
            )
            queries.count_attempt(connection, sending, now, max_cost(sending, self._terms))
            return queries.write_row(connection, sending)

    def begin_repeat(self, ref: str, now: float, lease_seconds: float) -> Submission | None:
        """Change UNCONFIRMED to SENDING for the same attempt, durably before a byte is sent.

        Only for a request whose idempotency key makes a repeat free, and while the service remembers the key. Returns
        None if another call was first, or it is not such a request (any more).
        """
        # Before the space for the id is reserved again: it may hold one.
        self._replay_spool()
        with self._transaction() as connection:
            row = self._row(connection, ref)
            if row is None or row.service != self._scope.service or row.forgotten_at is not None:
                return None
            following = next_state(row.state, Event.REPEATED)
            first_sent_at = queries.when_sent(connection, row)
            is_remembered = now - first_sent_at < self._terms.idempotency_seconds - REPEAT_MARGIN_SECONDS
            if following is None or row.kind not in self._terms.idempotent or not is_remembered:
                return None
            self._check_limit(row, row.max_credits)
            self._spool.reserve(ref, row.attempt)
            repeating = replace(row, state=following, sent_at=now, lease_until=now + lease_seconds)
            return queries.write_row(connection, repeating)

    def note_last_part(self, ref: str, attempt: int, now: float) -> None:
        """Record that the last part of a body is about to be sent: from then on the service may have all of it.

        Raises:
            LedgerError: it could not be recorded, or is no longer this attempt's turn. The part must not be sent.
        """
        with self._transaction() as connection:
            row = self._row(connection, ref)
            may_send = row is not None and row.state in (State.SENDING, State.UNCONFIRMED)
            if row is None or not may_send or row.attempt != attempt:
                raise LedgerUnusable(self._path, "the request was given up meanwhile")
            queries.write_row(
                connection, replace(row, provider_facts=replace(row.provider_facts, body_sent_at=now))
            )

    def note_absence(self, ref: str, attempt: int, now: float) -> Submission | None:
        """Record that a complete listing of the service does not show an unconfirmed submission. Returns the row.

        Once that proves that it was never accepted, the row waits to be sent again: decided here, in one transaction
        with the note that its last part is about to leave.
        """
        with self._transaction() as connection:
            self._expire_leases(connection, now)
            row = self._row(connection, ref)
            if row is None or row.attempt != attempt:
                return row
            if row.state is not State.UNCONFIRMED and not is_deleted_if_found(row):
                return row
            times = with_absence(row.provider_facts.absent_at, now)
            row = replace(row, provider_facts=replace(row.provider_facts, absent_at=times))
            following = next_state(row.state, Event.NEVER_COMPLETE)
            if following is not None and was_never_complete(row):
                queries.mark_attempt_free(connection, self._scope.owner, ref, attempt)
                row = replace(row, state=following, provider_facts=ProviderFacts())
            return queries.write_row(connection, row)

    def spent_since(self, ref: str, since: float) -> float:
        """The most credits that other submissions than this one can have cost since then (seconds since 1970)."""
        with self._reading() as connection:
            known = {**vars(self._scope), "since": since, "ref": ref}
            return float(connection.execute(queries.SPENT_SINCE_BY_OTHERS, known).scalar_one())

    def record_response(
        self, ref: str, attempt: int, event: Event, answer: Answer, now: float
    ) -> Submission | None:
        """Record the response to one attempt. Returns None if the row has changed and the response adds nothing.

        An accepted id is never dropped: if the row was sent again meanwhile, the id gets a separate row.
        """
        with self._transaction() as connection:
            row = self._row(connection, ref)
            moved = None if row is None else apply_response(row, attempt, event, answer, now)
            if event in NOT_PAID:
                queries.mark_attempt_free(connection, self._scope.owner, ref, attempt)
            if moved is not None:
                moved = queries.write_row(connection, moved)
            elif (
                row is not None
                and answer.task_id
                and not queries.find_by_name(connection, row, answer.task_id)
            ):
                moved = queries.insert_orphan(connection, row, answer.task_id, now)
            if moved is not None and event is Event.ACCEPTED:
                self._accepted(connection, moved)
        if row is not None:
            with contextlib.suppress(OSError):
                self._spool.release(ref, attempt)
        return moved

    def installation(self) -> str:
        """Four letters and digits that tell this ledger from others whose keys belong to the same team."""
        with self._reading() as connection:
            return str(connection.execute(queries.INSTALLATION).scalar_one())

    def spool(self, ref: str, attempt: int, task_id: str, now: float) -> None:
        """Save an accepted id next to the ledger, which cannot be written."""
        with translated(self._path):
            self._spool.keep(Spooled(ref, task_id, attempt, now))

    def record_status(self, ref: str, seen: Observation) -> Submission | None:
        """Record what a status check returned, if it changes something. Returns the present row."""
        with self._transaction() as connection:
            row = self._row(connection, ref)
            if row is None or (following := next_state(row.state, SEEN[seen.state])) is None:
                return row
            updated = remove_personal_data(apply_status(row, following, seen))
            if is_unchanged(row, updated):
                return replace(updated, checked_at=seen.at)
            if row.forgotten_at is None:
                connection.execute(insert(observations).values(ref=ref, **asdict(seen)))
            return queries.write_row(connection, updated)

    def mark_missing(self, ref: str, now: float) -> Submission | None:
        """Record since when the service does not know the id, or the links are gone. Returns the row."""
        with self._transaction() as connection:
            row = self._row(connection, ref)
            if row is None or row.missing_since is not None:
                return row
            return queries.write_row(connection, replace(row, missing_since=now))

    def resolve(self, ref: str, event: Event, task_id: str | None, now: float) -> Submission | None:
        """Record a decision of the user. Returns None if it does not apply to the state of the row.

        A `task_id` is used only with `USER_SAYS_ACCEPTED`.

        Raises:
            TaskIdTaken: another submission has this id.
        """
        self._replay_spool()
        with self._transaction() as connection:
            self._expire_leases(connection, now)
            row = self._row(connection, ref)
            following = None if row is None else next_state(row.state, event)
            if row is None or following is None or not is_open_to(row, event, now):
                return None
            decided = replace(row, state=following, lease_until=None)
            if event is Event.USER_SAYS_ACCEPTED and task_id is not None:
                _refuse_taken(connection, row, task_id)
                decided = replace(decided, task_id=task_id, accepted_at=now, missing_since=None)
            decided = queries.write_row(connection, decided)
            if event is Event.USER_SAYS_ACCEPTED:
                self._accepted(connection, decided)
            return decided

    def import_task(self, kind: Kind, task_id: str, subject: str, now: float) -> tuple[Submission, bool]:
        """Record a task that was started elsewhere, or find the submission with its id (then False)."""
        with self._transaction() as connection:
            if known := queries.find_by_name(connection, self._scope, task_id):
                return known[0], False
            return queries.insert_row(
                connection, self._scope, kind, State.QUEUED, now, task_id=task_id, subject=subject
            ), True

    def rename(self, ref: str, subject: str) -> Submission | None:
        """Name the subject of a submission that has none. Returns the present row."""
        with self._transaction() as connection:
            row = self._row(connection, ref)
            if row is None or row.subject is not None:
                return row
            return queries.write_row(connection, replace(row, subject=subject))

    def find_related(self, subject: str) -> Sequence[Submission]:
        """Every submission of a subject at any service, the photo sets it was trained on, what was made with either.

        Perhaps only one of them has the name: the others have the same photos and trigger words.
        """
        key = subject_key(subject)
        with self._reading() as connection:
            return [] if key is None else find_about(connection, self._scope.owner, key)

    def forgotten_generations(self) -> Sequence[str]:
        """Return the refs of every generation whose subject was forgotten, at any service."""
        with self._reading() as connection:
            wanted = {"owner": self._scope.owner, "kind": Kind.GENERATION.value}
            return list(connection.execute(queries.FORGOTTEN, wanted).scalars())

    def forget_subject(
        self,
        subject: str,
        refs: Sequence[str],
        now: float,
        deletes_at: Callable[[str], bool] = lambda _: False,
    ) -> tuple[Sequence[Submission], Sequence[SavedImage]]:
        """Remove personal data from these submissions and from all that are about the subject by now.

        In the same transaction, trainings at services that `deletes_at` names are marked as to be deleted there.
        Also from the file's free pages. Nothing personal is written to them afterwards, even by work under way. Returns
        the submissions that are not among `refs`, with their images.
        """
        key = subject_key(subject)
        with self._transaction() as connection:
            rows: Sequence[Submission] = () if key is None else find_about(connection, self._scope.owner, key)
            known = set(refs)
            late = [row for row in rows if row.ref not in known]
            saved = self._images_of(connection, [row.ref for row in late])
            marked = [*refs, *(row.ref for row in late)]
            if any(deletes_at(row.service) for row in rows):
                write_note(self._path, TO_DELETE)
            queries.forget_rows(connection, self._scope.owner, marked, now, deletes_at)
            queries.drop_details(connection, self._scope.owner, marked)
        if marked:
            with self._reading() as connection:
                connection.exec_driver_sql("VACUUM")
        return late, saved

    def to_delete(self, now: float) -> Sequence[Submission]:
        """The forgotten trainings that are still to be deleted at a service, newest first."""
        self._declare_dead_senders(now)
        with self._reading() as connection:
            rows = queries.read(connection, queries.TO_DELETE, {"owner": self._scope.owner})
        return [_as_it_is(row, now) for row in rows]

    def mark_deleted(self, ref: str) -> None:
        """Record that the service does not have a training any more."""
        with self._transaction() as connection:
            row = self._row(connection, ref)
            if row is not None and row.delete_since is not None:
                queries.write_row(connection, replace(row, delete_since=None))

    def note_reported(self, refs: Collection[str], now: float) -> Sequence[Submission]:
        """Record that the user learns of the end of these trainings. Returns those whose end was not reported before.

        Of several callers and processes one gets each training. A forgotten one is not returned.
        """
        with self._transaction() as connection:
            rows = queries.find_by_refs(connection, self._scope.owner, refs)
            reported = [
                queries.write_row(connection, replace(row, reported_at=now))
                for row in rows
                if is_unreported(row)
            ]
            return [row for row in reported if row.forgotten_at is None]

    def unreported(self, since: float) -> Sequence[Submission]:
        """The trainings started after `since` that are under way, or ended without a report, oldest first.

        Those of the scope's service that were sent by this ledger: not imported ones, and not forgotten ones.
        """
        with self._reading() as connection:
            return queries.read(connection, queries.UNREPORTED, {**vars(self._scope), "since": since})

    def begin_round(self, now: float, seconds: float) -> bool:
        """Whether it is this caller's turn to check the trainings under way: once in `seconds` for all processes."""
        with self._reading() as connection:
            if not queries.is_round_due(connection, self._scope, now, seconds):
                return False
        with self._transaction() as connection:
            is_due = queries.is_round_due(connection, self._scope, now, seconds)
            if is_due:
                queries.record_round(connection, self._scope, now)
            return is_due

    def save_images(self, saved: Sequence[SavedImage]) -> Sequence[SavedImage]:
        """Record saved images. Returns those to remove because their subject was forgotten."""
        unwanted: list[SavedImage] = []
        with self._transaction() as connection:
            for image in saved:
                row = self._row(connection, image.ref)
                if row is None or row.forgotten_at is not None:
                    unwanted.append(image)
                else:
                    connection.execute(insert(images).prefix_with("OR REPLACE").values(**asdict(image)))
        return unwanted

    def images_of(self, *refs: str) -> Sequence[SavedImage]:
        """Return the images of these generations, in order."""
        with self._reading() as connection:
            return self._images_of(connection, refs)

    def find(self, name: str, now: float) -> Submission | None:
        """The submission with this ref or task_id at any service: of several one of the scope's, then the newest."""
        wanted = {**vars(self._scope), "name": name}
        with self._reading() as connection:
            rows = queries.read(connection, queries.NAMED, wanted)
            if any(_lease_ran_out(row, now) for row in rows):
                self._declare_dead_senders(now)
                rows = queries.read(connection, queries.NAMED, wanted)
        return _as_it_is(rows[0], now) if rows else None

    def find_with_history(self, name: str, now: float) -> tuple[Submission, ProgressHistory] | None:
        """Like `find`, with what is needed to estimate the remaining time."""
        row = self.find(name, now)
        return None if row is None else (row, self.progress_history(row))

    def glance(self, name: str, now: float) -> tuple[Submission, ProgressHistory] | None:
        """Like `find_with_history`, for the event loop: it neither waits nor writes.

        Raises:
            LedgerBusy: it would have to wait or write.
        """
        with self._reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            try:
                rows = queries.read(connection, queries.NAMED, {**vars(self._scope), "name": name})
                if any(_lease_ran_out(row, now) for row in rows):
                    raise LedgerBusy(self._path)
                return (rows[0], self.progress_history(rows[0])) if rows else None
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")

    def page(
        self,
        kind: Kind,
        now: float,
        *,
        here: bool = False,
        forgotten: bool = True,
        subject: str | None = None,
        states: Collection[State] | None = None,
        before: str | None = None,
        limit: int,
    ) -> RowPage:
        """At most `limit` submissions of one kind, newest first, older than the one called `before`.

        Those of every service, or with `here` only those of the scope's. Without `forgotten` those are left out whose
        subject was forgotten.

        Raises:
            UnknownCursor: `before` is not in this list.
        """
        wanted: dict[str, Any] = {"owner": self._scope.owner, "kind": kind.value}
        if not forgotten:
            wanted["is_known"] = True
        if here:
            wanted["service"] = self._scope.service
        if subject is not None:
            if (key := subject_key(subject)) is None:
                return RowPage((), 0)
            wanted["subject_key"] = key
        self._declare_dead_senders(now)
        with self._reading() as connection:
            page = read_page(connection, wanted, states=states, before=before, limit=limit)
        return replace(page, rows=[_as_it_is(row, now) for row in page.rows])

    def unsettled(self, now: float, *, limit: int = MAX_UNSETTLED) -> RowPage:
        """The submissions of any kind that are not settled, at most `limit`; see `read_unsettled`."""
        self._declare_dead_senders(now)
        with self._reading() as connection:
            page = read_unsettled(connection, self._scope.owner, limit=limit)
        return replace(page, rows=[_as_it_is(row, now) for row in page.rows])

    def subjects(self, beginning: str, *, limit: int) -> Sequence[str]:
        """Return the names of subjects with a training that begin with a prefix, in any spelling, alphabetically."""
        with self._reading() as connection:
            return read_names(connection, self._scope.owner, subject_key(beginning) or "", limit=limit)

    def trainings_of_photos(self, fingerprint: str, now: float) -> Sequence[Submission]:
        """Every training of the photos with this fingerprint: those of the scope's service first, each newest first."""
        self._declare_dead_senders(now)
        with self._reading() as connection:
            rows = queries.trainings_of(connection, self._scope, fingerprint)
        return [_as_it_is(row, now) for row in rows]

    def history(self, ref: str) -> Sequence[Observation]:
        """Every observation of one submission that changed something, oldest first."""
        with self._reading() as connection:
            known = {"owner": self._scope.owner, "ref": ref}
            rows = connection.execute(queries.SEEN_OF, known).mappings()
            found = [dict[str, Any](row, state=State(row["state"])) for row in rows]
        return [Observation(**fields) for fields in found]

    def progress_history(self, row: Submission) -> ProgressHistory:
        """Return what is needed to estimate the remaining time; empty for a training that is not under way."""
        if row.state not in UNDER_WAY:
            return ProgressHistory()
        seen = self.history(row.ref)
        if any(one_of_them.percentage is not None for one_of_them in seen):
            return ProgressHistory(row.accepted_at, seen)
        alike = {"service": row.service, "owner": row.owner, "kind": row.kind.value}
        with self._reading() as connection:
            durations = [found.seconds for found in connection.execute(queries.DURATIONS, alike)]
        usual = self._terms.usual_training_minutes
        seconds = None if usual is None else (usual.min + usual.max) * 30.0
        return ProgressHistory(row.accepted_at, seen, durations, seconds)

    @contextlib.contextmanager
    def _reading(self) -> Generator[Connection]:
        """The connection kept for reads, which take no lock beyond each statement."""
        with translated(self._path):
            yield self._reader

    @contextlib.contextmanager
    def _transaction(self) -> Generator[Connection]:
        if self._unwritable is not None:
            raise LedgerUnusable(self._path, self._unwritable.why)
        with translated(self._path):
            if not self._is_checked:
                # A damaged ledger may have lost what was paid for: it must not be used for decisions.
                require_intact(self._reader, self._path)
                self._is_checked = True
            with self._engine.begin() as connection:
                yield connection

    def _row(self, connection: Connection, ref: str) -> Submission | None:
        return queries.one(connection, self._scope.owner, ref)

    def _duplicate_of(
        self, connection: Connection, new: NewSubmission, now: float, service_now: float | None
    ) -> Submission | None:
        has_key = isinstance(new, NewTraining) and new.idempotency_key is not None
        earlier = queries.find_same_photos(connection, self._scope, new)
        good = partial(is_reusable, new, now, service_now, terms=self._terms)
        keyed = queries.find_by_key(connection, self._scope, new)
        return pick_duplicate(earlier, keyed, good, has_key=has_key)

    def _check_limit(self, row: Submission | NewSubmission, max_credits: float | None) -> None:
        """As decisive as the daily cap: between the quote and the sending a price may have changed."""
        needed = max_cost(row, self._terms)
        if max_credits is not None and needed > max_credits:
            raise PriceAboveLimit(needed, max_credits)

    def _check_cap(
        self, connection: Connection, row: Submission | NewSubmission, cap: float | None, now: float
    ) -> None:
        """The decisive check is in the transaction that begins sending: concurrent processes cannot pass it."""
        if cap is None:
            return
        known = {**vars(self._scope), "since": now - DAY_SECONDS}
        spent = float(connection.execute(queries.SPENT_SINCE, known).scalar_one())
        needed = max_cost(row, self._terms)
        if spent + needed > cap:
            raise SpendingCapReached(self._path, cap=cap, spent=spent, needed=needed)

    def _accepted(self, connection: Connection, row: Submission) -> None:
        """Update rows that depend on a submission that now has its id, in the same transaction."""
        queries.pass_on_keys(connection, row)
        queries.tell_trainings_of(connection, row, self._terms.training_credits)
        if row.kind is Kind.TRAINING:
            with contextlib.suppress(OSError):
                write_note(self._path, TO_REPORT)
        if row.forgotten_at is not None and row.kind is Kind.TRAINING and self._terms.can_delete:
            # It was not known when its subject was forgotten, as with an earlier attempt that is found late.
            # The mark in the row counts: without the note it is found by `doctor` and the next `forget`.
            with contextlib.suppress(OSError):
                write_note(self._path, TO_DELETE)
            queries.write_row(connection, replace(row, delete_since=row.forgotten_at))

    def _replay_spool(self) -> None:
        for kept in self._spool:
            answer = Answer(task_id=kept.task_id)
            self.record_response(kept.ref, kept.attempt, Event.ACCEPTED, answer, kept.accepted_at)

    def _images_of(self, connection: Connection, refs: Sequence[str]) -> Sequence[SavedImage]:
        found = queries.with_list(connection, queries.IMAGES_OF, refs, owner=self._scope.owner)
        return [SavedImage(**row) for row in found.mappings()]

    def _declare_dead_senders(self, now: float) -> None:
        """Mark rows of crashed senders unconfirmed before a list is read."""
        with self._reading() as connection:
            sending = queries.read(connection, queries.SENDING_ROWS, {"owner": self._scope.owner})
        if any(_lease_ran_out(row, now) for row in sending):
            # If it cannot be written, readers see it anyway: `_as_it_is`.
            with contextlib.suppress(LedgerUnusable), self._transaction() as connection:
                self._expire_leases(connection, now)

    def _expire_leases(self, connection: Connection, now: float) -> None:
        """A crashed sender leaves SENDING behind; whether the service accepted it is unknown."""
        for row in queries.read(connection, queries.SENDING_ROWS, {"owner": self._scope.owner}):
            if _lease_ran_out(row, now):
                queries.write_row(connection, _as_it_is(row, now))


def _would_be_sent(known: Submission | None, new: NewSubmission) -> bool:
    """Whether recording this means sending it next: an upload that waits is sent for the same attributes only."""
    if known is None:
        return True
    return known.state is State.INTENT and has_same_attributes(known, new)


def _refuse_forgotten(connection: Connection, scope: Scope, new: NewSubmission) -> None:
    """Data read before a subject was forgotten must not be recorded again afterwards."""
    if isinstance(new, NewUpload) or new.parent_task_id is None:
        return
    parents = queries.find_by_name(connection, scope, new.parent_task_id)
    if any(row.kind is _PARENT_KIND[new.kind] and row.forgotten_at is not None for row in parents):
        raise SubjectForgotten


def _sent_meanwhile(connection: Connection, row: Submission) -> Submission | None:
    """The training of the same photos that makes sending this one a second payment."""
    if row.kind is not Kind.TRAINING:
        return None
    on_purpose = queries.has_key(connection, row)
    others = [
        other
        for other in queries.find_same_photos(connection, row, row)
        if other.ref != row.ref and other.state is not State.INTENT
    ]
    return pick_duplicate(others, is_reusable=lambda other: not on_purpose and is_settled(other))


def _refuse_taken(connection: Connection, row: Submission, task_id: str) -> None:
    for other in queries.find_by_name(connection, row, task_id):
        if other.ref != row.ref:
            raise TaskIdTaken(other)


def _as_it_is(row: Submission, now: float) -> Submission:
    """Return a row as readers must see it: that of a crashed sender is unconfirmed, whether or not this is written."""
    if not _lease_ran_out(row, now):
        return row
    facts = replace(row.provider_facts, unclear_since=row.provider_facts.unclear_since or now)
    return replace(row, state=State.UNCONFIRMED, lease_until=None, provider_facts=facts)


def _lease_ran_out(row: Submission, now: float) -> bool:
    """Whether a lease has expired. It counts from when sending began, and for no longer than a lease may be: after the
    clock was set back, its end may be an hour away, and would prevent a decision for that long.
    """
    if row.state is not State.SENDING or row.lease_until is None or row.sent_at is None:
        return False
    seconds = min(row.lease_until - row.sent_at, MAX_LEASE_SECONDS)
    return not -CLOCK_STEP_SECONDS <= now - row.sent_at <= seconds
