"""The settings: environment variables that begin with APIFRAME_, read only here.

A program adds its fields in a subclass.

No `.env` file is read: a client starts the server in an arbitrary working directory, and an untrusted file there must
not decide where the key is sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from platformdirs import user_pictures_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from apiframe_studio.api.errors import BaseUrlProblem, InvalidBaseUrl
from apiframe_studio.api.select import DEFAULT_TERMS, Version
from apiframe_studio.api.urls import normalize_base_url, require_https
from apiframe_studio.errors import SettingsError
from apiframe_studio.places import default_data_folder
from apiframe_studio.sanitize import sanitize_text

PREFIX: Final = "APIFRAME_"
_BAD_URL: Final = f"must be a web address such as {DEFAULT_TERMS.base_url}"
_UNENCRYPTED_URL: Final = (
    f"{PREFIX}BASE_URL must begin with https:// to reach another machine: over http:// anyone on the network path "
    f"can read your key and photos. If you accept that, set {PREFIX}ALLOW_HTTP=true."
)
_URL_ERRORS: Final = {
    BaseUrlProblem.CREDENTIALS: "must not contain a user name or password",
    BaseUrlProblem.QUERY: "must not have a ? or # part",
}

_Folder = Annotated[Path, AfterValidator(Path.expanduser)]


class StudioSettings(BaseSettings):
    """Every setting that a studio is built from, with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, env_ignore_empty=True, extra="ignore")

    api_key: SecretStr = Field(default=SecretStr(""), description="Your API key, from console.apiframe.ai")
    api_version: Version = Field(
        default="auto", description="Generation of the API; `auto` is that of the key, and v1 without a key"
    )
    base_url: str | None = Field(
        default=None, description="Base URL of the API; empty for that of the generation"
    )
    allow_http: bool = Field(
        default=False,
        description="Allow plain http:// to another machine, over which anyone on the network path can read the key",
    )
    data_dir: _Folder = Field(
        default=Path(default_data_folder()),
        description="Folder for the ledger and the sandbox",
    )
    sandbox: bool = Field(
        default=False, description="Use the built-in sandbox instead of the service, as --sandbox does"
    )
    photo_folders: Annotated[tuple[_Folder, ...], NoDecode] = Field(
        default=(user_pictures_path(),),
        description=f"Folders that photos may be read from, separated by {os.pathsep!r}",
    )
    output_folder: _Folder = Field(
        default=user_pictures_path() / "Apiframe", description="Folder for generated images"
    )
    picture_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(".apiframe.pro", ".apiframe.ai"),
        description="Hosts that images may be downloaded from, separated by commas; .x allows all subdomains of x",
    )
    confirm_spending: Literal["ask", "always", "never"] = Field(
        default="ask",
        description="ask: before an upload or a training, where the client can ask. always: before images too, and "
        "nothing is paid without an answer, a click in a card or max_credits. never: no questions",
    )
    max_credits_per_day: float | None = Field(
        default=None, ge=0, le=1e9, description="Maximum credits to spend within 24 hours; empty for no limit"
    )
    poll_seconds: float | None = Field(
        default=None,
        ge=1,
        le=60,
        description="Polling interval while waiting, in seconds; empty for that of the generation",
    )
    connect_seconds: float = Field(
        default=5.0, ge=0.1, le=10, description="Timeout for connecting, in seconds"
    )
    read_seconds: float = Field(
        default=15.0, ge=0.1, le=40, description="Timeout of a status check with its retries, in seconds"
    )
    paid_seconds: float = Field(
        default=20.0, ge=0.1, le=20, description="Timeout of the request that starts a training, in seconds"
    )
    sandbox_seconds: float = Field(
        default=20.0, ge=1, le=3600, description="Duration of a training in the sandbox, in seconds"
    )

    @field_validator("base_url")
    @classmethod
    def _normalize_url(cls, url: str | None) -> str | None:
        # Normalized, because the ledger records payments under this URL.
        if url is None:
            return None
        try:
            return normalize_base_url(url.strip())
        except InvalidBaseUrl as error:
            raise ValueError(_URL_ERRORS.get(error.reason, _BAD_URL)) from None

    @field_validator("photo_folders", mode="before")
    @classmethod
    def _split_folders(cls, folders: object) -> object:
        return [part for part in folders.split(os.pathsep) if part] if isinstance(folders, str) else folders

    @field_validator("picture_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, hosts: object) -> object:
        return (
            [part.strip() for part in hosts.split(",") if part.strip()] if isinstance(hosts, str) else hosts
        )

    @classmethod
    def read(cls, *, default: Iterable[str] = ()) -> Self:
        """Read the environment. The fields in `default` get their default values instead.

        Raises:
            SettingsError: a value is invalid.
        """
        defaults = {name: cls.model_fields[name].get_default() for name in default}
        try:
            settings = cls(**defaults)
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            raise SettingsError({str(one["loc"][0]): _describe_error(one, cls) for one in details}) from None
        if settings.base_url is not None and not settings.allow_http:
            _refuse_unencrypted(settings.base_url)
        return settings

    @classmethod
    def read_usable(cls) -> tuple[Self, Mapping[str, str]]:
        """Read the environment, with defaults for invalid values; also return a sentence for each of these fields."""
        invalid: dict[str, str] = {}
        while True:
            try:
                return cls.read(default=invalid), invalid
            except SettingsError as error:
                invalid |= error.invalid


def _refuse_unencrypted(url: str) -> None:
    try:
        require_https(url)
    except InvalidBaseUrl:
        raise SettingsError({"base_url": _UNENCRYPTED_URL}) from None


def unknown_variables(settings: type[StudioSettings]) -> dict[str, str | None]:
    """Map each variable that has the prefix and is not a setting to the most similar setting, or None.

    A mistyped spending limit would otherwise be ignored silently. Names are sanitized for display.
    """
    known = [f"{PREFIX}{field.upper()}" for field in settings.model_fields]
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    return {
        sanitize_text(name, 100): next(iter(get_close_matches(name.upper(), known, 1, cutoff=0.75)), None)
        for name in unknown
    }


def _describe_error(details: ErrorDetails, settings: type[StudioSettings]) -> str:
    name = f"{PREFIX}{str(details['loc'][0]).upper()}"
    limits = details.get("ctx", {})
    match details["type"]:
        case "greater_than_equal" | "less_than_equal" | "float_parsing" | "float_type":
            low, high = _range_of(str(details["loc"][0]), settings)
            return f"{name} must be a number from {low} to {high}."
        case "bool_parsing" | "bool_type":
            return f"{name} must be true or false."
        case "literal_error":
            return f"{name} must be one of {limits['expected']}."
        case "value_error":
            return f"{name} {limits['error']}."
        case _:
            return f"{name} is invalid; remove it to use the default."


def _range_of(field: str, settings: type[StudioSettings]) -> tuple[str, str]:
    bounds = {type(bound).__name__: bound for bound in settings.model_fields[field].metadata}
    low = getattr(bounds.get("Ge"), "ge", None)
    high = getattr(bounds.get("Le"), "le", None)
    return f"{low:g}", f"{high:,.15g}"
