"""Prices and limits in words: the one place where a text gets a number from the terms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from apiframe_studio.api.provider import Range, Terms
from apiframe_tools.wording.phrases import pluralize


@dataclass(frozen=True)
class Prices:
    """The words for what terms charge and allow. Descriptions of tools use them as fields: `{prices.upload}`."""

    terms: Terms

    @property
    def upload(self) -> str:
        """The price of one upload of photos, such as "2 credits"."""
        return pluralize(self.terms.upload_credits, "credit")

    @property
    def image(self) -> str:
        """The price of one image, such as "1 credit"."""
        return pluralize(self.terms.image_credits, "credit")

    @property
    def training(self) -> str:
        """How a training is priced, such as "4 credits a photo"."""
        price = self.terms.training_credits
        parts = [pluralize(price.flat, "credit")] if price.flat else []
        parts += [f"{pluralize(price.per_photo, 'credit')} a photo"] if price.per_photo else []
        return " and ".join(parts) or "nothing"

    @property
    def training_range(self) -> str:
        """What a training costs in all, such as "40 to 120"."""
        low, high = self.terms.min_training_credits(), self.terms.max_training_credits()
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"

    @property
    def lifetime(self) -> str:
        """About how long a photo set can be trained on, such as "about a day"."""
        hours = self.terms.set_lifetime_seconds / 3600
        return "about a day" if hours == 24 else f"about {hours:g} hours"


def describe_needed(takes: Range) -> str:
    """How many photos a training takes, as the beginning of a sentence."""
    return f"A training takes {takes}"
