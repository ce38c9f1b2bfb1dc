"""Which generation of the service a key belongs to: its terms, and a provider that speaks it.

v2 is not open to users yet: `require_valid_key` refuses its keys, and its terms are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.api.keys import V2_PREFIX, check_key
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

    from apiframe_studio.api.provider import Deadlines, OnDate, Provider, Terms
    from apiframe_studio.api.v1.client import ApiframeV1
    from apiframe_studio.api.v2.client import ApiframeV2

Generation: TypeAlias = Literal["v1", "v2"]

DEFAULT_TERMS: Final[Terms] = V1_TERMS
"""The terms that are shown and applied where no key says otherwise."""

_TERMS: Final[Mapping[Generation, Terms]] = {"v1": V1_TERMS, "v2": V2_TERMS}


def select_generation(key: SecretStr | None, version: Literal["auto", "v1", "v2"] = "auto") -> Generation:
    """Return the generation that a key is for, unless `version` names one. Without a key it is v1."""
    if version != "auto":
        return version
    return "v2" if key and key.get_secret_value().strip().startswith(V2_PREFIX) else "v1"


def select_terms(key: SecretStr | None) -> Terms:  # noqa: ARG001 - v2 is not open to users yet
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
    base_url: str | None,
    allow_http: bool,
    app: ASGIApp | None,
    deadlines: Deadlines,
    on_date: OnDate,
) -> Provider:
    """Return a provider for a key, at `base_url` or where its generation is. Not for the event loop: importing httpx
    takes a tenth of a second.

    Raises:
        InvalidKey, InvalidBaseUrl: the settings cannot work; nothing was sent.
    """
    require_valid_key(key)
    generation = select_generation(key)
    return _import_client(generation)(
        key=key,
        base_url=_TERMS[generation].base_url if base_url is None else base_url,
        allow_http=allow_http,
        app=app,
        deadlines=deadlines,
        on_date=on_date,
    )


def _import_client(generation: Generation) -> type[ApiframeV1 | ApiframeV2]:
    if generation == "v2":
        from apiframe_studio.api.v2.client import ApiframeV2

        return ApiframeV2
    from apiframe_studio.api.v1.client import ApiframeV1

    return ApiframeV1
