"""get_account: credits and plan."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PrivateAttr

from apiframe_studio.api.provider import Account
from apiframe_studio.studio import Studio
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results import Result
from apiframe_tools.wording.phrases import join_sentences
from apiframe_tools.wording.prices import Prices, describe_account


class AccountStatus(Result):
    """Remaining credits and plan."""

    credits: float | None
    plan: str | None
    trainings: int | None = Field(description="Trainings that the credits pay for, at least")
    sandbox: bool
    next_step: str
    _described: str = PrivateAttr("")

    @classmethod
    def of(cls, account: Account, studio: Studio) -> Self:
        known = account.credits
        result = cls.copy_of(
            account,
            trainings=None if known is None else studio.terms.count_trainings(known).min,
            sandbox=studio.is_sandbox,
            next_step=_next_step(account, studio),
        )
        result._described = describe_account(account, studio.terms)
        return result

    def __str__(self) -> str:
        return join_sentences(self.sandbox, self._described, f"Next: {self.next_step}")


def _next_step(account: Account, studio: Studio) -> str:
    prices = Prices(studio.terms)
    if account.lacks_team:
        page = studio.terms.key_page
        return f"ask the user to create a key within a team at {page} and to set APIFRAME_API_KEY to it."
    if studio.is_sandbox:
        return f"credits are simulated, so try anything; the real service charges {prices.training} for a training."
    return (
        f"a training costs {prices.training_total}{prices.and_preparing}; tell the user if too few are left."
    )


async def get_account(*, studio: RequestStudio) -> AccountStatus:
    """Get remaining credits and plan.

    Free. Optional: a paid call that the credits do not cover is refused at no cost.
    """
    return AccountStatus.of(await studio.account(), studio)
