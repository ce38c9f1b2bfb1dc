"""What a paid call would cost, where it was not sent because the user has not agreed to that yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apiframe_studio.offers import OFFER_SECONDS
from apiframe_tools.wording.phrases import costs, describe_balance, join_sentences, pluralize

NOT_PAID: Final = "Nothing was sent and nothing was paid."
OFFER_UNKNOWN: Final = (
    "This server does not know that price any more: it was restarted, or has given many prices since. Nothing was paid "
    "now. Ask for the price in the chat again; what was paid for before is not paid twice."
)
OFFER_OVER: Final = (
    f"A price is valid for {OFFER_SECONDS / 60:g} minutes and one payment. {NOT_PAID} This is the price now."
)
PRICE_CHANGED: Final = f"The price has changed. {NOT_PAID}"
_BEING_SENT: Final = frozenset({"submitting", "uploading"})


@dataclass(frozen=True)
class Question:
    """What the user is asked to agree to: whether to do it, and what it means, with the price."""

    question: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.question} {self.meaning}"


@dataclass(frozen=True)
class Quote:
    """A price in credits, from `least` to `most`, and the call that it is the price of."""

    tool: str
    what: str
    """As the subject of a sentence: "This training"."""
    question: Question
    most: float
    least: float | None = None
    """None where the price is known exactly."""
    detail: str = ""
    """How the price comes about, such as "20 photos at 4"."""
    limit: float | None = None
    """The most that was agreed to; None where no amount was."""
    balance: float | None = None
    reason: str = ""
    """Why the price is the answer to a click that was to pay, as sentences."""
    in_card: bool = False
    """Whether the user sees it in a card with a button that pays it."""

    def __str__(self) -> str:
        words = (self.reason or NOT_PAID, self._price(), describe_balance(self.balance))
        return join_sentences(False, *words)

    @property
    def next_step(self) -> str:
        """What to ask the user, and the call that pays."""
        again = f"call {self.tool} again with max_credits {self.most:g}"
        if self.in_card:
            return (
                "the user sees this price in a card, with a button that pays exactly this: leave it to them. Only if "
                f"they see no card and agree, {again}."
            )
        if self.least is not None:
            return f"ask the user; if up to {self.most:g} is fine, {again}."
        return f"tell the user the price; if they agree, {again}."

    def describe_for_card(self, *, sandbox: bool) -> Mapping[str, Any]:
        """What a card shows of it, in words."""
        detail = f" ({self.detail})" if self.detail else ""
        least = f"{self.least:g} to " if self.least is not None else ""
        up_to = "up to " if self.least is not None else ""
        rows = {"Price": f"{least}{pluralize(self.most, 'credit')}{detail}"}
        if self.balance is not None:
            rows["On the account"] = pluralize(self.balance, "credit")
        return {
            "question": self.question.question,
            "meaning": self.question.meaning,
            "rows": rows,
            "button": f"Pay {up_to}{pluralize(self.most, 'credit')}",
            "note": join_sentences(sandbox, self.reason or NOT_PAID, self._warning()),
        }

    def _warning(self) -> str:
        needed = self.most if self.least is None else self.least
        is_short = self.balance is not None and self.balance < needed
        return "The account has too few credits for it." if is_short else ""

    def _price(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        # A limit that suffices was agreed to for another call.
        limit = self.limit if self.limit is not None and self.limit < self.most else None
        if self.least is not None:
            over = f"; max_credits is {limit:g}" if limit is not None else ""
            return f"{self.what}, so the price is only known as {self.least:g} to {self.most:g} credits{detail}{over}."
        over = f", more than max_credits {limit:g}" if limit is not None else ""
        return f"{self.what} costs {pluralize(self.most, 'credit')}{detail}{over}."


def describe_payment(paid: Mapping[str, Any], agreed: float) -> Mapping[str, str]:
    """What became of a payment: for a card to show, and to put into the chat as the user's words.

    `paid` are the fields of the result, `agreed` is the most that the user agreed to.
    """
    known = paid["credits"]
    price = f"up to {pluralize(agreed, 'credit')}" if known is None else pluralize(known, "credit")
    said = f"I agreed in the card to pay {price}."
    if paid["deduplicated"]:
        shown = said = "Nothing was paid now: the same request was made before."
    elif paid["status"] in _BEING_SENT:
        shown = f"It is being sent and costs {price}."
    elif costs(paid["status"]) == "costs":
        shown = f"Paid: {price}."
    else:
        shown = f"It is {paid['status']} and may have cost {price}. Next: {paid['next_step']}"
    ids = [f"{name} {paid[name]}" for name in ("ref", "task_id", "training_images_id") if paid.get(name)]
    return {
        "shown": join_sentences(paid["sandbox"], shown),
        "said": f"{said} It is {paid['status']} ({', '.join(ids)}).",
    }
