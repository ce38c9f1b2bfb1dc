"""What we remember of every paid request, so that nothing is paid for twice and no id is lost.

`Ledger` is the asynchronous face; the verbs themselves are in `store`, which is imported at the first
use because SQLAlchemy takes a while to load and a server that is only listed should not wait for it.
"""

from __future__ import annotations

from apiframe_studio.ledger.ledger import Ledger
from apiframe_studio.ledger.records import (
    REF,
    Answer,
    Kind,
    NewImages,
    NewSubmission,
    NewTraining,
    NewUpload,
    Observation,
    RowPage,
    SavedImage,
    Scope,
    Submission,
)

__all__ = [
    "REF",
    "Answer",
    "Kind",
    "Ledger",
    "NewImages",
    "NewSubmission",
    "NewTraining",
    "NewUpload",
    "Observation",
    "RowPage",
    "SavedImage",
    "Scope",
    "Submission",
]
