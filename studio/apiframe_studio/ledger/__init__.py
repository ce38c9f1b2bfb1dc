"""The record of every paid request, so that nothing is paid for twice and no id is lost.

`Ledger` is for asynchronous callers. The verbs are in `store`, which is imported at the first use: SQLAlchemy takes
long to load, and listing the tools does not need it.
"""

from __future__ import annotations

from apiframe_studio.ledger.ledger import Ledger
from apiframe_studio.ledger.records import (
    REF,
    SET_REF,
    Answer,
    Kind,
    NewImages,
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

__all__ = [
    "REF",
    "SET_REF",
    "Answer",
    "Kind",
    "Ledger",
    "NewImages",
    "NewSubmission",
    "NewTraining",
    "NewUpload",
    "Observation",
    "ProviderFacts",
    "RecordedSet",
    "RowPage",
    "SavedImage",
    "Scope",
    "Submission",
]
