"""What a judge said, in one shape for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """One judge on one thing. A red is a check's name and what the judge said of it."""

    judge: str
    looked_at: str
    passed: int
    reds: dict[str, str] = field(default_factory=dict[str, str])
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def unexplained(self) -> dict[str, str]:
        """The reds that nobody has given a reason for."""
        return {name: said for name, said in self.reds.items() if name not in self.reasons}

    def as_row(self) -> dict[str, Any]:
        """For the table in docs/clients.md, which holds what does not change from run to run."""
        explained = {name: self.reasons.get(name, "") for name in sorted(self.reds)}
        return {
            "judge": self.judge,
            "looked_at": self.looked_at,
            "passed": self.passed,
            "reds": explained,
        }

    def __str__(self) -> str:
        why = "".join(f"\n    {name}: {said}" for name, said in self.unexplained.items())
        red = f", {len(self.reds)} red ({len(self.unexplained)} unexplained)" if self.reds else ""
        return f"{self.judge}, {self.looked_at}: {self.passed} passed{red}{why}"
