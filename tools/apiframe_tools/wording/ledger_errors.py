"""Messages for errors of the ledger."""

from __future__ import annotations

from apiframe_studio.ledger.errors import (
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerNotPrivate,
    LedgerTooNew,
    SpendingCapReached,
)


def suggest_ledger_fix(error: LedgerError) -> str:
    """Return what fixes the problem, as an imperative without a capital and a full stop."""
    match error:
        case LedgerNotPrivate():
            return (
                "change its owner or mode (chown, chmod go-w), or set APIFRAME_DATA_DIR to a private folder"
            )
        case LedgerTooNew():
            return "install the newest version, or set APIFRAME_DATA_DIR to another folder"
        case LedgerBusy():
            return "try again in a minute"
        case LedgerDamaged(set_aside=None):
            return "move it elsewhere and keep it, since it lists what was paid for"
        case LedgerDamaged():
            return "check the Apiframe dashboard for running trainings before anything is started again"
        case _:
            return "free space, give access, or set APIFRAME_DATA_DIR to a writable folder"


def explain_ledger_error(error: LedgerError) -> str:
    if isinstance(error, SpendingCapReached):
        return (
            f"Nothing was sent: it could cost {error.needed:g} credits, {error.spent:g} were spent in the last 24 "
            f"hours, and the limit is {error.cap:g} (APIFRAME_MAX_CREDITS_PER_DAY). Tell the user."
        )
    problem, fix = str(error), suggest_ledger_fix(error)
    sentence = f"{problem[:1].upper()}{problem[1:]}, so nothing was sent."
    match error:
        case LedgerBusy():
            return f"{sentence} Next: {fix}."
        case LedgerDamaged(set_aside=path) if path is not None:
            return (
                f"{sentence} Its contents are no longer known here. Ask the user to {fix}; the next call creates a "
                "new ledger."
            )
        case _:
            restart = ", and to restart this server" if "APIFRAME_" in fix else ""
            return f"{sentence} To fix this, ask the user to {fix}{restart}."
