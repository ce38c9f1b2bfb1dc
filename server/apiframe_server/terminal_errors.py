"""Error messages for a user at a terminal; those for an assistant are in `apiframe_tools.wording.error_messages`."""

from __future__ import annotations

from typing import Final

from apiframe_server.problems import CommandFailed, ExitCode, Problem
from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    InvalidBaseUrl,
    InvalidKey,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.api.provider import Terms
from apiframe_studio.api.select import NEW_KEY_PAGE
from apiframe_studio.errors import UnknownTraining, WrongKind
from apiframe_studio.ledger.errors import LedgerError
from apiframe_tools.wording.error_messages import explain_error
from apiframe_tools.wording.ledger_errors import suggest_ledger_fix
from apiframe_tools.wording.service_errors import (
    KEY_PROBLEMS,
    URL_PROBLEMS,
    explain_service,
    name_url_setting,
    quote_response,
)

_WITHOUT_A_KEY: Final = (
    f"Create a key at {NEW_KEY_PAGE} and set APIFRAME_API_KEY to it. Without one, use the sandbox: "
    "`apiframe-photo-mcp demo` (`make demo` in a clone), or any command with --sandbox."
)
_SELECT_BY_KEY: Final = "Remove APIFRAME_BASE_URL and APIFRAME_API_VERSION, so that they follow from the key."
_KEY_FIXES: Final = {
    KeyProblem.PLACEHOLDER: "Set APIFRAME_API_KEY to the key.",
    KeyProblem.MALFORMED: "Set APIFRAME_API_KEY to the bare key.",
    KeyProblem.V1: _SELECT_BY_KEY,
    KeyProblem.V2: _SELECT_BY_KEY,
}
_SEE_DASHBOARD: Final = (
    "money may have been spent. Check your Apiframe dashboard, then tell your assistant what it shows."
)
_ASK_ASSISTANT: Final = (
    "nothing is sent again by itself. Ask your assistant for its status: a training is then looked for at Apiframe, "
    "and images are requested again under the same key, at no extra cost."
)


def advise_on_unconfirmed(terms: Terms) -> str:
    """What the user does about paid requests whose outcome is unknown."""
    return _ASK_ASSISTANT if terms.can_find else _SEE_DASHBOARD


def sandbox_option(sandbox: str | None) -> str:
    """The command line option that selects this sandbox, with a leading space; "" for the service."""
    if sandbox is None:
        return ""
    return f" --sandbox-url {sandbox}" if sandbox else " --sandbox"


def list_command(option: str) -> str:
    """The command that lists the trainings. `option`: see `sandbox_option`."""
    return f"`apiframe-photo-mcp trainings{option}`"


def explain_key_problem(error: InvalidKey) -> Problem:
    fix = _KEY_FIXES.get(error.reason, _WITHOUT_A_KEY)
    return Problem(ExitCode.KEY, f"{KEY_PROBLEMS[error.reason]}.", fix)


def explain_to_user(error: BaseException, terms: Terms, option: str = "") -> Problem | None:
    """What is wrong and how to fix it; None for an unexpected error. `option`: see `sandbox_option`."""
    match error:
        case CommandFailed():
            return error.problem
        case InvalidKey():
            return explain_key_problem(error)
        case AuthenticationFailed():
            message = f"the service does not accept the API key.{quote_response(error)}"
            return Problem(ExitCode.KEY, message, "Set APIFRAME_API_KEY to a valid key.")
        case InvalidBaseUrl():
            message = f"the API base URL {URL_PROBLEMS[error.reason]}."
            return Problem(ExitCode.USAGE, message, f"Correct {name_url_setting(error)} or remove it.")
        case Refused():
            return _message_for_assistant(error, terms, ExitCode.REFUSED)
        case NotSent() | RateLimited() | OutcomeUnknown():
            message, fix = explain_service(error)
            return Problem(ExitCode.UNREACHABLE, message[:1].lower() + message[1:], fix)
        case ApiframeError():
            return _message_for_assistant(error, terms, ExitCode.UNREACHABLE)
        case LedgerError():
            fix = suggest_ledger_fix(error)
            return Problem(ExitCode.LOCAL, f"{error}.", f"{fix[:1].upper()}{fix[1:]}.")
        case UnknownTraining() | WrongKind():
            advice = f"{list_command(option)} lists your trainings."
            return Problem(ExitCode.NOT_FOUND, "no training has that name or id.", advice)
        case _:
            return _message_for_assistant(error, terms, ExitCode.LOCAL)


def _message_for_assistant(error: BaseException, terms: Terms, code: ExitCode) -> Problem | None:
    text = explain_error(error, terms)
    if text is None:
        return None
    message, _, fix = text.partition(" Next: ")
    return Problem(code, message, fix[:1].upper() + fix[1:])
