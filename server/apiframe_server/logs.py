"""Logs: to stderr, one line each, without secrets. stdout belongs to the protocol."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Final

HIDDEN: Final = "[hidden]"


class OneLine(logging.Formatter):
    """A record as one line, tracebacks included, with secrets hidden."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        line = " | ".join(part.strip() for part in super().format(record).splitlines() if part.strip())
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


def log_to_stderr(level: str, secrets: Sequence[str]) -> None:
    """Set up the root logger. The SDK sets up its own, which wraps lines, unless this came first."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
