"""Cards (MCP Apps): views of results that a host shows in the chat, each in one HTML file.

A result is complete without its card: many hosts show none. A card gets the fields of the result, and calls tools and
puts words into the chat through the host.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, Final

from mcp.server.apps import EXTENSION_ID, Apps, ResourcePermissions, client_supports_apps
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from apiframe_studio.api.provider import Terms
from apiframe_studio.inbox import MAX_PHOTOS

_TEXTS: Final = {
    "images": ("Generated images", "The images of generate_photos, with prompt, seed and path."),
    "training": ("A training", "How far a training is, and at the end its trigger word."),
    "photos": ("Checked photos", "The contact sheet of check_photos, and the reasons."),
    "set": ("Prepared photos", "The photo set of prepare_photos, and what was left out."),
}
_CARDS: Final = {
    "generate_photos": "images",
    "start_training": "training",
    "get_training_status": "training",
    "check_photos": "photos",
    "prepare_photos": "set",
}
_OF_CARDS: Final = frozenset({"receive_photo", "pay_quote"})


def card_meta(tool: str) -> dict[str, Any] | None:
    """Return what the `_meta` of a tool says about its card; None for a tool without one."""
    if tool in _OF_CARDS:
        return {"ui": {"visibility": ["app"]}}
    return {"ui": {"resourceUri": _uri(_CARDS[tool])}} if tool in _CARDS else None


def build_extension(terms: Terms) -> Apps:
    """The extension with every card as a resource. The card that takes photos makes them as small as they are sent."""
    apps, folder = Apps(), files(__name__)
    shared = (folder / "shared.html").read_text(encoding="utf-8")
    quote = (folder / "quote.html").read_text(encoding="utf-8")
    filled = {
        "<!-- shared -->\n": shared,
        "<!-- quote -->\n": quote,
        '"<!-- most photos -->"': str(MAX_PHOTOS),
        '"<!-- long side -->"': str(terms.photo_long_side),
        '"<!-- jpeg bytes -->"': str(terms.jpeg_bytes),
    }
    for name, (title, description) in _TEXTS.items():
        html = (folder / f"{name}.html").read_text(encoding="utf-8")
        for place, text in filled.items():
            html = html.replace(place, text)
        copying = ResourcePermissions(clipboard_write={})
        apps.add_html_resource(
            _uri(name),
            _compact(html),
            name=f"card_{name}",
            title=title,
            description=description,
            permissions=copying,
        )
    return apps


async def declare_cards(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Declare the extension in the answer to `initialize` too, and keep the tools of cards from clients without it.

    The SDK declares it only to newer clients. Hosts hide such a tool from the model, and others would show it.
    """
    is_call = ctx.method == "tools/call" and (ctx.params or {}).get("name") in _OF_CARDS
    if is_call and not client_supports_apps(ctx):
        raise MCPError(INVALID_PARAMS, "This tool is only for cards, which the client does not show.")
    result = await call_next(ctx)
    if ctx.method == "tools/list" and isinstance(result, dict) and not client_supports_apps(ctx):
        result["tools"] = [tool for tool in result["tools"] if tool["name"] not in _OF_CARDS]
    if ctx.method == "initialize" and isinstance(result, dict):
        extensions = result["capabilities"].setdefault("extensions", {})
        extensions.setdefault(EXTENSION_ID, {})
    return result


def _compact(html: str) -> str:
    """The card without indentation and whole-line comments, a tenth of it, which are for readers of the source."""
    return re.sub(r"(?m)^[ \t]*(//.*\n)?", "", html)


def _uri(card: str) -> str:
    return f"ui://apiframe/{card}.html"
