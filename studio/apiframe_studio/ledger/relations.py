"""Which submissions are about the same subject: a photo set, its trainings, their images."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from apiframe_studio.ledger.queries import (
    OF_SUBJECT,
    REFS_MADE_OF,
    REFS_NAMED,
    REFS_OF_PRINTS,
    by_age,
    find_by_refs,
    read,
    with_list,
)
from apiframe_studio.ledger.records import Kind, Submission


def find_about(connection: Connection, owner: str, subject_key: str) -> Sequence[Submission]:
    """Every submission of an owner, at any service, that is about the subject; newest first."""
    named = read(connection, OF_SUBJECT, {"owner": owner, "subject_key": subject_key})
    near = {row.ref: row for row in named}
    new: Sequence[Submission] = named
    while refs := _neighbours(connection, owner, new) - near.keys():
        new = find_by_refs(connection, owner, refs)
        near |= {row.ref: row for row in new}
    return related(sorted(near.values(), key=by_age), named)


def _neighbours(connection: Connection, owner: str, rows: Sequence[Submission]) -> set[str]:
    """Return the refs of what these rows were made from, what was made from them, and what has the same photos."""
    prints = {row.fingerprint for row in rows if row.fingerprint}
    refs = set(with_list(connection, REFS_OF_PRINTS, prints, owner=owner).scalars())
    for service in {row.service for row in rows}:
        place = {"service": service, "owner": owner}
        here = [row for row in rows if row.service == service]
        sources = {row.parent_task_id for row in here if row.kind is Kind.TRAINING and row.parent_task_id}
        names = {name for row in here if row.kind is not Kind.GENERATION for _, name in _names(row)}
        refs |= set(with_list(connection, REFS_NAMED, sources, **place).scalars())
        refs |= set(with_list(connection, REFS_MADE_OF, names, **place).scalars())
    return refs


def related(rows: Sequence[Submission], named: Sequence[Submission]) -> Sequence[Submission]:
    """Return the `named` submissions and those among `rows` that are related to them, in the order of `rows`. Pure.

    From a training to its photo set, from a set to its trainings that have no other name, to what has no name and is of
    the same photos, and from a training to the images made with it.
    """
    found = {row.ref for row in named}
    sets = {(row.service, row.parent_task_id) for row in named if row.kind is Kind.TRAINING}
    found |= {row.ref for row in rows if row.kind is Kind.UPLOAD and _names(row) & sets}
    prints = {row.fingerprint for row in rows if row.ref in found and row.fingerprint is not None}
    unnamed = [row for row in rows if row.subject is None]
    found |= {row.ref for row in unnamed if row.kind is Kind.UPLOAD and row.fingerprint in prints}
    known_sets = _all_names(rows, found, Kind.UPLOAD)
    # A set of the same photos with another name keeps its trainings.
    other_sets = _all_names(rows, {row.ref for row in rows} - found, Kind.UPLOAD)
    found |= {
        row.ref
        for row in unnamed
        if row.kind is Kind.TRAINING
        and (
            (made_of := (row.service, row.parent_task_id)) in known_sets
            or (row.fingerprint in prints and made_of not in other_sets)
        )
    }
    trainings = _all_names(rows, found, Kind.TRAINING)
    found |= {
        row.ref
        for row in rows
        if row.kind is Kind.GENERATION and (row.service, row.parent_task_id) in trainings
    }
    return [row for row in rows if row.ref in found]


def _all_names(rows: Sequence[Submission], found: set[str], kind: Kind) -> set[tuple[str, str]]:
    return {name for row in rows if row.ref in found and row.kind is kind for name in _names(row)}


def _names(row: Submission) -> set[tuple[str, str]]:
    return {(row.service, name) for name in (row.task_id, row.ref) if name is not None}
