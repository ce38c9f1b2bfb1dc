"""The results of one check, in the same form for all programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """What one program reported about one thing. `failures` maps checks to messages, `reasons` to why they may fail."""

    checker: str
    checked: str
    passed: int
    failures: dict[str, str] = field(default_factory=dict[str, str])
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def unexplained(self) -> dict[str, str]:
        """The failures without a documented reason."""
        return {name: message for name, message in self.failures.items() if name not in self.reasons}

    def as_row(self) -> dict[str, Any]:
        """Return a row of the table in docs/clients.md, without what changes from run to run."""
        explained = {name: self.reasons.get(name, "") for name in sorted(self.failures)}
        return {
            "checker": self.checker,
            "checked": self.checked,
            "passed": self.passed,
            "failures": explained,
        }

    def __str__(self) -> str:
        why = "".join(f"\n    {name}: {message}" for name, message in self.unexplained.items())
        failed = (
            f", {len(self.failures)} failed ({len(self.unexplained)} unexplained)" if self.failures else ""
        )
        return f"{self.checker}, {self.checked}: {self.passed} passed{failed}{why}"
