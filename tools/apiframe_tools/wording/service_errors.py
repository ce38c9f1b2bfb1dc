"""Messages for errors of the API: what happened, and what to do next."""

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
    TooManyTrainings,
)
from apiframe_studio.api.keys import V2_PREFIX, KeyProblem
from apiframe_studio.api.select import NEW_KEY_PAGE
from apiframe_studio.image_store import MAX_IMAGE_BYTES
from apiframe_studio.photos.limits import Limits
from apiframe_studio.sanitize import sanitize_text

_SET_A_KEY = (
    f"To fix this, ask the user to create a key at {NEW_KEY_PAGE}, to set APIFRAME_API_KEY of this server to it and to "
    "restart it; without a key, --sandbox starts it with simulated results."
)

_SET_BARE_KEY = (
    "To fix this, ask the user to set APIFRAME_API_KEY to the bare key and to restart this server."
)

_SELECT_BY_KEY = (
    "To fix this, ask the user to remove APIFRAME_BASE_URL and APIFRAME_API_VERSION from the settings of this server, "
    "so that they follow from the key, and to restart it."
)

_KEY_FIXES = {
    KeyProblem.MALFORMED: _SET_BARE_KEY,
    KeyProblem.V1: _SELECT_BY_KEY,
    KeyProblem.V2: _SELECT_BY_KEY,
}

KEY_PROBLEMS = {
    KeyProblem.NO_TEAM: "the API key belongs to no team and has no credits",
    KeyProblem.MISSING: "no Apiframe API key is set",
    KeyProblem.PLACEHOLDER: "the API key is a placeholder that was never filled in (it contains ${…})",
    KeyProblem.V2: f"the API key is for v2 of the API (it begins with {V2_PREFIX}), and the settings select v1",
    KeyProblem.V1: f"the API key is for v1 of the API (those for v2 begin with {V2_PREFIX}), and the settings select "
    "v2",
    KeyProblem.MALFORMED: (
        "the API key has blanks, quotes, a word such as Bearer or other characters that keys do not have"
    ),
}

URL_PROBLEMS = {
    BaseUrlProblem.NOT_A_URL: "is not a URL",
    BaseUrlProblem.SCHEME: "does not begin with https:// or http://",
    BaseUrlProblem.CREDENTIALS: "contains a user name or password",
    BaseUrlProblem.QUERY: "has a ? or # part",
    BaseUrlProblem.PLAIN_HTTP: (
        "is plain http:// to another machine, so anyone on the network path can read the key"
    ),
    BaseUrlProblem.PROXY: "cannot be reached through the proxy in the environment (HTTPS_PROXY)",
}

_IMAGE_MESSAGES = {
    ImageRefusedReason.HOST: (
        "They are at {host}, which is not an allowed host. To fix this, ask the user to add it to "
        "APIFRAME_PICTURE_HOSTS and to restart this server."
    ),
    ImageRefusedReason.SCHEME: "Their URL is not https, so they were not downloaded.",
    ImageRefusedReason.TYPE: "One is not a JPEG, PNG or WebP, so it was not saved.",
    ImageRefusedReason.SIZE: (
        f"One is larger than {MAX_IMAGE_BYTES / 1e6:g} MB or {Limits().pixels / 1e6:g} megapixels, so it was not saved."
    ),
    ImageRefusedReason.DAMAGED: (
        "One is damaged and cannot be decoded, so it was not saved. The others were."
    ),
}

_NOT_SENT_REASONS = {
    NotSentReason.DNS: "host not found",
    NotSentReason.REFUSED: "connection refused",
    NotSentReason.TIMEOUT: "connection timed out",
    NotSentReason.CERTIFICATE: "its certificate is not trusted on this machine",
    NotSentReason.TLS: "the TLS handshake failed",
    NotSentReason.BUSY: "too many requests are in progress",
    NotSentReason.PROXY: "the proxy refused the connection",
    NotSentReason.UNREACHABLE: "host unreachable",
}

_UNCLEAR_REASONS = {
    OutcomeUnknownReason.TIMEOUT: "did not answer in time",
    OutcomeUnknownReason.CUT_OFF: "closed the connection",
    OutcomeUnknownReason.TOO_LARGE: "sent too large a response",
    OutcomeUnknownReason.SERVER_ERROR: "had an internal error",
    OutcomeUnknownReason.ODD_STATUS: "sent an unexpected response",
    OutcomeUnknownReason.NOT_JSON: "sent a response that is not JSON, such as a web page",
    OutcomeUnknownReason.NO_TASK_ID: "sent a response without an id",
}


ACCOUNT_ERRORS = (AuthenticationFailed, InsufficientCredits)
"""Errors of the key or the account: correcting the request does not help."""


def render_error(error: ApiframeError) -> str:
    """Return the message for an assistant."""
    said = quote_response(error)
    match error:
        case ImageRefused():
            return _IMAGE_MESSAGES[error.reason].format(
                host=sanitize_text(error.host, 100) or "a URL without a host"
            )
        case InvalidKey():
            problem = KEY_PROBLEMS[error.reason]
            fix = _KEY_FIXES.get(error.reason, _SET_A_KEY)
            return f"{problem[:1].upper()}{problem[1:]}, so nothing was sent. {fix}"
        case InvalidBaseUrl():
            return (
                f"The API base URL {URL_PROBLEMS[error.reason]}, so nothing was sent. To fix this, ask the user to "
                f"correct {name_url_setting(error)} and to restart this server."
            )
        case AuthenticationFailed(status=400):
            return f"The service does not accept this kind of API key.{said} {_SELECT_BY_KEY}"
        case AuthenticationFailed():
            return (
                f"The service does not accept the API key.{said} To fix this, ask the user to set APIFRAME_API_KEY "
                "to a valid key and to restart this server."
            )
        case InsufficientCredits(required=required, available=available):
            is_counted = required is not None and available is not None
            numbers = f": {required} are required, {available} are left" if is_counted else ""
            return (
                f"The account has too few credits{numbers}.{said} Ask the user to add credits; "
                "get_account shows how many are left."
            )
        case _:
            return " ".join(explain_service(error))


def explain_service(error: ApiframeError) -> tuple[str, str]:
    """Return what is wrong and what to do, as sentences that suit an assistant and a user."""
    match error:
        case NotSent():
            return (
                f"The service could not be reached: {_NOT_SENT_REASONS[error.reason]}.",
                "Check the connection and APIFRAME_BASE_URL, then try again.",
            )
        case TooManyTrainings():
            return (
                "The team has as many trainings under way as the service allows.",
                "Try again when one of them has ended.",
            )
        case RateLimited(retry_after=seconds):
            wait = "a minute" if seconds is None else f"{seconds:.0f} seconds"
            return "The service is busy.", f"Try again in {wait}."
        case Refused():
            return f"The service refused this (HTTP {error.status}).{quote_response(error)}", _advice(error)
        case OutcomeUnknown():
            wrong_url = "; if it keeps happening, APIFRAME_BASE_URL may be wrong"
            not_json = error.reason is OutcomeUnknownReason.NOT_JSON
            return (
                f"The service {_UNCLEAR_REASONS[error.reason]}.{quote_response(error)}",
                f"Try again in a minute{wrong_url if not_json else ''}.",
            )
        case _:
            return f"The service could not be used.{quote_response(error)}", "Try again in a minute."


def name_url_setting(error: InvalidBaseUrl) -> str:
    """Return the name of the variable to correct."""
    return "HTTPS_PROXY" if error.reason is BaseUrlProblem.PROXY else "APIFRAME_BASE_URL"


def quote_response(error: ApiframeError) -> str:
    """Return what the service said, and its name for the request, as sentences with a leading space."""
    said = f" It says: {error.message!r}." if error.message else ""
    return f"{said} Request id: {error.request_id!r}." if error.request_id else said


def _advice(error: Refused) -> str:
    if error.status is not None and 300 <= error.status < 400:
        return "Redirects are not followed: check APIFRAME_BASE_URL."
    if error.status in (404, 405):
        return "Check the ids; if they are right, APIFRAME_BASE_URL may be wrong."
    return "Check the ids and the other arguments."
