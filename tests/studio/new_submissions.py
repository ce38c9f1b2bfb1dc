"""Submissions of any kind, for tests that are about all of them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from apiframe_studio.ledger import Kind, NewImages, NewSubmission, NewTraining, NewUpload


def new_submission(kind: Kind, name: str, **facts: Any) -> NewSubmission:
    """A request of this kind, with those of the facts that this kind has; the name makes it this request."""
    training, _, digest = name.partition(" ")
    new: dict[Kind, NewSubmission] = {
        Kind.TRAINING: NewTraining(name),
        Kind.UPLOAD: NewUpload(name),
        Kind.GENERATION: NewImages(training, digest),
    }
    known = {field.name for field in fields(new[kind])} - {"fingerprint"}
    if kind is Kind.TRAINING:
        known.add("fingerprint")
    return replace(new[kind], **{fact: value for fact, value in facts.items() if fact in known})
