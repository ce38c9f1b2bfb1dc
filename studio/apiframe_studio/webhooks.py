"""Which webhook URLs may be given to the service. Pure: no name is resolved."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from apiframe_studio.api.urls import is_loopback, split_url

MAX_URL_LENGTH: Final = 2048


class WebhookProblem(StrEnum):
    """Why a URL cannot be used as a webhook."""

    NOT_A_URL = "not_a_url"
    NOT_HTTPS = "not_https"
    CREDENTIALS = "credentials"
    TOO_LONG = "too_long"


def find_problem(url: str, *, service_is_local: bool) -> WebhookProblem | None:
    """Return what is wrong with `url`, or None.

    Plain http is allowed only to a loopback address, and only if the service is on this machine.
    """
    if len(url) > MAX_URL_LENGTH:
        return WebhookProblem.TOO_LONG
    parts = split_url(url)
    if parts is None or not parts.hostname or parts.scheme not in ("http", "https"):
        return WebhookProblem.NOT_A_URL
    if parts.username is not None or parts.password is not None:
        return WebhookProblem.CREDENTIALS
    allowed = parts.scheme == "https" or (service_is_local and is_loopback(parts.hostname))
    return None if allowed else WebhookProblem.NOT_HTTPS
