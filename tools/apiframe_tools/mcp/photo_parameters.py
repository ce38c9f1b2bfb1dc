"""The arguments of the tools for photos and pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from apiframe_studio.photos import MOST_PICTURES


def _as_list(given: object) -> object:
    """One path may come as text: clients for people ask for one folder."""
    return [given] if isinstance(given, str) else given


Paths = Annotated[
    list[str],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MOST_PICTURES, description="Folders or picture files on this machine"),
]


def _not_too_many(names: list[str]) -> list[str]:
    """Said here and not in the schema, which a model reads at every turn."""
    if len(names) > MOST_PICTURES:
        raise ValueError(f"may have at most {MOST_PICTURES} entries")
    return names


_Named = Annotated[list[str], BeforeValidator(_as_list), AfterValidator(_not_too_many)]
LeaveOut = Annotated[_Named, Field(description="Photos not to send: file names, or as on the sheet 7f3a:15")]
Keep = Annotated[_Named, Field(description="Doubtful or rejected photos to send all the same")]
Gender = Annotated[Literal["female", "male"], Field(description="As the person says")]
Ethnicity = Annotated[
    Literal["asian", "black", "latino", "middle eastern", "native american", "pacific islander", "white"],
    Field(description="Ask the person; never guessed from photos"),
]
Age = Annotated[int, Field(ge=1, le=120, description="In years, if the person says it")]
Consent = Annotated[bool, Field(description="True only after the person said the subject agreed")]
Prompt = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    Field(description="What the picture shows"),
]
_Ratios = Literal[
    "1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9", "9:21", "5:4", "4:5", "1:2", "2:1", "1:3", "3:1",
    "1:4", "4:1", "custom",
]  # fmt: skip
AspectRatio = Annotated[_Ratios, Field(description="Square if not given")]
Side = Annotated[int, Field(ge=64, le=2048, description="Pixels, only with custom")]
Number = Annotated[int, Field(ge=1, le=4, description="Pictures to make; 1 if not given")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="A new one makes another picture")]
