"""A key of v2 belongs to a team: what another team paid for is that team's, not gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiframe_studio.ledger import Answer, NewTraining, Observation, ProviderFacts
from apiframe_studio.ledger.states import Event, State

from .illustrated import refuse

if TYPE_CHECKING:
    from .conftest import Serving, Session

THEIR_ID = "0b8ad2f5-57a4-4a5b-9a3f-8ed0c1b5f4a1"


async def _make_training(session: Session, subject: str, *, team: str | None, word: str | None = None) -> str:
    """Record an accepted training that the service does not show to this key."""
    ledger, now = session.studio.ledger, session.clock.now()
    row, _ = await ledger.get_or_create(NewTraining(f"set-of-{subject}", subject=subject), now)
    await ledger.begin_sending(row.ref, now, 60.0, None, ProviderFacts(team_id=team))
    await ledger.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id=THEIR_ID), now)
    if word is not None:
        await ledger.record_status(row.ref, Observation(now, State.FINISHED, trigger_word=word))
    return row.ref


async def test_a_training_of_another_team_is_shown_as_last_known_and_not_as_missing(serving: Serving) -> None:
    async with serving(api="v2") as session:
        ref = await _make_training(session, "Anna", team="team-of-others")
        for _ in range(2):
            reply = await session.ask("get_training_status", task_id=ref)
            assert reply.facts["status"] == "queued"
            assert "v2 by another team (team-of-others), which this server does not use" in reply.text
            assert "with a key of team team-of-others" in reply.facts["next_step"]
            assert "does not know" not in reply.text
        assert session.asked(f"/v2/loras/{THEIR_ID}") == 1
        listed = await session.ask("list_trainings")
        assert "by another team (team-of-others) are shown as last known." in listed.text
        row = await session.studio.ledger.find(ref, session.clock.now())
        assert row is not None
        assert row.missing_since is None


async def test_images_of_another_teams_model_are_refused_before_anything_is_paid(serving: Serving) -> None:
    async with serving(api="v2") as session:
        await _make_training(session, "Anna", team="team-of-others", word="TOKABC")
        message = await refuse(session, "generate_photos", subject="Anna", prompt="by the sea")
        assert "by another team (team-of-others)" in message
        assert "so nothing was sent or changed" in message
        assert session.asked("/v2/images/generate") == 0


async def test_an_id_that_the_own_team_does_not_have_is_missing(serving: Serving) -> None:
    async with serving(api="v2") as session:
        own = (await session.studio.account()).team_id
        ref = await _make_training(session, "Anna", team=own)
        reply = await session.ask("get_training_status", task_id=ref)
        assert "The service does not know this id." in reply.text
