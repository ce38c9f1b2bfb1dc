"""What a client may assume about a tool before it calls it."""

from __future__ import annotations

from typing import Final

from mcp.types import ToolAnnotations

SPENDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Costs money at the service, at most once for the same wish."""

LOOKS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Asks the service; changes nothing and costs nothing."""

READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Reads this machine only."""

DECIDES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
"""Records a person's decision, which lets a paid request be sent again or dropped."""
