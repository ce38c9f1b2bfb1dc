"""One tree for everything that the studio raises on purpose.

::

    StudioError
     ├─ SettingsError        a variable of the environment has a value that cannot be used
     ├─ ApiframeError        one request to the service: see `api.errors`
     ├─ LedgerError          the ledger, or what it does not allow: see `ledger.errors`
     ├─ PhotoError           photos on this machine: see `photos.errors`
     ├─ NotYetSent, Rejected, NotAgreed                        a paid request that was not taken
     ├─ NotEnoughPhotos, CheckUnfinished, ConsentMissing,
     │  PhotosChanged, NotAPhotoSet, SetNotUsable, SubjectForgotten    photo sets
     ├─ UnknownTraining, NotATraining, NothingToResolve, NotYetOver, NamedOtherwise,
     │  IdOfAnother, IdTaken, NeedsTaskId, UnknownCursor, KeyReused    trainings
     └─ NotTrained, NotFetched, FolderUnusable, UnknownSubject images

`str()` of each says what happened, and names the submission where there is one; it is never empty and holds no
secret. What a user is told is made from the attributes, in `apiframe_tools.wording.error_messages`.
"""

from __future__ import annotations

import inspect


class StudioError(Exception):
    """The base of everything that the studio raises on purpose."""

    def __str__(self) -> str:
        # The first sentence of a class's docstring says what it means; what one instance knows comes after it.
        meaning = (inspect.getdoc(type(self)) or type(self).__name__).partition("\n\n")[0]
        facts = self._facts()
        return f"{' '.join(meaning.split())} ({facts})" if facts else " ".join(meaning.split())

    def _facts(self) -> str:
        """What this instance knows, in a few words; empty when the class says it all."""
        return super().__str__()
