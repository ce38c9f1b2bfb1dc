"""The result of forget_subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, PrivateAttr

from apiframe_studio.deletions import DeletionReport
from apiframe_studio.forgetting import ErasureReport
from apiframe_studio.studio import Studio
from apiframe_tools.results import Result
from apiframe_tools.wording.erasure import describe_erasure
from apiframe_tools.wording.phrases import join_sentences


class SubjectForgotten(Result):
    """What was removed, and what remains where."""

    status: Literal["forgotten", "not_confirmed"]
    records: int
    images: int
    prepared_sets: int
    inbox_photos: int = Field(description="Photos that a card had taken")
    models_deleted: int
    to_delete: list[str] = Field(description="Ids to be deleted at the service later")
    still_at_service: list[str] = Field(description="Ids that only the service's support can remove")
    not_removed: list[str] = Field(description="Files to remove by hand")
    sandbox: bool
    next_step: str
    _lines: list[str] = PrivateAttr(default_factory=list[str])

    @classmethod
    def not_confirmed(cls, subject: str, lines: Sequence[str], studio: Studio) -> Self:
        """Nothing was removed: what would be."""
        result = cls(
            status="not_confirmed",
            records=0,
            images=0,
            prepared_sets=0,
            inbox_photos=0,
            models_deleted=0,
            to_delete=[],
            still_at_service=[],
            not_removed=[],
            sandbox=studio.is_sandbox,
            next_step="show this to the user; only if they agree, call forget_subject again with confirm "
            f"{subject!r}.",
        )
        result._lines = ["Nothing was removed.", *lines]
        return result

    @classmethod
    def of(cls, erased: ErasureReport, deleted: DeletionReport, studio: Studio) -> Self:
        damaged = studio.ledger.find_damaged()
        result = cls.copy_of(
            erased,
            status="forgotten",
            prepared_sets=erased.kept_sets,
            models_deleted=deleted.deleted,
            to_delete=[row.task_id or row.ref for row in deleted.left],
            still_at_service=[] if studio.is_sandbox else list(erased.still_at_the_service),
            not_removed=[str(path) for path in (*erased.not_removed, *damaged)],
            sandbox=studio.is_sandbox,
            next_step="tell the user what was removed and what remains.",
        )
        result._lines = describe_erasure(erased, deleted, damaged, studio.terms, sandbox=studio.is_sandbox)
        return result

    def __str__(self) -> str:
        return join_sentences(self.sandbox, "\n".join([*self._lines, f"Next: {self.next_step}"]))
