"""What went wrong between here and the service, in words."""

from __future__ import annotations

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    BaseUrlProblem,
    ImageRefused,
    ImageRefusedReason,
    InsufficientCredits,
    InvalidBaseUrl,
    InvalidKey,
    NotSent,
    NotSentReason,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
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
    ImageRefusedReason.HOST: (
        "They are at {host}, which is not among the hosts that the person allowed. To mend it, the person adds it to "
        "APIFRAME_PICTURE_HOSTS and restarts this server."
    ),
    ImageRefusedReason.SCHEME: "Their address is not https, so it was not followed.",
    ImageRefusedReason.TYPE: "What came is no JPEG, PNG or WebP, so it was not kept.",
    ImageRefusedReason.SIZE: "One is larger than 30 MB or 60 megapixels, so it was not saved.",
    ImageRefusedReason.DAMAGED: (
        "One is damaged: it cannot be decoded to its end, so it was not saved. Those that are whole were."
    ),
}

NOT_SENT_REASONS = {
    NotSentReason.DNS: "its name was not found",
    NotSentReason.REFUSED: "the connection was refused",
    NotSentReason.TIMEOUT: "no connection came about in time",
    NotSentReason.CERTIFICATE: "its certificate is not trusted on this machine",
    NotSentReason.TLS: "no secure connection came about",
    NotSentReason.BUSY: "too many requests are on their way already",
    NotSentReason.PROXY: "the proxy did not open the way",
    NotSentReason.UNREACHABLE: "the network did not lead there",
}

UNCLEAR_REASONS = {
    OutcomeUnknownReason.TIMEOUT: "did not answer in time",
    OutcomeUnknownReason.CUT_OFF: "broke off the connection",
    OutcomeUnknownReason.TOO_LARGE: "sent far too long an answer",
    OutcomeUnknownReason.SERVER_ERROR: "had an error of its own",
    OutcomeUnknownReason.ODD_STATUS: "gave an answer that makes no sense here",
    OutcomeUnknownReason.NOT_JSON: "answered with something that is not its own format, such as a web page",
    OutcomeUnknownReason.NO_TASK_ID: "answered without an id",
}


ACCOUNT_ERRORS = (AuthenticationFailed, InsufficientCredits)
"""Errors of the key or the account: correcting the request does not help."""


def service_message(error: ApiframeError) -> str:
    said = f" It says: {error.message!r}." if error.message else ""
    match error:
        case ImageRefused():
            return _IMAGE_MESSAGES[error.reason].format(
                host=plain(error.host, 100) or "an address that is no host's"
            )
        case InvalidKey():
            return _KEY_MESSAGES[error.problem]
        case InvalidBaseUrl():
            return f"The service's address {_URL_PROBLEMS[error.problem]}, so nothing was sent. {_advice_on_url(error)}"
        case NotSent():
            return (
                f"The service could not be reached: {NOT_SENT_REASONS[error.reason]}. Check the connection and "
                "APIFRAME_BASE_URL, then try again."
            )
        case RateLimited(retry_after=seconds):
            wait = "a minute" if seconds is None else f"{seconds:.0f} seconds"
            return f"The service is busy. Try again in {wait}."
        case AuthenticationFailed():
            return (
                f"The service does not accept the API key.{said} To mend it, the person sets "
                "APIFRAME_API_KEY to a valid v1 key and restarts this server."
            )
        case InsufficientCredits():
            return f"The account has too few credits.{said} Ask the person to add some; get_account shows what is left."
        case Refused():
            return f"The service refused this (HTTP {error.status}).{said} {_advice(error)}"
        case OutcomeUnknown(reason=OutcomeUnknownReason.NOT_JSON):
            return (
                f"The service {UNCLEAR_REASONS[error.reason]}.{said} Try again in a minute; if it goes on, "
                "APIFRAME_BASE_URL may lead somewhere else."
            )
        case OutcomeUnknown():
            return f"The service {UNCLEAR_REASONS[error.reason]}.{said} Try again in a minute."
        case _:
            return f"The service could not be used.{said} Try again in a minute."


def _advice(error: Refused) -> str:
    if error.status is not None and 300 <= error.status < 400:
        return "It redirects elsewhere, which is never followed: check APIFRAME_BASE_URL."
    if error.status in (404, 405):
        return "Check the ids; if they are right, APIFRAME_BASE_URL may lead somewhere else."
    return "Check the ids and the other arguments."


def _advice_on_url(error: InvalidBaseUrl) -> str:
    mended = "HTTPS_PROXY" if error.problem is BaseUrlProblem.PROXY else "APIFRAME_BASE_URL"
    return f"To mend it, the person corrects {mended} and restarts this server."
