"""Everything that can go wrong with one request, by what it means for the user's money.

::

    ApiframeError
     ├─ InvalidKey               nothing was sent: the key cannot be valid
     ├─ InvalidBaseUrl           nothing was sent: the base URL or the proxy setting cannot be used
     ├─ NotSent                  provably nothing left this machine; sending again is safe
     ├─ RateLimited              429: the service did not accept it; sending again later is safe
     │   └─ TooManyTrainings     429: the team has as many trainings under way as it may have
     ├─ Refused                  400 404 405 413 415 422 or any redirect, which is never followed
     │   ├─ AuthenticationFailed 401 403, and a 400 about the key
     │   ├─ InsufficientCredits  402
     │   └─ NotFound             404
     ├─ ImageRefused             an image's address or content is not what may be fetched or kept
     └─ OutcomeUnknown           everything else: the service may or may not have acted
         └─ Conflict             409: the idempotency key belongs to another request

A response is turned into an error in one place, `http.responses.error_from_response`. No error holds a secret, an
exception of the HTTP library, or text of the service that was not sanitized.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.studio_error import StudioError


class BaseUrlProblem(StrEnum):
    """Why nothing can be sent to this base URL."""

    NOT_A_URL = "not_a_url"
    SCHEME = "scheme"
    """Neither http nor https."""
    CREDENTIALS = "credentials"
    """A user name or password in the URL: it would end up in logs."""
    QUERY = "query"
    """A query or fragment, which no path can follow."""
    PLAIN_HTTP = "plain_http"
    """Plain http to another machine: the key could be read on the way."""
    PROXY = "proxy"
    """The environment's proxy settings cannot be used (not a URL, or a kind that needs another package)."""


class NotSentReason(StrEnum):
    """Why nothing left this machine."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    """No connection within the connect deadline."""
    CERTIFICATE = "certificate"
    """The server's certificate is not trusted here."""
    TLS = "tls"
    BUSY = "busy"
    """All connections of the pool stayed in use."""
    PROXY = "proxy"
    """The proxy refused the connection."""
    UNREACHABLE = "unreachable"


class OutcomeUnknownReason(StrEnum):
    """What came instead of a usable response."""

    TIMEOUT = "timeout"
    """No complete response within the deadline."""
    CUT_OFF = "cut_off"
    """Closed or reset before or within the response."""
    TOO_LARGE = "too_large"
    SERVER_ERROR = "server_error"
    """5xx."""
    ODD_STATUS = "odd_status"
    NOT_JSON = "not_json"
    """2xx with a body that is not a JSON object, such as an HTML page."""
    NO_TASK_ID = "no_task_id"


class ImageRefusedReason(StrEnum):
    """Why an image is not fetched, or not kept."""

    HOST = "host"
    """A host that the settings do not allow: another name, another port, a user name in the address."""
    SCHEME = "scheme"
    """Not https, while the service is on another machine."""
    TYPE = "type"
    """Its bytes are not a JPEG, PNG or WebP, whatever its header says."""
    SIZE = "size"
    """More bytes or pixels than are accepted."""
    DAMAGED = "damaged"
    """It begins like an image, and cannot be decoded to its end."""


class ApiframeError(StudioError):
    """A request to the service did not return what it asked for."""

    summary: ClassVar = "the request failed"

    def __init__(
        self, message: str = "", *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        """The service's own text, sanitized and with secrets redacted; may be empty."""
        self.status = status
        """The HTTP status, or None when there was no response."""
        self.request_id = request_id
        """The service's `x-request-id`, when it sent one: what its support asks for."""

    def __str__(self) -> str:
        status = f"HTTP {self.status}" if self.status else ""
        request = f"request {self.request_id}" if self.request_id else ""
        facts = "; ".join(filter(None, (self._describe_reason(), status, self.message, request)))
        return f"{self.summary} ({facts})" if facts else self.summary

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _describe_reason(self) -> str:
        # Declared where it is set: each class has another enum.
        return str(getattr(self, "reason", "")).replace("_", " ")


class InvalidKey(ApiframeError):
    """The key is missing, a placeholder, of another generation, or malformed. Nothing was sent."""

    summary = "the API key cannot be used"

    def __init__(self, reason: KeyProblem) -> None:
        super().__init__()
        self.args = (reason,)
        self.reason = reason


class InvalidBaseUrl(ApiframeError):
    """The base URL or the proxy in the settings cannot be used. Nothing was sent."""

    summary = "the base URL cannot be used"

    def __init__(self, reason: BaseUrlProblem) -> None:
        super().__init__()
        self.args = (reason,)
        self.reason = reason


class NotSent(ApiframeError):
    """Provably no byte of the request left: name not found, refused, or no connection in time."""

    summary = "the request was not sent"

    def __init__(self, reason: NotSentReason) -> None:
        super().__init__()
        self.args = (reason,)
        self.reason = reason


class RateLimited(ApiframeError):
    """The service accepts no more requests for now (429).

    `retry_after` is in seconds, never negative and at most an hour; None when the service did not say.
    """

    summary = "the service accepts no more requests for now"

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = 429,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class TooManyTrainings(RateLimited):
    """The team has as many trainings under way as it may have (429). One has to end first, which takes minutes."""

    summary = "the team has too many trainings under way"


class Refused(ApiframeError):
    """The service understood the request and refused it, or redirected it, which is never followed."""

    summary = "the service refused the request"


class AuthenticationFailed(Refused):
    """The service does not accept this key (401, 403, or a 400 that names the form of another generation's keys)."""

    summary = "the service does not accept the API key"


class InsufficientCredits(Refused):
    """The account has too few credits (402). The numbers are None where the service does not give them."""

    summary = "the account has too few credits"

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = 402,
        request_id: str | None = None,
        required: int | None = None,
        available: int | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.required = required
        self.available = available


class NotFound(Refused):
    """404: there is no such task, or no such path at this base URL."""

    summary = "the service has no such task or path"


def is_unknown_task(error: ApiframeError) -> bool:
    """Whether a status check was refused in a way the service uses for ids it does not know (undocumented)."""
    is_refused = isinstance(error, Refused) and not isinstance(error, AuthenticationFailed)
    return is_refused and error.status in (400, 404, 410, 422)


class ImageRefused(ApiframeError):
    """We refused an image, not the service. Asking again is free, and useless with the same settings."""

    summary = "the image was not accepted"

    def __init__(self, reason: ImageRefusedReason, host: str = "") -> None:
        super().__init__()
        self.args = (reason, host)
        self.reason = reason
        self.host = host
        """The host that the image was to come from, as a setting would name it. Untrusted; "" if unreadable."""

    def _describe_reason(self) -> str:
        return f"{self.reason} {self.host}".rstrip()


class OutcomeUnknown(ApiframeError):
    """The service may or may not have acted. The program never resends a paid request that ends like this."""

    summary = "the outcome of the request is unknown"

    def __init__(
        self,
        message: str = "",
        *,
        reason: OutcomeUnknownReason = OutcomeUnknownReason.CUT_OFF,
        status: int | None = None,
        request_id: str | None = None,
        excerpt: str = "",
        task_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.reason = reason
        self.excerpt = excerpt
        """The status line and at most 2000 characters of the body, secrets redacted; "" without a response."""
        self.task_id = task_id
        """An id that could be salvaged, without guessing, from a 2xx response that was cut off."""


class Conflict(OutcomeUnknown):
    """The service knows the idempotency key from a request with another body (409). That one may have been paid for."""

    summary = "the idempotency key belongs to another request"
