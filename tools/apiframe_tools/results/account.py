"""The result of get_account."""

from __future__ import annotations

from typing import Self

from apiframe_studio.api.provider import Account
from apiframe_studio.photo_sets import UPLOAD_CREDITS
from apiframe_tools.results import Result
from apiframe_tools.wording.phrases import join_sentences

_WHAT_IT_COSTS = (
    f"a training costs 4 credits a photo (40 to 120), plus {UPLOAD_CREDITS:g} for preparing the photos; tell the "
    "user if too few are left."
)
_NOTHING_IS_CHARGED = (
    "credits are simulated, so try anything; the real service charges 4 credits a photo for a training."
)


class AccountStatus(Result):
    """Remaining credits and plan."""

    credits: float | None
    plan: str | None
    sandbox: bool
    next_step: str

    @classmethod
    def of(cls, account: Account, *, sandbox: bool) -> Self:
        """What get_account returns."""
        return cls.copy_of(
            account, sandbox=sandbox, next_step=_NOTHING_IS_CHARGED if sandbox else _WHAT_IT_COSTS
        )

    def __str__(self) -> str:
        left = "an unknown number of credits" if self.credits is None else f"{self.credits:.15g} credits"
        plan = f" on plan {self.plan!r}" if self.plan else ""
        return join_sentences(self.sandbox, f"The account has {left}{plan}.", f"Next: {self.next_step}")
