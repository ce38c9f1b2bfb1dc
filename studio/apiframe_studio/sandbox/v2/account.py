"""`/v2/me`."""

from __future__ import annotations

from starlette.requests import Request

from ..tasks import JsonObject
from .callers import Caller
from .state import V2State


async def show(state: V2State, caller: Caller, _: Request) -> JsonObject:
    """Return the caller, the team with its credits, and the key."""
    team: JsonObject = {
        "id": caller.team_id,
        "name": "Sandbox",
        "credits": state.records.count_credits(caller.team_id),
        "plan": "sandbox",
        "customerId": None,
    }
    return {
        "user": {"id": caller.user_id, "email": f"{caller.name}@sandbox.invalid", "role": caller.role},
        "team": team if state.behaviour().has_team else None,
        "apiKey": {"id": caller.key_id, "name": "Sandbox", "prefix": caller.key_prefix},
    }
