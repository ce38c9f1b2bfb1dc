"""Webhooks of v2: signed, and posted once even if several processes share the store."""

from __future__ import annotations

import hashlib
import hmac

import anyio

from ..tasks import JsonObject
from ..webhook_delivery import encode_json, post_json
from .state import V2State
from .store import Webhook

FINAL = ("completed", "failed")


async def deliver_webhooks(state: V2State) -> None:
    """Post every change since the last call. A failed post is not repeated. [?]"""
    now = state.now()
    state.records.apply_events(now)
    async with anyio.create_task_group() as posts:
        for record, webhook in state.records.list_webhooks():
            payload = record.to_webhook(now)
            if payload is None:
                continue
            event, change = str(payload["event"]), f"{payload['event']} {payload.get('progress', '')}"
            is_final, is_new = event in FINAL, change != webhook.last_posted
            if is_new and state.records.claim_post(record, webhook, change, is_final=is_final):
                posts.start_soon(_post, state, record.id, webhook, event, payload)


async def _post(state: V2State, record_id: str, webhook: Webhook, event: str, payload: JsonObject) -> None:
    if event not in webhook.events:
        return
    body = encode_json(payload)
    digest = webhook.key_digest
    key = bytes.fromhex(digest) if state.behaviour().webhook_key == "digest" else digest.encode()
    signature = hmac.new(key, body, hashlib.sha256).hexdigest()
    headers = {"X-Webhook-Event": event, "X-Webhook-Signature": f"sha256={signature}"}
    arrived = await post_json(webhook.url, body, headers)
    state.records.set_webhook_status(record_id, "delivered" if arrived else "failed")
