"""Many waits on one training, one of them looking.

No task outlives a call: the waits themselves carry the looking. Whoever came first looks on the common
beat and tells the others; when it leaves, the next in line goes on.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from apiframe_studio.clock import Clock
from apiframe_studio.ledger.states import UNDER_WAY, State
from apiframe_studio.training import Note, Training

Look = Callable[[], Awaitable[Training]]
Tell = Callable[[Training], Awaitable[None]]
Progress = tuple[State, float | None]

MAX_COUNTED: Final = 1_000


@dataclass(eq=False)
class _Waiter:
    woken: anyio.Event = field(default_factory=anyio.Event)


@dataclass
class _Watch:
    """What the waits on one training share."""

    latest: Training | None = None
    news: int = 0
    led: bool = False
    followers: deque[_Waiter] = field(default_factory=deque[_Waiter])

    def publish(self, training: Training) -> None:
        before, self.latest = self.latest, training
        # What only moved on (the time of the look, the estimate) wakes nobody, and yet is what they return.
        if before is not None and _same_news(before, training):
            return
        self.news += 1
        for follower in self.followers:
            follower.woken.set()

    def hand_over(self) -> None:
        self.led = False
        if self.followers:
            self.followers[0].woken.set()


class Waiting:
    """Waits for trainings, with looks at most `poll_seconds` apart and shared by all who wait."""

    def __init__(self, clock: Clock, poll_seconds: float) -> None:
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._watches: dict[str, _Watch] = {}
        self._waits: dict[str, int] = {}

    async def wait(self, key: str, look: Look, tell: Tell, seconds: float) -> Training | None:
        """Wait until the training called `key` is settled or `seconds` are over, last look included.

        `tell` is awaited at every change. Returns the latest that is known, None when no look ended in time.
        """
        watch = self._watches.setdefault(key, _Watch())
        self._waits[key] = self._waits.get(key, 0) + 1
        try:
            with anyio.move_on_after(seconds):
                await self._follow(watch, look, tell)
            return watch.latest
        finally:
            self._waits[key] -= 1
            if not self._waits[key]:
                del self._waits[key], self._watches[key]

    async def _follow(self, watch: _Watch, look: Look, tell: Tell) -> None:
        told = 0
        while True:
            if watch.latest is not None and watch.news != told:
                told = watch.news
                await tell(watch.latest)
            if watch.latest is not None and told and not is_worth_waiting(watch.latest):
                return
            if watch.led:
                await self._be_told(watch)
            else:
                await self._lead(watch, look)

    async def _lead(self, watch: _Watch, look: Look) -> None:
        """Look until there is news, and let the next in line look when leaving."""
        watch.led = True
        try:
            seen = watch.news
            while watch.news == seen:
                if watch.latest is not None:
                    await self._until_next_beat()
                watch.publish(await look())
        finally:
            watch.hand_over()

    async def _be_told(self, watch: _Watch) -> None:
        waiter = _Waiter()
        watch.followers.append(waiter)
        try:
            await waiter.woken.wait()
        finally:
            watch.followers.remove(waiter)
            if waiter.woken.is_set() and not watch.led and watch.followers:
                watch.followers[0].woken.set()

    async def _until_next_beat(self) -> None:
        """Every wait of this process looks on the same beat, so that their looks share requests."""
        now = self._clock.monotonic()
        await self._clock.sleep(self._poll_seconds - now % self._poll_seconds)


class FruitlessWaits:
    """Counts, for each training, the waits in a row that ended where the one before had. Bounded, in memory only."""

    def __init__(self) -> None:
        self._ended: OrderedDict[str, tuple[Progress, int, float]] = OrderedDict()

    def count(self, key: str, before: Progress | None, after: Progress, began: float, now: float) -> int:
        """Record a wait that ended at `after`; returns how many in a row brought nothing, this one included.

        `before` is what was known when the first of them began. Times are those of the monotonic clock: waits
        that run side by side count as one.
        """
        last, waits, ended = self._ended.pop(key, (before, 0, began))
        if last != after:
            waits = 0
        elif began >= ended:
            waits += 1
        self._ended[key] = (after, waits, now)
        if len(self._ended) > MAX_COUNTED:
            self._ended.popitem(last=False)
        return waits


def progress_of(training: Training) -> Progress:
    """What counts as progress of a training."""
    return training.state, training.percentage


def is_worth_waiting(training: Training) -> bool:
    """Whether looking again can tell more."""
    return training.state in UNDER_WAY and Note.MISSING not in training.notes


def _same_news(before: Training, after: Training) -> bool:
    told = (before.state, before.percentage, before.message, before.trigger_word, before.notes)
    return told == (after.state, after.percentage, after.message, after.trigger_word, after.notes)
