"""Prices and limits in words: the one place where a text gets a number from the terms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from apiframe_studio.api.provider import Account, Range, Terms
from apiframe_tools.wording.phrases import pluralize


@dataclass(frozen=True)
class Prices:
    """The words for what terms charge and allow. Descriptions of tools use them as fields: `{prices.upload}`."""

    terms: Terms

    @property
    def upload(self) -> str:
        """The price of one upload of photos, such as "2 credits", or "free"."""
        return pluralize(self.terms.upload_credits, "credit") if self.terms.upload_credits else "free"

    @property
    def preparing(self) -> str:
        """What preparing photos costs, and what becomes of them then."""
        if self.terms.uploads_before_training:
            return (
                f"Uploads them for {self.upload}, once for the same photos while the set is valid ({self.lifetime}). A "
                "slow upload continues after the call; the same call again reports it."
            )
        return f"Free: they stay on this machine, for {self.lifetime}, until start_training sends them."

    @property
    def sending(self) -> str:
        """What starting a training sends, where it is more than its request."""
        return "" if self.terms.uploads_before_training else ", which it sends to Apiframe now"

    @property
    def forgetting(self) -> str:
        """What forgetting a subject also removes at the service."""
        return ", and its trained models at Apiframe" if self.terms.can_delete else ""

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
    def training_total(self) -> str:
        """What a training costs, such as "4 credits a photo (40 to 120)" or "257 credits"."""
        is_flat = not self.terms.training_credits.per_photo
        return self.training if is_flat else f"{self.training} ({self.training_range})"

    @property
    def and_preparing(self) -> str:
        """What its photos cost besides, such as ", plus 2 credits for preparing the photos", or ""."""
        return f", plus {self.upload} for preparing the photos" if self.terms.upload_credits else ""

    @property
    def refund(self) -> str:
        """What comes back when a training fails, as a sentence."""
        back = self.terms.training_refund
        if back is None:
            return "Apiframe does not document refunds."
        return f"Apiframe documents that {pluralize(back, 'credit')} of a failed training come back."

    @property
    def lifetime(self) -> str:
        """About how long a photo set can be trained on, such as "about a day"."""
        hours = self.terms.set_lifetime_seconds / 3600
        return "about a day" if hours == 24 else f"about {hours:g} hours"


def describe_account(account: Account, terms: Terms) -> str:
    """What an account has, and how many trainings that pays for, as sentences."""
    if account.lacks_team:
        return "The API key belongs to no team, so it has no credits."
    plan = f" on plan {account.plan!r}" if account.plan else ""
    if account.credits is None:
        return f"The account has an unknown number of credits{plan}."
    numbers = terms.count_trainings(account.credits)
    paid = (
        "no training" if numbers.max == 0 else f"{numbers} trainings, depending on how many photos they have"
    )
    if 0 < numbers.min == numbers.max:
        paid = pluralize(numbers.max, "training")
    return f"The account has {account.credits:.15g} credits{plan}: enough for {paid}."


def describe_needed(takes: Range) -> str:
    """How many photos a training takes, as the beginning of a sentence."""
    return f"A training takes {takes}"
