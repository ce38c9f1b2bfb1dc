"""`/v2/images/generate`, `/v2/jobs`, and the links of the results."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .answers import error, invalid, too_poor
from .asking import caller_of, page_of, path_id, query_of, service_of
from .fields import check_fields, listed, number, one_of, text, url, uuid
from .team import IMAGE, Job, newest_first

MAX_KEY = 255
_STATUSES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")
_BODY = {
    "model": one_of("flux-lora"),
    "prompt": text(1, 2000),
    "fluxLoraParams": lambda value: None if isinstance(value, dict) else "Invalid input: expected object",
    "webhookUrl": url,
    "webhookEvents": listed("progress", "completed", "failed"),
}
_PARAMS = {
    "loraId": uuid,
    "num_outputs": number(1, 4),
    "aspect_ratio": one_of("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"),
    "output_format": one_of("png", "jpg", "webp"),
    "seed": number(-(2**53), 2**53),
    "lora_strength": number(0, 1.5, whole=False),
    "guidance_scale": number(1, 10, whole=False),
    "num_inference_steps": number(4, 50),
}
_QUERY = {
    "status": one_of(*_STATUSES),
    "scope": one_of("user", "team"),
    "search": uuid,
    "include_models": one_of("true", "false"),
}
_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


async def generate(request: Request) -> Response:
    """`POST /v2/images/generate`. The same Idempotency-Key returns the first job."""
    caller = caller_of(request)
    service = service_of(request)
    key = request.headers.get("Idempotency-Key")
    if key is not None and len(key) > MAX_KEY:
        raise invalid({"Idempotency-Key": ["Too big: expected string to have <=255 characters"]})
    body = await _read_body(request)
    replayed = service.job_by_key.get((caller.id, key)) if key else None
    if replayed is not None:
        return JSONResponse({"jobId": replayed.id, "status": replayed.status}, 202)
    params = body["fluxLoraParams"]
    training = service.trainings.get(params["loraId"].lower())
    if training is None or training.owner.team is not caller.team or training.status != "READY":
        # The contract declares no 404 here.
        raise invalid({"fluxLoraParams.loraId": ["LoRA not found or not ready"]})
    cost = IMAGE * params.get("num_outputs", 1)
    if caller.team.credits < cost:
        raise too_poor(cost, caller.team.credits)
    caller.team.credits -= cost
    job = Job(caller, body, service.now(), cost)
    service.jobs[job.id] = job
    if key:
        service.job_by_key[caller.id, key] = job
    if service.loses_responses:
        raise error(503, "Queue unavailable")
    return JSONResponse({"jobId": job.id, "status": job.status}, 202)


async def show(request: Request) -> Response:
    """`GET /v2/jobs/{id}`."""
    caller = caller_of(request)
    service = service_of(request)
    job = service.jobs.get(path_id(request))
    if job is None or job.owner is not caller:
        raise error(404, "Job not found")
    service.advance_job(job, str(request.base_url))
    return JSONResponse({**job.as_json(), "input": job.input})


async def show_page(request: Request) -> Response:
    """`GET /v2/jobs`: items have no `input`."""
    caller = caller_of(request)
    service = service_of(request)
    query = query_of(request, _QUERY)
    is_team = query.get("scope") == "team"
    if is_team and caller.role != "ADMIN":
        raise error(403, "Only admins can list the jobs of the team")
    rows = [
        job
        for job in newest_first(service.jobs.values())
        if (job.owner.team is caller.team if is_team else job.owner is caller)
        and query.get("status", job.status) == job.status
        and query.get("model", job.input["model"]) == job.input["model"]
        and query.get("search", job.id) == job.id
    ]
    page, cursor = page_of(rows, query, 20)
    listing = {"jobs": [job.as_json() for job in page], "nextCursor": cursor, "hasMore": cursor is not None}
    models = {"models": sorted({job.input["model"] for job in rows})}
    return JSONResponse(listing | (models if query.get("include_models") == "true" else {}))


async def download(request: Request) -> Response:
    """An image by its public link."""
    name, _, ending = request.path_params["name"].rpartition(".")
    if not any(
        link.endswith(f"/{name}.{ending}") for job in service_of(request).jobs.values() for link in job.links
    ):
        raise error(404, "Not found")
    buffer = BytesIO()
    Image.effect_noise((768, 1024), 60).convert("RGB").save(buffer, _FORMATS[ending])
    return Response(buffer.getvalue(), media_type=f"image/{_FORMATS[ending].lower()}")


async def _read_body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise error(400, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise error(400, "Invalid input: expected object")
    check_fields(body, _BODY, ("model", "prompt", "fluxLoraParams"), closed=True)
    check_fields(body["fluxLoraParams"], _PARAMS, ("loraId",), closed=True, at="fluxLoraParams.")
    return body
