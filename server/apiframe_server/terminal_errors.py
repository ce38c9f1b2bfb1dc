"""Errors as a user at a terminal reads them. What an assistant is told instead is in `apiframe_tools.troubles`."""

from __future__ import annotations

from apiframe_studio.api.errors import (
    ApiframeError,
    BaseUrlProblem,
    BaseUrlUnusable,
    KeyRefused,
    KeyUnusable,
    NotSent,
    Throttled,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.ledger import LedgerBusy, LedgerDamaged, LedgerError, LedgerNotPrivate, LedgerTooNew
from apiframe_studio.photos import PathRefused
from apiframe_studio.training import NotATraining, UnknownTraining
from apiframe_tools.troubles import NEW_KEYS, NOT_SENT_WORDS, REFUSALS, UNCLEAR_WORDS, explain

_WITHOUT_A_KEY = (
    f"{NEW_KEYS} If you have a v1 key, set APIFRAME_API_KEY to it. Without one, use the sandbox: "
    "`apiframe-photo-mcp demo` (`make demo` in a clone), or any command with --sandbox."
)
_KEY_WORDS = {
    KeyProblem.MISSING: f"no API key is set. {_WITHOUT_A_KEY}",
    KeyProblem.PLACEHOLDER: (
        "the API key is a placeholder that was never filled in (it contains ${…}). Set APIFRAME_API_KEY to the key."
    ),
    KeyProblem.V2: f"the API key begins with afk_, so it is a v2 key. {_WITHOUT_A_KEY}",
    KeyProblem.MALFORMED: (
        "the API key has blanks, quotes, a word such as Bearer or other characters that a key cannot have. Set "
        "APIFRAME_API_KEY to the bare key."
    ),
}


def explain_to_user(error: BaseException) -> str | None:
    """What is wrong and what you can do about it; None for an unforeseen error."""
    match error:
        case ApiframeError():
            return _service(error)
        case LedgerError():
            return _ledger(error)
        case PathRefused():
            return f"{REFUSALS.get(error.refusal, 'that path cannot be read')}."
        case UnknownTraining() | NotATraining():
            return (
                "no training has that name or id. `apiframe-photo-mcp trainings` lists those that there are."
            )
        case _:
            return explain(error)


def _service(error: ApiframeError) -> str | None:
    said = f" It says: {error.message!r}." if error.message else ""
    match error:
        case KeyUnusable():
            return _KEY_WORDS[error.problem]
        case KeyRefused():
            return f"the service does not accept the API key.{said} Set APIFRAME_API_KEY to a valid v1 key."
        case BaseUrlUnusable(problem=BaseUrlProblem.PROXY):
            return "the proxy that HTTPS_PROXY names cannot be used. Correct it or remove it."
        case BaseUrlUnusable(problem=BaseUrlProblem.PLAIN_HTTP):
            return (
                "the address is plain http:// beyond this machine, over which anyone on the network path can read the "
                "key. Use https://."
            )
        case BaseUrlUnusable():
            return "the address of the service cannot be used. Correct APIFRAME_BASE_URL or remove it."
        case NotSent():
            why = NOT_SENT_WORDS[error.why]
            return f"the service could not be reached: {why}. Check your connection and APIFRAME_BASE_URL."
        case Throttled():
            return "the service is busy. Try again in a minute."
        case Unclear(why=UnclearBecause.NOT_JSON):
            return f"the service {UNCLEAR_WORDS[error.why]}. APIFRAME_BASE_URL may lead somewhere else."
        case Unclear():
            return f"the service {UNCLEAR_WORDS[error.why]}.{said} Try again in a minute."
        case _:
            return explain(error)


def _ledger(error: LedgerError) -> str | None:
    match error:
        case LedgerNotPrivate():
            return (
                f"{error.path} {error.why}, so what is kept there is not safe. Give it back (chown, chmod go-w), or "
                "set APIFRAME_DATA_DIR to a folder that is yours alone."
            )
        case LedgerTooNew():
            return (
                f"a newer version of this program wrote the ledger {error.path}, so it is left alone. Install the "
                "newest version, or set APIFRAME_DATA_DIR to another folder."
            )
        case LedgerBusy():
            return f"the ledger {error.path} is in use by another program. Try again in a minute."
        case LedgerDamaged(set_aside=None):
            return (
                f"the ledger {error.path} is damaged and could not be set aside. Move it away and keep it: it lists "
                "what was paid for."
            )
        case LedgerDamaged():
            return (
                f"the ledger was damaged and now stands aside as {error.set_aside}. Check your Apiframe dashboard for "
                "trainings under way before you start anything again."
            )
        case _:
            return (
                f"the ledger {error.path} cannot be used ({error.why}). Free space, give access, or "
                "set APIFRAME_DATA_DIR to a folder that can be written."
            )
