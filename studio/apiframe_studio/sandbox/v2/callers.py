"""Who calls: the user and team of a key."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field

from .errors import ErrorEnvelope

WRONG_KEY = "afk_wrong"
REVOKED_KEY = "afk_revoked"
TEAM_MATE_KEY = "afk_team_mate"
OTHER_TEAM_KEY = "afk_other_team"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user within a team. Credits and LoRAs belong to the team, jobs to the user."""

    name: str
    team: str
    role: str
    key_prefix: str
    key_digest: bytes = field(repr=False)
    """SHA-256 of the key, which signs the user's webhooks."""

    @property
    def user_id(self) -> str:
        return _id("user", self.name)

    @property
    def team_id(self) -> str:
        return _id("team", self.team)

    @property
    def key_id(self) -> str:
        return _id("key", self.key_digest.hex())


def authenticate(key: str | None) -> Caller:
    """Accept any key that begins with `afk_`, except the two that the sandbox refuses.

    Raises:
        ErrorEnvelope: 401 if the key is missing, wrong or of another generation, 403 if it is revoked.
    """
    if not key:
        raise ErrorEnvelope("API key is required", status=401)  # [D] all three texts
    if not key.startswith("afk_") or key == WRONG_KEY:
        raise ErrorEnvelope("Invalid API key", status=401)
    if key == REVOKED_KEY:
        raise ErrorEnvelope("API key is inactive", status=403)
    name, team, role = {
        TEAM_MATE_KEY: ("team-mate", "sandbox", "MEMBER"),
        OTHER_TEAM_KEY: ("other", "other", "ADMIN"),
    }.get(key, ("user", "sandbox", "ADMIN"))
    return Caller(name, team, role, key[:8], hashlib.sha256(key.encode()).digest())


def _id(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"http://sandbox.invalid/{kind}/{name}"))
