"""The emulator keeps to the contract, over plain HTTP."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from .serving import Emulator
from .team import Caller, Team

pytestmark = pytest.mark.slow

PERSON = {"name": "A model", "gender": "female", "ethnicity": "Mixed"}


def _form(photo: bytes, count: int = 15) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (f"{number:02}.jpg", photo)) for number in range(1, count + 1)]


async def _train(http: httpx.AsyncClient, photo: bytes, **fields: str) -> str:
    response = await http.post("/v2/loras", data=PERSON | fields, files=_form(photo))
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def _ready(http: httpx.AsyncClient, photo: bytes) -> str:
    lora_id = await _train(http, photo)
    while (await http.get(f"/v2/loras/{lora_id}")).json()["status"] != "READY":
        pass
    return lora_id


def _body(lora_id: str, **params: Any) -> dict[str, Any]:
    return {"model": "flux-lora", "prompt": "by a window", "fluxLoraParams": {"loraId": lora_id, **params}}


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({}, 401, "API key is required"),
        ({"Authorization": "Bearer afk_emulated"}, 401, "API key is required"),
        ({"X-API-Key": "afk_wrong"}, 401, "Invalid API key"),
        ({"X-API-Key": "afk_revoked"}, 403, "API key is inactive"),
    ],
)
async def test_only_an_active_key_in_x_api_key_is_accepted(
    emulated: Emulator, headers: dict[str, str], status: int, text: str
) -> None:
    emulated.service.keys["afk_revoked"] = Caller(emulated.team, is_active=False)
    async with httpx.AsyncClient(base_url=emulated.base_url, headers=headers) as client:
        response = await client.get("/v2/me")
    assert (response.status_code, response.json()) == (status, {"error": text})


async def test_a_training_goes_through_its_stages_and_takes_257_credits(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    lora_id = await _train(http, jpeg)
    assert (await http.get("/v2/me")).json()["team"]["credits"] == 998
    shown = [(await http.get(f"/v2/loras/{lora_id}")).json() for _ in range(3)]
    assert [one["status"] for one in shown] == ["UPLOADING", "TRAINING", "READY"]
    assert [one["triggerWord"] for one in shown] == [None, None, "TORKP"]
    assert shown[-1]["imageCount"] == 15
    assert emulated.team.credits == 743


async def test_the_credits_of_a_failed_training_come_back(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    emulated.service.training_error = "No face"
    lora_id = await _train(http, jpeg)
    one = [(await http.get(f"/v2/loras/{lora_id}")).json() for _ in range(3)][-1]
    assert (one["status"], one["error"], emulated.team.credits) == ("FAILED", "No face", 1000)


@pytest.mark.parametrize("credits_left", [2, 256])
async def test_a_training_that_only_its_fee_can_be_paid_for_fails_later(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes, credits_left: int
) -> None:
    emulated.team.credits = credits_left
    one = (await http.get(f"/v2/loras/{await _train(http, jpeg)}")).json()
    assert (one["status"], emulated.team.credits) == ("FAILED", credits_left)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 61}, "name"),
        ({"gender": "woman"}, "gender"),
        ({"ethnicity": ""}, "ethnicity"),
        ({"steps": "499"}, "steps"),
        ({"loraRank": "many"}, "loraRank"),
        ({"webhookUrl": "nowhere"}, "webhookUrl"),
        ({"webhookEvents": '["completed"]'}, "webhookEvents"),
    ],
)
async def test_a_wrong_field_of_a_training_is_named_and_nothing_is_paid(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes, fields: dict[str, str], wrong: str
) -> None:
    response = await http.post("/v2/loras", data=PERSON | fields, files=_form(jpeg))
    assert (response.status_code, list(response.json()["details"])) == (400, [wrong])
    assert (emulated.team.credits, emulated.service.trainings) == (1000, {})


async def test_a_person_needs_gender_and_ethnicity_and_a_style_does_not(
    http: httpx.AsyncClient, jpeg: bytes
) -> None:
    refused = await http.post("/v2/loras", data={"name": "n"}, files=_form(jpeg))
    assert list(refused.json()["details"]) == ["gender", "ethnicity"]
    taken = await http.post("/v2/loras", data={"name": "n", "subjectKind": "style"}, files=_form(jpeg))
    assert taken.status_code == 202


@pytest.mark.parametrize("count", [0, 14, 31])
async def test_fewer_or_more_photos_are_refused(http: httpx.AsyncClient, jpeg: bytes, count: int) -> None:
    files = _form(jpeg, count) or [("other", ("a.jpg", jpeg))]
    response = await http.post("/v2/loras", data=PERSON, files=files)
    assert (response.status_code, list(response.json()["details"])) == (400, ["images"])


async def test_a_file_that_is_not_an_image_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post("/v2/loras", data=PERSON, files=_form(b"GIF89a"))
    assert response.json()["details"] == {"images": ["Unsupported file type"]}


async def test_a_form_that_was_cut_off_is_refused(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    whole = http.build_request("POST", "/v2/loras", data=PERSON, files=_form(jpeg))
    body = await whole.aread()
    headers = {"Content-Type": whole.headers["Content-Type"]}
    response = await http.post("/v2/loras", content=body[:-30], headers=headers)
    assert (response.status_code, emulated.service.trainings) == (400, {})


async def test_the_eleventh_training_at_once_is_refused_without_a_time(
    http: httpx.AsyncClient, jpeg: bytes
) -> None:
    for _ in range(10):
        await _train(http, jpeg, subjectKind="style")
    response = await http.post("/v2/loras", data=PERSON, files=_form(jpeg))
    assert response.status_code == 429
    assert "Retry-After" not in response.headers


async def test_the_list_is_paged_newest_first_and_shows_the_whole_team(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    emulated.service.keys["afk_mate"] = Caller(emulated.team)
    ids = [await _train(http, jpeg) for _ in range(3)]
    mate = {"X-API-Key": "afk_mate"}
    first = (await http.get("/v2/loras?limit=2", headers=mate)).json()
    rest = (await http.get(f"/v2/loras?limit=2&cursor={first['nextCursor']}", headers=mate)).json()
    assert [row["id"] for row in [*first["items"], *rest["items"]]] == ids[::-1]
    assert rest["nextCursor"] is None


async def test_an_archived_training_is_hidden_unless_asked_for_and_archived_twice_alike(
    http: httpx.AsyncClient, jpeg: bytes
) -> None:
    lora_id = await _ready(http, jpeg)
    for _ in range(2):
        response = await http.delete(f"/v2/loras/{lora_id}")
        assert (response.status_code, response.content) == (204, b"")
    assert (await http.get("/v2/loras")).json()["items"] == []
    [row] = (await http.get("/v2/loras?includeArchived=true")).json()["items"]
    assert (row["status"], row["isReady"]) == ("ARCHIVED", False)
    assert (await http.post("/v2/images/generate", json=_body(lora_id))).status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=lora_1", "includeArchived=1"])
async def test_an_invalid_query_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get(f"/v2/loras?{query}")).status_code == 400


async def test_a_malformed_id_is_a_400_and_an_unknown_one_a_404(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    emulated.service.keys["afk_other"] = Caller(Team())
    lora_id = await _train(http, jpeg)
    assert (await http.get("/v2/loras/lora_8a4d2c")).status_code == 400
    assert (await http.get(f"/v2/loras/{uuid4()}")).status_code == 404
    foreign = await http.get(f"/v2/loras/{lora_id}", headers={"X-API-Key": "afk_other"})
    assert (foreign.status_code, foreign.json()) == (404, {"error": "LoRA not found"})


async def test_a_generation_ends_with_images_that_open(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    body = _body(await _ready(http, jpeg), num_outputs=2)
    accepted = await http.post("/v2/images/generate", json=body)
    assert (accepted.status_code, accepted.json()["status"]) == (202, "QUEUED")
    path = f"/v2/jobs/{accepted.json()['jobId']}"
    shown = [(await http.get(path)).json() for _ in range(2)]
    assert [one["status"] for one in shown] == ["PROCESSING", "COMPLETED"]
    assert (shown[1]["input"], shown[1]["creditCost"], emulated.team.credits) == (body, 4, 739)
    for link in shown[1]["result"]["images"]:
        async with httpx.AsyncClient() as anyone:
            data = (await anyone.get(link)).content
        assert Image.open(BytesIO(data)).format == "JPEG"


async def test_the_same_idempotency_key_returns_the_first_job(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    body = _body(await _ready(http, jpeg))
    sent = [
        await http.post("/v2/images/generate", json=body, headers={"Idempotency-Key": key})
        for key in ("one", "one", "two")
    ]
    one, again, two = (response.json()["jobId"] for response in sent)
    assert one == again != two
    assert emulated.team.credits == 739


async def test_the_credits_of_a_failed_generation_come_back(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    emulated.service.image_error = "Content refused"
    accepted = await http.post("/v2/images/generate", json=_body(await _ready(http, jpeg)))
    path = f"/v2/jobs/{accepted.json()['jobId']}"
    one = [(await http.get(path)).json() for _ in range(2)][-1]
    assert (one["status"], one["error"], one["creditCost"]) == ("FAILED", "Content refused", 0)
    assert emulated.team.credits == 743


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"size": 3}, "size"),
        ({"prompt": "p" * 2001}, "prompt"),
        ({"model": "flux"}, "model"),
        ({"webhookEvents": "completed"}, "webhookEvents"),
        ({"fluxLoraParams": None}, "fluxLoraParams"),
    ],
)
async def test_a_wrong_or_unknown_field_of_a_generation_is_named(
    http: httpx.AsyncClient, change: dict[str, Any], wrong: str
) -> None:
    response = await http.post("/v2/images/generate", json=_body(str(uuid4())) | change)
    assert (response.status_code, list(response.json()["details"])) == (400, [wrong])


@pytest.mark.parametrize(
    "params",
    [{"num_outputs": 5}, {"aspect_ratio": "21:9"}, {"width": 512}, {"seed": 1.5}, {"loraId": "lora_1"}],
)
async def test_a_wrong_or_unknown_parameter_is_named(http: httpx.AsyncClient, params: dict[str, Any]) -> None:
    body = _body(str(uuid4()))
    body["fluxLoraParams"] |= params
    response = await http.post("/v2/images/generate", json=body)
    assert list(response.json()["details"]) == [f"fluxLoraParams.{name}" for name in params]


async def test_what_cannot_be_paid_is_refused_with_both_numbers(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    lora_id = await _ready(http, jpeg)
    emulated.team.credits = 1
    image = await http.post("/v2/images/generate", json=_body(lora_id, num_outputs=4))
    training = await http.post("/v2/loras", data=PERSON, files=_form(jpeg))
    expected = {"error": "Insufficient credits", "creditsAvailable": 1}
    assert (image.status_code, image.json()) == (402, expected | {"creditsRequired": 8})
    assert (training.status_code, training.json()) == (402, expected | {"creditsRequired": 2})


async def test_jobs_belong_to_the_user_and_are_listed_without_their_input(
    emulated: Emulator, http: httpx.AsyncClient, jpeg: bytes
) -> None:
    emulated.service.keys["afk_mate"] = Caller(emulated.team)
    body = _body(await _ready(http, jpeg))
    ids = [(await http.post("/v2/images/generate", json=body)).json()["jobId"] for _ in range(3)]
    first = (await http.get("/v2/jobs?limit=2&model=flux-lora&include_models=true")).json()
    rest = (await http.get(f"/v2/jobs?limit=2&cursor={first['nextCursor']}")).json()
    assert [job["id"] for job in [*first["jobs"], *rest["jobs"]]] == ids[::-1]
    assert (first["hasMore"], rest["hasMore"], first["models"]) == (True, False, ["flux-lora"])
    assert not any("input" in job for job in first["jobs"])
    mate = {"X-API-Key": "afk_mate"}
    assert (await http.get("/v2/jobs", headers=mate)).json()["jobs"] == []
    assert (await http.get(f"/v2/jobs/{ids[0]}", headers=mate)).status_code == 404
    assert (await http.get("/v2/jobs?scope=team", headers=mate)).status_code == 403
