"""What a paid call would cost, where it was not sent because the user has not agreed to that yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from apiframe_tools.wording.phrases import describe_balance, pluralize


@dataclass(frozen=True)
class Quote:
    """A price in credits, from `least` to `most`, and the call that it is the price of."""

    tool: str
    what: str
    """As the subject of a sentence: "This training"."""
    most: float
    least: float | None = None
    """None where the price is known exactly."""
    detail: str = ""
    """How the price comes about, such as "20 photos at 4"."""
    limit: float | None = None
    """The most that was agreed to; None where no amount was."""
    balance: float | None = None

    def __str__(self) -> str:
        return " ".join(
            filter(
                None,
                (f"Nothing was sent and nothing was paid. {self._price()}", describe_balance(self.balance)),
            )
        )

    @property
    def next_step(self) -> str:
        """What to ask the user, and the call that pays."""
        again = f"call {self.tool} again with max_credits {self.most:g}"
        if self.least is not None:
            return f"ask the user; if up to {self.most:g} is fine, {again}."
        return f"tell the user the price; if they agree, {again}."

    def _price(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        if self.least is not None:
            limit = f"; max_credits is {self.limit:g}" if self.limit is not None else ""
            return f"{self.what}, so the price is only known as {self.least:g} to {self.most:g} credits{detail}{limit}."
        over = f", more than max_credits {self.limit:g}" if self.limit is not None else ""
        return f"{self.what} costs {pluralize(self.most, 'credit')}{detail}{over}."
