"""The contract of `POST /v2/loras`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import PHOTO, REAL, Files, encode_photo, lora_fields, photo_parts

if TYPE_CHECKING:
    from .conftest import Service

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LARGE = PHOTO + b"\0" * (10_000_000 - len(PHOTO))

# The documented limits; the real service rejects each before it costs credits.
INVALID: dict[str, tuple[dict[str, str | None], str]] = {
    "no name": ({"name": None}, "name"),
    "an empty name": ({"name": ""}, "name"),
    "a name of 61 characters": ({"name": "a" * 61}, "name"),
    "another kind": ({"subjectKind": "animal"}, "subjectKind"),
    "another gender": ({"gender": "Female"}, "gender"),
    "an empty gender": ({"gender": ""}, "gender"),
    "an ethnicity of 41 characters": ({"ethnicity": "a" * 41}, "ethnicity"),
    "an empty ethnicity": ({"ethnicity": ""}, "ethnicity"),
    "an empty age": ({"age": ""}, "age"),
    "an age of 41 characters": ({"age": "a" * 41}, "age"),
    "too few steps": ({"steps": "499"}, "steps"),
    "too many steps": ({"steps": "3001"}, "steps"),
    "steps that are not a number": ({"steps": "many"}, "steps"),
    "a rank too low": ({"loraRank": "7"}, "loraRank"),
    "a rank too high": ({"loraRank": "65"}, "loraRank"),
    "a webhook that is not a URL": ({"webhookUrl": "nonsense"}, "webhookUrl"),
    "events as a list": (
        {"webhookUrl": "https://example.org/", "webhookEvents": '["completed"]'},
        "webhookEvents",
    ),
    "the event of a job": (
        {"webhookUrl": "https://example.org/", "webhookEvents": "progress"},
        "webhookEvents",
    ),
}


@pytest.mark.usefixtures("spending")
async def test_a_training_returns_its_id_and_the_number_of_photos(service: Service) -> None:
    before = await service.credits()
    response = await service.create()
    assert response.status_code == 202  # [D]
    created = response.json()
    assert UUID.fullmatch(created["id"])
    assert created == {"id": created["id"], "status": "PENDING", "imageCount": created["imageCount"]}
    assert before - await service.credits() in (2, 257)  # [D] 2 at once; when the 255 are taken is [?]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("count", [15, 30])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_15_to_30_photos_of_each_documented_format_are_accepted(
    service: Service, count: int, kind: str
) -> None:
    response = await service.create(photo_parts(count, encode_photo(kind)))
    assert (response.status_code, response.json()["imageCount"]) == (202, count)


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 60, "age": "early 30s", "gender": "non-binary", "ethnicity": "Hispanic/Latino"},
        {"steps": "500", "loraRank": "64"},
        {"subjectKind": "style", "gender": None, "ethnicity": None},
        {"subjectKind": "object", "gender": None, "ethnicity": None},
        {"webhookUrl": "https://example.org/hook", "webhookEvents": "completed,failed"},
    ],
)
async def test_documented_values_are_accepted_and_shown(
    service: Service, fields: dict[str, str | None]
) -> None:
    lora = await service.read(f"/v2/loras/{await service.train(**fields)}")
    shown = {"steps": 1000, "loraRank": 32, "age": None, "subjectKind": "person"} | lora_fields(**fields)
    assert {name: str(lora[name]) for name in shown if name in lora} == {
        name: str(value) for name, value in shown.items() if name in lora
    }


@pytest.mark.parametrize(("fields", "named"), INVALID.values(), ids=INVALID.keys())
async def test_an_invalid_field_is_a_bad_request_that_names_it(
    service: Service, fields: dict[str, str | None], named: str
) -> None:
    # Too few photos besides, so that a service that accepts the field does not train.
    photos = photo_parts(1 if REAL else 15)
    response = await service.create(photos, valid=False, **fields)
    assert response.status_code == 400
    error = response.json()
    assert error["error"]
    if not REAL:
        assert [path.partition(".")[0] for path in error["details"]] == [named]  # [D]


@pytest.mark.parametrize("count", [1, 14, 31])
async def test_another_number_of_photos_is_a_bad_request(service: Service, count: int) -> None:
    before = await service.credits()
    response = await service.create(photo_parts(count), valid=False)  # [D]
    assert response.status_code == 400
    assert response.json()["error"]
    assert await service.credits() == before


@pytest.mark.parametrize("missing", ["gender", "ethnicity"])
async def test_a_person_needs_gender_and_ethnicity(service: Service, missing: str) -> None:
    response = await service.create(photo_parts(1 if REAL else 15), valid=False, **{missing: None})  # [D]
    assert response.status_code == 400


def replace_last(content: bytes) -> Files:
    return [*photo_parts(14), ("images", ("15.jpg", content))]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a" + PHOTO, b"\x89PNG", b"RIFF0000WAVE", LARGE + b"\0"],
    ids=["empty", "a GIF", "the start of a PNG", "a sound", "10,000,001 bytes"],
)
async def test_a_photo_that_is_too_large_or_of_another_format_is_a_bad_request(
    service: Service, content: bytes
) -> None:
    response = await service.create(replace_last(content), valid=False)  # [D] sniffed, 10 MB each
    assert response.status_code == 400
    assert [text[:2] for text in response.json()["details"]["images"]] == ["15"]


@pytest.mark.slow
@pytest.mark.usefixtures("sandbox_only")
async def test_a_photo_of_10_megabytes_is_accepted_and_more_than_100_in_all_are_not(service: Service) -> None:
    assert (await service.create(replace_last(LARGE))).status_code == 202  # [D]
    response = await service.create(photo_parts(15, LARGE), valid=False)
    assert response.status_code == 400
    assert "100 MB" in response.json()["details"]["images"][0]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ([*photo_parts(), ("name", (None, b"late"))], "name"),
        ([("name", (None, b"x")), ("name", (None, b"y")), *photo_parts()], "name"),
        ([("name", (None, b"x")), ("trigger_word", (None, b"TOK")), *photo_parts()], "trigger_word"),
        ([("name", (None, b"x")), *photo_parts(), ("mask", ("1.jpg", PHOTO))], "mask"),
        ([("name", (None, b"x")), *[("images", (None, b"text"))] * 15], "images"),
    ],
    ids=["text after photos", "a repeated field", "an unknown field", "an unknown file", "photos as text"],
)
async def test_an_odd_form_is_a_bad_request(service: Service, parts: Any, named: str) -> None:
    response = await service.call("POST", "/v2/loras", files=parts, valid=False)  # [?]
    assert response.status_code == 400
    assert named in response.json()["details"]


CUT = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n'


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", CUT),
        ("multipart/form-data; boundary=b", CUT + b"--b"),
        ("multipart/form-data; boundary=b", b"no boundary"),
        ("multipart/form-data", CUT + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
        ("application/json", b'{"name": "x"}'),
        ("", b""),
    ],
)
async def test_a_body_that_is_not_a_complete_form_is_a_bad_request(
    service: Service, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    response = await service.call("POST", "/v2/loras", headers=headers, content=body, valid=False)
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_form_without_its_closing_boundary_does_not_train(service: Service) -> None:
    request = service.client.build_request("POST", "/v2/loras", data=lora_fields(), files=photo_parts(16))
    whole = b"".join([chunk async for chunk in request.stream])  # type: ignore[union-attr]
    headers = {"Content-Type": request.headers["content-type"]}
    for cut in (whole[:-4], whole[: -len(PHOTO)], whole[: -len(PHOTO)] + b"--", whole[:-4] + b"\r\n--"):
        response = await service.call("POST", "/v2/loras", headers=headers, content=cut, valid=False)
        assert response.status_code == 400
    assert (await service.call("POST", "/v2/loras", headers=headers, content=whole)).status_code == 202


@pytest.mark.usefixtures("sandbox_only")
async def test_a_length_is_counted_as_javascript_counts_it(service: Service) -> None:
    response = await service.create(name="😀" * 31, valid=False)  # [?] 62 UTF-16 units, 31 characters
    assert response.status_code == 400
    assert (await service.create(name="😀" * 30)).status_code == 202


@pytest.mark.usefixtures("sandbox_only")
async def test_the_same_request_twice_trains_twice(service: Service) -> None:
    assert await service.train() != await service.train()  # [D] there is no idempotency here


@pytest.mark.usefixtures("sandbox_only")
async def test_the_eleventh_training_in_flight_is_refused_without_a_time_to_try_again(
    service: Service,
) -> None:
    trainings = [await service.train() for _ in range(10)]
    refused = await service.create()
    assert refused.status_code == 429  # [D] the status; the text is [?]
    assert "retry-after" not in refused.headers
    assert "concurrent trainings" in refused.json()["error"]
    assert len((await service.read("/v2/loras"))["items"]) == 10
    await service.call("DELETE", f"/v2/loras/{trainings[0]}")
    await service.train()


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    ("case", "statuses", "cost"),
    [("without_row", [], 0), ("with_row", ["PENDING"], 2), ("with_failed_row", ["FAILED"], 0)],
)
async def test_after_a_503_a_training_may_exist(
    service: Service, case: str, statuses: list[str], cost: int
) -> None:
    before = await service.credits()
    await service.behave(create_unavailable=case)
    response = await service.create(name="AI photos [tr-1]")
    assert (response.status_code, list(response.json())) == (503, ["error"])  # [D]
    items = (await service.read("/v2/loras"))["items"]
    assert [item["status"] for item in items] == statuses
    assert {item["name"] for item in items} <= {"AI photos [tr-1]"}
    assert before - await service.credits() == cost
