"""Which generation of the service a key belongs to: its terms, and a provider that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.api.keys import check_key
from apiframe_studio.api.v1.terms import V1_TERMS

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

    from apiframe_studio.api.provider import Deadlines, OnDate, Provider, Terms

DEFAULT_TERMS: Final[Terms] = V1_TERMS
"""The terms that are shown and applied where no key says otherwise."""


def select_terms(key: SecretStr | None) -> Terms:  # noqa: ARG001 - one generation has a provider today
    """Return the terms that hold for a key; without one, or for one that cannot be used, those of v1."""
    return DEFAULT_TERMS


def require_valid_key(key: SecretStr | None) -> None:
    """Refuse a key that no provider here can use.

    Raises:
        InvalidKey: it is missing, a placeholder, malformed, or of v2, which has no provider yet.
    """
    if problem := check_key(key.get_secret_value() if key else ""):
        raise InvalidKey(problem)


def open_provider(
    *,
    key: SecretStr | None,
    base_url: str,
    allow_http: bool,
    app: ASGIApp | None,
    deadlines: Deadlines,
    on_date: OnDate,
) -> Provider:
    """Return a provider for a key. Imports httpx, which takes a tenth of a second: not for the event loop.

    Raises:
        InvalidKey, InvalidBaseUrl: the settings cannot work; nothing was sent.
    """
    require_valid_key(key)
    from apiframe_studio.api.v1.client import ApiframeV1

    return ApiframeV1(
        key=key, base_url=base_url, allow_http=allow_http, app=app, deadlines=deadlines, on_date=on_date
    )
