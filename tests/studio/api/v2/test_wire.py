"""Reading the JSON of v2, also where it is not what the documentation says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api.http.redaction import Redactor
from apiframe_studio.api.provider import Account, Kind, Marker, TaskState
from apiframe_studio.api.v2.wire import (
    Job,
    Lora,
    job_status,
    read_account,
    read_message,
    training_status,
)

from .conftest import TEAM, USER, job, lora, me, task_id

REDACTOR = Redactor()
URL = "https://cdn2.apiframe.ai/images/1-1.png"


def test_a_ready_training_has_its_word_and_its_times() -> None:
    ready = lora(status="READY", triggerWord="TORKPN", isReady=True, startedAt="2026-04-25T10:02:00.000Z")
    status = training_status(Lora.read(ready), REDACTOR)
    assert (status.task_id, status.kind, status.state) == (task_id(1), Kind.TRAINING, TaskState.FINISHED)
    assert (status.trigger_word, status.percentage, status.raw_status) == ("TORKPN", None, "READY")
    assert status.created_at == datetime(2026, 4, 25, 10, 1, tzinfo=UTC)
    assert status.started_at == datetime(2026, 4, 25, 10, 2, tzinfo=UTC)
    assert (status.is_archived, status.notes) == (False, ())


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", "queued"),
        ("UPLOADING", "processing"),
        ("TRAINING", "processing"),
        ("READY", "finished"),
        ("ready", "finished"),
        ("FAILED", "failed"),
        ("SOMETHING_NEW", "processing"),
        ("", "processing"),
        (None, "processing"),
        (7, "processing"),
    ],
)
def test_an_unknown_status_of_a_training_is_not_final(status: object, state: str) -> None:
    assert training_status(Lora.read(lora(status=status)), REDACTOR).state == state


@pytest.mark.parametrize(("word", "state"), [("TORKPN", "finished"), (None, "failed")])
def test_an_archived_training_has_ended(word: str | None, state: str) -> None:
    status = training_status(Lora.read(lora(status="ARCHIVED", triggerWord=word)), REDACTOR)
    assert (status.state, status.trigger_word, status.is_archived) == (state, word, True)


def test_a_failed_training_has_its_reason() -> None:
    failed = training_status(Lora.read(lora(status="FAILED", error="Too few\u200b faces")), REDACTOR)
    assert failed.message == "Too few faces"


@pytest.mark.parametrize("word", ["a whole sentence of the service", "x" * 101, "a\u3164b", 7, ["W"]])
def test_a_word_that_no_prompt_can_contain_is_left_out(word: object) -> None:
    status = training_status(Lora.read(lora(status="READY", triggerWord=word)), REDACTOR)
    assert (status.trigger_word, status.notes) == (None, ("odd_trigger_word",))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("QUEUED", "queued"),
        ("PROCESSING", "processing"),
        ("COMPLETED", "finished"),
        ("FAILED", "failed"),
        ("CANCELLED", "failed"),
        ("NEW", "processing"),
    ],
)
def test_an_unknown_status_of_a_job_is_not_final(status: str, state: str) -> None:
    assert job_status(Job.read(job(status=status)), REDACTOR).state == state


@pytest.mark.parametrize(
    "result",
    [
        URL,
        [URL],
        [{"url": URL}],
        {"images": [URL], "gridUrl": "https://cdn2.apiframe.ai/grid.png"},
        {"images": [{"imageUrl": URL}]},
        {"imageUrl": URL},
        {"url": URL},
        {"images": [], "url": URL},
    ],
)
def test_every_form_of_a_result_gives_its_links(result: object) -> None:
    status = job_status(Job.read(job(result=result)), REDACTOR)
    assert (status.kind, status.image_urls, status.notes) == (Kind.GENERATION, (URL,), ())


@pytest.mark.parametrize("result", [None, {}, [], {"images": None}, 7, {"images": 7}])
def test_a_result_without_links_gives_none(result: object) -> None:
    assert job_status(Job.read(job(result=result)), REDACTOR).image_urls == ()


def test_a_link_that_is_not_one_is_left_out_and_noted() -> None:
    status = job_status(Job.read(job(result={"images": [URL, "file:///etc/passwd"]})), REDACTOR)
    assert (status.image_urls, status.notes) == ((URL,), ("odd_image_urls",))


def test_a_job_tells_its_percentage_and_whether_its_images_are_gone() -> None:
    assert job_status(Job.read(job(progress=40)), REDACTOR).percentage == 40.0
    assert job_status(Job.read(job(progress=101)), REDACTOR).percentage is None
    assert job_status(Job.read(job(expired=True)), REDACTOR).is_expired
    assert not job_status(Job.read(job(expired="no")), REDACTOR).is_expired


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        (me(), Account(1000, "pro", USER, TEAM)),
        (me(credits="12"), Account(12, "pro", USER, TEAM)),
        ({**me(), "team": None}, Account(None, None, USER, None, lacks_team=True)),
        ({**me(), "user": None}, Account(1000, "pro", None, TEAM)),
        ({}, Account()),
        ([], Account()),
    ],
)
def test_an_account_shows_what_the_service_says(answer: object, account: Account) -> None:
    assert read_account(answer, REDACTOR) == account


@pytest.mark.parametrize(
    ("name", "markers"),
    [
        ("AI photos [tr-4k7m2p9-k3fa-1]", {Marker("tr-4k7m2p9", "k3fa", 1)}),
        ("ai PHOTOS [TR-4K7M2P9-K3FA-12]", {Marker("tr-4k7m2p9", "k3fa", 12)}),
        ("tr-4k7m2p9-k3fa-1", {Marker("tr-4k7m2p9", "k3fa", 1)}),
        ("xtr-4k7m2p9-k3fa-1", set()),
        ("tr-4k7m2p9-k3fa-1b", set()),
        ("tr-4k7m2p9-k3fa", set()),
        ("Ana, Zürich", set()),
        (None, set()),
    ],
)
def test_a_marker_is_read_from_anywhere_in_a_name(name: object, markers: set[Marker]) -> None:
    assert Lora.read(lora(name=name)).markers() == markers


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"error": "Invalid API key"}, "Invalid API key"),
        ({"message": "Slow down"}, "Slow down"),
        ({"error": {"message": "Inner"}}, "Inner"),
        (
            {"error": "Validation failed", "details": {"name": ["Too long"]}},
            "Validation failed; name: Too long",
        ),
        ({"details": {"images": ["Too few", "Odd"]}}, "images: Too few; images: Odd"),
        ({"details": {"images": "Too few"}}, ""),
        ({"error": 7}, ""),
        ({}, ""),
    ],
)
def test_a_message_is_found_wherever_it_is(fields: dict[str, object], message: str) -> None:
    assert read_message(fields, REDACTOR.sanitize) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)


@pytest.mark.slow
@given(
    values=st.dictionaries(
        st.sampled_from([*lora(), *job(), *me(), "input", "expired", "message", "details"]), JSON
    )
)
def test_nothing_that_is_json_raises(values: dict[str, Any]) -> None:
    training_status(Lora.read({**lora(), **values}), REDACTOR)
    Lora.read({**lora(), **values}).markers()
    job_status(Job.read({**job(), **values}), REDACTOR)
    read_account({**me(), **values}, REDACTOR)
    read_message(values, REDACTOR.sanitize)


@given(data=JSON)
def test_nothing_in_place_of_an_object_raises(data: object) -> None:
    assert training_status(Lora.read(data), REDACTOR).state is TaskState.PROCESSING
    assert job_status(Job.read(data), REDACTOR).state is TaskState.PROCESSING


@pytest.mark.parametrize("value", ["short", "a" * 129, "has space", "../../etc", "a/b/c/d/e", 12345678, None])
def test_an_id_that_is_not_a_safe_token_is_none(value: object) -> None:
    assert Lora.read(lora(id=value)).id is None
    assert Lora.read(lora(id="lora_8a4d2c")).id == "lora_8a4d2c"
