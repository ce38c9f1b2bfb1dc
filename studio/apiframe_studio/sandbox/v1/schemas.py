"""Request bodies of the v1 contract. For optional fields, null and the empty string mean absent."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from apiframe_studio.webhooks import find_problem

from ..schemas import Body

MAX_UPLOAD_BYTES = 64 * 1024 * 1024
"""Room for 30 photos of 1.5 MB each in base64."""

MIN_SIDE, MAX_SIDE = 64, 2048
"""Pixels of a custom image side. The service documents no limits."""


def _empty_to_none(value: object) -> object:
    return None if value == "" else value


def _check_side(text: str) -> str:
    if not MIN_SIDE <= int(text) <= MAX_SIDE:
        raise ValueError(f"must be from {MIN_SIDE} to {MAX_SIDE}")
    return text


def _check_webhook_url(value: str | None) -> str | None:
    if value is not None and find_problem(value, service_is_local=True) is not None:
        raise ValueError("must be an https URL, or an http URL of this machine")
    return value


TaskId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
OptionalText = Annotated[
    Annotated[str, StringConstraints(max_length=2048)] | None, BeforeValidator(_empty_to_none)
]
Ethnicity = Literal[
    "asian", "black", "latino", "middle eastern", "native american", "pacific islander", "white"
]
# fmt: off
AspectRatio = Literal[
    "1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9", "9:21",
    "5:4", "4:5", "1:2", "2:1", "1:3", "3:1", "1:4", "4:1", "custom",
]
# fmt: on
PixelText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$"), AfterValidator(_check_side)]


class WebhookBody(Body):
    """The webhook fields that paid requests share."""

    webhook_url: Annotated[OptionalText, AfterValidator(_check_webhook_url)] = None
    webhook_secret: OptionalText = None


class TrainBody(WebhookBody):
    """`POST /ai-photo-train`."""

    training_images_id: TaskId
    trigger_word: OptionalText = None


class UploadBody(WebhookBody):
    """`POST /ai-photo-upload`. `uploads` checks that the texts are images."""

    images: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=10, max_length=30)]
    ethnicity: Ethnicity
    gender: Literal["female", "male"]
    age: Annotated[int, Field(ge=0, le=150)] | None = None


class GenerateBody(Body):
    """`POST /ai-photo-generate`. As documented, all numbers but the seed are strings."""

    training_id: TaskId
    prompt: Annotated[str, StringConstraints(pattern=r"\S", max_length=4000)]
    aspect_ratio: AspectRatio = "1:1"
    width: PixelText | None = None
    height: PixelText | None = None
    number_of_images: Literal["1", "2", "3", "4"] = "1"
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None

    @model_validator(mode="after")
    def _check_custom_size(self) -> Self:
        given = (self.width is not None, self.height is not None)
        if given != ((True, True) if self.aspect_ratio == "custom" else (False, False)):
            raise ValueError("width and height are both needed with aspect_ratio custom, and only with it")
        return self


class FetchBody(Body):
    """`POST /fetch`."""

    task_id: TaskId


class FetchManyBody(Body):
    """`POST /fetch-many`."""

    task_ids: Annotated[list[TaskId], Field(min_length=2, max_length=20)]
