"""Sending one webhook, as the service does."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

TIMEOUT_SECONDS = 3.0


async def post_webhook(url: str, payload: Mapping[str, object], secret: str | None) -> bool:
    """Post `payload` as JSON to `url`, with `secret` unchanged in the header `x-webhook-secret`.

    Returns True if the receiver responded with 2xx within three seconds. Every failure returns False and never
    raises, because a webhook that cannot be delivered must not affect its task. The response body is not read.
    """
    import httpx

    headers = [] if secret is None else [(b"x-webhook-secret", secret.encode())]
    with anyio.move_on_after(TIMEOUT_SECONDS):
        try:
            async with (
                httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
                client.stream("POST", url, json=dict(payload), headers=headers) as response,
            ):
                return response.is_success
        except Exception:
            # Broad on purpose: a port of 99999 raises an ExceptionGroup around an OverflowError.
            return False
    return False
