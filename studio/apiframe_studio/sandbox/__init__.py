"""A stand-in for the Apiframe v1 service: same calls, same answers, same oddities, no money and no waiting.

Embedded, its `app` is handed to an HTTP client together with `SANDBOX_URL`; on a port, any client of the real
service can be tried on it. Importing this package imports neither a web framework nor a database.
"""

from __future__ import annotations

from .sandbox import Sandbox

SANDBOX_KEY = "sandbox-key"
"""A key that the sandbox takes, as it does every key but `wrong-key` and those beginning `afk_`."""

SANDBOX_URL = "http://sandbox.invalid"
"""The address of an embedded sandbox; no name server knows it."""

__all__ = ["SANDBOX_KEY", "SANDBOX_URL", "Sandbox"]
