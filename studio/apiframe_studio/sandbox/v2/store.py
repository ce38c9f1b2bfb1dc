"""The v2 tables of the sandbox's database: LoRAs and jobs with their charges and webhooks, used idempotency keys, and
the behaviour that was asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from ..database import Database
from .behaviour import BEHAVIOUR, Behaviour
from .errors import ErrorEnvelope
from .records import RECORD, Job, Lora, Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS v2_records (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, user_id TEXT NOT NULL, team_id TEXT NOT NULL,
    created_at REAL NOT NULL, charged INTEGER NOT NULL, next_event REAL, record TEXT NOT NULL,
    webhook TEXT, webhook_status TEXT);
CREATE TABLE IF NOT EXISTS v2_idempotency (
    user_id TEXT NOT NULL, key TEXT NOT NULL, body_digest TEXT NOT NULL, job_id TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (user_id, key));
CREATE TABLE IF NOT EXISTS v2_behaviour (id INTEGER PRIMARY KEY CHECK (id = 0), behaviour TEXT NOT NULL);
"""

IDEMPOTENCY_SECONDS = 24 * 3600.0


class Webhook(BaseModel):
    """Where changes of a record are posted. `last_posted` is the change that was posted last."""

    model_config = ConfigDict(frozen=True)

    url: str
    events: tuple[str, ...]
    key_digest: str
    last_posted: str = ""


def build_webhook(url: str, events: Sequence[str], key_digest: bytes) -> Webhook | None:
    """Return the webhook of a request, or None for an empty URL."""
    return Webhook(url=url, events=tuple(events), key_digest=key_digest.hex()) if url else None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    key: str
    body_digest: str


class RecordStore:
    """LoRAs and jobs. Each team has `start_credits`."""

    def __init__(self, database: Database, start_credits: int) -> None:
        self._database = database
        self._start_credits = start_credits
        database.create_tables(_SCHEMA)

    def add_lora(self, lora: Lora, *, cost: int, max_in_flight: int, webhook: Webhook | None = None) -> None:
        """Record a training and charge its cost. Raises ErrorEnvelope with 402 or 429."""
        with self._database.transaction() as connection:
            team = self._select("kind = 'lora' AND team_id = ?", lora.team_id)
            in_flight = sum(isinstance(one, Lora) and one.is_in_flight(lora.created_at) for one in team)
            if in_flight >= max_in_flight:
                message = f"Limit of {max_in_flight} concurrent trainings reached for this team"
                raise ErrorEnvelope(message, status=429)
            self._insert(connection, lora, cost, webhook)

    def add_job(self, job: Job, webhook: Webhook | None, idempotency: IdempotencyKey | None) -> Job:
        """Record a job and charge its cost, or return the one that has the same key.

        Raises:
            ErrorEnvelope: 409 if the key came with another body, 402. Nothing was recorded, the key included.
        """
        with self._database.transaction() as connection:
            if idempotency and (earlier := self.find_by_key(job.user_id, idempotency, job.created_at)):
                return earlier
            self._insert(connection, job, job.cost, webhook)
            if idempotency:
                used = (job.user_id, idempotency.key, idempotency.body_digest, job.id, job.created_at)
                connection.execute("INSERT OR REPLACE INTO v2_idempotency VALUES (?, ?, ?, ?, ?)", used)
        return job

    def find_by_key(self, user_id: str, idempotency: IdempotencyKey, now: float) -> Job | None:
        """Return the job for which the key was used, or None. Raises ErrorEnvelope with 409."""
        query = "SELECT body_digest, job_id FROM v2_idempotency WHERE user_id = ? AND key = ? AND at > ?"
        found = self._database.read(query, user_id, idempotency.key, now - IDEMPOTENCY_SECONDS)
        if not found:
            return None
        ((body_digest, job_id),) = found
        if body_digest != idempotency.body_digest:
            message = "Idempotency-Key was already used with a different request body"
            raise ErrorEnvelope(message, status=409, is_deviation=True)  # [C]
        job = self.find(job_id)
        return job if isinstance(job, Job) else None

    def find(self, record_id: str) -> Record | None:
        return next(iter(self._select("id = ?", record_id)), None)

    def change_lora(self, lora_id: str, **fields: object) -> None:
        with self._database.transaction() as connection:
            for lora in self._select("id = ?", lora_id):
                _update(connection, lora.model_copy(update=fields), 0)

    def list_loras(
        self, team_id: str, now: float, *, after: str | None, limit: int, with_archived: bool
    ) -> list[Lora]:
        """Return up to `limit` LoRAs of a team, newest first, beginning after the one with the id `after`."""
        condition = "kind = 'lora' AND team_id = ? AND seq < coalesce((SELECT seq FROM v2_records WHERE id = ?), 9e18)"
        found = self._select(f"{condition} ORDER BY seq DESC", team_id, after)
        return [
            lora
            for lora in found
            if isinstance(lora, Lora)
            and now >= lora.hidden_until
            and (with_archived or lora.archived_at is None)
        ][:limit]

    def list_jobs(self, *, user_id: str | None, team_id: str) -> list[Job]:
        """Return the jobs of a user, or of a team if the user is None, newest first and then by id. [D]"""
        condition = "kind = 'job' AND team_id = ? AND user_id = coalesce(?, user_id)"
        found = self._select(f"{condition} ORDER BY created_at DESC, id DESC", team_id, user_id)
        return [job for job in found if isinstance(job, Job)]

    def apply_events(self, now: float) -> None:
        """Apply the events that are due, of all records in the order of time: they depend on each other's credits."""
        due = "next_event <= ? ORDER BY next_event, seq LIMIT 1"
        if not self._select(due, now):
            return
        with self._database.transaction() as connection:
            while found := self._select(due, now):
                (record,) = found
                changed, cost = record.after_event(self.count_credits(record.team_id))
                _update(connection, changed, cost)

    def count_credits(self, team_id: str) -> int:
        charged = "SELECT coalesce(sum(charged), 0) FROM v2_records WHERE team_id = ?"
        return self._start_credits - int(self._database.read(charged, team_id)[0][0])

    def count_paid(self) -> int:
        """Return the number of LoRAs and jobs that requests created."""
        return int(self._database.read("SELECT count(*) FROM v2_records")[0][0])

    def list_webhooks(self) -> list[tuple[Record, Webhook]]:
        """Return the records whose final change has not been posted."""
        rows = self._database.read("SELECT record, webhook FROM v2_records WHERE webhook IS NOT NULL")
        return [(RECORD.validate_json(row), Webhook.model_validate_json(stored)) for row, stored in rows]

    def claim_post(self, record: Record, webhook: Webhook, change: str, *, is_final: bool) -> bool:
        """Claim the right to post a change; False if another process has claimed it.

        The final change erases the URL and the key's digest.
        """
        claim = "UPDATE v2_records SET webhook = ? WHERE id = ? AND webhook = ?"
        posted = webhook.model_copy(update={"last_posted": change}).model_dump_json()
        kept = None if is_final else posted
        return self._database.write(claim, kept, record.id, webhook.model_dump_json()) == 1

    def read_webhook_status(self, record_id: str) -> str | None:
        """Return pending, delivered or failed, or None if no webhook was asked for."""
        rows = self._database.read("SELECT webhook_status FROM v2_records WHERE id = ?", record_id)
        status: str | None = rows[0][0] if rows else None
        return status

    def set_webhook_status(self, record_id: str, status: str) -> None:
        """Record whether the last post arrived."""
        self._database.write("UPDATE v2_records SET webhook_status = ? WHERE id = ?", status, record_id)

    def read_behaviour(self) -> Behaviour | None:
        """Return the behaviour that was asked for last, or None."""
        rows = self._database.read("SELECT behaviour FROM v2_behaviour")
        return BEHAVIOUR.validate_json(rows[0][0]) if rows else None

    def set_behaviour(self, behaviour: Behaviour) -> None:
        """Keep the behaviour for every process that uses this database."""
        text = BEHAVIOUR.dump_json(behaviour).decode()
        self._database.write("INSERT OR REPLACE INTO v2_behaviour VALUES (0, ?)", text)

    def forget(self, record_ids: Sequence[str]) -> None:
        """Delete records together with the texts in them, also from the file's free pages."""
        with self._database.transaction() as connection:
            for table, column in (("v2_records", "id"), ("v2_idempotency", "job_id")):
                delete = f"DELETE FROM {table} WHERE {column} = ?"  # noqa: S608  literals
                connection.executemany(delete, [(record_id,) for record_id in record_ids])
        self._database.vacuum()

    def clear(self) -> None:
        """Delete all records, used keys and the behaviour."""
        self._database.clear("v2_records", "v2_idempotency", "v2_behaviour")

    def _insert(
        self, connection: sqlite3.Connection, record: Record, cost: int, webhook: Webhook | None
    ) -> None:
        if (available := self.count_credits(record.team_id)) < cost:
            raise ErrorEnvelope(
                "Insufficient credits", status=402, creditsRequired=cost, creditsAvailable=available
            )
        connection.execute(
            "INSERT INTO v2_records VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(record.id, record.kind, record.user_id, record.team_id, record.created_at, cost),
                *(record.next_event(), record.model_dump_json()),
                *((webhook.model_dump_json(), "pending") if webhook else (None, None)),
            ),
        )

    def _select(self, condition: str, *values: object) -> list[Record]:
        rows = self._database.read(f"SELECT record FROM v2_records WHERE {condition}", *values)  # noqa: S608  literals
        return [RECORD.validate_json(row[0]) for row in rows]


def _update(connection: sqlite3.Connection, record: Record, cost: int) -> None:
    connection.execute(
        "UPDATE v2_records SET record = ?, next_event = ?, charged = charged + ? WHERE id = ?",
        (record.model_dump_json(), record.next_event(), cost, record.id),
    )
