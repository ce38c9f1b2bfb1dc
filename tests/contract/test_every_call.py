"""What all calls of the contract have in common: keys, bodies, errors.

In the contract tests, [D] means documented, [C] seen in client code, and [?] not documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Service

POSTS = ("/ai-photo-upload", "/ai-photo-train", "/ai-photo-generate", "/fetch", "/fetch-many")

# The real service also rejects each of these before it costs credits.
HOSTILE = {
    "empty": b"",
    "truncated": b'{"task_id": "a',
    "a list": b"[1, 2]",
    "a number": b"17",
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"task_id": "\xff\xfe"}',
    "nested deeply": b"[" * 100_000,
    "an object nested deeply": b'{"a":' * 20_000,
    "a very long number": b'{"task_id": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"task_id": NaN, "task_ids": NaN}',
    "half a surrogate pair": b'{"task_id": "\\ud800", "training_images_id": "\\ud800"}',
    "an object for a string": b'{"task_id": {}, "task_ids": {}, "training_images_id": {}, "training_id": {}}',
    "null for a string": b'{"task_id": null, "task_ids": null, "training_images_id": null, "images": null}',
    "an empty string": b'{"task_id": "", "training_images_id": "", "training_id": ""}',
    "an empty string in a list": b'{"task_ids": ["", ""]}',
    "a list of numbers": b'{"task_ids": [1, 2], "images": [1, 2]}',
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_body_is_a_bad_request_with_a_message(
    service: Service, path: str, body: bytes
) -> None:
    # [D] 400 {"errors":[{"msg":…}]}
    response = await service.post(path, body)
    assert response.status_code == 400
    assert_has_messages(response.json())


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_without_the_required_fields_is_a_bad_request(service: Service, path: str) -> None:
    response = await service.post(path, {})  # [D]
    assert response.status_code == 400
    assert_has_messages(response.json())


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("key", [None, "wrong-key", ""], ids=["no key", "a wrong key", "an empty key"])
async def test_a_post_without_a_valid_key_is_unauthorized_without_a_message(
    service: Service, path: str, key: str | None
) -> None:
    response = await service.post(path, {}, key=key)  # [D] 401 {}
    assert (response.status_code, response.json()) == (401, {})


@pytest.mark.parametrize("key", [None, "wrong-key"])
async def test_the_account_needs_a_valid_key(service: Service, key: str | None) -> None:
    response = await service.get("/account", key=key)  # [D]
    assert (response.status_code, response.json()) == (401, {})


async def test_a_key_after_a_scheme_is_unauthorized(service: Service) -> None:
    response = await service.get("/account", key=f"Bearer {service.key}")  # [D] "Authorization: <API key>"
    assert (response.status_code, response.json()) == (401, {})


async def test_a_v2_key_is_rejected_with_the_reason(service: Service) -> None:
    response = await service.get("/account", key="afk_0123456789")  # [C]
    assert response.status_code == 400
    assert "afk_" in response.json()["errors"][0]["msg"]


async def test_the_key_is_checked_before_the_body(service: Service) -> None:
    response = await service.post("/fetch", b"{", key="wrong-key")  # [D] 401
    assert response.status_code == 401


@pytest.mark.usefixtures("sandbox_only")
async def test_a_too_large_body_is_rejected(service: Service) -> None:
    response = await service.post("/fetch", b" " * 2_000_000)  # [?] 413
    assert response.status_code == 413
    assert_has_messages(response.json())


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(("path", "status"), [("/ai-photo-cancel", 404), ("/account", 405), ("/fetch/", 404)])
async def test_an_unknown_call_has_an_error_of_the_same_form(
    service: Service, path: str, status: int
) -> None:
    response = await service.post(path, {})
    assert response.status_code == status
    assert_has_messages(response.json())


def assert_has_messages(body: object) -> None:
    assert isinstance(body, dict)
    assert list(body) == ["errors"]
    assert body["errors"]
    assert all(error["msg"].strip() for error in body["errors"])
