"""How the studio's verbs reach the service: a client that is built at its first use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiframe_studio.api.provider import Provider

Service = Callable[[], Awaitable["Provider"]]
"""Gives the service's client, built at the first use. Raises InvalidKey or InvalidBaseUrl."""
