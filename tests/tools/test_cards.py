"""Cards: what is published of them, and to whom. `make cards` shows them in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import TextResourceContents

if TYPE_CHECKING:
    from .conftest import Serving, Session

CARDS = {
    "generate_photos": "ui://apiframe/images.html",
    "start_training": "ui://apiframe/training.html",
    "get_training_status": "ui://apiframe/training.html",
    "check_photos": "ui://apiframe/photos.html",
}
MAX_BYTES = 8_000


async def _html(session: Session, uri: str) -> str:
    [content] = (await session.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == APP_MIME_TYPE
    return content.text


async def test_tools_name_their_cards_and_every_card_is_a_resource(session: Session) -> None:
    tools = (await session.client.list_tools()).tools
    assert {tool.name: tool.meta["ui"]["resourceUri"] for tool in tools if tool.meta} == CARDS
    listed = {str(one.uri) for one in (await session.client.list_resources()).resources}
    assert {uri for uri in listed if uri.startswith("ui://")} == set(CARDS.values())


@pytest.mark.parametrize("era", ["auto"], indirect=True)
@pytest.mark.parametrize("uri", sorted(set(CARDS.values())))
async def test_a_card_is_small_and_loads_nothing(session: Session, uri: str) -> None:
    html = await _html(session, uri)
    assert len(html.encode()) <= MAX_BYTES
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|<iframe|\bfetch\(|XMLHttp|WebSocket", html)
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", html)


async def test_the_server_says_that_it_has_cards_in_both_eras(session: Session) -> None:
    assert _declared(session) == {}


async def test_cards_can_be_turned_off(serving: Serving) -> None:
    async with serving(cards=False) as session:
        assert all(tool.meta is None for tool in (await session.client.list_tools()).tools)
        uris = [str(one.uri) for one in (await session.client.list_resources()).resources]
        assert not [uri for uri in uris if uri.startswith("ui:")]
        assert _declared(session) is None


def _declared(session: Session) -> Any:
    capabilities = session.client.server_capabilities
    return (capabilities.extensions or {}).get(EXTENSION_ID)
