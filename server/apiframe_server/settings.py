"""The program's settings: those of the studio, and those of the process."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from apiframe_studio.errors import SettingsError as SettingsError
from apiframe_studio.settings import PREFIX as PREFIX
from apiframe_studio.settings import StudioSettings, unknown_variables

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(StudioSettings):
    """Every setting, with its default."""

    log_level: LogLevel = Field(default="WARNING", description="Minimum level of log messages on stderr")

    notify: bool = Field(
        default=False, description="System notifications when a training ends, on this machine: on or off"
    )
    cards: Literal["on", "off"] = Field(
        default="on", description="Cards in the chat, in clients that show them"
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _uppercase(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level


def describe_unknown_variables() -> list[str]:
    """A sentence for each environment variable that has the prefix of a setting and is not one."""
    return [
        f"{name} is not a setting and has no effect.{f' Did you mean {meant}?' if meant else ''}"
        for name, meant in unknown_variables(Settings).items()
    ]
