"""Error messages for a user at a terminal; those for an assistant are in `apiframe_tools.wording.error_messages`."""

from __future__ import annotations

from typing import Final

from apiframe_server.problems import CommandFailed, ExitCode, Problem
from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    BaseUrlProblem,
    InvalidBaseUrl,
    InvalidKey,
    NotSent,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
)
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.api.select import DEFAULT_TERMS
from apiframe_studio.ledger import LedgerBusy, LedgerDamaged, LedgerError, LedgerNotPrivate, LedgerTooNew
from apiframe_studio.training import NotATraining, UnknownTraining
from apiframe_tools.wording.error_messages import message_for
from apiframe_tools.wording.service_errors import NEW_KEYS, NOT_SENT_REASONS, UNCLEAR_REASONS

_WITHOUT_A_KEY: Final = (
    f"{NEW_KEYS} If you have a v1 key, set APIFRAME_API_KEY to it. Without one, use the sandbox: "
    "`apiframe-photo-mcp demo` (`make demo` in a clone), or any command with --sandbox."
)
_KEYS: Final = {
    KeyProblem.MISSING: ("no API key is set.", _WITHOUT_A_KEY),
    KeyProblem.PLACEHOLDER: (
        "the API key is a placeholder that was never filled in (it contains ${…}).",
        "Set APIFRAME_API_KEY to the key.",
    ),
    KeyProblem.V2: ("the API key begins with afk_, so it is a v2 key.", _WITHOUT_A_KEY),
    KeyProblem.MALFORMED: (
        "the API key has blanks, quotes, a word such as Bearer or other characters that a key cannot have.",
        "Set APIFRAME_API_KEY to the bare key.",
    ),
}
SEE_DASHBOARD: Final = (
    "money may have been spent. Check your Apiframe dashboard, then tell your assistant what it shows."
)


def sandbox_option(sandbox: str | None) -> str:
    """The command line option that selects this sandbox, with a leading space; "" for the service."""
    if sandbox is None:
        return ""
    return f" --sandbox-url {sandbox}" if sandbox else " --sandbox"


def list_command(option: str) -> str:
    """The command that lists the trainings. `option`: see `sandbox_option`."""
    return f"`apiframe-photo-mcp trainings{option}`"


def key_problem(error: InvalidKey) -> Problem:
    """What is wrong with the API key."""
    return Problem(ExitCode.KEY, *_KEYS[error.problem])


def explain_to_user(error: BaseException, option: str = "") -> Problem | None:
    """What is wrong and how to fix it; None for an unexpected error. `option`: see `sandbox_option`."""
    match error:
        case CommandFailed():
            return error.problem
        case ApiframeError():
            return _service(error)
        case LedgerError():
            return _ledger(error)
        case UnknownTraining() | NotATraining():
            advice = f"{list_command(option)} lists your trainings."
            return Problem(ExitCode.NOT_FOUND, "no training has that name or id.", advice)
        case _:
            return _as_told_to_an_assistant(error, ExitCode.LOCAL)


def _as_told_to_an_assistant(error: BaseException, code: ExitCode) -> Problem | None:
    told = message_for(error, DEFAULT_TERMS)
    if told is None:
        return None
    message, _, then = told.partition(" Next: ")
    return Problem(code, message, then[:1].upper() + then[1:])


def _service(error: ApiframeError) -> Problem | None:
    said = f" It says: {error.message!r}." if error.message else ""
    match error:
        case InvalidKey():
            return key_problem(error)
        case AuthenticationFailed():
            return Problem(
                ExitCode.KEY,
                f"the service does not accept the API key.{said}",
                "Set APIFRAME_API_KEY to a valid v1 key.",
            )
        case InvalidBaseUrl():
            return _base_url(error)
        case NotSent():
            return Problem(
                ExitCode.UNREACHABLE,
                f"the service could not be reached: {NOT_SENT_REASONS[error.reason]}.",
                "Check your connection and APIFRAME_BASE_URL.",
            )
        case RateLimited():
            return Problem(ExitCode.UNREACHABLE, "the service is busy.", "Try again in a minute.")
        case OutcomeUnknown():
            elsewhere = error.reason is OutcomeUnknownReason.NOT_JSON
            return Problem(
                ExitCode.UNREACHABLE,
                f"the service {UNCLEAR_REASONS[error.reason]}.{'' if elsewhere else said}",
                "APIFRAME_BASE_URL may lead somewhere else." if elsewhere else "Try again in a minute.",
            )
        case Refused():
            return _as_told_to_an_assistant(error, ExitCode.REFUSED)
        case _:
            return _as_told_to_an_assistant(error, ExitCode.UNREACHABLE)


def _base_url(error: InvalidBaseUrl) -> Problem:
    match error.problem:
        case BaseUrlProblem.PROXY:
            return Problem(
                ExitCode.USAGE, "the proxy that HTTPS_PROXY names cannot be used.", "Correct it or remove it."
            )
        case BaseUrlProblem.PLAIN_HTTP:
            return Problem(
                ExitCode.USAGE,
                "the address is plain http:// beyond this machine, over which anyone on the network path can read the "
                "key.",
                "Use https://.",
            )
        case _:
            return Problem(
                ExitCode.USAGE,
                "the address of the service cannot be used.",
                "Correct APIFRAME_BASE_URL or remove it.",
            )


def _ledger(error: LedgerError) -> Problem:
    return Problem(ExitCode.LOCAL, *_ledger_words(error))


def _ledger_words(error: LedgerError) -> tuple[str, str]:
    match error:
        case LedgerNotPrivate():
            return (
                f"{error.path} {error.why}, so what is kept there is not safe.",
                "Give it back (chown, chmod go-w), or set APIFRAME_DATA_DIR to a folder that is yours alone.",
            )
        case LedgerTooNew():
            return (
                f"a newer version of this program wrote the ledger {error.path}, so it is left alone.",
                "Install the newest version, or set APIFRAME_DATA_DIR to another folder.",
            )
        case LedgerBusy():
            return f"the ledger {error.path} is in use by another program.", "Try again in a minute."
        case LedgerDamaged(set_aside=None):
            return (
                f"the ledger {error.path} is damaged and could not be set aside.",
                "Move it away and keep it: it lists what was paid for.",
            )
        case LedgerDamaged():
            return (
                f"the ledger was damaged and now stands aside as {error.set_aside}.",
                "Check your Apiframe dashboard for trainings under way before you start anything again.",
            )
        case _:
            return (
                f"the ledger {error.path} cannot be used ({error.why}).",
                "Free space, give access, or set APIFRAME_DATA_DIR to a folder that can be written.",
            )
