"""A team at a v2 service: what it accepted, and what its free requests show of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import photo_jobs
from .child_process import whole
from .fault_server import ACCEPTED, Recorded, answer


@dataclass
class Team:
    """Each accepted training under its id, and each generation under its idempotency key."""

    trainings: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    generations: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    repeats: int = 0

    @property
    def accepted(self) -> list[str]:
        """Ids of the trainings and generations, each of which is paid."""
        return [*self.trainings, *(job["id"] for job in self.generations.values())]

    def answer_to(self, request: Recorded) -> bytes:
        if request.method == "POST":
            return self._accept(request) if whole(request) else answer("400 Bad Request", {})
        path = request.target.partition("?")[0]
        if path == photo_jobs.IMAGE_PATH:
            return answer("200 OK", photo_jobs.PNG, content_type="image/png")
        link = f"http://{request.headers.get('host')}{photo_jobs.IMAGE_PATH}"
        jobs = [
            {**job, "status": "COMPLETED", "result": {"images": [link]}} for job in self.generations.values()
        ]
        shown: dict[str, Any] = {
            "/v2/me": {"user": {"id": "user-0001"}, "team": {"id": "team-0001", "credits": 100_000}},
            "/v2/loras": {"items": list(self.trainings.values()), "nextCursor": None},
            "/v2/jobs": {"jobs": jobs, "nextCursor": None},
            f"/v2/loras/{photo_jobs.TRAINING_ID}": _training(photo_jobs.TRAINING_ID, "an older one"),
            **{f"/v2/loras/{key}": training for key, training in self.trainings.items()},
            **{f"/v2/jobs/{job['id']}": job for job in jobs},
        }
        return answer("200 OK", shown[path]) if path in shown else answer("404 Not Found", {"error": "none"})

    def _accept(self, request: Recorded) -> bytes:
        new_id = f"{ACCEPTED['id']}-{len(self.accepted)}" if self.accepted else ACCEPTED["id"]
        if request.target == "/v2/loras":
            name = re.search(rb'name="name"\r\n\r\n(.*?)\r\n', request.body)
            assert name is not None
            self.trainings[new_id] = _training(new_id, name[1].decode())
            return answer("202 Accepted", {"id": new_id, "status": "PENDING", "imageCount": 15})
        key = request.headers["idempotency-key"]
        self.repeats += key in self.generations
        job = self.generations.setdefault(key, {"id": new_id, "createdAt": _now(), "input": request.json()})
        return answer("202 Accepted", {"jobId": job["id"], "status": "QUEUED"})


def _training(training_id: str, name: str) -> dict[str, Any]:
    return {
        "id": training_id,
        "name": name,
        "status": "READY",
        "triggerWord": "TOKSIS",
        "createdAt": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
