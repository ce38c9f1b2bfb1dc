"""Everything that can go wrong with one request, by what it means for the money.

::

    ApiframeError
     ├─ KeyUnusable        nothing was sent: the key can be seen to be wrong
     ├─ BaseUrlUnusable    nothing was sent: the base URL or the proxy setting is no address
     ├─ NotSent            provably nothing left this machine; sending again is safe
     ├─ Throttled          429: the service did not take it; sending again later is safe
     ├─ Refused            400 404 405 413 415 422 or any redirect, which is never followed
     │   ├─ KeyRefused     401 403
     │   ├─ OutOfCredits   402
     │   └─ NotFound       404
     ├─ PictureRefused     a picture's address or content is not what may be fetched or kept
     └─ Unclear            everything else: the service may or may not have acted

Errors that a response causes are made in one place, `answers.error_of`. No error holds a secret, the
exception of the HTTP library, or any text of the service that did not go through `plain`.
"""

from __future__ import annotations

from enum import StrEnum

from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.errors import StudioError


class BaseUrlProblem(StrEnum):
    """Why nothing can be sent to this base URL."""

    NOT_A_URL = "not_a_url"
    SCHEME = "scheme"
    """Neither http nor https."""
    CREDENTIALS = "credentials"
    """A user name or password in the URL: it would end up in logs."""
    QUERY = "query"
    """A query or fragment: paths cannot be put behind it."""
    PLAIN_HTTP = "plain_http"
    """Plain http beyond this machine: the key could be read on the way."""
    PROXY = "proxy"
    """The environment's proxy settings cannot be used (no URL, or a kind that needs another package)."""


class NotSentBecause(StrEnum):
    """Why nothing left."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    """No connection within the connect deadline."""
    CERTIFICATE = "certificate"
    """The other side's certificate is not trusted here."""
    TLS = "tls"
    BUSY = "busy"
    """All connections of the pool stayed in use."""
    PROXY = "proxy"
    """The proxy did not open the way."""
    UNREACHABLE = "unreachable"


class UnclearBecause(StrEnum):
    """What was seen instead of a usable answer."""

    TIMEOUT = "timeout"
    """No complete answer within the deadline."""
    CUT_OFF = "cut_off"
    """Closed, reset or broken off, before the answer or within it."""
    TOO_LARGE = "too_large"
    SERVER_ERROR = "server_error"
    """5xx."""
    ODD_STATUS = "odd_status"
    NOT_JSON = "not_json"
    """2xx with a body that is no JSON object, such as an HTML page."""
    NO_TASK_ID = "no_task_id"


class PictureRefusedBecause(StrEnum):
    """Why a picture is not fetched, or not kept."""

    HOST = "host"
    """No host that the settings allow: another name, another port, an address with a user name in it."""
    SCHEME = "scheme"
    """Not https, while the service is not on this machine."""
    TYPE = "type"
    """Its bytes are no JPEG, PNG or WebP, whatever its header says."""
    SIZE = "size"
    """More bytes or pixels than are taken."""
    DAMAGED = "damaged"
    """It begins like a picture, and cannot be decoded to its end."""


class ApiframeError(StudioError):
    """One request that did not bring what was asked for."""

    def __init__(
        self, message: str = "", *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        """The service's own words, through `plain` and with secrets masked; may be empty."""
        self.status = status
        """The HTTP status, or None when there was no answer."""
        self.request_id = request_id
        """The service's `x-request-id`, when it sent one."""

    def _facts(self) -> str:
        facts = (self._reason(), f"HTTP {self.status}" if self.status else "", self.message)
        return "; ".join(fact for fact in facts if fact)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._facts()}>"

    def _reason(self) -> str:
        return ""


class KeyUnusable(ApiframeError):
    """Nothing was sent, because the key is missing, a placeholder, of the other generation, or malformed."""

    def __init__(self, problem: KeyProblem) -> None:
        super().__init__()
        self.args = (problem,)
        self.problem = problem

    def _reason(self) -> str:
        return self.problem.value


class BaseUrlUnusable(ApiframeError):
    """Nothing was sent, because there is no usable way to the service in the settings."""

    def __init__(self, problem: BaseUrlProblem) -> None:
        super().__init__()
        self.args = (problem,)
        self.problem = problem

    def _reason(self) -> str:
        return self.problem.value


class NotSent(ApiframeError):
    """Provably no byte of the request left: name not found, refused, or no connection in time."""

    def __init__(self, why: NotSentBecause) -> None:
        super().__init__()
        self.args = (why,)
        self.why = why

    def _reason(self) -> str:
        return self.why.value


class Throttled(ApiframeError):
    """The service takes no more requests just now (429).

    `retry_after` is in seconds, never negative and at most an hour, or None when not said.
    """

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


class Refused(ApiframeError):
    """The service understood and said no, or answered with a redirect, which is never followed."""


class KeyRefused(Refused):
    """The service does not take this key (401, 403)."""


class OutOfCredits(Refused):
    """The account cannot pay for it (402)."""


class NotFound(Refused):
    """404: no such task, or no such path at this base URL."""


def is_unknown_task(error: ApiframeError) -> bool:
    """Whether a look was refused in a way that the service has for ids it does not know (undocumented)."""
    return isinstance(error, Refused) and error.status in (400, 404, 410, 422)


class PictureRefused(ApiframeError):
    """We refused a picture, not the service. Asking again is free, and of no use with the same settings."""

    def __init__(self, why: PictureRefusedBecause, host: str = "") -> None:
        super().__init__()
        self.args = (why, host)
        self.why = why
        self.host = host
        """Where the picture was to come from, as a setting would name it; a stranger's word, or "" if unreadable."""

    def _reason(self) -> str:
        return f"{self.why.value} {self.host}".rstrip()


class Unclear(ApiframeError):
    """The service may or may not have acted. A paid request that ends so is never sent again by a program."""

    def __init__(
        self,
        message: str = "",
        *,
        why: UnclearBecause = UnclearBecause.CUT_OFF,
        status: int | None = None,
        request_id: str | None = None,
        answer: str = "",
        task_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.why = why
        self.answer = answer
        """The status line and at most 2000 characters of the body, secrets masked; "" when nothing came."""
        self.task_id = task_id
        """An id that could be salvaged, without guessing, from a 2xx answer that was broken off."""

    def _reason(self) -> str:
        return self.why.value
