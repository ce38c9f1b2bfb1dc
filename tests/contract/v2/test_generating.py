"""The contract of `/v2/images/generate`, `/v2/jobs` and the images."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from .conftest import UNKNOWN_ID

if TYPE_CHECKING:
    from .conftest import Service

FIELDS = {
    *(
        "id",
        "status",
        "model",
        "progress",
        "error",
        "creditCost",
        "webhookStatus",
        "createdAt",
        "completedAt",
        "expired",
    ),
}

HOSTILE = {
    "empty": b"",
    "a list": b"[1]",
    "null": b"null",
    "cut": b'{"model": "flux-lora"',
    "not UTF-8": b'{"model": "\xff"}',
    "nested deeply": b"[" * 100_000,
    "half a surrogate pair": b'{"model": "flux-lora", "prompt": "\\ud800", "fluxLoraParams": {"loraId": "x"}}',
    "a very long number": b'{"model": ' + b"9" * 100_000 + b"}",
}
INVALID_PARAMS: dict[str, Any] = {
    "num_outputs": 5,
    "aspect_ratio": "21:9",
    "output_format": "jpeg",
    "seed": "7",
    "lora_strength": 1.6,
    "guidance_scale": 0,
    "num_inference_steps": 51,
    "width": 1024,
    "loras": ["x"],
    "trigger_word": "TOK",
}


async def finish(service: Service, job_id: str) -> Any:
    await service.advance(10)
    return await service.read(f"/v2/jobs/{job_id}")


async def complete(service: Service, **params: Any) -> Any:
    """Train, generate, and return the completed job."""
    lora_id = await service.train_to_the_end()
    response = await service.generate(lora_id, **params)
    assert response.status_code == 202, response.text
    return await finish(service, response.json()["jobId"])


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_body_is_a_bad_request(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await service.call("POST", "/v2/images/generate", headers=headers, content=body, valid=False)
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize(("name", "value"), INVALID_PARAMS.items())
async def test_an_invalid_or_unknown_parameter_is_a_bad_request(
    service: Service, name: str, value: Any
) -> None:
    response = await service.generate(UNKNOWN_ID, valid=False, **{name: value})  # [D] bodies are closed
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ""},
        {"prompt": "a" * 2001},
        {"prompt": "😀" * 1001},
        {"prompt": None},
        {"model": "flux"},
        {"steps": 3},
        {"fluxLoraParams": None},
        {"fluxLoraParams": {}},
        {"fluxLoraParams": {"loraId": "lora_1"}},
        {"fluxLoraParams": {"loraId": UNKNOWN_ID, "seed": None}},
        {"webhookUrl": None},
        {"webhookUrl": "nonsense"},
        {"webhookEvents": "completed"},
        {"webhookEvents": []},
    ],
    ids=lambda fields: str(fields)[:40],
)
async def test_an_invalid_body_is_a_bad_request(service: Service, fields: dict[str, Any]) -> None:
    body = {"model": "flux-lora", "prompt": "x", "fluxLoraParams": {"loraId": UNKNOWN_ID}, **fields}
    response = await service.call("POST", "/v2/images/generate", json=body, valid=False)
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_too_long_prompt_has_the_text_that_clients_have_seen(service: Service) -> None:
    response = await service.generate(UNKNOWN_ID, prompt="a" * 2001, valid=False)
    assert response.json()["details"] == {
        "prompt": ["Too big: expected string to have <=2000 characters"]
    }  # [C]


async def test_an_unknown_lora_is_rejected(service: Service) -> None:
    assert (await service.generate(UNKNOWN_ID)).status_code in (400, 404)  # [?] which


@pytest.mark.usefixtures("sandbox_only")
async def test_only_a_ready_lora_of_the_team_generates(service: Service) -> None:
    lora_id = await service.train()
    assert (await service.generate(lora_id)).status_code == 400  # [?]
    await service.advance(20)
    assert (await service.generate(lora_id)).status_code == 202
    await service.call("DELETE", f"/v2/loras/{lora_id}")
    assert (await service.generate(lora_id)).status_code == 400  # [?]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_job_is_queued_then_processed_then_completed(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    accepted = await service.generate(lora_id, num_outputs=2)
    job_id = accepted.json()["jobId"]
    assert accepted.json() == {"jobId": job_id, "status": "QUEUED"}  # [D]
    seen = []
    for _ in range(45):
        seen.append(await service.read(f"/v2/jobs/{job_id}"))
        await service.advance(0.25)
    assert list(dict.fromkeys(job["status"] for job in seen)) == ["QUEUED", "PROCESSING", "COMPLETED"]  # [D]
    progress = [job["progress"] for job in seen]
    assert progress == sorted(progress)
    done = seen[-1]
    assert set(done) == FIELDS | {"input", "result"}  # [D]
    assert done["result"] == {
        "images": [f"http://sandbox.invalid/images/{job_id}-{number}.png" for number in (1, 2)]
    }
    assert (done["creditCost"], done["progress"], done["expired"]) == (4, 100, False)
    assert "result" not in seen[0]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("count", [1, 4])
async def test_an_image_costs_2_credits(service: Service, count: int) -> None:
    lora_id, before = await service.train_to_the_end(), 0
    before = await service.credits()
    await service.generate(lora_id, num_outputs=count)
    assert before - await service.credits() == 2 * count  # [D]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_failed_job_costs_nothing(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    before = await service.credits()
    await service.behave(generation_fails=True)
    job = await finish(service, (await service.generate(lora_id)).json()["jobId"])
    assert (job["status"], job["creditCost"]) == ("FAILED", 0)  # [D]
    assert job["error"]
    assert await service.credits() == before


@pytest.mark.usefixtures("sandbox_only")
async def test_without_credits_the_numbers_are_in_the_response(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    while (left := await service.credits()) >= 8:
        if left > 257 + 8:
            await service.train_to_the_end()
        else:
            await service.generate(lora_id, num_outputs=4)
    refused = await service.generate(lora_id, num_outputs=4)
    assert (refused.status_code, refused.json()) == (
        402,
        {"error": "Insufficient credits", "creditsRequired": 8, "creditsAvailable": left},
    )  # [D]
    while await service.credits() >= 2:
        await service.generate(lora_id)
    refused = await service.create()
    assert refused.status_code == 402
    assert refused.json()["creditsRequired"] == 2  # [D] only the create fee is checked


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    ("aspect_ratio", "wider"),
    [("1:1", 0), ("16:9", 1), ("9:16", -1), ("4:3", 1), ("3:4", -1), ("3:2", 1), ("2:3", -1)],
)
async def test_an_image_has_the_aspect_ratio(service: Service, aspect_ratio: str, wider: int) -> None:
    job = await complete(service, aspect_ratio=aspect_ratio)
    image = await download(service, job["result"]["images"][0])
    across, down = map(int, aspect_ratio.split(":"))
    assert abs(image.width / image.height - across / down) < 0.02
    assert (image.width > image.height) - (image.width < image.height) == wider


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(("output_format", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
async def test_an_image_has_the_format_and_needs_no_key(
    service: Service, output_format: str, kind: str
) -> None:
    job = await complete(service, output_format=output_format)
    (url,) = job["result"]["images"]
    assert url.endswith(f"/images/{job['id']}-1.{output_format}")  # [D]
    assert (await download(service, url)).format == kind


async def download(service: Service, url: str) -> Image.Image:
    response = await service.client.get(url)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("image/")
    return Image.open(BytesIO(response.content))


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("has_word", [True, False])
async def test_the_same_seed_shows_the_same_image_with_the_trigger_word_or_without(
    service: Service, has_word: bool
) -> None:
    lora_id = await service.train_to_the_end()
    word = (await service.read(f"/v2/loras/{lora_id}"))["triggerWord"]
    images = []
    for prompt in (f"{word} a portrait", f"{word.lower()} a portrait" if has_word else "a portrait"):
        response = await service.generate(lora_id, prompt=prompt, seed=-7)
        job = await finish(service, response.json()["jobId"])
        assert job["input"]["prompt"] == prompt
        images.append((await service.client.get(job["result"]["images"][0])).content)
    assert (images[0] == images[1]) == (
        not has_word
    )  # [D] the word is put in front of a prompt that lacks it


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("shape", ["images", "text", "list"])
async def test_a_result_has_one_of_three_shapes(service: Service, shape: str) -> None:
    await service.behave(result_shape=shape)
    job = await complete(service)
    url = f"http://sandbox.invalid/images/{job['id']}-1.png"
    assert job["result"] == {"images": {"images": [url]}, "text": url, "list": [url]}[shape]  # [D], [D], [C]


@pytest.mark.usefixtures("sandbox_only")
async def test_images_expire_after_a_day(service: Service) -> None:
    job = await complete(service)
    (url,) = job["result"]["images"]
    assert (await service.client.get(url)).status_code == 200
    await service.advance(24 * 3600)
    later = await service.read(f"/v2/jobs/{job['id']}")
    assert (later["expired"], later["result"]) == (
        True,
        job["result"],
    )  # [D] 24 hours, contradicted by [D] 90 days
    assert (await service.client.get(url)).status_code == 404


@pytest.mark.usefixtures("sandbox_only")
async def test_the_same_idempotency_key_returns_the_original_job(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    before = await service.credits()
    first = (await service.generate(lora_id, key="apm-1")).json()
    again = await service.generate(lora_id, key="apm-1")
    assert (again.status_code, again.json()) == (202, first)  # [D]
    await service.advance(10)
    replayed = (await service.generate(lora_id, key="apm-1")).json()
    assert replayed == {"jobId": first["jobId"], "status": "COMPLETED"}  # [D] the present status
    other = (await service.generate(lora_id, key="apm-2")).json()
    assert other["jobId"] != first["jobId"]
    assert before - await service.credits() == 4
    await service.call("DELETE", f"/v2/loras/{lora_id}")
    assert (await service.generate(lora_id, key="apm-1")).json() == replayed


@pytest.mark.usefixtures("sandbox_only")
async def test_an_idempotency_key_ends_after_a_day_and_is_not_used_up_by_an_error(service: Service) -> None:
    lora_id = await service.train()
    assert (await service.generate(lora_id, key="apm-1")).status_code == 400
    await service.advance(20)
    first = (await service.generate(lora_id, key="apm-1")).json()["jobId"]
    await service.advance(24 * 3600 - 1)
    assert (await service.generate(lora_id, key="apm-1")).json()["jobId"] == first
    await service.advance(1)
    assert (await service.generate(lora_id, key="apm-1")).json()["jobId"] != first  # [D] 24 hours


@pytest.mark.usefixtures("sandbox_only")
async def test_the_same_key_with_another_body_is_a_conflict(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    await service.generate(lora_id, key="apm-1")
    conflict = await service.generate(lora_id, key="apm-1", seed=1)
    assert (conflict.status_code, list(conflict.json())) == (409, ["error"])  # [C]
    assert len((await service.read("/v2/jobs"))["jobs"]) == 1


async def test_an_idempotency_key_has_at_most_255_characters(service: Service) -> None:
    response = await service.generate(UNKNOWN_ID, key="k" * 256, valid=False)  # [D]
    assert response.status_code == 400


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(("case", "count"), [("without_job", 0), ("with_job", 1)])
async def test_after_a_503_a_job_may_exist_and_the_same_key_never_makes_two(
    service: Service, case: str, count: int
) -> None:
    lora_id = await service.train_to_the_end()
    await service.behave(generate_unavailable=case)
    assert (await service.generate(lora_id, key="apm-1")).status_code == 503  # [D]
    assert len((await service.read("/v2/jobs"))["jobs"]) == count
    await service.behave()
    assert (await service.generate(lora_id, key="apm-1")).status_code == 202
    assert len((await service.read("/v2/jobs"))["jobs"]) == 1


@pytest.mark.usefixtures("sandbox_only")
async def test_generation_may_be_switched_off_for_the_team(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    await service.behave(generation_disabled=True)
    assert (await service.generate(lora_id)).status_code == 403  # [C]


async def test_the_list_of_jobs_is_a_page(service: Service) -> None:
    page = await service.read("/v2/jobs", limit=1, model="flux-lora")
    assert {"jobs", "nextCursor", "hasMore"} <= page.keys()  # [D]
    assert all("input" not in job for job in page["jobs"])


@pytest.mark.usefixtures("sandbox_only")
async def test_the_list_of_jobs_is_newest_first_then_by_id_and_without_input(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    old = [(await service.generate(lora_id)).json()["jobId"] for _ in range(3)]
    await service.advance(1)
    new = (await service.generate(lora_id)).json()["jobId"]
    listed: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await service.read("/v2/jobs", limit=2, include_models="true", **cursor)
        listed += page["jobs"]
        assert page["models"] == ["flux-lora"]
        assert page["hasMore"] == (page["nextCursor"] is not None)
        if not page["hasMore"]:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert [job["id"] for job in listed] == [new, *sorted(old, reverse=True)]  # [D]
    assert {frozenset(job) for job in listed} == {frozenset(FIELDS)}


@pytest.mark.usefixtures("sandbox_only")
async def test_jobs_can_be_filtered(service: Service) -> None:
    lora_id = await service.train_to_the_end()
    done, other = [(await service.generate(lora_id)).json()["jobId"] for _ in range(2)]
    await service.advance(10)
    running = (await service.generate(lora_id)).json()["jobId"]
    for filters, expected in (
        ({"status": "COMPLETED"}, {done, other}),
        ({"status": "QUEUED"}, {running}),
        ({"model": "midjourney"}, set()),
        ({"search": done}, {done}),
    ):
        found = (await service.read("/v2/jobs", **filters))["jobs"]
        assert {job["id"] for job in found} == expected


@pytest.mark.parametrize(
    "query", ["status=DONE", "limit=0", "limit=101", "scope=all", "search=1", "include_models=1"]
)
async def test_an_invalid_filter_is_a_bad_request(service: Service, query: str) -> None:
    assert (await service.call("GET", f"/v2/jobs?{query}", valid=False)).status_code == 400  # [D]


async def test_an_invalid_cursor_is_a_bad_request(service: Service) -> None:
    assert (await service.call("GET", "/v2/jobs?cursor=nonsense")).status_code == 400  # [D]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_job_is_visible_to_its_user_only_and_in_the_list_of_a_team_to_admins(
    service: Service,
) -> None:
    lora_id = await service.train_to_the_end()
    job_id = (await service.generate(lora_id)).json()["jobId"]
    mate = "afk_team_mate"
    assert (await service.call("GET", f"/v2/jobs/{job_id}", key=mate)).status_code == 404  # [D]
    assert (await service.call("GET", "/v2/jobs", key=mate)).json()["jobs"] == []
    assert (await service.call("GET", "/v2/jobs?scope=team", key=mate)).status_code == 403  # [D]
    assert len((await service.read("/v2/jobs", scope="team"))["jobs"]) == 1
