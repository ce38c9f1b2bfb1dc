"""The MCP tools, prompts and resources: one module for each tool, with typed arguments and results."""

from __future__ import annotations

from typing import Final

from apiframe_studio.api.provider import Terms
from apiframe_tools import (
    check_photos,
    forget_subject,
    generate_photos,
    get_account,
    get_training_status,
    list_images,
    list_trainings,
    pay_quote,
    prepare_photos,
    receive_photo,
    resolve_training,
    start_training,
    wait_for_training,
)
from apiframe_tools.cards import build_extension, card_meta, declare_cards
from apiframe_tools.mcp.tool import DECISION, LOCAL_READ, LOCAL_WRITE, PAID, REMOTE_READ, StudioTool
from apiframe_tools.prompts import add_prompts
from apiframe_tools.resources import add_resources
from apiframe_tools.wording.instructions import instructions

_TOOLS: Final = (
    (start_training.start_training, "Start a training", PAID),
    (get_training_status.get_training_status, "Get training status", REMOTE_READ),
    (wait_for_training.wait_for_training, "Wait for a training", REMOTE_READ),
    (list_trainings.list_trainings, "List trainings", REMOTE_READ),
    (resolve_training.resolve_training, "Resolve a request", DECISION),
    (check_photos.check_photos, "Check photos", LOCAL_READ),
    (prepare_photos.prepare_photos, "Prepare photos", PAID),
    (generate_photos.generate_photos, "Generate images", PAID),
    (list_images.list_images, "List images", LOCAL_READ),
    (forget_subject.forget_subject, "Forget a subject", DECISION),
    (get_account.get_account, "Get account", REMOTE_READ),
)
_TOOLS_OF_CARDS: Final = (
    (receive_photo.receive_photo, "Receive a photo", LOCAL_WRITE),
    (pay_quote.pay_quote, "Pay a price", PAID),
)


def build_tools(terms: Terms, *, cards: bool = False) -> list[StudioTool]:
    """Every tool under these terms, in the order in which a model should read them. With `cards` it names its card."""
    preparing = PAID if terms.uploads_before_training else LOCAL_WRITE
    return [
        StudioTool.of(
            fn,
            title,
            preparing if fn is prepare_photos.prepare_photos else annotations,
            terms,
            card_meta(fn.__name__) if cards else None,
        )
        for fn, title, annotations in (*_TOOLS, *(_TOOLS_OF_CARDS if cards else ()))
    ]


__all__ = [
    "StudioTool",
    "add_prompts",
    "add_resources",
    "build_extension",
    "build_tools",
    "declare_cards",
    "instructions",
]
