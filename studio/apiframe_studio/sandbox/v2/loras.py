"""`/v2/loras`: training, listing and archiving."""

from __future__ import annotations

import uuid

from starlette.requests import Request

from ..tasks import JsonObject
from .callers import Caller
from .errors import ErrorEnvelope
from .multipart import read_form
from .records import CREATE_CREDITS, Lora
from .schemas import LoraFields, LoraQuery, require_uuid, validate
from .state import V2State
from .store import build_webhook

MAX_IN_FLIGHT = 10


async def create(state: V2State, caller: Caller, request: Request) -> JsonObject:
    """Queue a training at 2 credits; 255 more are taken when it leaves the queue."""
    form = await read_form(request)
    fields = validate(LoraFields, form.texts)
    lora = _build_lora(state, caller, fields, form.image_count)
    failure = state.behaviour().create_unavailable
    if failure != "without_row":
        cost = 0 if failure == "with_failed_row" else CREATE_CREDITS
        webhook = build_webhook(fields.webhook_url, fields.webhook_events, caller.key_digest)
        state.records.add_lora(lora, cost=cost, max_in_flight=MAX_IN_FLIGHT, webhook=webhook)
    if failure is not None:
        raise ErrorEnvelope("Failed to enqueue training", status=503)
    return {"id": lora.id, "status": "PENDING", "imageCount": lora.image_count}


async def show(state: V2State, caller: Caller, request: Request) -> JsonObject:
    """Return a LoRA of the caller's team. Raises the errors of `_find`."""
    return _to_json(state, _find(state, caller, request))


async def list_all(state: V2State, caller: Caller, request: Request) -> JsonObject:
    """Return a page of the LoRAs of the caller's team, newest first."""
    query = validate(LoraQuery, request.query_params)
    fault = state.behaviour().list_fault
    if query.cursor and fault == "second_page_fails":
        raise ErrorEnvelope("Internal server error", status=500, is_deviation=True)
    after = None if fault == "repeated_cursor" else query.cursor
    with_archived = query.include_archived == "true"
    found = state.records.list_loras(
        caller.team_id, state.now(), after=after, limit=query.limit + 1, with_archived=with_archived
    )
    page = found[: query.limit]
    has_more = len(found) > query.limit or (fault == "repeated_cursor" and page)
    return {
        "items": [_to_json(state, lora) for lora in page],
        "nextCursor": page[-1].id if has_more else None,
    }


async def archive(state: V2State, caller: Caller, request: Request) -> None:
    """Archive a LoRA; doing it twice is not an error. Credits do not come back. [?]"""
    lora = _find(state, caller, request)
    if lora.archived_at is None:
        state.records.change_lora(lora.id, archived_at=state.now())


def _build_lora(state: V2State, caller: Caller, fields: LoraFields, image_count: int) -> Lora:
    now, behaviour = state.now(), state.behaviour()
    has_failed = behaviour.create_unavailable == "with_failed_row"
    return Lora(
        id=str(uuid.uuid4()),
        user_id=caller.user_id,
        team_id=caller.team_id,
        created_at=now,
        seconds=state.shared.training_seconds,
        fails=behaviour.training_fails,
        failed_at=now if has_failed else None,
        error="Failed to enqueue training" if has_failed else None,
        image_count=image_count,
        hidden_until=now + behaviour.hidden_seconds,
        has_late_word=behaviour.late_trigger_word,
        **fields.model_dump(exclude={"webhook_url", "webhook_events"}),
    )


def _find(state: V2State, caller: Caller, request: Request) -> Lora:
    """Return the LoRA with the id of the path.

    Raises:
        ErrorEnvelope: 400 if the id is not a UUID, 404 if it is unknown or another team's.
    """
    lora = state.records.find(require_uuid(request.path_params["id"]))
    is_visible = isinstance(lora, Lora) and state.now() >= lora.hidden_until
    if not isinstance(lora, Lora) or not is_visible or lora.team_id != caller.team_id:
        raise ErrorEnvelope("LoRA not found", status=404)
    return lora


def _to_json(state: V2State, lora: Lora) -> JsonObject:
    """Return the JSON of a LoRA. A late trigger word is there from the second time on."""
    now = state.now()
    if lora.has_late_word and lora.status(now) == "READY":
        state.records.change_lora(lora.id, has_late_word=False)
    return lora.to_json(now)
