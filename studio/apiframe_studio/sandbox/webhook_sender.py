"""Posting a task's news to a webhook, as the service does it."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

POST_SECONDS = 3.0


async def post_webhook(url: str, payload: Mapping[str, object], secret: str | None) -> bool:
    """Post `payload` as JSON to `url`, with `secret` word for word in the header `x-webhook-secret`.

    True when the receiver answered 2xx within three seconds. Whatever goes wrong is False, never an
    exception: a webhook is a courtesy and the task goes on without it. The answer's body is not read.
    """
    import httpx

    headers = [] if secret is None else [(b"x-webhook-secret", secret.encode())]
    with anyio.move_on_after(POST_SECONDS):
        try:
            async with (
                httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
                client.stream("POST", url, json=dict(payload), headers=headers) as answer,
            ):
                return answer.is_success
        except Exception:
            # Broad on purpose: a port of 99999 alone comes up as an ExceptionGroup around an OverflowError.
            return False
    return False
