"""The calls of the photos package, with the limits of the first generation of the service."""

from __future__ import annotations

from functools import partial
from typing import Final

from apiframe_studio.api.provider import Range
from apiframe_studio.photos import checks, preparing

TAKES: Final = Range(10, 30)
"""How many photos a training takes."""

check = partial(checks.check, takes=TAKES)
prepare = partial(preparing.prepare, long_side=1536, max_bytes=400_000)
