"""A price comes as a card with a button, where cards are shown and the user cannot be asked: it pays exactly that."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import CallToolResult, ElicitResult, TextContent

from apiframe_studio import offers
from apiframe_studio.offers import OFFER_SECONDS
from apiframe_studio.photos.synthetic import draw, make_scenes
from apiframe_tools.results import PAYMENT_META, QUOTE_META, read_fields
from apiframe_tools.wording.quotes import describe_payment

from ..faults.fault_server import fault_server
from .conftest import SHOWS_CARDS, HandClock, Serving, Session
from .kept import keep_set

pytestmark = pytest.mark.slow

Showing = Callable[..., AbstractAsyncContextManager[Session]]
ATTRIBUTES: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True, "subject": "Anna"}


@pytest.fixture
def showing(serving: Serving) -> Showing:
    """A server that pays nothing without an agreement, and a client that shows cards and cannot ask."""
    return lambda **changes: serving(
        **{"extensions": [SHOWS_CARDS], "confirm_spending": "always", "api": "v2", **changes}
    )


@pytest.fixture
async def session(showing: Showing) -> AsyncGenerator[Session]:
    async with showing() as session:
        yield session


def words_of(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


def quote_of(result: CallToolResult) -> dict[str, Any]:
    """What a card gets of a price."""
    assert not result.is_error, words_of(result)
    assert read_fields(result)["status"] == "quote"
    quote: dict[str, Any] = (result.meta or {})[QUOTE_META]
    return quote


async def quote_training(session: Session, **arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask for the price of a training; returns the arguments, and what the card gets."""
    given = {"training_images_id": await keep_set(session), **arguments}
    return given, quote_of(await session.call("start_training", **given))


async def pay(session: Session, quote: dict[str, Any], **more: Any) -> CallToolResult:
    return await session.call("pay_quote", ticket=quote["ticket"], **more)


async def train(session: Session) -> str:
    """Have a finished training of Anna; returns its task_id."""
    ref = await keep_set(session)
    begun = read_fields(await session.call("start_training", training_images_id=ref, max_credits=257))
    session.clock.at += 1_100
    session.clock.runs = True
    await session.ask("get_training_status", subject="Anna")
    return str(begun["task_id"])


async def test_one_click_pays_exactly_the_price_that_the_card_shows(session: Session) -> None:
    given, quote = await quote_training(session)
    assert quote["button"] == "Pay 257 credits"
    assert quote["rows"] == {"Price": "257 credits", "On the account": "12000 credits"}
    assert quote["question"].startswith("Train a model on 15 photos of Anna (set ")
    assert "cannot be cancelled" in quote["meaning"]
    assert quote["note"].startswith("Sandbox: ")
    assert "Nothing was sent and nothing was paid." in quote["note"]
    assert session.paid() == 0

    paid = await pay(session, quote)
    assert read_fields(paid)["status"] == "queued"
    payment = (paid.meta or {})[PAYMENT_META]
    assert "Paid: 257 credits." in payment["shown"]
    task_id, ref = read_fields(paid)["task_id"], read_fields(paid)["ref"]
    assert payment["said"].startswith("I agreed in the card to pay 257 credits. It is queued (")
    assert f"ref {ref}, task_id {task_id}" in payment["said"]
    assert session.paid() == 1
    row = await session.studio.ledger.find(ref, session.clock.now())
    assert row is not None
    assert row.max_credits == 257, "the agreement is recorded"
    again = await session.ask("start_training", **given)
    assert (again.facts["ref"], again.facts["deduplicated"]) == (ref, True)


@pytest.mark.parametrize("cards", [1, 2])
async def test_two_clicks_at_once_pay_once_and_both_get_the_training(session: Session, cards: int) -> None:
    quotes = [(await quote_training(session))[1] for _ in range(cards)]
    answers: list[CallToolResult] = []

    async def click(quote: dict[str, Any]) -> None:
        answers.append(await pay(session, quote))

    async with anyio.create_task_group() as clicks:
        for number in range(2):
            clicks.start_soon(click, quotes[number % cards])
    assert len({read_fields(answer)["task_id"] for answer in answers}) == 1
    assert sorted(read_fields(answer)["deduplicated"] for answer in answers) == [False, True]
    assert session.paid() == 1


async def test_a_ticket_that_was_used_returns_what_was_paid_for(session: Session) -> None:
    _, quote = await quote_training(session)
    first = read_fields(await pay(session, quote))
    again = await pay(session, quote)
    assert (read_fields(again)["ref"], read_fields(again)["deduplicated"]) == (first["ref"], True)
    assert "Nothing was paid now" in (again.meta or {})[PAYMENT_META]["shown"]
    assert session.paid() == 1


async def test_a_price_that_is_too_old_pays_nothing_and_comes_again(session: Session) -> None:
    _, quote = await quote_training(session)
    assert quote["valid_until"] == session.clock.now() + OFFER_SECONDS == session.clock.now() + 300
    session.clock.at += OFFER_SECONDS
    late = quote_of(await pay(session, quote))
    assert "A price is valid for 5 minutes and one payment. Nothing was sent" in late["note"]
    assert late["ticket"] != quote["ticket"]
    assert session.paid() == 0
    session.clock.at += OFFER_SECONDS - 1
    assert read_fields(await pay(session, late))["status"] == "queued"
    assert session.paid() == 1


async def test_the_price_can_be_asked_for_again_and_then_only_the_new_ticket_pays(session: Session) -> None:
    _, quote = await quote_training(session)
    new = quote_of(await pay(session, quote, renew=True))
    old = quote_of(await pay(session, quote))
    assert session.paid() == 0
    assert len({quote["ticket"], new["ticket"], old["ticket"]}) == 3
    await pay(session, new)
    assert session.paid() == 1


async def test_no_other_ticket_pays(session: Session, showing: Showing) -> None:
    _, quote = await quote_training(session)
    ticket = quote["ticket"]
    for wrong in (ticket[:-1], ticket + "A", ticket.swapcase(), "A" * 43):
        message = await session.refusal("pay_quote", ticket=wrong)
        assert "does not know that price any more" in message
        assert "Nothing was paid now. Ask for the price in the chat again" in message
    await session.refusal("pay_quote", ticket="../" + ticket)
    async with showing() as other:
        assert "does not know that price" in await other.refusal("pay_quote", ticket=ticket)
    assert session.paid() == 0


async def test_what_a_model_reads_never_has_the_ticket(session: Session) -> None:
    await train(session)
    for result in (
        await session.call("start_training", training_images_id=await keep_set(session, print_="b")),
        await session.call("generate_photos", subject="Anna", prompt="at sea"),
    ):
        ticket = quote_of(result)["ticket"]
        assert len(ticket) == 43
        read = json.dumps(
            [result.structured_content, [block.model_dump(mode="json") for block in result.content]]
        )
        assert ticket not in read
        assert "the user sees this price in a card, with a button that pays exactly this" in read
        assert "Only if they see no card and agree, call" in read
        paid = await session.call("pay_quote", ticket=ticket)
        assert ticket not in paid.model_dump_json()


@pytest.mark.parametrize("how", ["no extension", "cards off"])
async def test_without_cards_there_is_no_ticket(showing: Showing, how: str) -> None:
    changes: dict[str, Any] = {"extensions": []} if how == "no extension" else {"cards": False}
    async with showing(**changes) as session:
        result = await session.call("start_training", training_images_id=await keep_set(session))
        assert read_fields(result)["status"] == "quote"
        assert QUOTE_META not in (result.meta or {})
        assert "tell the user the price; if they agree, call start_training again with" in words_of(result)


async def test_a_user_who_can_be_asked_is_asked_and_the_card_has_no_ticket(showing: Showing) -> None:
    async def agree(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"agreed": True})

    async with showing(answers=agree) as session:
        _, quote = await quote_training(session, max_credits=100)
        assert "ticket" not in quote
        assert read_fields(await session.call("start_training", training_images_id=await keep_set(session)))[
            "status"
        ] == ("queued")


async def test_an_agreed_amount_pays_without_a_click_as_where_no_cards_are_shown(session: Session) -> None:
    given, quote = await quote_training(session)
    begun = await session.call("start_training", **given, max_credits=257)
    assert read_fields(begun)["status"] == "queued"
    late = await pay(session, quote)
    assert read_fields(late)["deduplicated"] is True
    assert session.paid() == 1


async def test_images_are_made_with_the_training_that_the_price_was_for(session: Session) -> None:
    first = await train(session)
    asked = {"subject": "Anna", "prompt": "at sea", "number_of_images": 3}
    quote = quote_of(await session.call("generate_photos", **asked))
    assert (quote["question"], quote["button"]) == ("Make 3 images of Anna?", "Pay 6 credits")
    newer = await keep_set(session, print_="b")
    await session.call("start_training", training_images_id=newer, max_credits=257)
    session.clock.at += 1_100
    await session.ask("get_training_status", subject="Anna")
    session.clock.at -= 1_000
    made = await pay(session, quote)
    row = await session.studio.ledger.find(read_fields(made)["ref"], session.clock.now())
    assert row is not None
    assert (row.parent_task_id, row.image_count, row.max_credits) == (first, 3, 6)
    assert sum(block.type == "image" for block in made.content) == 3


async def test_a_price_that_has_risen_pays_nothing_and_comes_again(session: Session) -> None:
    await train(session)
    quote = quote_of(await session.call("generate_photos", subject="Anna", prompt="at sea"))
    paid = session.paid()
    session.studio.terms = replace(session.studio.terms, image_credits=5.0)
    risen = quote_of(await pay(session, quote))
    assert "The price has changed. Nothing was sent and nothing was paid." in risen["note"]
    assert risen["button"] == "Pay 5 credits"
    assert session.paid() == paid
    made = await pay(session, risen)
    assert read_fields(made)["status"] == "finished"


@dataclass(frozen=True)
class Replaced:
    """A photo that another one has replaced."""

    path: Path
    content: bytes

    def restore(self) -> None:
        self.path.write_bytes(self.content)


def replace_one(photos: Path) -> Replaced:
    path = min(photos.iterdir())
    replaced = Replaced(path, path.read_bytes())
    draw(make_scenes(30)[-1], (768, 960)).save(path, "JPEG", quality=80)
    return replaced


async def test_an_upload_sends_the_very_photos_that_the_price_was_for(
    showing: Showing, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    async with showing(api="v1") as session:
        quote = quote_of(await session.call("prepare_photos", paths=[str(photos)], **ATTRIBUTES))
        assert quote["question"].startswith("Send 12 photos of Anna (set ")
        assert quote["rows"]["Price"] == "2 credits (training on it costs 48 more)"
        replaced = replace_one(photos)
        message = await session.refusal("pay_quote", ticket=quote["ticket"])
        assert "The photos changed while the user was asked, so nothing was sent or paid." in message
        replaced.restore()
        again = quote_of(await pay(session, quote))
        assert session.paid() == 0
        prepared = await pay(session, again)
        assert read_fields(prepared)["status"] == "ready"
        assert read_fields(prepared)["training_images_id"] in (prepared.meta or {})[PAYMENT_META]["said"]
        assert session.asked("/ai-photo-upload") == 1


async def test_photos_that_were_uploaded_elsewhere_are_paid_up_to_what_the_card_says(
    showing: Showing,
) -> None:
    async with showing(api="v1") as session:
        quote = quote_of(await session.call("start_training", training_images_id="sandbox-person"))
        assert quote["rows"]["Price"] == "40 to 120 credits (4 a photo)"
        assert quote["button"] == "Pay up to 120 credits"
        paid = await pay(session, quote)
        assert "Paid: up to 120 credits." in (paid.meta or {})[PAYMENT_META]["shown"]
        assert session.paid() == 1


async def test_the_daily_limit_holds_for_a_click_too(showing: Showing) -> None:
    async with showing(max_credits_per_day=300) as session:
        _, first = await quote_training(session)
        other = await keep_set(session, print_="b")
        second = quote_of(await session.call("start_training", training_images_id=other))
        await pay(session, first)
        message = await session.refusal("pay_quote", ticket=second["ticket"])
        assert "Nothing was sent: it could cost 257 credits, 257 were spent in the last 24 hours" in message
        assert session.paid() == 1


async def test_too_few_credits_are_reported_by_the_click_and_nothing_is_sent(showing: Showing) -> None:
    async with showing(start_credits=300) as session:
        _, first = await quote_training(session)
        other = await keep_set(session, print_="b")
        second = quote_of(await session.call("start_training", training_images_id=other))
        await pay(session, first)
        session.clock.at += 60
        message = await session.refusal("pay_quote", ticket=second["ticket"])
        assert "costs 257 credits and the account has 43, so nothing was sent or paid" in message
        assert session.paid() == 1


async def test_a_card_says_that_the_account_has_too_few_credits(showing: Showing) -> None:
    async with showing(api="v1", start_credits=39) as session:
        quote = quote_of(await session.call("start_training", training_images_id="sandbox-person"))
        assert "The account has too few credits for it." in quote["note"]
        message = await session.refusal("pay_quote", ticket=quote["ticket"])
        assert "too few credits" in message
        assert "nothing was paid" in message
        assert session.paid() == 0


async def test_a_click_that_did_not_reach_the_service_pays_nothing_and_the_price_comes_again(
    showing: Showing,
) -> None:
    with fault_server("refused") as service:
        async with showing(api="v1", base_url=service.base_url, app_factory=None) as session:
            session.clock.runs = True
            quote = quote_of(await session.call("start_training", training_images_id="photos-0123456789"))
            message = await session.refusal("pay_quote", ticket=quote["ticket"])
            assert "nothing was paid" in message
            again = quote_of(await pay(session, quote))
            assert again["ticket"] != quote["ticket"]
            assert not service.posts


async def test_an_unknown_outcome_is_shown_as_such_and_no_click_pays_again(showing: Showing) -> None:
    with fault_server("reset_after_request") as service:
        async with showing(api="v1", base_url=service.base_url, app_factory=None) as session:
            quote = quote_of(await session.call("start_training", training_images_id="photos-0123456789"))
            lost = await pay(session, quote)
            assert read_fields(lost)["status"] == "unconfirmed"
            shown = (lost.meta or {})[PAYMENT_META]["shown"]
            assert "It is unconfirmed and may have cost up to 120 credits. Next: ask the user" in shown
            again = await pay(session, quote)
            assert read_fields(again)["ref"] == read_fields(lost)["ref"]
            assert len(service.posts) == 1


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("submitting", "It is being sent and costs 2 credits."),
        ("uploading", "It is being sent and costs 2 credits."),
        ("failed", "It is failed and may have cost 2 credits. Next: ask."),
        ("processing", "Paid: 2 credits."),
    ],
)
def test_only_what_was_paid_is_called_paid(status: str, shown: str) -> None:
    result = {"status": status, "credits": 2.0, "deduplicated": False, "sandbox": False, "next_step": "ask."}
    assert describe_payment(result, 2.0)["shown"] == shown


async def test_forgetting_a_subject_drops_every_price(session: Session) -> None:
    _, quote = await quote_training(session)
    await session.ask("forget_subject", subject="Anna", confirm="Anna")
    assert "does not know that price" in await session.refusal("pay_quote", ticket=quote["ticket"])
    assert session.paid() == 0


async def test_the_oldest_price_is_dropped_when_there_are_too_many(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "MAX_OFFERS", 2)
    _, first = await quote_training(session)
    for _ in range(2):
        _, latest = await quote_training(session)
    assert "does not know that price" in await session.refusal("pay_quote", ticket=first["ticket"])
    assert read_fields(await pay(session, latest))["status"] == "queued"
