"""Decoder processes: few in all, however many calls use them, and killed when they take too long.

They are started when needed and end with the last call that uses them.

Why not `anyio.to_process`: its workers inherit the environment (and so the key), reply with pickle, and live as long
as the server; measured in docs/decisions/0011-reading-photos.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

import anyio
from anyio.abc import Process
from anyio.lowlevel import RunVar
from anyio.streams.buffered import BufferedByteReceiveStream

from apiframe_studio.photos import _frames
from apiframe_studio.photos.errors import DecodeFailed, DecodersFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Reason

MAX_PROCESSES = 3
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0

# Without SYSTEMROOT, Python does not start on Windows; no other variable is passed on.
_KEPT_VARIABLES = ("SYSTEMROOT",)

_DECODING = frozenset({"measure", "preview", "normalise"})

Answer = tuple[dict[str, Any], list[bytes]]
Ask = Callable[[dict[str, Any], Sequence[bytes]], Awaitable[Answer]]


class Decoders:
    """The shared processes as one call may use them: at most `width` at a time."""

    def __init__(self, pool: _Pool, limits: Limits, width: int) -> None:
        self.limits = limits
        self.width = width
        self._pool = pool
        self._own = anyio.CapacityLimiter(width)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Ask]:
        """Reserve a process. Read files inside this block, so that waiting calls hold no bytes.

        Yields a function like `ask`.
        """
        async with self._own, self._pool.ordinary, self._pool.places:
            yield self._ask

    async def ask(self, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> Answer:
        """Return the head and byte strings of the reply. Raises `DecodeFailed` or `DecodersFailed`."""
        async with self.turn() as ask:
            return await ask(head, blobs)

    async def ask_first(self, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> Answer:
        """Like `ask`, but before all waiting calls: for the last steps of a call, which must not be late."""
        async with self._pool.places:
            return await self._ask(head, blobs)

    async def _ask(self, head: dict[str, Any], blobs: Sequence[bytes]) -> Answer:
        answer = await self._pool.ask(self.limits, head, blobs)
        if "unreadable" in answer[0]:
            raise DecodeFailed(Reason(answer[0]["unreadable"]))
        return answer


class _Pool:
    """The processes of one event loop. Each holder of one of `places` may use one.

    `ordinary` has as many tokens as `places`, so that an ordinary request never waits for a place. Only urgent
    requests wait there, and get the next free one.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.users = 0
        self.places = anyio.CapacityLimiter(width)
        self.ordinary = anyio.CapacityLimiter(width)
        self.large = anyio.CapacityLimiter(1)
        """Held while a photo that needs much memory is decoded."""
        self._idle: list[_Decoder] = []
        self._all: set[_Decoder] = set()

    async def ask(self, limits: Limits, head: dict[str, Any], blobs: Sequence[bytes]) -> Answer:
        """Send a request. The caller must hold a place."""
        decoder = await self._decoder(limits)
        try:
            if head["job"] in _DECODING:
                answer = await self._decode(decoder, head, blobs)
            else:
                answer = await decoder.answer(head, blobs)
        except BaseException:
            await self._discard(decoder)
            raise
        self._idle.append(decoder)
        return answer

    async def _decode(self, decoder: _Decoder, head: dict[str, Any], blobs: Sequence[bytes]) -> Answer:
        """Have the size checked first; large photos are decoded one at a time."""
        weighed, _ = await decoder.answer({"job": "weigh"}, blobs)
        async with AsyncExitStack() as stack:
            if weighed.get("large"):
                await stack.enter_async_context(self.large)
            return await decoder.answer({**head, "again": True}, ())

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for decoder in idle:
            await self._discard(decoder)

    async def _decoder(self, limits: Limits) -> _Decoder:
        """Return an idle process with these limits, or a new one. If there are too many, one with other limits ends."""
        for place, decoder in enumerate(self._idle):
            if decoder.limits == limits:
                return self._idle.pop(place)
        if self._idle and len(self._all) >= self.width:
            await self._discard(self._idle.pop())
        return await self._start(limits)

    async def _start(self, limits: Limits) -> _Decoder:
        try:
            decoder = _Decoder(await _open_process(), limits)
        except OSError:
            raise DecodersFailed("no decoder process could be started") from None
        self._all.add(decoder)
        try:
            with anyio.fail_after(_START_SECONDS):
                await decoder.ask(asdict(limits), ())
        except (TimeoutError, anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, ValueError):
            await self._discard(decoder)
            raise DecodersFailed("a decoder process ended before it was ready") from None
        except BaseException:
            await self._discard(decoder)
            raise
        return decoder

    async def _discard(self, decoder: _Decoder) -> None:
        await decoder.stop()
        self._all.discard(decoder)


class _Decoder:
    def __init__(self, process: Process, limits: Limits) -> None:
        self.limits = limits
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes to the decoder process")
        self._process = process
        self._requests = process.stdin
        self._answers = BufferedByteReceiveStream(process.stdout)

    async def answer(self, head: dict[str, Any], blobs: Sequence[bytes]) -> Answer:
        """Ask about one photo, within the limit on time. Raises `DecodeFailed`."""
        try:
            with anyio.fail_after(self.limits.seconds):
                return await self.ask(head, blobs)
        except TimeoutError:
            raise DecodeFailed(Reason.TOOK_TOO_LONG) from None
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, ValueError):
            raise DecodeFailed(Reason.DAMAGED) from None

    async def ask(self, head: dict[str, Any], blobs: Sequence[bytes]) -> Answer:
        await self._requests.send(_frames.pack_head(head, blobs))
        for blob in blobs:
            if blob:
                await self._requests.send(blob)
        size = _frames.parse_head_size(await self._answers.receive_exactly(_frames.PREFIX))
        answer, sizes = _frames.parse_head(await self._answers.receive_exactly(size))
        return answer, [await self._answers.receive_exactly(size) for size in sizes]

    async def stop(self) -> None:
        """Kill the process: it holds nothing that needs closing, and a crafted file may keep it busy."""
        with anyio.move_on_after(_STOP_SECONDS, shield=True):
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.aclose()


async def _open_process() -> Process:
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OPENBLAS_NUM_THREADS": "1",
    }
    # -P: import nothing from the working directory, which may contain untrusted files. -S: the complete search
    # path is passed on, so `site` need not build it again.
    command = [sys.executable, "-P", "-S", "-m", "apiframe_studio.photos._decoder"]
    return await anyio.open_process(command, env=environment, stderr=subprocess.DEVNULL)


def count_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_shared: RunVar[_Pool] = RunVar("decoder processes")


@asynccontextmanager
async def open_decoders(limits: Limits, width: int | None = None) -> AsyncGenerator[Decoders]:
    """Provide decoders for a block. The blocks of an event loop share them: one for each core, at most 3.

    This block uses at most `width` of them at a time.
    """
    pool = _shared.get(None) or _Pool(max(1, min(MAX_PROCESSES, count_processors())))
    _shared.set(pool)
    pool.users += 1
    try:
        yield Decoders(pool, limits, min(width or pool.width, pool.width))
    finally:
        pool.users -= 1
        if not pool.users:
            await pool.close()
