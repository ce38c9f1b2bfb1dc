"""The same random sequences where trainings carry their photos, and listings show them: at once, late, or not yet."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from apiframe_studio.ledger import Answer, store
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.states import Event, State

from .test_submission_model import ACTIONS, Delivery, PaidRequests, machine_settings

reached: Counter[str] = Counter()


class ListedRequests(PaidRequests):
    """Adds listings, of which a paid request may be missing for as long as it likes."""

    @rule(data=st.data())
    def take_action(self, data: st.DataObject) -> None:
        """As in the first machine."""
        name = data.draw(st.sampled_from([*ACTIONS, *["look"] * 12]))
        getattr(self, name)(data)

    def arrive(self, delivery: Delivery, outcome: Event) -> None:
        """A complete request has noted its last part before it arrives."""
        row = delivery.row
        try:
            self.stores[delivery.process].note_last_part(row.ref, row.attempt, self.now)
        except LedgerError:
            delivery.event = Event.NOT_SENT
            return
        super().arrive(delivery, outcome)

    def look(self, data: st.DataObject) -> None:
        """A listing shows an unconfirmed training, or does not show it."""
        rows = [row for row in self.rows() if row.state is State.UNCONFIRMED and row.attempt]
        if not rows:
            return
        row = data.draw(st.sampled_from(rows))
        taken = [one for one in self.service.taken if one.row.ref == row.ref and one.task_id]
        is_shown: bool = data.draw(st.booleans())
        if taken and is_shown:
            self.stores[0].record_response(
                row.ref, row.attempt, Event.ACCEPTED, Answer(taken[-1].task_id), self.now
            )
            self.known[taken[-1].task_id or ""] = row.ref
            reached["found"] += 1
            return
        reached["late"] += bool(taken)
        noted = self.stores[1].note_absence(row.ref, row.attempt, self.now)
        self.now += 40
        reached["never complete"] += noted is not None and noted.state is State.INTENT


@pytest.mark.slow
def test_an_intent_is_paid_once_however_late_a_listing_shows_it() -> None:
    reached.clear()
    run_state_machine_as_test(ListedRequests, settings=machine_settings(60))
    print(dict(reached))
    assert min(reached[what] for what in ("found", "late", "never complete")) >= 2


@pytest.mark.slow
def test_the_state_machine_finds_an_absence_that_is_believed_too_early() -> None:
    hunting = settings(machine_settings(300), phases=[Phase.generate])
    with patch.object(store, "was_never_complete", lambda _row: True), pytest.raises(AssertionError):
        run_state_machine_as_test(ListedRequests, settings=hunting)
