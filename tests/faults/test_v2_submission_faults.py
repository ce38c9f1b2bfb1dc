"""What each fault of a paid v2 request means: for the ledger, the payments and the user, until it is resolved.

Every free request is answered, and a paid one meets the fault. A whole request whose outcome is unknown was accepted,
unless a test says otherwise.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import NotSent, OutcomeUnknown, RateLimited, Refused
from apiframe_studio.api.provider import Kind
from apiframe_studio.api.v2.client import ApiframeV2
from apiframe_studio.images import ImageRequest
from apiframe_studio.ledger import NewUpload, Submission
from apiframe_studio.ledger.states import UNDER_WAY, State
from apiframe_studio.reconciler import Decision
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.studio_error import StudioError
from apiframe_studio.trainings import TrainingRequest
from apiframe_tools.results.images import ImagesMade
from apiframe_tools.results.trainings import TrainingStarted
from apiframe_tools.wording.error_messages import explain_error

from ..studio.stepped_clock import SteppedClock
from .fault_server import FaultServer, fault_server, read_request
from .photo_jobs import TRAINING_ID
from .team import Team
from .test_api_faults import EXPECTED, LARGER_THAN_ANY_BUFFER, LONG, SHORT
from .test_submission_faults import ATTEMPTS, NOT_READ_COMPLETELY

pytestmark = pytest.mark.slow

KEY = SecretStr("afk_test-key-0123456789")
UNKNOWN = [fault for fault, expected in EXPECTED.items() if issubclass(expected.error, OutcomeUnknown)]
TIMEOUTS = [fault for fault, expected in EXPECTED.items() if expected.reason == "timeout"]
CUT_SHORT = {"closed_after_part_of_request", "reset_after_part_of_request"}
LOST = ["reset_after_request", "truncated_body_without_id", "empty_200", "status_409", "status_503", "silent"]
"""Faults of a service that had the whole request and accepted nothing."""
TRIES = 3
"""How often one call sends what was not accepted, and an image generation whose outcome is unknown."""
KNOWN = {*UNDER_WAY, State.FINISHED}
TEXTS = {
    NotSent: "was not sent, and nothing was paid. Next: call {tool} again with the same arguments.",
    RateLimited: "is pending; nothing was paid. Next: call {tool} again with the same arguments",
    Refused: "was rejected (ref {ref}) and nothing was paid.",
}
"""What the user reads about a request that was not accepted."""
TOOLS = {Kind.TRAINING: "start_training", Kind.GENERATION: "generate_photos"}


@dataclass
class Session:
    """A studio whose first `faulty` paid requests meet the fault, the team at its service, and what arrived there."""

    kind: Kind
    studio: Studio
    clock: SteppedClock
    team: Team
    servers: tuple[FaultServer, FaultServer]
    faulty: float
    name: str = TRAINING_ID

    @property
    def posts(self) -> int:
        """How many paid requests arrived."""
        return sum(len(server.posts) for server in self.servers)

    @property
    def keys(self) -> set[str]:
        """The idempotency keys of the generations that arrived."""
        posts = [post for server in self.servers for post in server.posts]
        return {post.headers["idempotency-key"] for post in posts if "idempotency-key" in post.headers}

    async def call(self) -> str:
        """Train or generate, and return what the user reads."""
        studio = self.studio
        try:
            if self.kind is Kind.TRAINING:
                training = await studio.trainings.start(TrainingRequest(self.name))
                return TrainingStarted.of(training, studio).describe()
            images = await studio.images.generate(ImageRequest("by a window", task_id=self.name, seed=7))
            return ImagesMade.of(images, studio).describe()
        except StudioError as error:
            return explain_error(error, studio.terms) or ""

    async def rows(self) -> list[Submission]:
        """Return what the ledger has, newest first."""
        return list((await self.studio.ledger.page(self.kind, self.clock.now(), limit=50)).rows)

    async def row(self) -> Submission:
        (row,) = await self.rows()
        return row


@pytest.fixture(params=TOOLS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return Kind(request.param)


@asynccontextmanager
async def faulty_service(
    kind: Kind,
    fault: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    faulty: float = float("inf"),
    accepts: bool = True,
) -> AsyncGenerator[Session]:
    """Open a studio on real sockets, with a clock on which waiting takes no time."""
    if fault == "full_accept_queue" and sys.platform != "linux":
        pytest.skip("other systems accept more connections than requested")
    expected = EXPECTED[fault]
    team, clock = Team(), SteppedClock(time.time())
    deadlines = SHORT if expected.reason == "timeout" else LONG

    def answering(connection: Any, server: FaultServer) -> None:
        read_request(connection, server)
        connection.sendall(team.answer_to(server.requests[-1]))

    async with AsyncExitStack() as stack:
        stack.enter_context(anyio.fail_after(60))
        service = stack.enter_context(fault_server("team", faults={"team": answering}))
        broken = stack.enter_context(fault_server(fault))
        if accepts and issubclass(expected.error, OutcomeUnknown):
            broken.on_request = team.answer_to
        plan = StudioConfig(
            folder / "ledger.sqlite3", service.base_url, KEY, output_folder=folder / "portraits"
        )
        studio = Studio(plan, clock)
        stack.push_async_callback(studio.aclose)
        session = Session(kind, studio, clock, team, (service, broken), faulty)
        api = await studio.provider()
        assert isinstance(api, ApiframeV2)
        other = ApiframeV2(key=KEY, base_url=broken.base_url, deadlines=deadlines)
        stack.push_async_callback(other.aclose)
        pay = api._pay

        async def pay_at(path: str, body: Any, _seconds: float, *rest: Any) -> Any:
            session.faulty -= 1
            if session.faulty < 0:
                return await pay(path, body, LONG.paid, *rest)
            return await other._pay(path, body, deadlines.paid, *rest)

        monkeypatch.setattr(api, "_pay", pay_at)
        monkeypatch.setattr(studio.image_store, "previews", _no_previews)
        monkeypatch.setattr(studio.image_store, "check", _no_check)
        if kind is Kind.TRAINING:
            session.name = await _keep_set(studio, large=fault == "never_reads")
        yield session


async def _keep_set(studio: Studio, *, large: bool) -> str:
    size = LARGER_THAN_ANY_BUFFER // 15 if large else 1_000
    photos = [b"\xff\xd8\xff" + bytes(size)] * 15
    new = NewUpload("a" * 64, "digest", subject="Anna", photo_count=15, consent_at=studio.clock.now())
    row, _ = await studio.kept_sets.keep(new, photos, gender="female", ethnicity="Mixed", age="30")
    return row.ref


async def _no_previews(_: object) -> list[bytes]:
    return []


async def _no_check(_: object) -> None:
    """Decoding an image takes a process."""


@pytest.mark.parametrize("fault", [fault for fault in EXPECTED if fault not in UNKNOWN])
async def test_what_was_not_accepted_is_paid_for_once_when_the_call_is_repeated(
    kind: Kind, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = EXPECTED[fault].error
    family = next(one for one in TEXTS if issubclass(expected, one))
    async with faulty_service(kind, fault, tmp_path, monkeypatch) as session:
        text = await session.call()
        row = await session.row()
        assert row.state is (State.REJECTED if family is Refused else State.INTENT)
        assert session.posts == {NotSent: 0, RateLimited: ATTEMPTS.get(fault, TRIES), Refused: 1}[family]
        assert TEXTS[family].format(tool=TOOLS[kind], ref=row.ref) in text
        before = session.posts
        session.faulty = 0
        session.clock.step(1)
        await session.call()
        latest, *earlier = await session.rows()
        assert latest.state in KNOWN
        assert [latest.task_id] == session.team.accepted
        assert [one.state for one in earlier] == ([State.REJECTED] if family is Refused else [])
        assert session.posts == before + 1


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_what_may_have_been_accepted_is_found_out_by_the_program_and_paid_for_once(
    kind: Kind, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training is found in the team's list; a generation is repeated under its key, or else found."""
    # Meeting the same deadline three times takes long, and one fault shows it.
    heals = kind is Kind.GENERATION and fault in TIMEOUTS and fault != "silent"
    salvaged = EXPECTED[fault].task_id is not None
    arrives = fault not in NOT_READ_COMPLETELY
    is_whole = arrives and fault not in CUT_SHORT
    async with faulty_service(kind, fault, tmp_path, monkeypatch, faulty=1 if heals else math.inf) as session:
        text = await session.call()
        row = await session.row()
        if kind is Kind.TRAINING or salvaged:
            assert session.posts == arrives
        else:
            assert session.posts == (arrives + 1 if heals else arrives * TRIES)
        is_known = is_whole or heals
        if is_known:
            assert row.state in KNOWN
            assert "unconfirmed" not in text
        elif kind is Kind.GENERATION:
            assert row.state is State.UNCONFIRMED
            assert "sent again under the same idempotency key, so it is charged once" in text
        elif row.provider_facts.body_sent_at is not None:
            assert row.state is State.UNCONFIRMED
            assert "looks for it at Apiframe, free. It is not sent again meanwhile." in text
        else:
            # Its last part never left, so it was never accepted.
            assert row.state is State.INTENT
            assert "It waits to be sent, and is paid for only then." in text

        before, stays = session.posts, kind is Kind.TRAINING and row.state is State.UNCONFIRMED
        session.faulty = 0
        session.clock.step(100)
        await session.call()
        row = await session.row()
        assert session.posts == before + (not is_known and not stays)
        assert len(session.keys) <= 1
        assert (row.state is State.UNCONFIRMED) == stays
        assert session.team.accepted == ([] if stays else [row.task_id])


async def test_photos_that_no_socket_takes_are_sent_again_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with faulty_service(Kind.TRAINING, "never_reads", tmp_path, monkeypatch) as session:
        await session.call()
        assert (await session.row()).state is State.INTENT


@pytest.mark.parametrize("fault", LOST)
async def test_a_training_that_the_service_lost_is_sent_again_only_if_the_user_says_so(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with faulty_service(Kind.TRAINING, fault, tmp_path, monkeypatch, accepts=False) as session:
        for seconds in (300, 400):
            text = await session.call()
            assert "most likely not accepted" not in text
            session.clock.step(seconds)
        text = await session.call()
        row = await session.row()
        assert (row.state, session.posts) == (State.UNCONFIRMED, 1)
        assert "so it was most likely not accepted. To send it again, for 257 credits:" in text
        assert f"resolve_training with ref {row.ref} and send_again" in text
        await session.studio.trainings.resolve(row.ref, Decision.SEND_AGAIN)
        session.faulty = 0
        await session.call()
        row = await session.row()
        assert row.state in KNOWN
        assert (session.team.accepted, session.posts) == ([row.task_id], 2)


@pytest.mark.parametrize("fault", LOST)
async def test_a_generation_that_the_service_lost_is_sent_again_as_the_same_request(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with faulty_service(
        Kind.GENERATION, fault, tmp_path, monkeypatch, faulty=1, accepts=False
    ) as session:
        text = await session.call()
        row = await session.row()
        assert row.state is State.FINISHED
        assert "This costs 2 credits. Saved: 1 image" in text
        assert (session.team.accepted, session.posts, len(session.keys)) == ([row.task_id], 2, 1)
