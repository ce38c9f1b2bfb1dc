"""What a supervisor asks: whether the program is alive, and whether it can take requests that cost money."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from apiframe_studio.ledger.errors import (
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerNotPrivate,
    LedgerTooNew,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from apiframe_studio.studio import Studio

_REASONS: Final[dict[type[LedgerError], str]] = {
    LedgerTooNew: "a newer version of this program wrote the ledger",
    LedgerBusy: "another process holds the ledger",
    LedgerDamaged: "the ledger is damaged",
    LedgerNotPrivate: "the ledger's folder is not private",
}
_NOT_STORED: Final = {"Cache-Control": "no-store"}
log = logging.getLogger(__name__)


def build_health_routes(studio: Studio) -> list[Route]:
    """`/healthz` and `/readyz`. Their answers name no path and no setting: anyone may ask."""

    async def healthz(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"}, headers=_NOT_STORED)

    async def readyz(_request: Request) -> JSONResponse:
        try:
            await studio.ledger.require_ready()
        except LedgerError as error:
            log.info("Not ready: %s", error)
            reason = _REASONS.get(type(error), "the ledger cannot be used")
            return JSONResponse({"status": "not ready", "reason": reason}, 503, _NOT_STORED)
        return JSONResponse({"status": "ready"}, headers=_NOT_STORED)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
