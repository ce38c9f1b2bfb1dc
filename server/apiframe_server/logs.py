"""Logging to stderr, one line per record, secrets redacted. stdout is reserved for the protocol."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from apiframe_studio.api.http.redaction import Redactor


class OneLine(logging.Formatter):
    """Formats a record as one line, traceback included, with secrets redacted."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redact = Redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = " | ".join(part.strip() for part in super().format(record).splitlines() if part.strip())
        return self._redact(line)


def log_to_stderr(level: str, secrets: Sequence[str]) -> None:
    """Configure the root logger. This must run before the SDK configures its own handler, which wraps lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
