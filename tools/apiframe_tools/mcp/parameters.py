"""The parameter types that tools share, with limits and descriptions.

Limits are in the schema. Where a pattern would not explain itself, a check gives the reason in words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Final

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from apiframe_studio.api.provider import Terms
from apiframe_studio.photos.limits import MAX_PHOTOS_CHECKED
from apiframe_studio.subjects import MAX_NAME_LENGTH, visible_name
from apiframe_studio.trigger_words import MAX_LENGTH, MIN_LENGTH, WordProblem, find_problem
from apiframe_studio.webhooks import MAX_URL_LENGTH
from apiframe_tools.mcp.schema import FromTerms, one_of

MAX_ID: Final = 200
_LINE_BREAKING: Final = frozenset({"Cc", "Zl", "Zp"})
_NOT_A_NAME: Final = "must be a short name on one line, without control characters"
_ID: Final = re.compile(r"[A-Za-z0-9._:~+/=@-]+")

_TRIGGER_WORD_PROBLEMS: Final = {
    WordProblem.TOO_SHORT: f"must have at least {MIN_LENGTH} characters, so that it is not part of other words",
    WordProblem.TOO_LONG: f"must have at most {MAX_LENGTH} characters",
    WordProblem.SHAPE: "must be one word of letters A to Z, digits, _ and -, without spaces (for example TOKANNA)",
}


def _check_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(
            "must be an id that the service or this server returned: only letters, digits and . _ : ~ + / = @ -"
        )
    return text


def _check_trigger_word(text: str) -> str:
    if problem := find_problem(text):
        raise ValueError(_TRIGGER_WORD_PROBLEMS[problem])
    return text


def check_printable(text: str) -> str:
    """Check that a name is on one line and printable."""
    if not text.isprintable():
        raise ValueError(_NOT_A_NAME)
    return text


def clean_subject(text: str) -> str:
    """Return a subject's name as it will be shown, without invisible characters such as those inside an emoji."""
    if any(unicodedata.category(letter) in _LINE_BREAKING for letter in text):
        raise ValueError(_NOT_A_NAME)
    name = visible_name(text)
    if text and name is None:
        raise ValueError("must have visible characters")
    return name or ""


_Id = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID), AfterValidator(_check_id)
]
_Key = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=80), AfterValidator(check_printable)
]
_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=MAX_NAME_LENGTH), AfterValidator(clean_subject)
]

PhotosId = Annotated[_Id, Field(description="training_images_id from prepare_photos")]
TaskName = Annotated[_Id, Field(description="task_id or ref of the training")]
TaskId = Annotated[_Id, Field(description="task_id that Apiframe shows for it")]
TriggerWord = Annotated[
    str,
    FromTerms(lambda terms: str if terms.chooses_trigger_word else None),
    StringConstraints(strip_whitespace=True),
    AfterValidator(_check_trigger_word),
    Field(
        description="Made-up word to request, such as TOKANNA; the service may return another",
        json_schema_extra={"minLength": MIN_LENGTH, "maxLength": MAX_LENGTH, "pattern": "^[A-Za-z0-9_-]+$"},
    ),
]
Subject = Annotated[_Name, Field(description="The subject's name; stays on this machine")]
OfSubject = Annotated[_Name, Field(description="Or the subject's name")]
Limit = Annotated[int, Field(ge=1, le=50, description="Maximum to return")]
Cursor = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=80),
    Field(description="next_cursor of the previous page"),
]
Like = Annotated[_Id, Field(description="ref of earlier images: same training and size")]
ConfirmedName = Annotated[_Name, Field(description="The name again, only after the user agreed")]
WebhookUrl = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_URL_LENGTH),
    Field(description="https URL for status updates"),
]
WebhookSecret = Annotated[
    SecretStr,
    FromTerms(lambda terms: SecretStr if terms.webhook_secret else None),
    Field(max_length=1024, description="Sent back as x-webhook-secret"),
]
IdempotencyKey = Annotated[_Key, Field(description="A new value trains the same photos again, at full price")]

_MAX_CREDITS: Final = "Most credits the user agreed to pay. Above it nothing is sent; the answer is the price"
MaxCredits = Annotated[int, Field(ge=0, description=_MAX_CREDITS)]
MaxUploadCredits = Annotated[
    int,
    FromTerms(lambda terms: int if terms.uploads_before_training else None),
    Field(ge=0, description=_MAX_CREDITS),
]


def _as_list(given: object) -> object:
    """A single path may come as text: some clients send one folder that way."""
    return [given] if isinstance(given, str) else given


Paths = Annotated[
    list[str],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MAX_PHOTOS_CHECKED, description="Folders or photo files on this machine"),
]


def _not_too_many(names: list[str]) -> list[str]:
    """Checked here and not in the schema, which a model reads at every turn."""
    if len(names) > MAX_PHOTOS_CHECKED:
        raise ValueError(f"must have at most {MAX_PHOTOS_CHECKED} entries")
    return names


_Named = Annotated[list[str], BeforeValidator(_as_list), AfterValidator(_not_too_many)]
LeaveOut = Annotated[_Named, Field(description="Photos to exclude: file names, or numbers such as 7f3a:15")]
Keep = Annotated[_Named, Field(description="Doubtful or rejected photos to send anyway")]
Gender = Annotated[str, FromTerms(lambda terms: one_of(terms.genders)), Field(description="As the user says")]


def _attribute_text(terms: Terms) -> Any:
    longest = StringConstraints(strip_whitespace=True, min_length=1, max_length=terms.max_attribute_length)
    return Annotated[str, longest, AfterValidator(check_printable)]


Ethnicity = Annotated[
    str,
    FromTerms(
        lambda terms: _attribute_text(terms) if terms.ethnicities is None else one_of(terms.ethnicities)
    ),
    Field(description="Ask the user; never guess from photos"),
]
Age = Annotated[
    int | str,
    FromTerms(
        lambda terms: (
            Annotated[int, Field(ge=1, le=120, description="In years, if the user says it")]
            if terms.age is int
            else Annotated[
                _attribute_text(terms), Field(description="If the user says it, such as 34 or early 30s")
            ]
        )
    ),
]
Consent = Annotated[bool, Field(description="True only after the user said that the subject agreed")]


def _aspect_ratio(terms: Terms) -> Any:
    return one_of((*terms.aspect_ratios, CUSTOM) if terms.custom_size else terms.aspect_ratios)


CUSTOM: Final = "custom"
"""The aspect ratio that goes with a width and a height."""

Prompt = Annotated[
    str,
    FromTerms(lambda terms: Annotated[str, Field(max_length=terms.max_prompt)]),
    StringConstraints(strip_whitespace=True, min_length=1),
    Field(description="What the image shows"),
]
AspectRatio = Annotated[str, FromTerms(_aspect_ratio), Field(description="Default: square")]
PixelSize = Annotated[
    int,
    FromTerms(lambda terms: int if terms.custom_size else None),
    Field(ge=64, le=2048, description="Pixels, only with custom"),
]
ImageCount = Annotated[
    int,
    FromTerms(
        lambda terms: Annotated[int, Field(ge=terms.images_per_request.min, le=terms.images_per_request.max)]
    ),
    Field(description="Default: 1"),
]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="A new value makes a different image")]


def require_one_name(task_id: str | None, subject: str | None, like: str | None = None) -> None:
    """Raise ToolError unless exactly one of the first two is given, or none and `like`."""
    if (task_id is None) == (subject is None) and (like is None or task_id is not None):
        raise ToolError("Pass either task_id or subject. list_trainings shows both.")
