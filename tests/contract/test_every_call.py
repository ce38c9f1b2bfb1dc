"""What holds for every call of the contract: keys, bodies, errors.

Here and in its neighbours [D] means documented, [C] seen in client code, [?] documented nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Service

POSTS = ("/ai-photo-upload", "/ai-photo-train", "/ai-photo-generate", "/fetch", "/fetch-many")

# Each of these is refused before it can cost anything, also by the real service.
HOSTILE = {
    "nothing": b"",
    "cut short": b'{"task_id": "a',
    "a list": b"[1, 2]",
    "a number": b"17",
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"task_id": "\xff\xfe"}',
    "nested deeply": b"[" * 100_000,
    "an object nested deeply": b'{"a":' * 20_000,
    "a number without end": b'{"task_id": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"task_id": NaN, "task_ids": NaN}',
    "half a character": b'{"task_id": "\\ud800", "training_images_id": "\\ud800"}',
    "an object for a text": b'{"task_id": {}, "task_ids": {}, "training_images_id": {}, "training_id": {}}',
    "null for a text": b'{"task_id": null, "task_ids": null, "training_images_id": null, "images": null}',
    "an empty text": b'{"task_id": "", "training_images_id": "", "training_id": ""}',
    "a blank in a list": b'{"task_ids": ["", ""]}',
    "a list of numbers": b'{"task_ids": [1, 2], "images": [1, 2]}',
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_body_is_a_bad_request_with_a_message(
    service: Service, path: str, body: bytes
) -> None:
    # [D] 400 {"errors":[{"msg":…}]}
    answer = await service.post(path, body)
    assert answer.status_code == 400
    assert_has_messages(answer.json())


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_without_the_required_fields_is_a_bad_request(service: Service, path: str) -> None:
    answer = await service.post(path, {})  # [D]
    assert answer.status_code == 400
    assert_has_messages(answer.json())


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("key", [None, "wrong-key", ""], ids=["no key", "a wrong key", "an empty key"])
async def test_a_post_without_a_valid_key_is_unauthorised_and_says_nothing(
    service: Service, path: str, key: str | None
) -> None:
    answer = await service.post(path, {}, key=key)  # [D] 401 {}
    assert (answer.status_code, answer.json()) == (401, {})


@pytest.mark.parametrize("key", [None, "wrong-key"])
async def test_the_account_is_closed_to_a_wrong_key(service: Service, key: str | None) -> None:
    answer = await service.get("/account", key=key)  # [D]
    assert (answer.status_code, answer.json()) == (401, {})


async def test_the_key_is_sent_bare_and_a_scheme_before_it_makes_it_another_key(service: Service) -> None:
    answer = await service.get("/account", key=f"Bearer {service.key}")  # [D] "Authorization: <API key>"
    assert (answer.status_code, answer.json()) == (401, {})


async def test_a_key_of_the_other_generation_is_told_what_it_is(service: Service) -> None:
    answer = await service.get("/account", key="afk_0123456789")  # [C]
    assert answer.status_code == 400
    assert "afk_" in answer.json()["errors"][0]["msg"]


async def test_a_wrong_key_is_noticed_before_a_wrong_body(service: Service) -> None:
    answer = await service.post("/fetch", b"{", key="wrong-key")  # [D] 401
    assert answer.status_code == 401


@pytest.mark.usefixtures("sandbox_only")
async def test_a_body_without_end_is_cut_off(service: Service) -> None:
    answer = await service.post("/fetch", b" " * 2_000_000)  # 413 is documented nowhere
    assert answer.status_code == 413
    assert_has_messages(answer.json())


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(("path", "status"), [("/ai-photo-cancel", 404), ("/account", 405), ("/fetch/", 404)])
async def test_a_call_that_does_not_exist_is_refused_in_the_same_form(
    service: Service, path: str, status: int
) -> None:
    answer = await service.post(path, {})
    assert answer.status_code == status
    assert_has_messages(answer.json())


def assert_has_messages(body: object) -> None:
    assert isinstance(body, dict)
    assert list(body) == ["errors"]
    assert body["errors"]
    assert all(error["msg"].strip() for error in body["errors"])
