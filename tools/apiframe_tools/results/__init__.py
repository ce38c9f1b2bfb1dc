"""What all results share. Images are content blocks after the text."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink
from pydantic import BaseModel, PrivateAttr

from apiframe_studio.offers import Payable
from apiframe_studio.studio import Studio
from apiframe_tools.wording.phrases import QUOTE, join_sentences
from apiframe_tools.wording.quotes import Quote

FIELDS_META: Final = "apiframe/result"
"""The key in `_meta` of the fields of a result with images: for programs and cards, not for the model."""
QUOTE_META: Final = "apiframe/quote"
"""The key in `_meta` of a price in words, and of the ticket that pays it: for cards only."""
PAYMENT_META: Final = "apiframe/payment"
"""The key in `_meta` of what became of a payment: for cards only."""


class Result(BaseModel):
    """A result whose `str` is a complete text.

    Many clients show a model only the text, so it names the state, the id, the trigger word and the next step.
    """

    @classmethod
    def copy_of(cls, source: object, **others: Any) -> Self:
        """Copy each field from the attribute of the same name in `source`; `others` are the fields that differ."""
        same = {name: getattr(source, name) for name in cls.model_fields if name not in others}
        return cls(**same, **others)


class Priced(Result):
    """The result of a paid call: what it made, or its price where the user has not agreed to it."""

    _quote: Quote | None = PrivateAttr(None)
    _request: Payable | None = PrivateAttr(None)
    _for_card: dict[str, Any] = PrivateAttr(default_factory=dict[str, Any])

    @classmethod
    def of_quote(cls, quote: Quote, request: Payable, studio: Studio, **fields: Any) -> Self:
        """The price of a request that was not sent. `fields` are those that the call itself gives."""
        known: dict[str, Any] = {
            "ref": "",
            "status": QUOTE,
            "deduplicated": False,
            "warnings": [],
            "sandbox": studio.is_sandbox,
            "next_step": quote.next_step,
        }
        result = cls(**known, **fields)
        result._quote, result._request = quote, request
        return result

    @property
    def offered(self) -> Payable | None:
        """The request that this is the price of, with the price as the most that may be paid; None if it was sent."""
        if self._quote is None or self._request is None:
            return None
        return replace(self._request, max_credits=self._quote.most)

    @property
    def for_card(self) -> Mapping[str, Any]:
        """What only a card gets of it, by its key in `_meta`."""
        return self._for_card

    def with_reason(self, reason: str) -> Self:
        """The same price, with why it is the answer to a click that was to pay."""
        return self._requoted(reason=reason)

    def in_card(self, offer: Mapping[str, Any]) -> Self:
        """The same price for a client that shows cards. `offer` is what pays it; empty where a button may not."""
        shown = self._requoted(in_card=bool(offer))
        if shown._quote is not None:
            sandbox = bool(getattr(self, "sandbox", False))
            shown._for_card[QUOTE_META] = {**shown._quote.describe_for_card(sandbox=sandbox), **offer}
        return shown

    def with_payment(self, payment: Mapping[str, Any]) -> Self:
        """The same result, with what became of the payment."""
        self._for_card[PAYMENT_META] = payment
        return self

    def _requoted(self, **changes: Any) -> Self:
        if self._quote is None:
            return self
        quote = replace(self._quote, **changes)
        result = self.model_copy(update={"next_step": quote.next_step})
        result._quote = quote
        return result

    def __str__(self) -> str:
        if self._quote is None:
            return self.describe()
        sandbox = bool(getattr(self, "sandbox", False))
        return join_sentences(sandbox, str(self._quote), f"Next: {self._quote.next_step}")

    def describe(self) -> str:
        """The text about what the call made."""
        raise NotImplementedError


class WithImages(Result):
    """A result with images or links to them.

    It has no structured content, beside which some hosts drop images, or the text. So its text says everything.
    """

    _blocks: list[ContentBlock] = PrivateAttr(default_factory=list[ContentBlock])

    @property
    def blocks(self) -> list[ContentBlock]:
        return self._blocks

    def add_image(self, jpeg: bytes) -> None:
        self._blocks.append(
            ImageContent(type="image", data=base64.b64encode(jpeg).decode(), mime_type="image/jpeg")
        )

    def add_link(self, path: str, uri: str, media_type: str) -> None:
        self._blocks.append(
            ResourceLink(type="resource_link", uri=uri, name=Path(path).name, mime_type=media_type)
        )


def read_fields(result: CallToolResult) -> dict[str, Any]:
    """Return the fields of a tool's result, wherever it carries them; empty for an error."""
    return dict(result.structured_content or (result.meta or {}).get(FIELDS_META) or {})
