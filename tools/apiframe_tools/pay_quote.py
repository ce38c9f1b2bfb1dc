"""pay_quote: pay a price that the user has agreed to in a card. No model sees this tool."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Final

from mcp.server.elicitation import AcceptedElicitation
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, StringConstraints

from apiframe_studio.images import ImageRequest
from apiframe_studio.offers import Payable
from apiframe_studio.photo_sets import PhotoSetRequest
from apiframe_studio.studio import Studio
from apiframe_studio.training_sources import TrainingRequest
from apiframe_tools.generate_photos import generate_photos
from apiframe_tools.mcp.confirmation import CONFIRMED, NOT_ASKED, Confirmation
from apiframe_tools.mcp.request import OnProgress, Progress, RequestStudio
from apiframe_tools.prepare_photos import prepare_again
from apiframe_tools.results import Priced
from apiframe_tools.start_training import start_training
from apiframe_tools.wording.quotes import OFFER_OVER, OFFER_UNKNOWN, PRICE_CHANGED, describe_payment

Ticket = Annotated[
    str,
    StringConstraints(pattern="^[A-Za-z0-9_-]+$", max_length=64),
    Field(description="Of the price that the card shows"),
]
Renew = Annotated[bool, Field(description="Only return the price as it is now, and pay nothing")]

_AGREED: Final = AcceptedElicitation(data=CONFIRMED)
_NOT_AGREED: Final = AcceptedElicitation(data=NOT_ASKED)


async def pay_quote(
    ticket: Ticket, renew: Renew = False, *, studio: RequestStudio, progress: Progress
) -> Priced:
    """Pay exactly what a card shows, once, at most that price. Returns what the tool that gave the price returns.

    A ticket that is over or was used pays nothing: it returns what was made of it, or the price as it is now.
    """
    offer = studio.offers.find(ticket)
    if offer is None:
        raise ToolError(OFFER_UNKNOWN)
    if offer.take(studio.clock.now(), to_pay=not renew):
        reason, confirmation = PRICE_CHANGED, _AGREED
    else:
        reason, confirmation = OFFER_OVER, _NOT_AGREED
        await offer.wait()
    try:
        result = await _call(offer.request, studio, progress, confirmation)
    finally:
        offer.finish()
    if result.offered is not None:
        return result.with_reason(reason)
    return result.with_payment(describe_payment(result.model_dump(), offer.request.max_credits or 0.0))


async def _call(request: Payable, studio: Studio, progress: OnProgress, confirmation: Confirmation) -> Priced:
    """Make the call that the price was the answer to."""
    match request:
        case TrainingRequest():
            given = _arguments(request)
            return await start_training(**given, studio=studio, progress=progress, confirmation=confirmation)
        case ImageRequest():
            return await generate_photos(**_arguments(request), studio=studio, confirmation=confirmation)
        case PhotoSetRequest():
            return await prepare_again(request, studio, progress, confirmation)


def _arguments(request: TrainingRequest | ImageRequest) -> dict[str, Any]:
    """A request has the parameters of its tool, by the same names."""
    return {field.name: getattr(request, field.name) for field in fields(request)}
