"""What a user can set: environment variables that begin with APIFRAME_, read once and here only.

A program adds fields of its own in a subclass.

No `.env` file is read: a server is started in whatever folder its client stands in, and a stranger's file
there must not choose where the key is sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from platformdirs import user_data_path, user_pictures_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from apiframe_studio.api.errors import BaseUrlProblem, InvalidBaseUrl
from apiframe_studio.api.select import DEFAULT_TERMS
from apiframe_studio.api.urls import normalize_base_url, require_https
from apiframe_studio.errors import StudioError
from apiframe_studio.strangers import plain

PREFIX: Final = "APIFRAME_"
_AN_ADDRESS: Final = f"must be a web address such as {DEFAULT_TERMS.base_url}"
_PLAIN_HTTP: Final = (
    f"{PREFIX}BASE_URL must begin with https:// to reach another machine: over http:// anyone on the network path "
    f"can read your key and photos. If you accept that, set {PREFIX}ALLOW_HTTP=true."
)
_URL_WORDS: Final = {
    BaseUrlProblem.CREDENTIALS: "must not hold a user name or password",
    BaseUrlProblem.QUERY: "must not have a ? or # part",
}


class SettingsError(StudioError):
    """Settings have values that cannot be used. `wrong` has a sentence for each field: the variable and the fix."""

    __str__ = Exception.__str__

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(" ".join(wrong.values()))
        self.wrong = dict(wrong)


class StudioSettings(BaseSettings):
    """Every setting that a studio is built from, with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, env_ignore_empty=True, extra="ignore")

    api_key: Annotated[SecretStr, Field(description="Your v1 API key, as Apiframe shows it")] = SecretStr("")
    base_url: Annotated[str, Field(description="Base URL of the API")] = DEFAULT_TERMS.base_url
    allow_http: Annotated[
        bool, Field(description="Send the key over plain http:// to another machine, readable on the way")
    ] = False
    data_dir: Annotated[Path, Field(description="Folder of the ledger and the sandbox")] = user_data_path(
        "apiframe-photo-mcp", appauthor=False
    )
    sandbox: Annotated[
        bool, Field(description="Use the built-in sandbox instead of the service, as --sandbox does")
    ] = False
    photo_folders: Annotated[
        Annotated[tuple[Path, ...], NoDecode],
        Field(description=f"Folders whose photos may be read, separated by {os.pathsep!r}"),
    ] = (user_pictures_path(),)
    output_folder: Annotated[Path, Field(description="Folder that images are saved in")] = (
        user_pictures_path() / "Apiframe"
    )
    picture_hosts: Annotated[
        Annotated[tuple[str, ...], NoDecode],
        Field(
            description="Hosts that images may be fetched from, separated by commas; .x allows every host of x"
        ),
    ] = (".apiframe.pro", ".apiframe.ai")
    confirm_spending: Annotated[
        Literal["ask", "never"],
        Field(
            description="Whether the user is asked before photos are uploaded or a training is started (images are not "
            "asked about)"
        ),
    ] = "ask"
    max_credits_per_day: Annotated[
        float | None,
        Field(ge=0, le=1e9, description="Most credits to spend within 24 hours; empty for no limit"),
    ] = None
    poll_seconds: Annotated[
        float, Field(ge=1, le=60, description="Polling interval while waiting, in seconds")
    ] = DEFAULT_TERMS.poll_seconds
    connect_seconds: Annotated[
        float, Field(ge=0.1, le=10, description="Timeout of a connection, in seconds")
    ] = 5.0
    read_seconds: Annotated[
        float, Field(ge=0.1, le=40, description="Timeout of a status check with its retries, in seconds")
    ] = 15.0
    paid_seconds: Annotated[
        float, Field(ge=0.1, le=20, description="Timeout of the request that starts a training, in seconds")
    ] = 20.0
    sandbox_seconds: Annotated[
        float, Field(ge=1, le=3600, description="Seconds that a training takes in the sandbox")
    ] = 20.0

    @field_validator("base_url")
    @classmethod
    def _a_web_address(cls, url: str) -> str:
        # In its one form: the ledger keeps what was paid for under this name.
        try:
            return normalize_base_url(url.strip())
        except InvalidBaseUrl as error:
            raise ValueError(_URL_WORDS.get(error.problem, _AN_ADDRESS)) from None

    @field_validator("photo_folders", mode="before")
    @classmethod
    def _several_folders(cls, folders: object) -> object:
        return [part for part in folders.split(os.pathsep) if part] if isinstance(folders, str) else folders

    @field_validator("picture_hosts", mode="before")
    @classmethod
    def _several_hosts(cls, hosts: object) -> object:
        return (
            [part.strip() for part in hosts.split(",") if part.strip()] if isinstance(hosts, str) else hosts
        )

    @field_validator("photo_folders")
    @classmethod
    def _folders_from_home(cls, folders: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(folder.expanduser() for folder in folders)

    @field_validator("data_dir", "output_folder")
    @classmethod
    def _from_home(cls, folder: Path) -> Path:
        return folder.expanduser()

    @classmethod
    def read(cls, *, default: Iterable[str] = ()) -> Self:
        """Read the environment, but for the fields of `default`, which keep their defaults.

        Raises:
            SettingsError: a value cannot be used.
        """
        kept = {name: cls.model_fields[name].get_default() for name in default}
        try:
            settings = cls(**kept)
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            raise SettingsError({str(one["loc"][0]): _sentence(one, cls) for one in details}) from None
        if not settings.allow_http:
            _refuse_plain_http(settings.base_url)
        return settings

    @classmethod
    def read_usable(cls) -> tuple[Self, Mapping[str, str]]:
        """The settings with the defaults for values that cannot be used, and a sentence for each such field."""
        wrong: dict[str, str] = {}
        while True:
            try:
                return cls.read(default=wrong), wrong
            except SettingsError as error:
                wrong |= error.wrong


def _refuse_plain_http(url: str) -> None:
    try:
        require_https(url)
    except InvalidBaseUrl:
        raise SettingsError({"base_url": _PLAIN_HTTP}) from None


def unknown_variables(settings: type[StudioSettings]) -> dict[str, str | None]:
    """Each variable that begins like a setting and is none, with the setting that it resembles, if it does.

    A mistyped limit would otherwise be no limit, without a word. Names are cleaned for display.
    """
    known = [f"{PREFIX}{field.upper()}" for field in settings.model_fields]
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    return {plain(name, 100): _nearest(name, known) for name in unknown}


def _nearest(name: str, known: list[str]) -> str | None:
    return next(iter(get_close_matches(name.upper(), known, 1, cutoff=0.75)), None)


def _sentence(details: ErrorDetails, settings: type[StudioSettings]) -> str:
    name = f"{PREFIX}{str(details['loc'][0]).upper()}"
    limits = details.get("ctx", {})
    match details["type"]:
        case "greater_than_equal" | "less_than_equal" | "float_parsing" | "float_type":
            least, most = _range_of(str(details["loc"][0]), settings)
            return f"{name} must be a number from {least} to {most}."
        case "bool_parsing" | "bool_type":
            return f"{name} must be true or false."
        case "literal_error":
            return f"{name} must be one of {limits['expected']}."
        case "value_error":
            return f"{name} {limits['error']}."
        case _:
            return f"{name} cannot be used; remove it to use the default."


def _range_of(field: str, settings: type[StudioSettings]) -> tuple[str, str]:
    bounds = {type(bound).__name__: bound for bound in settings.model_fields[field].metadata}
    least = getattr(bounds.get("Ge"), "ge", None)
    most = getattr(bounds.get("Le"), "le", None)
    return f"{least:g}", f"{most:,.15g}"
