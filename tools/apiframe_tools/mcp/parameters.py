"""The arguments that tools share: their limits, and what they are called to a model.

Limits stand in the schema. Where a pattern would explain nothing, a check says the reason in words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from apiframe_studio.subjects import LONGEST_NAME, visible_name
from apiframe_studio.trigger_words import LONGEST, SHORTEST, WordProblem, problem_of
from apiframe_studio.webhooks import LONGEST as LONGEST_URL

LONGEST_ID: Final = 200
_LINE_BREAKING: Final = frozenset({"Cc", "Zl", "Zp"})
_ID: Final = re.compile(r"[A-Za-z0-9._:~+/=@-]+")

_WORD_REASONS: Final = {
    WordProblem.TOO_SHORT: f"needs at least {SHORTEST} characters, so that it cannot be part of other words",
    WordProblem.TOO_LONG: f"may have at most {LONGEST} characters",
    WordProblem.SHAPE: "is one token of the letters A to Z, digits, _ and -, without spaces (for example TOKANNA)",
}


def _an_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(
            "is an id as the service or this server gave it: letters, digits and . _ : ~ + / = @ - only"
        )
    return text


def _a_trigger_word(text: str) -> str:
    if problem := problem_of(text):
        raise ValueError(_WORD_REASONS[problem])
    return text


def an_ordinary_name(text: str) -> str:
    """A name on one line: nothing in it that cannot be seen."""
    if not text.isprintable():
        raise ValueError("is a short name on one line, without control characters")
    return text


def a_subject(text: str) -> str:
    """A subject's name as it will be shown: characters that cannot be seen, as those inside an emoji, are left out."""
    if any(unicodedata.category(letter) in _LINE_BREAKING for letter in text):
        raise ValueError("is a short name on one line, without control characters")
    name = visible_name(text)
    if text and name is None:
        raise ValueError("needs characters that can be seen")
    return name or ""


_Id = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_ID),
    AfterValidator(_an_id),
]
_Key = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=80), AfterValidator(an_ordinary_name)
]
_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=LONGEST_NAME), AfterValidator(a_subject)
]

PhotosId = Annotated[_Id, Field(description="task_id of the finished photo upload")]
TaskName = Annotated[_Id, Field(description="task_id or ref of the training")]
TaskId = Annotated[_Id, Field(description="task_id that the Apiframe dashboard shows")]
TriggerWord = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(_a_trigger_word),
    Field(
        description="Made-up word to ask for, such as TOKANNA; the service may return another",
        json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST, "pattern": "^[A-Za-z0-9_-]+$"},
    ),
]
Subject = Annotated[_Name, Field(description="The person's name; stays on this machine")]
OfSubject = Annotated[_Name, Field(description="Or its subject's name")]
WebhookUrl = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LONGEST_URL),
    Field(description="https address for updates"),
]
WebhookSecret = Annotated[SecretStr, Field(max_length=1024, description="Sent back as x-webhook-secret")]
IdempotencyKey = Annotated[
    _Key, Field(description="A new value trains the same photos again on purpose, at full price")
]
