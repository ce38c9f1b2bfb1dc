"""A few decoder processes for the length of one check: started when needed, killed when late, gone after.

Why not `anyio.to_process`: its workers inherit the environment (and so the key), answer in pickle, and stay
for the server's life; measured in docs/decisions/0011-reading-photos.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from apiframe_studio.photos import _frames
from apiframe_studio.photos.errors import DecodersFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.verdicts import Reason

MOST_PROCESSES = 3
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0

# Without SYSTEMROOT Python does not start on Windows; nothing else of the environment is handed on.
_KEPT_VARIABLES = ("SYSTEMROOT",)


class Refused(Exception):
    """A picture that could not be read, with the reason; also when its decoder was late or died."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


class Decoders:
    """Answers one request at a time on each of `width` processes; further callers wait."""

    def __init__(self, limits: Limits, width: int) -> None:
        self.limits = limits
        self.width = width
        self._places = anyio.CapacityLimiter(width)
        self._idle: list[_Decoder] = []
        self._all: set[_Decoder] = set()

    async def ask(
        self, head: dict[str, Any], blobs: Sequence[bytes] = ()
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer's head and byte strings. Raises `Refused` for the picture, `DecodersFailed` for us."""
        async with self._places:
            decoder = self._idle.pop() if self._idle else await self._start()
            try:
                answer = await self._answer_of(decoder, head, blobs)
            except BaseException:
                await self._discard(decoder)
                raise
            self._idle.append(decoder)
        if "unreadable" in answer[0]:
            raise Refused(Reason(answer[0]["unreadable"]))
        return answer

    async def close(self) -> None:
        for decoder in tuple(self._all):
            await self._discard(decoder)

    async def _answer_of(
        self, decoder: _Decoder, head: dict[str, Any], blobs: Sequence[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        try:
            with anyio.fail_after(self.limits.seconds):
                return await decoder.ask(head, blobs)
        except TimeoutError:
            raise Refused(Reason.TOOK_TOO_LONG) from None
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, ValueError):
            raise Refused(Reason.DAMAGED) from None

    async def _start(self) -> _Decoder:
        try:
            decoder = _Decoder(await _open_process())
        except OSError:
            raise DecodersFailed("no decoder process could be started") from None
        self._all.add(decoder)
        try:
            with anyio.fail_after(_START_SECONDS):
                await decoder.ask(asdict(self.limits), ())
        except (TimeoutError, anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, ValueError):
            await self._discard(decoder)
            raise DecodersFailed("a decoder process ended before it was ready") from None
        except BaseException:
            await self._discard(decoder)
            raise
        return decoder

    async def _discard(self, decoder: _Decoder) -> None:
        self._all.discard(decoder)
        await decoder.stop()


class _Decoder:
    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes to the decoder process")
        self._process = process
        self._requests = process.stdin
        self._answers = BufferedByteReceiveStream(process.stdout)

    async def ask(self, head: dict[str, Any], blobs: Sequence[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        await self._requests.send(_frames.pack_head(head, blobs))
        for blob in blobs:
            if blob:
                await self._requests.send(blob)
        size = _frames.head_size(await self._answers.receive_exactly(_frames.PREFIX))
        answer, sizes = _frames.parse_head(await self._answers.receive_exactly(size))
        return answer, [await self._answers.receive_exactly(size) for size in sizes]

    async def stop(self) -> None:
        """Kills: a decoder owns nothing that would want closing, and a crafted file may keep it busy."""
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
    # -P: nothing is imported from the working directory, which may hold a stranger's files. -S: the search
    # path is handed over complete, so site's own search of it would be repeated work.
    command = [sys.executable, "-P", "-S", "-m", "apiframe_studio.photos._decoder"]
    return await anyio.open_process(command, env=environment, stderr=subprocess.DEVNULL)


def processors() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@asynccontextmanager
async def decoders(limits: Limits, width: int | None = None) -> AsyncGenerator[Decoders]:
    """Decoders that end with the block. `width` defaults to the cores, at most 3 for the sake of memory."""
    pool = Decoders(limits, width or max(1, min(MOST_PROCESSES, processors())))
    try:
        yield pool
    finally:
        await pool.close()
