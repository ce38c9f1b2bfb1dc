"""Cards: what is published of them, and to whom. `make cards` shows them in a browser."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from collections.abc import AsyncGenerator
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import TextResourceContents
from PIL import Image

from apiframe_studio import inbox
from apiframe_studio.forgetting import forget_subject

from .conftest import SHOWS_CARDS
from .illustrated import show

if TYPE_CHECKING:
    from .conftest import Serving, Session

CARDS = {
    "generate_photos": "ui://apiframe/images.html",
    "start_training": "ui://apiframe/training.html",
    "get_training_status": "ui://apiframe/training.html",
    "check_photos": "ui://apiframe/photos.html",
    "prepare_photos": "ui://apiframe/set.html",
}
MAX_BYTES = 10_000


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


@pytest.mark.parametrize("era", ["auto"], indirect=True)
@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_the_card_that_takes_photos_makes_them_as_small_as_they_are_sent(
    serving: Serving, api: str
) -> None:
    async with serving(api=api) as session:
        terms, html = session.studio.terms, await _html(session, "ui://apiframe/photos.html")
    assert f" = {inbox.MAX_PHOTOS}, SIDE = {terms.photo_long_side}, BYTES = {terms.jpeg_bytes}\n" in html
    assert terms.jpeg_bytes <= inbox.MAX_BYTES


async def test_the_server_says_that_it_has_cards_in_both_eras(session: Session) -> None:
    assert _declared(session) == {}


async def test_cards_can_be_turned_off(serving: Serving) -> None:
    async with serving(cards=False, extensions=[SHOWS_CARDS]) as session:
        assert all(tool.meta is None for tool in (await session.client.list_tools()).tools)
        uris = [str(one.uri) for one in (await session.client.list_resources()).resources]
        assert not [uri for uri in uris if uri.startswith("ui:")]
        assert _declared(session) is None


def _declared(session: Session) -> Any:
    capabilities = session.client.server_capabilities
    return (capabilities.extensions or {}).get(EXTENSION_ID)


def _jpeg(number: int) -> str:
    content = BytesIO()
    Image.effect_noise((700, 700), 40 + number).convert("RGB").save(content, "JPEG")
    return b64encode(content.getvalue()).decode()


@pytest.fixture
async def showing(serving: Serving) -> AsyncGenerator[Session]:
    """A client that shows cards."""
    async with serving(extensions=[SHOWS_CARDS]) as session:
        yield session


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("receive_photo", {"batch": "0123abcd", "number": 1, "data": ""}),
        ("pay_quote", {"ticket": "a" * 43}),
    ],
)
async def test_only_a_client_that_shows_cards_gets_the_tools_of_cards(
    session: Session, serving: Serving, name: str, given: dict[str, Any]
) -> None:
    assert name not in {tool.name for tool in (await session.client.list_tools()).tools}
    with pytest.raises(MCPError, match="only for cards"):
        await session.client.call_tool(name, given)
    async with serving(extensions=[SHOWS_CARDS]) as showing:
        tools = (await showing.client.list_tools()).tools
        [tool] = [one for one in tools if one.name == name]
        assert tool.meta == {"ui": {"visibility": ["app"]}}


async def test_photos_from_a_card_are_kept_privately_and_can_be_checked(showing: Session) -> None:
    for number in (1, 2):
        kept = await showing.ask("receive_photo", batch="0123abcd", number=number, data=_jpeg(number))
    folder = kept.facts["folder"]
    assert kept.facts["photos"] == 2
    assert sorted(os.listdir(folder)) == ["01.jpg", "02.jpg"]
    if os.name == "posix":
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(f"{folder}/01.jpg").st_mode) == 0o600
    checked = await show(showing, "check_photos", paths=[folder])
    assert [photo["name"] for photo in checked.facts["photos"]] == ["01.jpg", "02.jpg"]


async def test_no_other_folder_can_be_written_and_nothing_but_a_photo(showing: Session) -> None:
    photo = {"batch": "0123abcd", "number": 1, "data": _jpeg(1)}
    for wrong in (
        {"batch": "../../etc"},
        {"number": 61},
        {"data": "%"},
        {"data": b64encode(b"#!/bin/sh").decode()},
    ):
        await showing.refusal("receive_photo", **{**photo, **wrong})
    assert not showing.studio.inbox.folder.exists()


async def test_the_inbox_is_limited_and_emptied_after_a_day_and_by_forgetting(
    showing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_BATCHES", 2)
    for batch in ("00000000", "00000001"):
        await showing.ask("receive_photo", batch=batch, number=1, data=_jpeg(1))
    full = await showing.refusal("receive_photo", batch="00000002", number=1, data=_jpeg(1))
    assert "Too many photos wait already" in full
    folder = showing.studio.inbox.folder
    os.utime(folder / "00000000", (0, 0))
    await showing.ask("receive_photo", batch="00000002", number=1, data=_jpeg(1))
    assert sorted(path.name for path in folder.iterdir()) == ["00000001", "00000002"]
    studio = showing.studio
    await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
    assert list(folder.iterdir()) == []


async def test_forgetting_removes_photos_from_a_card_under_any_name_and_says_so(showing: Session) -> None:
    for number in (1, 2):
        await showing.ask("receive_photo", batch="0123abcd", number=number, data=_jpeg(number))
    shown = await showing.ask("forget_subject", subject="Anna")
    assert "No subject in the sandbox is called Anna." in shown.text
    assert "to be removed, since nothing says whom they show: 2" in shown.text
    assert showing.studio.inbox.count() == 2
    done = await showing.ask("forget_subject", subject="Anna", confirm="Anna")
    assert "Removed photos that were given to a card in the chat: 2." in done.text
    assert (done.facts["inbox_photos"], done.facts["records"]) == (2, 0)
    assert showing.studio.inbox.count() == 0
    assert "has that subject" in await showing.refusal("forget_subject", subject="Anna", confirm="Anna")
