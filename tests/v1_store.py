"""The ledger's store on the terms of the first generation, which tests of the ledger count in."""

from __future__ import annotations

from pathlib import Path

from apiframe_studio.api.provider import Terms
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.ledger import Scope
from apiframe_studio.ledger import store as real


class Store(real.Store):
    """A store that is opened without a choice of terms."""

    def __init__(self, path: Path, scope: Scope, *, terms: Terms = V1_TERMS, check: bool = False) -> None:
        super().__init__(path, scope, terms=terms, check=check)
