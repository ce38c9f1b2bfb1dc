"""`/v2/jobs`."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from starlette.requests import Request

from ..tasks import JsonObject
from .callers import Caller
from .errors import ErrorEnvelope, invalid
from .records import Job
from .schemas import JobQuery, require_uuid, validate
from .state import V2State


async def show(state: V2State, caller: Caller, request: Request) -> JsonObject:
    """Return a job of the caller.

    Raises:
        ErrorEnvelope: 400 if the id is not a UUID, 404 if it is unknown or another user's.
    """
    job = state.records.find(require_uuid(request.path_params["id"]))
    if not isinstance(job, Job) or job.user_id != caller.user_id:
        raise ErrorEnvelope("Job not found", status=404)
    return _to_json(state, job, with_input=True)


async def list_all(state: V2State, caller: Caller, request: Request) -> JsonObject:
    """Return a page of the caller's jobs, or the team's for an admin, newest first and without their input."""
    query = validate(JobQuery, request.query_params)
    if query.scope == "team" and caller.role != "ADMIN":
        raise ErrorEnvelope("Only admins can list the jobs of the team", status=403)
    user_id = caller.user_id if query.scope == "user" else None
    now, jobs = state.now(), state.records.list_jobs(user_id=user_id, team_id=caller.team_id)
    found = [
        job
        for job in _after(jobs, query.cursor)
        if query.status in (None, job.status(now))
        and query.model in (None, "flux-lora")
        and query.search in (None, job.id)
    ]
    page = found[: query.limit]
    has_more = len(found) > query.limit
    response: JsonObject = {
        "jobs": [_to_json(state, job, with_input=False) for job in page],
        "nextCursor": _encode(page[-1].id) if has_more else None,
        "hasMore": has_more,
    }
    return response | ({"models": ["flux-lora"] if jobs else []} if query.include_models == "true" else {})


def _to_json(state: V2State, job: Job, *, with_input: bool) -> JsonObject:
    webhook_status = state.records.read_webhook_status(job.id)
    return job.to_json(state.now(), webhook_status=webhook_status, with_input=with_input)


def _after(jobs: list[Job], cursor: str | None) -> list[Job]:
    if cursor is None:
        return jobs
    ids = [_encode(job.id) for job in jobs]
    if cursor not in ids:
        raise invalid({"cursor": ["Invalid cursor"]})
    return jobs[ids.index(cursor) + 1 :]


def _encode(job_id: str) -> str:
    """Return an opaque cursor."""
    return urlsafe_b64encode(job_id.encode()).decode()
