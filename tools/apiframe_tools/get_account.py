"""get_account: credits and plan."""

from __future__ import annotations

from typing import Self

from apiframe_studio.api.provider import Account
from apiframe_studio.studio import Studio
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results import Result
from apiframe_tools.wording.phrases import join_sentences
from apiframe_tools.wording.prices import Prices


class AccountStatus(Result):
    """Remaining credits and plan."""

    credits: float | None
    plan: str | None
    sandbox: bool
    next_step: str

    @classmethod
    def of(cls, account: Account, studio: Studio) -> Self:
        prices = Prices(studio.terms)
        next_step = (
            f"credits are simulated, so try anything; the real service charges {prices.training} for a training."
            if studio.is_sandbox
            else f"a training costs {prices.training} ({prices.training_range}), plus "
            f"{studio.terms.upload_credits:g} for preparing the photos; tell the user if too few are left."
        )
        return cls.copy_of(account, sandbox=studio.is_sandbox, next_step=next_step)

    def __str__(self) -> str:
        left = "an unknown number of credits" if self.credits is None else f"{self.credits:.15g} credits"
        plan = f" on plan {self.plan!r}" if self.plan else ""
        return join_sentences(self.sandbox, f"The account has {left}{plan}.", f"Next: {self.next_step}")


async def get_account(*, studio: RequestStudio) -> AccountStatus:
    """Get remaining credits and plan.

    Free. Use before start_training to check that the user can afford a training ({prices.training_range} credits).
    """
    return AccountStatus.of(await studio.account(), studio)
