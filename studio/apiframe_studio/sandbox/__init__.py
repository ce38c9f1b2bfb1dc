"""A sandbox for the Apiframe API: the same calls, responses and quirks, simulated without cost and within seconds.

Embedded, its `app` is given to an HTTP client together with `SANDBOX_URL`; served on a port, it accepts any client
of the service. Importing this package imports neither a web framework nor a database.
"""

from __future__ import annotations

from .sandbox import Sandbox

SANDBOX_KEY = "sandbox-key"
"""A key that the sandbox accepts. It accepts any key except `wrong-key` and those that begin with `afk_`."""

SANDBOX_V2_KEY = "afk_sandbox"
"""A key that the sandbox of v2 accepts. `v2.callers` has the keys that it refuses and those of other users."""

SANDBOX_URL = "http://sandbox.invalid"
"""The base URL of an embedded sandbox. The name never resolves."""

__all__ = ["SANDBOX_KEY", "SANDBOX_URL", "SANDBOX_V2_KEY", "Sandbox"]
