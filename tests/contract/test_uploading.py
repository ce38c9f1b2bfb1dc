"""The contract of `/ai-photo-upload` and of the upload that `/fetch` returns."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.contract.conftest import Service

ETHNICITIES = (
    "asian",
    "black",
    "latino",
    "middle eastern",
    "native american",
    "pacific islander",
    "white",
)


def encode_photo(kind: str = "JPEG", *, damaged: bool = False) -> str:
    """Return a small photo in base64."""
    buffer = BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, kind)
    content = buffer.getvalue()
    return base64.b64encode(content[: len(content) // 2] if damaged else content).decode()


GOOD = encode_photo()


def upload_body(count: int = 10, **fields: object) -> dict[str, object]:
    return {"images": [GOOD] * count, "ethnicity": "white", "gender": "female", **fields}


@pytest.mark.usefixtures("spending")
@pytest.mark.parametrize("count", [10, 30])
async def test_an_upload_of_10_to_30_photos_returns_a_task_id(service: Service, count: int) -> None:
    response = await service.post("/ai-photo-upload", upload_body(count))  # [D]
    assert response.status_code == 200
    assert list(response.json()) == ["task_id"]


@pytest.mark.usefixtures("spending")
async def test_a_running_upload_has_neither_id_nor_percentage(service: Service) -> None:
    task_id = (await service.post("/ai-photo-upload", upload_body())).json()["task_id"]
    task = await service.fetch(task_id)
    assert task["message"] == "Training images are being processed"
    assert set(task) == {"status", "message"}  # [D]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_finished_upload_has_an_expiry(service: Service) -> None:
    task_id = (await service.post("/ai-photo-upload", upload_body())).json()["task_id"]
    await service.advance(2)
    assert await service.fetch(task_id) == {
        "task_id": task_id,
        "status": "finished",
        "message": "Images ready for training",
        "expires_at": "2026-09-22T14:13:22.000Z",
    }  # [D] the fields; the lifetime is [?], here a day


@pytest.mark.usefixtures("sandbox_only")
async def test_a_photo_set_can_be_trained_on_until_it_expires_and_each_photo_is_charged(
    service: Service,
) -> None:
    service.photos = (await service.post("/ai-photo-upload", upload_body(11))).json()["task_id"]
    early = await service.post("/ai-photo-train", {"training_images_id": service.photos})
    assert early.status_code == 400  # [?] a training on a running upload
    await service.advance(2)
    await service.train()
    left = (await service.get("/account")).json()["credits"]
    assert left == 12_000 - 2 - 4 * 11  # [D]
    await service.advance(24 * 3600)
    late = await service.post("/ai-photo-train", {"training_images_id": service.photos})
    assert late.status_code == 400
    assert "expired" in late.json()["errors"][0]["msg"]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("ethnicity", ETHNICITIES)
async def test_every_documented_value_is_accepted(service: Service, kind: str, ethnicity: str) -> None:
    fields = {"ethnicity": ethnicity, "gender": "male", "age": 41, "images": [encode_photo(kind)] * 10}
    assert (await service.post("/ai-photo-upload", fields)).status_code == 200  # [D]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"images": [GOOD] * 9}, "images"),
        ({"images": [GOOD] * 31}, "images"),
        ({"images": GOOD}, "images"),
        ({"images": None}, "images"),
        ({"ethnicity": "martian"}, "ethnicity"),
        ({"ethnicity": None}, "ethnicity"),
        ({"gender": "Female"}, "gender"),
        ({"gender": ""}, "gender"),
        ({"age": "41"}, "age"),
        ({"age": True}, "age"),
        ({"webhook_url": 5}, "webhook_url"),
    ],
    ids=lambda case: str(case)[:30],
)
@pytest.mark.usefixtures("sandbox_only")
async def test_an_invalid_field_is_a_bad_request_that_names_it(
    service: Service, fields: dict[str, object], named: str
) -> None:
    response = await service.post("/ai-photo-upload", upload_body() | fields)
    assert response.status_code == 400
    assert named in response.json()["errors"][0]["msg"]
    assert (await service.get("/account")).json()["credits"] == 12_000


@pytest.mark.parametrize(
    "image",
    [
        "not base64!",
        base64.b64encode(b"not an image").decode(),
        "data:image/jpeg;base64," + GOOD,
        GOOD + "\n",
        encode_photo("GIF"),
        encode_photo(damaged=True),
        encode_photo("PNG", damaged=True),
        "ü",
    ],
    ids=[
        "not base64",
        "not an image",
        "a data URL",
        "a line break",
        "a GIF",
        "half a JPEG",
        "half a PNG",
        "ü",
    ],
)
@pytest.mark.usefixtures("sandbox_only")
async def test_a_text_that_is_not_an_image_is_a_bad_request_that_names_its_index(
    service: Service, image: str
) -> None:
    images = [GOOD] * 3 + [image] + [GOOD] * 8
    response = await service.post("/ai-photo-upload", upload_body(images=images))  # [D] base64 strings
    assert response.status_code == 400
    assert [error["msg"].split(" ")[0] for error in response.json()["errors"]] == ["images[3]"]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_too_large_upload_is_rejected(service: Service) -> None:
    response = await service.post("/ai-photo-upload", b" " * (65 * 1024 * 1024))  # [?] 413
    assert response.status_code == 413


@pytest.mark.slow
@pytest.mark.usefixtures("sandbox_only")
async def test_an_upload_of_30_phone_photos_is_accepted(service: Service) -> None:
    large = base64.b64encode(base64.b64decode(GOOD) + b"\0" * 1_400_000).decode()
    response = await service.post("/ai-photo-upload", upload_body(images=[large] * 30))
    assert response.status_code == 200
