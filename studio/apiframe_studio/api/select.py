"""Which generation of the service a key belongs to: its terms, and a provider that speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.api.keys import V2_PREFIX, KeyProblem, check_key
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

    from apiframe_studio.api.http.client import ApiClient
    from apiframe_studio.api.provider import Deadlines, OnDate, Provider, Terms

Generation: TypeAlias = Literal["v1", "v2"]
Version: TypeAlias = Literal["auto", "v1", "v2"]
"""A generation, or `auto`: that of the key."""

DEFAULT_TERMS: Final[Terms] = V1_TERMS
"""The terms that are shown and applied where no key says otherwise."""

NEW_KEY_PAGE: Final = V2_TERMS.key_page
"""Where a user without a key creates one. It is for v2."""

_TERMS: Final[Mapping[Generation, Terms]] = {"v1": V1_TERMS, "v2": V2_TERMS}


def select_generation(key: SecretStr | None, version: Version = "auto") -> Generation:
    """Return the generation that a key is for, unless `version` names one. Without a key it is v1."""
    if version != "auto":
        return version
    return "v2" if _has_v2_form(key) else "v1"


def select_terms(key: SecretStr | None, version: Version = "auto") -> Terms:
    """Return the terms that hold for a key, of the generation that `select_generation` returns."""
    return _TERMS[select_generation(key, version)]


def terms_of_service(service: str) -> Terms | None:
    """The terms of a service by its name in a ledger, "address generation"; None for one that is not known here."""
    generation = service.rpartition(" ")[2]
    return next((terms for name, terms in _TERMS.items() if name == generation), None)


def require_valid_key(key: SecretStr | None, version: Version, base_url: str) -> None:
    """Refuse a key that cannot work where it would be sent. A host that is not Apiframe's is taken at its word.

    Raises:
        InvalidKey: it is missing, a placeholder, malformed, or of another generation than is spoken there.
    """
    generation = select_generation(key, version)
    problem = check_key(key.get_secret_value() if key else "")
    if problem is None and _has_v2_form(key) and _is_host_of("v1", base_url):
        problem = KeyProblem.V2
    if problem is None and generation == "v2" and not _has_v2_form(key):
        speaks_v1 = _is_host_of("v1", base_url)
        problem = KeyProblem.V1 if speaks_v1 or _is_host_of("v2", base_url) else None
    if problem:
        raise InvalidKey(problem)


def open_provider(
    *,
    key: SecretStr | None,
    version: Version,
    base_url: str,
    allow_http: bool,
    app: ASGIApp | None,
    deadlines: Deadlines,
    on_date: OnDate,
) -> Provider:
    """Return a provider for a key. Not for the event loop: importing httpx takes a tenth of a second.

    Raises:
        InvalidKey, InvalidBaseUrl: the settings cannot work; nothing was sent.
    """
    require_valid_key(key, version, base_url)
    return _import_client(select_generation(key, version))(
        key=key,
        base_url=base_url,
        allow_http=allow_http,
        app=app,
        deadlines=deadlines,
        on_date=on_date,
    )


def _has_v2_form(key: SecretStr | None) -> bool:
    return bool(key and key.get_secret_value().strip().startswith(V2_PREFIX))


def _is_host_of(generation: Generation, base_url: str) -> bool:
    """Whether a URL is in the domain of the generation's own."""
    domain = (urlsplit(_TERMS[generation].base_url).hostname or "").removeprefix("api")
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        return False
    return f".{host}".endswith(domain)


def _import_client(generation: Generation) -> type[ApiClient]:
    if generation == "v2":
        from apiframe_studio.api.v2.client import ApiframeV2

        return ApiframeV2
    from apiframe_studio.api.v1.client import ApiframeV1

    return ApiframeV1
