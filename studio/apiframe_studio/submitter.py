"""Send a remembered intent at most once, and record what came back.

If the process dies on any line here, the ledger holds INTENT (nothing was sent) or SENDING with a lease
(perhaps sent: it becomes UNCONFIRMED, and the user decides). Nothing is sent from any other state.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import anyio

from apiframe_studio.api.errors import (
    ApiframeError,
    InvalidBaseUrl,
    InvalidKey,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TooManyTrainings,
)
from apiframe_studio.api.provider import Accepted, BeforeLastPart
from apiframe_studio.clock import Clock
from apiframe_studio.errors import NotYetSent, Rejected
from apiframe_studio.ledger import Answer, Ledger, NewSubmission, ProviderFacts, Submission
from apiframe_studio.ledger.errors import LedgerError, SubjectForgotten
from apiframe_studio.ledger.states import Event, State, next_state
from apiframe_studio.tracker import Tracker
from apiframe_studio.training import Note

log = logging.getLogger(__name__)


SendOnce = Callable[[Submission], Awaitable[Accepted]]
"""Sends one paid request for its SENDING row: returns what was accepted or raises an ApiframeError."""


_Begin = Callable[[float], Awaitable[Submission | None]]
"""Makes a row SENDING at this time, or returns None if another call was first."""

LEASE_GRACE_SECONDS: Final = 30.0
TRIES: Final = 3
RETRY_BUDGET_SECONDS: Final = 25.0
MAX_RETRY_WAIT_SECONDS: Final = 10.0
_FIRST_WAIT_SECONDS: Final = 0.5
_FOLLOWER_POLL_SECONDS: Final = 0.25
_NOT_ACCEPTED: Final = (NotSent, RateLimited, InvalidKey, InvalidBaseUrl)


@dataclass(frozen=True)
class Sent:
    """The row as it is after sending. `by_us` is False when another call did the sending."""

    row: Submission
    by_us: bool = True
    notes: tuple[Note, ...] = ()


def _is_dropped(row: Submission) -> bool:
    return row.state is State.ABANDONED and row.forgotten_at is not None


def _answer_of(accepted: Accepted) -> Answer:
    """Links expire, so they are kept until the images are on this machine."""
    raw = json.dumps({"image_urls": accepted.image_urls}) if accepted.image_urls else None
    return Answer(task_id=accepted.task_id, raw=raw)


def classify_error(error: ApiframeError) -> tuple[Event, Answer]:
    """What an error of a paid request means for its row."""
    match error:
        case NotSent() | InvalidKey() | InvalidBaseUrl():
            return Event.NOT_SENT, Answer()
        case RateLimited():
            return Event.THROTTLED, Answer(message=error.message or None)
        case Refused():
            return Event.REFUSED, Answer(message=error.message or None)
        case OutcomeUnknown(task_id=str() as task_id):
            return Event.ACCEPTED, Answer(task_id=task_id, raw=error.excerpt)
        case OutcomeUnknown():
            return Event.UNCLEAR, Answer(message=error.message or None, raw=error.excerpt)
        case _:
            return Event.UNCLEAR, Answer()


def delay_before_retry(error: ApiframeError, tries: int) -> float | None:
    """Seconds to wait after this many tries, or None if there is no further one. Pure."""
    if tries >= TRIES or isinstance(error, InvalidKey | InvalidBaseUrl | TooManyTrainings):
        return None
    doubled: float = _FIRST_WAIT_SECONDS * 2 ** (tries - 1)
    wait = error.retry_after if isinstance(error, RateLimited) and error.retry_after is not None else doubled
    return None if wait > MAX_RETRY_WAIT_SECONDS else wait


class Submitter:
    """Sends remembered intents to the service."""

    def __init__(
        self, ledger: Ledger, tracker: Tracker, clock: Clock, *, max_credits_per_day: float | None = None
    ) -> None:
        self._ledger = ledger
        self._tracker = tracker
        self._clock = clock
        self._max_credits_per_day = max_credits_per_day
        self._in_flight: dict[tuple[str, int], Submission] = {}
        self._idle: anyio.Event | None = None

    async def get_or_create(
        self,
        new: NewSubmission,
        service_now: float | None = None,
        *,
        may_send: bool = True,
        max_credits: float | None = None,
    ) -> tuple[Submission, bool]:
        """Remember an intent or find its duplicate; see `Ledger.get_or_create`. Above the day's limit no row is made.

        Raises:
            PriceAboveLimit: it would have to be sent, and could cost more than `max_credits`.
            PaymentNotApproved: it would have to be sent, and may not be. This is decided in the transaction that
                writes the row, since another process may give up what was found before.
        """
        now = self._clock.now()
        return await self._ledger.get_or_create(
            new, now, service_now, self._max_credits_per_day, may_send=may_send, max_credits=max_credits
        )

    async def check_cap(self, new: NewSubmission) -> None:
        """Raise SpendingCapReached if the day's credits do not suffice: before the user is asked to pay."""
        await self._ledger.check_cap(new, self._clock.now(), self._max_credits_per_day)

    async def send(
        self,
        row: Submission,
        send_once: SendOnce,
        *,
        deadline_seconds: float,
        facts: ProviderFacts = ProviderFacts(),  # noqa: B008 - frozen, so sharing it is harmless
        max_credits: float | None = None,
    ) -> Sent:
        """Send one intent; try again only if it was provably not accepted.

        `deadline_seconds` is the longest that `send_once` takes by itself; `facts` are those known beforehand.
        `max_credits` is the most that was agreed.

        Raises:
            PriceAboveLimit: it could cost more; nothing was sent.
            SpendingCapReached: the day's credits would not suffice; nothing was sent.
            NotYetSent: not accepted within the tries and the time of one call; the row stays INTENT.
            Rejected: the service refused it.
            SubjectForgotten: meanwhile; nothing was accepted, and it is not sent again.
            LedgerError: the ledger could not be written beforehand; nothing was sent.
        """
        lease_seconds = deadline_seconds + LEASE_GRACE_SECONDS

        def begin(now: float) -> Awaitable[Submission | None]:
            return self._ledger.begin_sending(
                row.ref, now, lease_seconds, self._max_credits_per_day, facts, max_credits
            )

        began = self._clock.monotonic()
        for tries in range(1, TRIES + 1):
            sent, error = await self._attempt(row, send_once, begin)
            if sent is None:
                sent = await self.wait_for_sender(row)
                if _is_dropped(sent.row) and sent.row.attempt == row.attempt + tries - 1:
                    raise SubjectForgotten
                return sent
            if not sent.by_us:
                return await self.wait_for_sender(sent.row)
            if sent.row.state is State.REJECTED and error is not None:
                raise Rejected(sent.row, error)
            if _is_dropped(sent.row) and isinstance(error, _NOT_ACCEPTED):
                raise SubjectForgotten
            # After a late unclear response the row can be INTENT too, if the user has decided "send again" meanwhile.
            # The next call sends it, not this one, whose request has an unknown outcome.
            if sent.row.state is not State.INTENT or not isinstance(error, _NOT_ACCEPTED):
                return sent
            wait = delay_before_retry(error, tries)
            if wait is None or self._clock.monotonic() - began + wait > RETRY_BUDGET_SECONDS:
                raise NotYetSent(sent.row, error)
            await self._clock.sleep(wait)
        raise AssertionError("delay_before_retry ends the tries")

    async def repeat(self, row: Submission, send_once: SendOnce, *, deadline_seconds: float) -> Sent:
        """Send a request with an unknown outcome again, as it was and under its idempotency key: it is paid for once.

        Returns the row unchanged where the service would not recognise the repeat.

        Raises:
            LedgerError: the ledger could not be written beforehand; nothing was sent.
        """
        lease_seconds = deadline_seconds + LEASE_GRACE_SECONDS

        def begin(now: float) -> Awaitable[Submission | None]:
            return self._ledger.begin_repeat(row.ref, now, lease_seconds)

        sent, _ = await self._attempt(row, send_once, begin)
        return sent or Sent(await self._tracker.reload(row), by_us=False)

    def before_last_part(self, sending: Submission) -> BeforeLastPart:
        """What a streamed body awaits before its last part: from then on, the service may have all of it."""

        async def note() -> None:
            await self._ledger.note_last_part(sending.ref, sending.attempt, self._clock.now())

        return note

    async def wait_for_sender(self, row: Submission) -> Sent:
        """Wait for the call or process that is sending this, as long as a paid request may take."""
        sent = await self._tracker.wait_until(
            f"sending {row.ref}",
            partial(self._tracker.reload, row),
            lambda row: row.state not in (State.INTENT, State.SENDING),
            RETRY_BUDGET_SECONDS,
            poll_seconds=_FOLLOWER_POLL_SECONDS,
        )
        return Sent(sent or row, by_us=False)

    async def finish(self, within_seconds: float) -> None:
        """Wait for requests in flight at the end of the program; those that take longer are recorded as unconfirmed."""
        with anyio.move_on_after(within_seconds):
            while self._in_flight:
                self._idle = anyio.Event()
                await self._idle.wait()
        for row in tuple(self._in_flight.values()):
            try:
                await self._ledger.record_response(
                    row.ref, row.attempt, Event.UNCLEAR, Answer(), self._clock.now()
                )
            except LedgerError as error:
                # Its lease will expire, with the same effect.
                log.error("That %s is unconfirmed could not be written: %s", row.ref, error)

    async def _attempt(
        self, row: Submission, send_once: SendOnce, begin: _Begin
    ) -> tuple[Sent | None, ApiframeError | None]:
        sent: Sent | None = None
        error: ApiframeError | None = None
        # A client that gives up or disconnects cancels the handler. From SENDING to the next state nothing may:
        # the request has a deadline for everything.
        with anyio.CancelScope(shield=True):
            sending = await begin(self._clock.now())
            if sending is not None and sending.ref != row.ref:
                sent = Sent(sending, by_us=False)
            elif sending is not None:
                with self._track(sending):
                    try:
                        event, answer = Event.ACCEPTED, _answer_of(await send_once(sending))
                    except ApiframeError as raised:
                        error = raised
                        event, answer = classify_error(error)
                    except BaseException:
                        await self._record(sending, Event.UNCLEAR, Answer())
                        raise
                    sent = await self._record(sending, event, answer)
        return sent, error

    @contextlib.contextmanager
    def _track(self, sending: Submission) -> Generator[None]:
        # By attempt: after a jump of the clock the user may have had the same ref sent again during this one.
        attempt = (sending.ref, sending.attempt)
        self._in_flight[attempt] = sending
        try:
            yield
        finally:
            del self._in_flight[attempt]
            if self._idle is not None:
                self._idle.set()

    async def _record(self, sending: Submission, event: Event, answer: Answer) -> Sent:
        now = self._clock.now()
        try:
            row = await self._ledger.record_response(sending.ref, sending.attempt, event, answer, now)
            return Sent(row or await self._ledger.find(sending.ref, now) or sending)
        except LedgerError as error:
            log.error("The outcome of %s could not be written: %s", sending.ref, error)
        state = next_state(State.SENDING, event) or State.SENDING
        row = replace(sending, state=state, task_id=answer.task_id, message=answer.message)
        return Sent(row, notes=await self._spool(sending, answer.task_id, now) if answer.task_id else ())

    async def _spool(self, sending: Submission, task_id: str, now: float) -> tuple[Note, ...]:
        try:
            await self._ledger.spool(sending.ref, sending.attempt, task_id, now)
        except LedgerError as error:
            log.error(
                "Accepted as task_id %s, ref %s, and it could not be kept: %s", task_id, sending.ref, error
            )
            return (Note.ID_ONLY_HERE,)
        return (Note.ID_NOT_IN_LEDGER,)
