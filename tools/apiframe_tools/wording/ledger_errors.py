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


def explain_ledger(error: LedgerError) -> tuple[str, str]:
    """Return the problem as a clause, and the fix as an imperative; neither has a capital or a full stop."""
    match error:
        case LedgerNotPrivate():
            return (
                f"{error.path} {error.why}, and data in it is not safe",
                "change its owner or mode (chown, chmod go-w), or set APIFRAME_DATA_DIR to a private folder",
            )
        case LedgerTooNew():
            return (
                f"a newer version of this program wrote the ledger {error.path}",
                "install the newest version, or set APIFRAME_DATA_DIR to another folder",
            )
        case LedgerBusy():
            return f"the ledger {error.path} is in use by another process", "try again in a minute"
        case LedgerDamaged(set_aside=None):
            return (
                f"the ledger {error.path} is damaged and could not be renamed",
                "move it elsewhere and keep it, since it lists what was paid for",
            )
        case LedgerDamaged():
            return (
                f"the ledger was damaged and was renamed to {error.set_aside}",
                "check the Apiframe dashboard for running trainings before anything is started again",
            )
        case _:
            return (
                f"the ledger {error.path} cannot be used ({error.why})",
                "free space, give access, or set APIFRAME_DATA_DIR to a writable folder",
            )


def ledger_message(error: LedgerError) -> str:
    """Return the message for an assistant."""
    if isinstance(error, SpendingCapReached):
        return (
            f"Nothing was sent: it could cost {error.needed:g} credits, {error.spent:g} were spent in the last 24 "
            f"hours, and the limit is {error.cap:g} (APIFRAME_MAX_CREDITS_PER_DAY). Tell the user."
        )
    problem, fix = explain_ledger(error)
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
