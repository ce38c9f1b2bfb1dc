"""Let a card show a price and take the user's agreement to it, where the client has cards and cannot ask.

The ticket that pays is in `_meta`, which reaches cards and not the model. Only a tool of cards accepts it.
"""

from __future__ import annotations

from typing import Any

from mcp.server.apps import client_supports_apps
from mcp.server.mcpserver import Context

from apiframe_studio.studio import Studio
from apiframe_tools.mcp.confirmation import can_ask
from apiframe_tools.results import Priced


def put_into_card(result: Priced, ctx: Context[Any, Any]) -> Priced:
    """Return the price as a card shows it, with a ticket where the user cannot be asked; other results unchanged."""
    request = result.offered
    if request is None or not client_supports_apps(ctx):
        return result
    if can_ask(ctx):
        return result.in_card({})
    studio: Studio = ctx.request_context.lifespan_context
    ticket, offer = studio.offers.add(request)
    return result.in_card({"ticket": ticket, "valid_until": offer.valid_until})
