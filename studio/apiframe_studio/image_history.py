"""Images that were made earlier: what is on this machine, and how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apiframe_studio.core import Core
from apiframe_studio.ledger import Kind, SavedImage, Submission
from apiframe_studio.ledger.states import State

_MADE = frozenset({State.FINISHED})


@dataclass(frozen=True)
class EarlierImages:
    """The images of one request. `saved` are those whose files are still on this machine."""

    row: Submission
    saved: Sequence[SavedImage]
    trigger_word: str | None


@dataclass(frozen=True)
class ImagePage:
    """Requests for images, newest first. `total` counts those of all pages."""

    requests: Sequence[EarlierImages]
    galleries: Sequence[Path]
    """Those in the folders of these images."""
    next_cursor: str | None
    total: int


class ImageHistory:
    """Lists the images of this ledger, of every service. Local and free."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def list(
        self, *, subject: str | None = None, limit: int = 20, cursor: str | None = None
    ) -> ImagePage:
        """Return finished requests for images, newest first, without those of forgotten subjects.

        Raises UnknownCursor, LedgerError.
        """
        ledger, now = self._core.ledger, self._core.clock.now()
        page = await ledger.page(
            Kind.GENERATION, now, forgotten=False, subject=subject, states=_MADE, before=cursor, limit=limit
        )
        saved = await ledger.images_of(*(row.ref for row in page.rows))
        there = await self._core.image_store.find_on_disk(saved)
        words = {name: await self._find_word(name) for name in {row.parent_task_id for row in page.rows}}
        requests = [
            EarlierImages(row, [one for one in there if one.ref == row.ref], words[row.parent_task_id])
            for row in page.rows
        ]
        galleries = await self._core.image_store.find_galleries(there)
        return ImagePage(requests, galleries, page.rows[-1].ref if page.more else None, page.total)

    async def _find_word(self, training: str | None) -> str | None:
        row = await self._core.ledger.find(training or "", self._core.clock.now())
        return row.trigger_word if row else None
