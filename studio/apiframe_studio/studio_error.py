"""The base of every error that the studio raises on purpose. The whole tree: see `errors`."""

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
