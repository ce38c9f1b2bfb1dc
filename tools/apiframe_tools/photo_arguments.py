"""The arguments of the tools for photos and pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

Paths = Annotated[
    list[str], Field(min_length=1, max_length=500, description="Folders or picture files on this machine")
]
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
