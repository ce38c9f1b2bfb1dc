"""Finding what became of a call: by its marker or its contents, in a list that may be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from apiframe_studio.api.errors import ApiframeError, AuthenticationFailed
from apiframe_studio.api.provider import ImageCall, Search, TaskState
from apiframe_studio.api.v2.client import ApiframeV2
from apiframe_studio.api.v2.listing import MAX_PAGES

from .conftest import CALL, MARKER, SENT, USER, Request, Service, job, lora, me, task_id

LIST = "GET /v2/loras"
JOBS = "GET /v2/jobs"
OTHER = "0f0a3a52-5f0e-4c58-9d5e-000000000002"
OLD = "2026-04-25T09:49:59.000Z"
OURS = f"AI photos [{MARKER}]"
EARLIER = f"AI photos [{replace(MARKER, attempt=1)}]"


def listing(*rows: object, cursor: object = None, name: str = "items") -> dict[str, object]:
    return {name: list(rows), "nextCursor": cursor}


def ids(statuses: tuple[Any, ...]) -> list[str]:
    return [status.task_id for status in statuses]


async def search(api: ApiframeV2) -> Search:
    return await api.find(CALL, SENT)


async def test_a_training_is_found_by_the_marker_in_its_name(api: ApiframeV2, service: Service) -> None:
    service.answers[LIST] = listing(
        lora(4, name="Ana"),
        lora(3, name=OURS.upper(), status="UPLOADING"),
        lora(2, name=EARLIER, status="FAILED", createdAt="2026-04-25T10:00:30.000Z"),
        lora(1, name="AI photos [tr-4k7m2p9-zzzz-2]", userId=OTHER),
    )
    service.answers["GET /v2/me"] = me()
    found = await search(api)
    assert found.is_complete
    assert ids(found.found) == [task_id(3)]
    assert found.found[0].state is TaskState.PROCESSING
    assert ids(found.other_attempts) == [task_id(2)]
    assert ids(found.candidates) == [task_id(4)]
    assert found.trainings_under_way == 3
    assert dict(service.requests[0].query) == {"limit": "100", "includeArchived": "true"}


async def test_two_trainings_of_one_attempt_are_both_found_and_the_older_comes_first(
    api: ApiframeV2, service: Service
) -> None:
    service.answers[LIST] = listing(
        lora(2, name=OURS, createdAt="2026-04-25T10:02:00.000Z"), lora(1, name=OURS, status="ARCHIVED")
    )
    found = (await search(api)).found
    assert ids(found) == [task_id(1), task_id(2)]
    assert [status.is_archived for status in found] == [True, False]


@pytest.mark.parametrize(
    "changes",
    [
        {"userId": OTHER},
        {"userId": None},
        {"imageCount": 16},
        {"gender": "male"},
        {"ethnicity": None},
        {"steps": 2000},
        {"loraRank": 16},
        {"createdAt": OLD},
        {"createdAt": None},
        {"name": "AI photos [tr-aaaaaaa-k3fa-1]"},
    ],
)
async def test_a_training_that_differs_is_not_a_candidate(
    api: ApiframeV2, service: Service, changes: dict[str, object]
) -> None:
    service.answers |= {LIST: listing(lora(1, **changes)), "GET /v2/me": me()}
    found = await search(api)
    assert (found.found, found.other_attempts, found.candidates) == ((), (), ())
    service.answers[LIST] = listing(lora(1))
    assert ids((await search(api)).candidates) == [task_id(1)]


async def test_without_the_own_user_id_nothing_is_a_candidate(api: ApiframeV2, service: Service) -> None:
    service.answers |= {LIST: listing(lora(1)), "GET /v2/me": (403, {"error": "inactive"})}
    assert await search(api) == Search(is_complete=True, trainings_under_way=1)


async def test_the_list_is_read_back_to_ten_minutes_before_the_call(
    api: ApiframeV2, service: Service
) -> None:
    pages = {
        None: listing(lora(3), lora(2, createdAt="2026-04-25T09:50:01.000Z"), cursor="c/2"),
        "c/2": listing(lora(1, name=OURS, createdAt=OLD), cursor="c/3"),
    }
    service.answers |= {LIST: lambda request: pages[request.query.get("cursor")], "GET /v2/me": me()}
    found = await search(api)
    assert found.is_complete
    assert ids(found.found) == [task_id(1)]
    assert [request.query.get("cursor") for request in service.requests[:2]] == [None, "c/2"]


Pages = Callable[[Request, int], object]
BROKEN: dict[str, Pages] = {
    "never ends": lambda _, page: listing(lora(page), cursor=f"cursor-{page}"),
    "never ends and is empty": lambda _, page: listing(cursor=f"cursor-{page}"),
    "repeats its cursor": lambda _, page: listing(lora(page), cursor="same"),
    "breaks half way": lambda _, page: (500, {}) if page else listing(lora(page), cursor="a"),
    "is refused half way": lambda _, page: (400, {}) if page else listing(lora(page), cursor="a"),
    "has no items": lambda _, __: {"nextCursor": None},
    "has items of another type": lambda _, __: {"items": {}, "nextCursor": None},
    "has no cursor": lambda _, __: {"items": []},
    "has a cursor of another type": lambda _, __: listing(cursor=7),
    "has a row without an id": lambda _, __: listing(lora(1, id=None)),
    "has a row without a name": lambda _, __: listing(lora(1, name=None)),
    "has a row that is not one": lambda _, __: listing("row"),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_list_proves_no_absence_and_still_finds(
    api: ApiframeV2, service: Service, broken: str
) -> None:
    page = -1

    def answer(request: Request) -> object:
        nonlocal page
        page += 1
        return BROKEN[broken](request, page)

    service.answers |= {LIST: answer, "GET /v2/me": me()}
    assert not (await search(api)).is_complete
    assert service.paths.count(LIST) <= MAX_PAGES + 2

    page = -1
    service.answers[LIST] = lambda request: (
        listing(lora(9, name=OURS), cursor="more") if not request.query.get("cursor") else answer(request)
    )
    found = await search(api)
    assert not found.is_complete
    assert ids(found.found) == [task_id(9)]


async def test_a_repeated_cursor_is_not_followed_again(api: ApiframeV2, service: Service) -> None:
    service.answers[LIST] = lambda _: listing(cursor="same")
    assert await search(api) == Search(is_complete=False)
    assert len(service.requests) == 2


@pytest.mark.parametrize("created_at", ["2026-04-25T10:01:00.000Z", None, "yesterday"])
async def test_a_list_whose_order_is_unknown_is_read_to_its_end(
    api: ApiframeV2, service: Service, created_at: object
) -> None:
    pages = {
        None: listing(
            lora(2, createdAt=OLD), lora(3, createdAt=created_at), lora(4, createdAt=OLD), cursor="c-2"
        ),
        "c-2": listing(lora(1, name=OURS)),
    }
    service.answers |= {LIST: lambda request: pages[request.query.get("cursor")], "GET /v2/me": me()}
    found = await search(api)
    assert (found.is_complete, ids(found.found)) == (True, [task_id(1)])


async def test_a_list_that_does_not_even_begin_raises(api: ApiframeV2, service: Service) -> None:
    service.answers[LIST] = (401, {"error": "Invalid API key"})
    with pytest.raises(AuthenticationFailed):
        await search(api)
    service.answers[LIST] = (500, {})
    with pytest.raises(ApiframeError):
        await search(api)


IMAGES = ImageCall(task_id(1), "TORKPN by the sea", aspect_ratio="3:4", number_of_images=2, seed=7)
PARAMS = {"loraId": task_id(1), "num_outputs": 2, "aspect_ratio": "3:4", "seed": 7}
INPUT = {"prompt": IMAGES.prompt, "fluxLoraParams": PARAMS}


def with_jobs(service: Service, *jobs: dict[str, object]) -> None:
    bare = [{name: value for name, value in one.items() if name != "input"} for one in jobs]
    service.answers[JOBS] = {**listing(*bare, name="jobs"), "hasMore": False}
    service.answers |= {f"GET /v2/jobs/{one['id']}": one for one in jobs}


async def test_images_are_found_by_what_was_requested(api: ApiframeV2, service: Service) -> None:
    with_jobs(
        service,
        job(6, input={**INPUT, "prompt": "another"}),
        job(5, input=INPUT, createdAt="2026-04-25T10:02:00.000Z"),
        job(4, input={"prompt": IMAGES.prompt, **PARAMS}),
        job(3, input={**INPUT, "fluxLoraParams": {**PARAMS, "seed": 8}}),
        job(2, input=None),
        job(1, input=INPUT, createdAt="2026-04-25T09:57:00.000Z"),
    )
    found = await api.find(IMAGES, SENT)
    assert found.is_complete
    assert ids(found.found) == [task_id(4), task_id(5)]
    assert ids(found.candidates) == [task_id(2)]
    assert found.found[0].image_urls
    assert dict(service.requests[0].query) == {"model": "flux-lora", "limit": "100"}


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({"seed": 99}, True),
        ({"num_outputs": 1}, True),
        ({"num_outputs": 2}, False),
        ({"loraId": task_id(2)}, False),
    ],
)
async def test_what_a_call_leaves_to_the_service_may_have_any_value(
    api: ApiframeV2, service: Service, changes: dict[str, object], is_same: bool
) -> None:
    params = {"loraId": task_id(1), "aspect_ratio": "1:1", **changes}
    with_jobs(service, job(5, input={"prompt": "TORKPN", "fluxLoraParams": params}))
    found = await api.find(ImageCall(task_id(1), "TORKPN"), SENT)
    assert ids(found.found) == [task_id(5)] * is_same


async def test_a_job_that_cannot_be_fetched_makes_the_search_incomplete(
    api: ApiframeV2, service: Service
) -> None:
    with_jobs(service, job(5, input=INPUT), job(4, input=INPUT))
    del service.answers[f"GET /v2/jobs/{task_id(4)}"]
    found = await api.find(IMAGES, SENT)
    assert (found.is_complete, ids(found.found)) == (False, [task_id(5)])


async def test_candidates_belong_to_the_user_of_the_key(api: ApiframeV2, service: Service) -> None:
    service.answers |= {LIST: listing(lora(2, userId=OTHER), lora(1, userId=USER)), "GET /v2/me": me()}
    assert ids((await search(api)).candidates) == [task_id(1)]
    await search(api)
    assert service.paths.count("GET /v2/me") == 1
