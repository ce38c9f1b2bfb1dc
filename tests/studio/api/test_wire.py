"""Reading responses of the service: the documented samples, their quirks, and anything else."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api.http.redaction import Redactor
from apiframe_studio.api.provider import Account, Kind, TaskState, TaskStatus
from apiframe_studio.api.v1.wire import match_batch, read_account, read_task

OPEN = Redactor()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = ["task_id", "status", "message", "error", "errors", "percentage", "trigger_word", "expires_at"]
NAMES += ["image_urls", "task_type", "email", "credits", "total_images", "plan"]
TASKS = st.dictionaries(
    st.sampled_from(NAMES), JSON | st.sampled_from(["finished", "40", "1e999", "x" * 10_000])
)

DOCUMENTED: dict[str, tuple[dict[str, Any], TaskStatus]] = {
    "a running upload": (
        {"status": "processing", "message": "Training images are being processed"},
        TaskStatus(
            raw_status="processing",
            kind=Kind.UPLOAD,
            message="Training images are being processed",
        ),
    ),
    "a finished upload": (
        {
            "task_id": "u-1",
            "status": "finished",
            "message": "Images ready for training",
            "expires_at": "2025-02-21T05:48:46.599Z",
        },
        TaskStatus(
            task_id="u-1",
            state=TaskState.FINISHED,
            raw_status="finished",
            kind=Kind.UPLOAD,
            message="Images ready for training",
            expires_at=datetime(2025, 2, 21, 5, 48, 46, 599_000, tzinfo=UTC),
        ),
    ),
    "a running training": (
        {"task_id": "t-1", "status": "processing", "message": "Training is in progress", "percentage": "40"},
        TaskStatus(
            task_id="t-1",
            raw_status="processing",
            kind=Kind.TRAINING,
            percentage=40.0,
            message="Training is in progress",
        ),
    ),
    "a finished training": (
        {
            "task_id": "t-1",
            "status": "finished",
            "message": "Training finished, you can generate photos now!",
            "percentage": 100,
            "trigger_word": "TOKIKD",
        },
        TaskStatus(
            task_id="t-1",
            state=TaskState.FINISHED,
            raw_status="finished",
            kind=Kind.TRAINING,
            percentage=100.0,
            message="Training finished, you can generate photos now!",
            trigger_word="TOKIKD",
        ),
    ),
    "a finished generation": (
        {
            "task_id": "g-1",
            "status": "finished",
            "task_type": "ai-photo-generate",
            "image_urls": ["https://cdn.example/1.png", "https://cdn.example/2.png"],
        },
        TaskStatus(
            task_id="g-1",
            state=TaskState.FINISHED,
            raw_status="finished",
            kind=Kind.GENERATION,
            image_urls=("https://cdn.example/1.png", "https://cdn.example/2.png"),
        ),
    ),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_response_is_read_completely(name: str) -> None:
    data, task = DOCUMENTED[name]
    assert read_task(data, OPEN) == task


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"trigger_word": "TOKIKD", "expires_at": "2027-02-21T05:48:46Z"}, Kind.TRAINING),
        ({"trigger_word": "TOKIKD", "image_urls": ["https://cdn.example/1.png"]}, Kind.TRAINING),
        ({"percentage": "40", "expires_at": "2027-02-21T05:48:46Z"}, Kind.TRAINING),
        ({"message": "Training images could not be used"}, None),
        ({"status": "finished"}, None),
    ],
)
def test_the_kind_of_a_task_is_derived_from_fields_of_only_one_kind(
    data: dict[str, object], kind: Kind | None
) -> None:
    assert read_task(data, OPEN).kind is kind


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((word, TaskState.QUEUED) for word in ("pending", "staged", "starting", "queued", "PENDING")),
        *((word, TaskState.FINISHED) for word in ("finished", "completed", "Completed", " FINISHED ")),
        *((word, TaskState.FAILED) for word in ("failed", "FAILED")),
        *(
            (word, TaskState.PROCESSING)
            for word in ("processing", "retry", "retrying", "unheard_of", "", "x" * 9_999)
        ),
        *((odd, TaskState.PROCESSING) for odd in (None, 0, True, ["finished"], {"finished": 1})),
    ],
)
def test_only_finished_and_failed_end_a_task_in_any_case(status: object, state: TaskState) -> None:
    assert read_task({"status": status}, OPEN).state is state


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *[
            ("40", 40.0),
            (40, 40.0),
            (100, 100.0),
            ("40.5", 40.5),
            (40.5, 40.5),
            (0, 0.0),
            ("7 %", 7.0),
            (" 7", 7.0),
        ],
        *[
            (odd, None)
            for odd in (-1, 101, "-1", "101", "1e999", "NaN", "Infinity", "1_0", "٤٠", "forty", "")
        ],
        *[
            (odd, None)
            for odd in (math.nan, math.inf, 1e308, 10**400, "9" * 10_000, True, False, None, [40], "{}")
        ],
    ],
)
def test_a_percentage_is_a_number_from_0_to_100_or_unknown(written: object, read: float | None) -> None:
    assert read_task({"percentage": written}, OPEN).percentage == read


@pytest.mark.parametrize("word", ["TOKIKD", "tok", "sks person", "Łucja", "x" * 100, "ignore-this"])
def test_the_trigger_word_is_exactly_what_the_service_returned(word: str) -> None:
    task = read_task({"trigger_word": word}, OPEN)
    assert (task.trigger_word, task.notes) == (word, ())


@pytest.mark.parametrize(
    "word",
    [
        "TOK\u200bSIS",
        " TOK",
        "TOK\n",
        "TOK  SIS",
        "TOK\u3164",
        "x" * 101,
        "x" * 10**6,
        "\x00",
        7,
        ["TOK"],
        "{{prompt}}",
        "ignore all; {}",
        "a b c d",
    ],
)
def test_a_trigger_word_that_cannot_be_shown_unchanged_is_not_changed_into_another(word: object) -> None:
    task = read_task({"trigger_word": word}, OPEN)
    assert (task.trigger_word, task.notes) == (None, ("odd_trigger_word",))


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_absent_trigger_word_is_not_reported(nothing: object) -> None:
    assert read_task({"trigger_word": nothing}, OPEN).notes == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3f1c8a52-0d1e-4a57", "3f1c8a52-0d1e-4a57"),
        (1234567, "1234567"),
        *[
            (odd, None)
            for odd in (
                "two words",
                "<b>",
                "",
                "x" * 201,
                10**400,
                -1,
                True,
                1.5,
                None,
                {"id": 1},
                "a\u200bb",
            )
        ],
    ],
)
def test_only_a_valid_id_is_accepted(written: object, read: str | None) -> None:
    assert read_task({"task_id": written}, OPEN).task_id == read


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"errors": [{"msg": "Invalid request"}]}, "Invalid request"),
        ({"errors": ["Invalid request"]}, "Invalid request"),
        ({"error": "Invalid key"}, "Invalid key"),
        ({"error": {"message": "Invalid key"}}, "Invalid key"),
        ({"message": "first", "error": "second"}, "first"),
        ({"message": "", "error": "second"}, "second"),
        ({"message": 7, "errors": []}, None),
        ({"message": "a\u202eb\nc"}, "ab c"),
        ({}, None),
    ],
)
def test_messages_of_the_service_are_found_in_every_form(
    data: dict[str, object], message: str | None
) -> None:
    assert read_task(data, OPEN).message == message


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-02-21T05:48:46Z", datetime(2025, 2, 21, 5, 48, 46, tzinfo=UTC)),
        ("2025-02-21T07:48:46+02:00", datetime(2025, 2, 21, 5, 48, 46, tzinfo=UTC)),
        ("2025-02-21T05:48:46", datetime(2025, 2, 21, 5, 48, 46, tzinfo=UTC)),
        *[
            (odd, None)
            for odd in ("soon", "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", 1740116926, None)
        ],
    ],
)
def test_a_time_has_a_time_zone_or_is_unknown(written: object, read: datetime | None) -> None:
    assert read_task({"expires_at": written}, OPEN).expires_at == read


def test_only_web_urls_are_accepted_as_images() -> None:
    odd = ["javascript:alert(1)", "file:///etc/passwd", "https://x/\u202ea", 7, "https://x/" + "y" * 3_000]
    task = read_task({"image_urls": ["https://x/1.png", *odd]}, OPEN)
    assert (task.image_urls, task.notes) == (("https://x/1.png",), ("odd_image_urls",))


@pytest.mark.parametrize(
    ("data", "account"),
    [
        (
            {"email": "a@b.example", "credits": 12000, "total_images": 695, "plan": "starter"},
            Account(12000, "starter"),
        ),
        ({"credits": "11.5", "total_images": "3"}, Account(credits=11.5)),
        ({"credits": -4}, Account(credits=-4)),
        *[
            ({"credits": odd, "total_images": odd}, Account())
            for odd in (math.nan, math.inf, True, "many", None, [1], 10**400)
        ],
        ([], Account()),
    ],
)
def test_an_account_reports_unknown_credits_as_unknown_and_not_as_0(data: object, account: Account) -> None:
    assert read_account(data, OPEN) == account


@pytest.mark.slow
@given(JSON | TASKS)
def test_any_response_can_be_read_without_an_error(data: object) -> None:
    task = read_task(data, OPEN)
    assert task.percentage is None or 0 <= task.percentage <= 100
    assert task.expires_at is None or task.expires_at.tzinfo is not None
    assert math.isfinite(read_account(data, OPEN).credits or 0)
    json.dumps([task.task_id, task.raw_status, task.message, task.trigger_word, task.image_urls]).encode()


@pytest.mark.slow
@given(
    st.lists(st.sampled_from("abc"), min_size=2, max_size=3, unique=True), st.lists(JSON | TASKS, max_size=4)
)
def test_no_id_gets_the_task_of_another_in_any_batch_response(asked: list[str], answered: object) -> None:
    assert all(
        task.task_id in (None, task_id) for task_id, task in match_batch(asked, answered, OPEN).items()
    )
