"""generate_photos: generate images with a finished training."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Context, Resolve
from mcp.server.mcpserver.exceptions import ToolError

from apiframe_studio.images import ImagePrice, ImageRequest
from apiframe_studio.ledger.errors import PaymentNotApproved, PriceAboveLimit
from apiframe_studio.studio import Studio
from apiframe_tools.mcp.confirmation import (
    Confirmation,
    Confirming,
    confirm_spending,
    is_quoted,
    may_pay,
    read_balance,
)
from apiframe_tools.mcp.parameters import (
    CUSTOM,
    AspectRatio,
    ImageCount,
    Like,
    MaxCredits,
    OfSubject,
    PixelSize,
    Prompt,
    Seed,
    TaskName,
    require_one_name,
)
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.images import ImagesMade
from apiframe_tools.wording.phrases import pluralize
from apiframe_tools.wording.quotes import Question

MAX_SECONDS: Final = 42.0


async def _confirm(
    ctx: Context[Any, Any],
    studio: RequestStudio,
    prompt: str,
    task_id: str | None,
    subject: str | None,
    aspect_ratio: str | None,
    width: int | None,
    height: int | None,
    number_of_images: int | None,
    seed: int | None,
    like: str | None,
    max_credits: int | None,
) -> Confirming:
    request = ImageRequest(
        prompt, task_id, subject, aspect_ratio, width, height, number_of_images, seed, max_credits, like
    )
    question = partial(_question, studio, request)
    # A few credits for what the user has just asked for: by default that is not asked again.
    return await confirm_spending(ctx, studio, question, max_credits, asks=frozenset({"always"}))


async def generate_photos(
    prompt: Prompt,
    task_id: TaskName | None = None,
    subject: OfSubject | None = None,
    aspect_ratio: AspectRatio | None = None,
    width: PixelSize | None = None,
    height: PixelSize | None = None,
    number_of_images: ImageCount | None = None,
    seed: Seed | None = None,
    like: Like | None = None,
    max_credits: MaxCredits | None = None,
    *,
    studio: RequestStudio,
    confirmation: Annotated[Confirmation, Resolve(_confirm)],
) -> ImagesMade:
    """Generate images of a trained subject from a prompt and save them on this machine.

    Costs {prices.image} an image. Repeating a call that made images is free: with a seed at any time, otherwise for
    ten minutes. Takes task_id or subject of a finished training, or like; adds the trigger word if the prompt lacks it.
    Returns paths and small previews.
    """
    require_one_name(task_id, subject, like)
    custom = aspect_ratio == CUSTOM
    if custom != (width is not None and height is not None) or (not custom and (width or height)):
        raise ToolError("width and height are required with aspect_ratio custom, and allowed only with it.")
    request = ImageRequest(
        prompt, task_id, subject, aspect_ratio, width, height, number_of_images, seed, max_credits, like
    )
    try:
        made = await studio.images.generate(request, MAX_SECONDS, may_pay=may_pay(confirmation))
    except (PaymentNotApproved, PriceAboveLimit) as refused:
        price = await studio.images.price(request)
        if price is None or not is_quoted(confirmation, refused):
            raise
        return ImagesMade.quoted(price, _describe(request, price), studio, await read_balance(studio))
    return ImagesMade.of(made, studio)


async def _question(studio: Studio, request: ImageRequest) -> str | None:
    price = await studio.images.price(request)
    if price is None or (request.max_credits is not None and price.credits > request.max_credits):
        return None
    return str(_describe(request, price))


def _describe(request: ImageRequest, price: ImagePrice) -> Question:
    number, of = request.number_of_images or 1, request.subject or price.subject or price.request.task_id
    return Question(
        f"Make {pluralize(number, 'image')} of {of}?",
        f"It costs {pluralize(price.credits, 'credit')} at Apiframe.",
    )
