"""Which submissions are about the same person: a photo set, its trainings, their pictures. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from apiframe_studio.ledger.rows import Kind, Submission


def related(rows: Sequence[Submission], named: Sequence[Submission]) -> Sequence[Submission]:
    """The `named` submissions and those among `rows` that hang together with them, in the order of `rows`.

    From a training to its photo set, from a set to its trainings that have no other name, and from a training
    to the pictures made with it.
    """
    found = {row.ref for row in named}
    sets = {_made_of(row) for row in named if row.kind is Kind.TRAINING}
    found |= {row.ref for row in rows if row.kind is Kind.UPLOAD and row.task_id in sets}
    known_sets = {row.task_id for row in rows if row.ref in found and row.kind is Kind.UPLOAD}
    found |= {row.ref for row in rows if _is_unnamed_training(row) and _made_of(row) in known_sets}
    trainings = {row.task_id for row in rows if row.ref in found and row.kind is Kind.TRAINING}
    found |= {row.ref for row in rows if row.kind is Kind.GENERATION and _made_of(row) in trainings}
    return [row for row in rows if row.ref in found]


def _is_unnamed_training(row: Submission) -> bool:
    return row.kind is Kind.TRAINING and row.subject is None


def _made_of(row: Submission) -> str:
    """The task_id of what it was made of: a training's photo set, a generation's training."""
    return row.about.partition(" ")[0]
