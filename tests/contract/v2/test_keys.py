"""What all calls of v2 have in common: keys, ids, errors. And the account.

In the contract tests, [D] means documented, [C] seen in client code, and [?] not documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import UNKNOWN_ID

if TYPE_CHECKING:
    from .conftest import Service

CALLS = (
    ("POST", "/v2/loras"),
    ("GET", "/v2/loras"),
    ("GET", f"/v2/loras/{UNKNOWN_ID}"),
    ("DELETE", f"/v2/loras/{UNKNOWN_ID}"),
    ("POST", "/v2/images/generate"),
    ("GET", "/v2/jobs"),
    ("GET", f"/v2/jobs/{UNKNOWN_ID}"),
    ("GET", "/v2/me"),
)
ONE = (("GET", "/v2/loras/"), ("DELETE", "/v2/loras/"), ("GET", "/v2/jobs/"))


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_call_without_a_valid_key_is_unauthorized_with_the_reason(
    service: Service, method: str, path: str
) -> None:
    missing = await service.call(method, path, key=None, valid=False)  # [D] both texts
    assert (missing.status_code, missing.json()) == (401, {"error": "API key is required"})
    wrong = await service.call(method, path, key="afk_wrong", valid=False)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Invalid API key"})


async def test_a_key_of_v1_is_unauthorized(service: Service) -> None:
    response = await service.call("GET", "/v2/me", key="0b7f8d2e-77aa", valid=False)  # [?] the text
    assert response.status_code == 401


@pytest.mark.parametrize("scheme", ["", "Bearer "])
async def test_a_key_in_authorization_is_not_seen(service: Service, scheme: str) -> None:
    headers = {"Authorization": scheme + service.key}  # [D] Authorization is for dashboard sessions
    response = await service.call("GET", "/v2/me", key=None, headers=headers, valid=False)
    assert response.status_code == 401


@pytest.mark.usefixtures("sandbox_only")
async def test_a_revoked_key_is_forbidden(service: Service) -> None:
    response = await service.call("GET", "/v2/me", key="afk_revoked")
    assert (response.status_code, response.json()) == (403, {"error": "API key is inactive"})  # [D]


@pytest.mark.parametrize(("method", "path"), ONE)
@pytest.mark.parametrize("bad", ["lora_8a4d2c", "1", "%2e%2e", UNKNOWN_ID[:-1], f"{UNKNOWN_ID}0"])
async def test_an_id_that_is_not_a_uuid_is_a_bad_request(
    service: Service, method: str, path: str, bad: str
) -> None:
    response = await service.call(method, path + bad, valid=False)  # [D]
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize(("method", "path"), ONE)
async def test_an_unknown_id_is_not_found(service: Service, method: str, path: str) -> None:
    response = await service.call(method, path + UNKNOWN_ID)  # [D]
    assert response.status_code == 404
    assert list(response.json()) == ["error"]


async def test_the_account_has_the_user_the_team_with_its_credits_and_the_key(service: Service) -> None:
    me = await service.read("/v2/me")  # [D], contradicted in parts by [D]: only these are relied on
    assert me["user"]["id"]
    assert me["user"]["email"]
    assert isinstance(me["team"]["credits"], int)
    assert me["team"]["id"]
    assert me["team"]["plan"]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_user_may_have_no_team(service: Service) -> None:
    await service.behave(has_team=False)
    assert (await service.read("/v2/me"))["team"] is None  # [D]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_rate_limit_says_when_to_try_again(service: Service, method: str, path: str) -> None:
    await service.behave(retry_after_seconds=7)
    response = await service.call(method, path, valid=False)
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")  # [D]
    assert list(response.json()) == ["error"]


@pytest.mark.usefixtures("sandbox_only")
async def test_every_response_has_a_request_id(service: Service) -> None:
    for path in ("/v2/me", f"/v2/jobs/{UNKNOWN_ID}"):
        response = await service.call("GET", path)
        assert response.headers["x-request-id"]  # [C]


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/account", 404),
        ("POST", "/v2/me", 405),
        ("GET", "/v2/loras/", 404),
        ("PUT", "/v2/loras", 405),
    ],
)
async def test_an_unknown_call_has_an_error_of_the_same_form(
    service: Service, method: str, path: str, status: int
) -> None:
    response = await service.call(method, path, valid=False)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
