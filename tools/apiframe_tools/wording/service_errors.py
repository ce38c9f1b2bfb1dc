"""What went wrong between here and the service, in words."""

from __future__ import annotations

from apiframe_studio.api.errors import (
    ApiframeError,
    BaseUrlProblem,
    BaseUrlUnusable,
    KeyRefused,
    KeyUnusable,
    NotSent,
    NotSentBecause,
    OutOfCredits,
    PictureRefused,
    PictureRefusedBecause,
    Refused,
    Throttled,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.strangers import plain

NEW_KEYS = (
    "New Apiframe accounts get v2 keys (they begin with afk_), which work here from the next release on."
)

_SET_A_KEY = (
    f"{NEW_KEYS} A user who has a v1 key sets APIFRAME_API_KEY of this server to it and restarts the server; without "
    "one, it can be started with --sandbox to try everything."
)

_KEY_MESSAGES = {
    KeyProblem.MISSING: f"No Apiframe API key is set, so nothing was sent. {_SET_A_KEY}",
    KeyProblem.PLACEHOLDER: (
        "The API key is a placeholder that was never filled in (it contains ${…}), so nothing was sent. "
        + _SET_A_KEY
    ),
    KeyProblem.V2: (f"The API key begins with afk_, so it is a v2 key, and nothing was sent. {_SET_A_KEY}"),
    KeyProblem.MALFORMED: (
        "The API key has blanks, quotes, a word such as Bearer or other characters that a key cannot have, so nothing "
        "was sent. To mend it, the person sets APIFRAME_API_KEY to the bare key and restarts this server."
    ),
}

_URL_PROBLEMS = {
    BaseUrlProblem.NOT_A_URL: "is not an address",
    BaseUrlProblem.SCHEME: "begins with neither https:// nor http://",
    BaseUrlProblem.CREDENTIALS: "holds a user name or password",
    BaseUrlProblem.QUERY: "has a ? or # part",
    BaseUrlProblem.PLAIN_HTTP: (
        "is plain http:// beyond this machine, over which anyone on the network path can read the key"
    ),
    BaseUrlProblem.PROXY: "cannot be reached through the proxy that the environment names (HTTPS_PROXY)",
}

_IMAGE_MESSAGES = {
    PictureRefusedBecause.HOST: (
        "They are at {host}, which is not among the hosts that the person allowed. To mend it, the person adds it to "
        "APIFRAME_PICTURE_HOSTS and restarts this server."
    ),
    PictureRefusedBecause.SCHEME: "Their address is not https, so it was not followed.",
    PictureRefusedBecause.TYPE: "What came is no JPEG, PNG or WebP, so it was not kept.",
    PictureRefusedBecause.SIZE: "One is larger than 30 MB or 60 megapixels, so it was not saved.",
    PictureRefusedBecause.DAMAGED: (
        "One is damaged: it cannot be decoded to its end, so it was not saved. Those that are whole were."
    ),
}

NOT_SENT_REASONS = {
    NotSentBecause.DNS: "its name was not found",
    NotSentBecause.REFUSED: "the connection was refused",
    NotSentBecause.TIMEOUT: "no connection came about in time",
    NotSentBecause.CERTIFICATE: "its certificate is not trusted on this machine",
    NotSentBecause.TLS: "no secure connection came about",
    NotSentBecause.BUSY: "too many requests are on their way already",
    NotSentBecause.PROXY: "the proxy did not open the way",
    NotSentBecause.UNREACHABLE: "the network did not lead there",
}

UNCLEAR_REASONS = {
    UnclearBecause.TIMEOUT: "did not answer in time",
    UnclearBecause.CUT_OFF: "broke off the connection",
    UnclearBecause.TOO_LARGE: "sent far too long an answer",
    UnclearBecause.SERVER_ERROR: "had an error of its own",
    UnclearBecause.ODD_STATUS: "gave an answer that makes no sense here",
    UnclearBecause.NOT_JSON: "answered with something that is not its own format, such as a web page",
    UnclearBecause.NO_TASK_ID: "answered without an id",
}


ACCOUNT_ERRORS = (KeyRefused, OutOfCredits)
"""Errors of the key or the account: correcting the request does not help."""


def service_message(error: ApiframeError) -> str:
    said = f" It says: {error.message!r}." if error.message else ""
    match error:
        case PictureRefused():
            return _IMAGE_MESSAGES[error.why].format(
                host=plain(error.host, 100) or "an address that is no host's"
            )
        case KeyUnusable():
            return _KEY_MESSAGES[error.problem]
        case BaseUrlUnusable():
            return f"The service's address {_URL_PROBLEMS[error.problem]}, so nothing was sent. {_advice_on_url(error)}"
        case NotSent():
            return (
                f"The service could not be reached: {NOT_SENT_REASONS[error.why]}. Check the connection and "
                "APIFRAME_BASE_URL, then try again."
            )
        case Throttled(retry_after=seconds):
            wait = "a minute" if seconds is None else f"{seconds:.0f} seconds"
            return f"The service is busy. Try again in {wait}."
        case KeyRefused():
            return (
                f"The service does not accept the API key.{said} To mend it, the person sets "
                "APIFRAME_API_KEY to a valid v1 key and restarts this server."
            )
        case OutOfCredits():
            return f"The account has too few credits.{said} Ask the person to add some; get_account shows what is left."
        case Refused():
            return f"The service refused this (HTTP {error.status}).{said} {_advice(error)}"
        case Unclear(why=UnclearBecause.NOT_JSON):
            return (
                f"The service {UNCLEAR_REASONS[error.why]}.{said} Try again in a minute; if it goes on, "
                "APIFRAME_BASE_URL may lead somewhere else."
            )
        case Unclear():
            return f"The service {UNCLEAR_REASONS[error.why]}.{said} Try again in a minute."
        case _:
            return f"The service could not be used.{said} Try again in a minute."


def _advice(error: Refused) -> str:
    if error.status is not None and 300 <= error.status < 400:
        return "It redirects elsewhere, which is never followed: check APIFRAME_BASE_URL."
    if error.status in (404, 405):
        return "Check the ids; if they are right, APIFRAME_BASE_URL may lead somewhere else."
    return "Check the ids and the other arguments."


def _advice_on_url(error: BaseUrlUnusable) -> str:
    mended = "HTTPS_PROXY" if error.problem is BaseUrlProblem.PROXY else "APIFRAME_BASE_URL"
    return f"To mend it, the person corrects {mended} and restarts this server."
