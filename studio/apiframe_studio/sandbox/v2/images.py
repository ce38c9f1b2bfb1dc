"""`/v2/images/generate` and the images behind a job's URLs.

An image is a function of its job and is drawn on request, so only the job is kept and a restart loses none.
"""

from __future__ import annotations

import hashlib
import re
import uuid

from starlette.requests import Request

from apiframe_studio.file_threads import in_file_thread

from ..tasks import JsonObject, Portrait, derive_seed
from .callers import Caller
from .errors import ErrorEnvelope, invalid
from .records import Job, Lora
from .schemas import GenerateBody, read_json
from .state import V2State
from .store import IdempotencyKey, build_webhook

MAX_KEY_LENGTH = 255
SIZES = {
    "1:1": (1024, 1024),
    "16:9": (1360, 768),
    "9:16": (768, 1360),
    "4:3": (1184, 880),
    "3:4": (880, 1184),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
}
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
_IMAGE_NAME = re.compile(r"(?P<job_id>[0-9a-f-]{36})-(?P<number>[1-4])\.(?P<format>png|jpg|webp)")


async def generate(state: V2State, caller: Caller, request: Request) -> JsonObject:
    """Queue a job at 2 credits an image, or return the one that was queued with the same idempotency key."""
    body, content = await read_json(request, GenerateBody)
    idempotency = _read_idempotency_key(request, content)
    behaviour = state.behaviour()
    if behaviour.generation_disabled:
        raise ErrorEnvelope("Image generation is disabled for this team", status=403)  # [C]
    job = _find_or_add(state, caller, body, idempotency, str(request.base_url).rstrip("/"))
    if behaviour.generate_unavailable is not None:
        raise ErrorEnvelope("Service temporarily unavailable", status=503)
    return {"jobId": job.id, "status": job.status(state.now())}


async def render_image(state: V2State, name: str) -> tuple[bytes, str]:
    """Return an image and its media type.

    Raises:
        ErrorEnvelope: 404 unless a completed job has the image and it has not expired.
    """
    from ..drawing import draw_image

    match = _IMAGE_NAME.fullmatch(name)
    job = state.records.find(match["job_id"]) if match else None
    if match is None or not isinstance(job, Job) or not _has_image(job, name, state.now()):
        raise ErrorEnvelope("Not found", status=404)
    image_format = FORMATS[match["format"]]
    content = await in_file_thread(draw_image, job.portrait, int(match["number"]), image_format)
    return content, f"image/{image_format.lower()}"


def _has_image(job: Job, name: str, now: float) -> bool:
    is_kept = job.status(now) == "COMPLETED" and not job.is_expired(now)
    return is_kept and any(url.endswith(f"/{name}") for url in job.image_urls)


def _read_idempotency_key(request: Request, content: bytes) -> IdempotencyKey | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if len(key) > MAX_KEY_LENGTH:
        raise invalid({"Idempotency-Key": [f"must be at most {MAX_KEY_LENGTH} characters"]})
    return IdempotencyKey(key, hashlib.sha256(content).hexdigest())


def _find_or_add(
    state: V2State, caller: Caller, body: GenerateBody, idempotency: IdempotencyKey | None, base_url: str
) -> Job:
    # Before the LoRA and the credits are checked: an earlier job is returned whatever has become of them.
    if idempotency and (earlier := state.records.find_by_key(caller.user_id, idempotency, state.now())):
        return earlier
    job = _build_job(state, caller, body, base_url)
    if state.behaviour().generate_unavailable == "without_job":
        return job
    webhook = build_webhook(body.webhook_url, body.webhook_events, caller.key_digest)
    return state.records.add_job(job, webhook, idempotency)


def _build_job(state: V2State, caller: Caller, body: GenerateBody, base_url: str) -> Job:
    params, job_id, behaviour = body.flux_lora_params, str(uuid.uuid4()), state.behaviour()
    lora = _require_ready_lora(state, caller, params.lora_id)
    names = [f"{job_id}-{number}.{params.output_format}" for number in range(1, params.num_outputs + 1)]
    return Job(
        id=job_id,
        user_id=caller.user_id,
        team_id=caller.team_id,
        created_at=state.now(),
        seconds=state.shared.generation_seconds,
        fails=behaviour.generation_fails,
        portrait=_build_portrait(lora, body, job_id),
        input=body.model_dump(by_alias=True, exclude_unset=True),
        image_urls=tuple(f"{base_url}/images/{name}" for name in names),
        result_shape=behaviour.result_shape,
    )


def _require_ready_lora(state: V2State, caller: Caller, lora_id: str) -> Lora:
    lora = state.records.find(lora_id)
    if not isinstance(lora, Lora) or lora.team_id != caller.team_id:
        raise invalid({"fluxLoraParams.loraId": ["LoRA not found"]})  # [?] 400 or 404
    if lora.status(state.now()) != "READY":
        raise invalid({"fluxLoraParams.loraId": ["LoRA is not ready"]})  # [?]
    return lora


def _build_portrait(lora: Lora, body: GenerateBody, job_id: str) -> Portrait:
    """Return what to draw. The trigger word is put in front of a prompt that lacks it. [D]"""
    params, word = body.flux_lora_params, lora.trigger_word
    has_word = word.casefold() in body.prompt.casefold()
    width, height = SIZES[params.aspect_ratio]
    return Portrait(
        subject=lora.id,
        prompt=body.prompt if has_word else f"{word} {body.prompt}",
        seed=params.seed if params.seed is not None else derive_seed(job_id),
        width=width,
        height=height,
    )
