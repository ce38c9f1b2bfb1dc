"""Queries for submissions and observations, as values."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Final, Literal

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from apiframe_studio.api.provider import TrainingPrice
from apiframe_studio.ledger.absence import was_given_up_unclear
from apiframe_studio.ledger.dedup import Keyed
from apiframe_studio.ledger.digests import digest, mark_forgotten
from apiframe_studio.ledger.photo_sets import (
    FROM_SET,
    add_forgotten_sets,
    drop_unused_sets,
    get_or_create_set,
    new_ref,
    write_mark,
)
from apiframe_studio.ledger.records import (
    Kind,
    NewImages,
    NewSubmission,
    NewTraining,
    Observation,
    ProviderFacts,
    Scope,
    Submission,
)
from apiframe_studio.ledger.schema import (
    attempts,
    idempotency_keys,
    images,
    installation,
    observations,
    photo_sets,
    status_rounds,
    submissions,
)
from apiframe_studio.ledger.states import ENDED, OPEN, UNDER_WAY, State
from apiframe_studio.ledger.transitions import forget_row, is_alike, remove_personal_data
from apiframe_studio.subjects import subject_key, visible_name

_Likeness = Literal["dedup_key", "fingerprint"]
WATCHED_SECONDS: Final = 300.0
LATEST: Final = 200
"""How many of the latest finished submissions are used to estimate a duration."""
REF_PREFIX: Final = {Kind.TRAINING: "tr", Kind.UPLOAD: "up", Kind.GENERATION: "ge"}

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
OF_OWNER: Final = submissions.c.owner == bindparam("owner")
_HERE: Final = OF_OWNER & (submissions.c.service == bindparam("service"))
_OF_KIND: Final = _HERE & (submissions.c.kind == bindparam("kind"))
NEWEST_FIRST: Final = (submissions.c.created_at.desc(), submissions.c.ref)

_SET: Final = photo_sets.c.ref == submissions.c.set_ref
_FROM_SET: Final = tuple(photo_sets.c[name] for name in FROM_SET)
ROWS: Final = select(submissions).add_columns(*_FROM_SET).select_from(submissions.outerjoin(photo_sets, _SET))
"""Every submission, with what it has from its photo set."""
ONE: Final = ROWS.where(OF_OWNER, submissions.c.ref == bindparam("ref"))
# Each side of an OR names the owner by itself, or SQLite finds no index for it and reads every row.
_NAMED: Final = ROWS.where(
    or_(
        OF_OWNER & (submissions.c.ref == bindparam("name")),
        OF_OWNER & (submissions.c.task_id == bindparam("name")),
    )
)
NAMED: Final = _NAMED.order_by(submissions.c.service != bindparam("service"), *NEWEST_FIRST)
"""The submissions with this ref or task_id: those of the scope's service first."""
_NAMED_HERE: Final = _NAMED.where(submissions.c.service == bindparam("service")).order_by(*NEWEST_FIRST)
OF_SUBJECT: Final = ROWS.where(OF_OWNER, submissions.c.subject_key == bindparam("subject_key")).order_by(
    *NEWEST_FIRST
)
# Lists go in as one JSON text each, however long: a subject may have more rows than a statement has parameters.
_LISTED: Final = func.json_each(bindparam("listed")).table_valued("value")
LISTED: Final = select(_LISTED.c.value)
# The plus keeps SQLite from an index of all that an owner has: each ref is looked up by itself.
_OWN_LISTED: Final = (literal_column("+submissions.owner") == bindparam("owner")) & submissions.c.ref.in_(
    LISTED
)
_OF_REFS: Final = ROWS.where(_OWN_LISTED)
_OWN_REFS: Final = select(submissions.c.ref).where(_OWN_LISTED)
_SETS: Final = select(photo_sets.c.ref).where(
    photo_sets.c.owner == bindparam("owner"), photo_sets.c.forgotten_at.is_(None)
)
_MADE_OF_PHOTOS: Final = submissions.c.set_ref.in_(
    _SETS.where(photo_sets.c.fingerprint == bindparam("fingerprint"))
)
REFS_OF_PRINTS: Final = select(submissions.c.ref).where(
    OF_OWNER, submissions.c.set_ref.in_(_SETS.where(photo_sets.c.fingerprint.in_(LISTED)))
)
FORGOTTEN: Final = select(submissions.c.ref).where(
    OF_OWNER, submissions.c.kind == bindparam("kind"), submissions.c.forgotten_at.is_not(None)
)
# CROSS JOIN holds SQLite to begin with the list and look each name up in an index.
_EACH: Final = "SELECT ref FROM json_each(:listed) AS listed CROSS JOIN submissions WHERE owner = :owner AND"
REFS_NAMED: Final = text(
    f"{_EACH} ref = value AND service = :service UNION {_EACH} task_id = value AND service = :service"
)
REFS_MADE_OF: Final = text(f"{_EACH} parent_task_id = value AND service = :service")
SENDING_ROWS: Final = ROWS.where(OF_OWNER, submissions.c.state == State.SENDING.value)
_ALIKE: Final = {
    "dedup_key": ROWS.where(_OF_KIND, submissions.c.dedup_key == bindparam("dedup_key")),
    "fingerprint": ROWS.where(_OF_KIND, _MADE_OF_PHOTOS),
}
# A forgotten submission has only a mark, which cannot be searched for: the marks are compared one by one. The plus
# keeps SQLite from the indexes that hold every row of the kind.
_MARKED: Final = ROWS.where(
    OF_OWNER,
    submissions.c.kind == bindparam("kind"),
    submissions.c.forgotten_at.is_not(None),
    literal_column("+submissions.service") == bindparam("service"),
    literal_column("+submissions.state").in_([state.value for state in OPEN]),
)
_ELSEWHERE_OF_PHOTOS: Final = (
    ROWS.where(OF_OWNER, _MADE_OF_PHOTOS)
    # The plus keeps SQLite from the index of the whole list.
    .where(
        submissions.c.service != bindparam("service"),
        literal_column("+submissions.kind") == bindparam("kind"),
    )
    .order_by(*NEWEST_FIRST)
)
_KEYED: Final = select(idempotency_keys.c.asked, idempotency_keys.c.ref).where(
    *(idempotency_keys.c[name] == bindparam(name) for name in ("service", "owner", "kind", "key"))
)
SEEN_OF: Final = (
    select(*(observations.c[field.name] for field in fields(Observation)))
    .where(observations.c.ref == bindparam("ref"))
    .where(select(submissions.c.ref).where(OF_OWNER, submissions.c.ref == bindparam("ref")).exists())
    .order_by(observations.c.at)
)

_MAY_BE_REPORTED: Final = sorted(state.value for state in UNDER_WAY | ENDED)
INSTALLATION: Final = select(installation.c.id)
TO_DELETE: Final = ROWS.where(OF_OWNER, submissions.c.delete_since.is_not(None)).order_by(*NEWEST_FIRST)
UNREPORTED: Final = (
    ROWS.where(_HERE, submissions.c.kind == Kind.TRAINING.value, submissions.c.state.in_(_MAY_BE_REPORTED))
    .where(submissions.c.created_at >= bindparam("since"))
    # An imported one has no key.
    .where(submissions.c.dedup_key.is_not(None), submissions.c.forgotten_at.is_(None))
    .where(submissions.c.reported_at.is_(None))
    .order_by(submissions.c.created_at)
)
_ROUND: Final = select(status_rounds.c.at).where(
    *(status_rounds.c[name] == bindparam(name) for name in ("service", "owner"))
)
IMAGES_OF: Final = select(images).where(images.c.ref.in_(_OWN_REFS)).order_by(images.c.ref, images.c.number)
SPENT_SINCE: Final = select(func.coalesce(func.sum(attempts.c.credits), 0.0)).where(
    attempts.c.service == bindparam("service"),
    attempts.c.owner == bindparam("owner"),
    attempts.c.sent_at >= bindparam("since"),
    attempts.c.counts,
)
SPENT_SINCE_BY_OTHERS: Final = SPENT_SINCE.where(attempts.c.ref != bindparam("ref"))

# Only of the latest ones, found by an index: older durations need not be read.
_LATEST: Final = (
    select(submissions.c.ref, submissions.c.accepted_at, submissions.c.finished_at)
    .where(_OF_KIND, submissions.c.state == State.FINISHED.value, submissions.c.accepted_at.is_not(None))
    .order_by(submissions.c.created_at.desc())
    .limit(LATEST)
    .subquery()
)
_SEEN_RUNNING: Final = (
    select(observations.c.id)
    .where(observations.c.ref == _LATEST.c.ref)
    .where(observations.c.state == State.PROCESSING.value)
    .where(observations.c.at >= _LATEST.c.finished_at - WATCHED_SECONDS)
    .exists()
)
DURATIONS: Final = (
    select((_LATEST.c.finished_at - _LATEST.c.accepted_at).label("seconds"))
    # The duration of one that was first checked a week after its end is unknown.
    .where(_SEEN_RUNNING)
    .order_by(_LATEST.c.finished_at.desc())
    .limit(20)
)
"""How long the latest finished submissions took, in seconds."""


def find_same_photos(
    connection: Connection, place: Scope | Submission, new: NewSubmission | Submission
) -> Sequence[Submission]:
    """Every submission of the photos of a new one, newest first; also forgotten ones under way.

    A set is uploaded once, with the same attributes or others. A training is also found if it was made of another
    upload of the same photos. Those waiting to be sent come last and count only for the same upload, since a sent one
    is returned for the same photos.
    """
    of_kind = _place(place, new.kind)
    rows = {row.ref: row for row in find_alike(connection, of_kind, "dedup_key", new.dedup_key)}
    fingerprint = None if isinstance(new, NewImages) else new.fingerprint
    others = find_alike(connection, of_kind, "fingerprint", fingerprint)
    is_upload = new.kind is Kind.UPLOAD
    rows |= {row.ref: row for row in others if is_upload or row.state is not State.INTENT}
    return sorted(rows.values(), key=lambda row: (row.state is State.INTENT, -row.created_at))


def find_alike(
    connection: Connection, place: Mapping[str, str], name: _Likeness, text: str | None
) -> Sequence[Submission]:
    """Every submission of one kind with this dedup key, or of the photos with this fingerprint, newest first; also
    forgotten ones under way. Nothing for None.
    """
    if text is None:
        return ()
    found = [
        row for query in (_ALIKE[name], _MARKED) for row in read(connection, query, {**place, name: text})
    ]
    return sorted((row for row in found if is_alike(row, name, text)), key=by_age)


def trainings_of(connection: Connection, scope: Scope, fingerprint: str) -> Sequence[Submission]:
    """Every training of the photos with this fingerprint: those of the scope's service first, each newest first."""
    place = _place(scope, Kind.TRAINING)
    elsewhere = read(connection, _ELSEWHERE_OF_PHOTOS, {**place, "fingerprint": fingerprint})
    return [*find_alike(connection, place, "fingerprint", fingerprint), *elsewhere]


def find_by_key(connection: Connection, scope: Scope, new: NewSubmission) -> Keyed | None:
    """What the idempotency key of a new training was answered with last."""
    if not isinstance(new, NewTraining) or new.idempotency_key is None:
        return None
    key = {**_place(scope, new.kind), "key": digest(new.idempotency_key)}
    found = connection.execute(_KEYED, key).first()
    row = None if found is None else one(connection, scope.owner, found.ref)
    if found is None or row is None:
        return None
    if found.asked == _asked(new):
        return Keyed(row, same_request=True)
    other_upload = new.fingerprint is not None and is_alike(row, "fingerprint", new.fingerprint)
    if other_upload and row.requested_trigger_word == new.requested_trigger_word:
        return None if row.state is State.INTENT else Keyed(row, same_request=True)
    return Keyed(row, same_request=False)


def remember_key(connection: Connection, scope: Scope, new: NewSubmission, row: Submission) -> None:
    """Record that this key returned this row: repeating the call is not a new request."""
    if isinstance(new, NewTraining) and new.idempotency_key is not None:
        key = {**_place(scope, new.kind), "key": digest(new.idempotency_key)}
        remembered = insert(idempotency_keys).prefix_with("OR REPLACE")
        connection.execute(remembered.values(**key, asked=_asked(new), ref=row.ref))


def with_its_photos(
    connection: Connection, scope: Scope, new: NewSubmission, price: TrainingPrice
) -> NewSubmission:
    """Return a new training with what the ledger knows about its set: photos, fingerprint, credits."""
    if not isinstance(new, NewTraining) or new.fingerprint is not None or new.parent_task_id is None:
        return new
    sets = find_by_name(connection, scope, new.parent_task_id)
    known = next((row for row in sets if row.kind is Kind.UPLOAD and row.forgotten_at is None), None)
    return new if known is None else replace(new, **_facts_of_set(known, price))


def tell_trainings_of(connection: Connection, upload: Submission, price: TrainingPrice) -> None:
    """Record the photos of an upload for trainings that were created before the ledger knew its id."""
    if upload.kind is not Kind.UPLOAD or upload.task_id is None or upload.forgotten_at is not None:
        return
    place = _place(upload, Kind.TRAINING)
    for row in find_alike(connection, place, "dedup_key", upload.task_id):
        if row.fingerprint is not None or upload.fingerprint is None:
            continue
        known = replace(row, set_ref=upload.set_ref, **_facts_of_set(upload, price))
        if row.forgotten_at is not None:
            marked = replace(known, fingerprint=mark_forgotten(row.ref, upload.fingerprint))
            (known,) = add_forgotten_sets(connection, [marked])
        write_row(connection, known)


def _facts_of_set(upload: Submission, price: TrainingPrice) -> dict[str, Any]:
    """What a training has from the upload of its set."""
    photos = upload.photo_count
    credits_known = None if photos is None else price.of(photos)
    return {"fingerprint": upload.fingerprint, "photo_count": photos, "estimated_credits": credits_known}


def pass_on_keys(connection: Connection, accepted: Submission) -> None:
    """Let the keys of waiting trainings of the same photos return an accepted training. They were given before it
    existed, so they do not ask for another one: only a later key does.
    """
    if accepted.kind is not Kind.TRAINING or accepted.forgotten_at is not None:
        return
    place = _place(accepted, accepted.kind)
    rows = [
        *find_alike(connection, place, "dedup_key", accepted.dedup_key),
        *find_alike(connection, place, "fingerprint", accepted.fingerprint),
    ]
    waiting = [row.ref for row in rows if row.state is State.INTENT and row.ref != accepted.ref]
    given_to = (idempotency_keys.c.owner == accepted.owner) & idempotency_keys.c.ref.in_(waiting)
    connection.execute(update(idempotency_keys).where(given_to).values(ref=accepted.ref))


def has_key(connection: Connection, row: Submission) -> bool:
    """Whether a submission was requested with an idempotency key."""
    of_it = (idempotency_keys.c.owner == row.owner) & (idempotency_keys.c.ref == row.ref)
    return connection.execute(select(idempotency_keys.c.ref).where(of_it).limit(1)).first() is not None


def count_attempt(connection: Connection, row: Submission, now: float, credits_at_most: float) -> None:
    """Record that a submission is about to be sent, for the daily cap."""
    values = {"ref": row.ref, "attempt": row.attempt, "service": row.service, "owner": row.owner}
    connection.execute(insert(attempts).values(**values, sent_at=now, credits=credits_at_most, counts=True))


def when_sent(connection: Connection, row: Submission) -> float:
    """When the present attempt was sent first: a repeat under the same idempotency key is the same attempt."""
    of_it = (
        (attempts.c.owner == row.owner) & (attempts.c.ref == row.ref) & (attempts.c.attempt == row.attempt)
    )
    return float(connection.execute(select(attempts.c.sent_at).where(of_it)).scalar_one_or_none() or 0.0)


def mark_attempt_free(connection: Connection, owner: str, ref: str, attempt: int) -> None:
    """Record that an attempt provably cost nothing."""
    of_it = (attempts.c.owner == owner) & (attempts.c.ref == ref) & (attempts.c.attempt == attempt)
    connection.execute(update(attempts).where(of_it).values(counts=False))


def is_round_due(connection: Connection, scope: Scope, now: float, seconds: float) -> bool:
    """Whether the last round of status checks began at least `seconds` ago, or in the future of a clock set back."""
    at = connection.execute(_ROUND, vars(scope)).scalar_one_or_none()
    return at is None or not 0 <= now - at < seconds


def record_round(connection: Connection, scope: Scope, now: float) -> None:
    """Record that a round of status checks begins."""
    began = insert(status_rounds).prefix_with("OR REPLACE")
    connection.execute(began.values(**vars(scope), at=now))


def find_by_name(connection: Connection, place: Scope | Submission, name: str) -> Sequence[Submission]:
    """The submissions with this ref or task_id, of one owner at one service, newest first."""
    wanted = {"service": place.service, "owner": place.owner, "name": name}
    return read(connection, _NAMED_HERE, wanted)


def add(connection: Connection, scope: Scope, new: NewSubmission, now: float) -> Submission:
    """Remember a new intent, and its photo set."""
    facts: dict[str, Any] = {name: value for name, value in asdict(new).items() if name in submissions.c}
    facts |= {"dedup_key": new.dedup_key, "set_ref": _set_of(connection, scope, new, now)}
    return insert_row(connection, scope, new.kind, State.INTENT, now, **facts)


def insert_orphan(connection: Connection, row: Submission, task_id: str, now: float) -> Submission:
    """Record an id that an earlier attempt returned, as a separate submission."""
    names = ("dedup_key", "subject", "parent_task_id", "requested_trigger_word", "forgotten_at")
    same = {name: getattr(row, name) for name in names}
    # The set of a forgotten row cannot be shared: it has the mark of this row.
    set_ref = row.set_ref if row.forgotten_at is None else None
    return insert_row(connection, row, row.kind, State.QUEUED, now, task_id=task_id, set_ref=set_ref, **same)


def insert_row(
    connection: Connection, place: Scope | Submission, kind: Kind, state: State, now: float, **facts: Any
) -> Submission:
    """Record a new submission. Returns it with what it has from its set."""
    known: dict[str, Any] = {"dedup_key": None, "subject": None, "idempotency_key": None, **facts}
    ref = new_ref(REF_PREFIX[kind])
    row = Submission(ref, kind, place.service, place.owner, state=state, attempt=0, created_at=now, **known)
    connection.execute(insert(submissions).values(**_columns(remove_personal_data(row))))
    return find_by_refs(connection, place.owner, [ref])[0]


def _set_of(connection: Connection, scope: Scope, new: NewSubmission, now: float) -> str | None:
    """Return the set of a new upload, or the one that a new training is made of: itself, or that of its upload."""
    if isinstance(new, NewImages) or new.fingerprint is None:
        return None
    if isinstance(new, NewTraining):
        if new.parent_task_id is None:
            return new.set_ref
        for row in find_by_name(connection, scope, new.parent_task_id):
            if row.kind is Kind.UPLOAD and row.fingerprint == new.fingerprint:
                return row.set_ref
    return get_or_create_set(connection, scope.owner, asdict(new), now)


def write_row(connection: Connection, row: Submission) -> Submission:
    """Write a row as it is now. The one place where rows are changed, so nothing personal passes after forgetting."""
    row = remove_personal_data(row)
    of_it = (submissions.c.owner == row.owner) & (submissions.c.ref == row.ref)
    connection.execute(update(submissions).where(of_it).values(**_columns(row)))
    if row.forgotten_at is not None:
        write_mark(connection, row)
    return row


def forget_rows(
    connection: Connection, owner: str, refs: Iterable[str], now: float, deletes_at: Callable[[str], bool]
) -> None:
    """Remove personal data from many rows, and the sets that only they were made of.

    Trainings at a service that `deletes_at` names are marked as to be deleted there. Unlike `write_row` only the
    columns that change are written, so few indexes have to be.
    """
    rows = [row for row in find_by_refs(connection, owner, refs) if row.forgotten_at is None]
    forgotten = {row.ref: forget_row(row, now) for row in rows}
    forgotten |= {
        row.ref: replace(forgotten[row.ref], delete_since=now)
        for row in rows
        if row.kind is Kind.TRAINING and deletes_at(row.service) and _may_be_there(row)
    }
    with_set = [row for row in forgotten.values() if row.set_ref is not None]
    forgotten |= {row.ref: row for row in add_forgotten_sets(connection, with_set)}
    pairs = [(_columns(row), _columns(forgotten[row.ref])) for row in rows]
    names = {name for before, after in pairs for name, value in after.items() if value != before[name]}
    if names:
        values = [{"of": after["ref"], **{name: after[name] for name in names}} for _, after in pairs]
        of_each = (submissions.c.owner == owner) & (submissions.c.ref == bindparam("of"))
        connection.execute(update(submissions).where(of_each), values)
    drop_unused_sets(connection, owner, {row.set_ref for row in rows if row.set_ref is not None})


def _may_be_there(row: Submission) -> bool:
    """Whether the service has a training, or may have it."""
    is_unclear = row.state in (State.SENDING, State.UNCONFIRMED) or was_given_up_unclear(row)
    return row.task_id is not None or is_unclear


def drop_details(connection: Connection, owner: str, refs: Collection[str]) -> None:
    """Remove the observations, images and keys of these submissions."""
    for table in (observations, images, idempotency_keys):
        with_list(connection, delete(table).where(table.c.ref.in_(_OWN_REFS)), refs, owner=owner)


def with_list(
    connection: Connection, statement: Executable, listed: Iterable[str], **wanted: str
) -> CursorResult[Any]:
    """Execute a statement that takes a list of texts."""
    return connection.execute(statement, {**wanted, "listed": json.dumps(list(listed))})


def find_by_refs(connection: Connection, owner: str, refs: Iterable[str]) -> Sequence[Submission]:
    """Return the submissions of an owner with these refs, in any order."""
    return [_submission(row) for row in with_list(connection, _OF_REFS, refs, owner=owner).mappings()]


def one(connection: Connection, owner: str, ref: str) -> Submission | None:
    return next(iter(read(connection, ONE, {"owner": owner, "ref": ref})), None)


def read(connection: Connection, query: Select[Any], wanted: Mapping[str, Any]) -> Sequence[Submission]:
    return [_submission(row) for row in connection.execute(query, wanted).mappings()]


def _place(of: Scope | Submission, kind: Kind) -> dict[str, str]:
    return {"service": of.service, "owner": of.owner, "kind": kind.value}


def _asked(new: NewTraining) -> str:
    return digest(new.dedup_key, new.requested_trigger_word)


def _columns(row: Submission) -> dict[str, Any]:
    name = {"subject": visible_name(row.subject), "subject_key": subject_key(row.subject)}
    facts = {name: kept for name, kept in vars(row.provider_facts).items() if kept} or None
    codes = {"kind": row.kind.value, "state": row.state.value}
    values = {**vars(row), **codes, **name, "provider_facts": facts}
    return {name: value for name, value in values.items() if name in submissions.c}


def _submission(row: RowMapping | Mapping[str, Any]) -> Submission:
    kept: dict[str, Any] = {**row, "kind": Kind(row["kind"]), "state": State(row["state"])}
    del kept["subject_key"]
    facts: dict[str, Any] = dict(kept["provider_facts"] or {})
    facts["absent_at"] = tuple(facts.get("absent_at", ()))
    kept["provider_facts"] = ProviderFacts(**facts)
    # A row of 0.1.0 may hold a name with hidden characters, and every name may reach a model.
    kept["subject"] = visible_name(kept["subject"])
    return Submission(**kept)


def by_age(row: Submission) -> tuple[float, str]:
    """Order submissions with the newest first, as `NEWEST_FIRST` does."""
    return -row.created_at, row.ref
