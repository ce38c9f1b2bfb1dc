"""Reads a client's lines, answers from the snapshot, and hands the session over to the SDK in the same process.

The main thread reads until a line needs the SDK. Then it imports the SDK, since signals are handled there, while a
thread goes on reading: it still answers what the snapshot has and keeps the rest. From the moment the SDK asks for its
first line only the SDK answers.
"""

from __future__ import annotations

import _thread
import io
import json
import os

from apiframe_server.descriptors import claim_descriptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType

    from apiframe_server.front.answering import Answers
else:
    import _signal as signal  # `signal` imports enum for the names, which takes as long as the answers.

_CHUNK = 64 * 1024
_INTERNAL_ERROR = -32603


class Front:
    """One client on two descriptors."""

    def __init__(self, answers: Answers, source: int, output: int) -> None:
        self.answers = answers
        self.source = source
        self.output = output
        self.rest = bytearray()
        """What was read and has not been handled. The SDK's side reads it after `wait_until_read`."""
        self._kept: list[bytes] = []
        self._ended = False
        self._taken = False
        self._writing = _thread.allocate_lock()
        """Held while lines are handled: an answer and the take-over never overlap."""
        self._reading = _thread.allocate_lock()
        """Held while the thread reads."""

    def serve(self, *, at_once: bool = False) -> bool:
        """Answer until the end of input. Returns True when a line needs the SDK; the thread then goes on.

        With `at_once` the SDK is needed in any case, and the thread answers until it is there.
        """
        while not (at_once or self._ended or self._kept):
            self._read_once()
        is_needed = at_once or bool(self._kept)
        if is_needed and not self._ended:
            self._reading.acquire()
            _thread.start_new_thread(self._read_on, ())
        return is_needed

    def take_over(self) -> list[bytes]:
        """Stop answering. Returns the lines that the SDK must receive before what comes next."""
        with self._writing:
            self._taken = True
            return [*self.answers.replay(), *self._kept]

    def wait_until_read(self) -> None:
        """Wait until the thread has ended, which it does at the next input after `take_over`."""
        self._reading.acquire()

    def refuse(self, sentence: str) -> None:
        """Answer each request that waits for the SDK with an error, unless the SDK has them."""
        with self._writing:
            if self._taken:
                return
            self._taken = True
            for line in self._kept:
                self._write(_refusal(line, sentence))

    def _read_on(self) -> None:
        try:
            while not self._ended and not self._taken:
                self._read_once()
        finally:
            self._reading.release()

    def _read_once(self) -> None:
        try:
            data = os.read(self.source, _CHUNK)
        except OSError:
            data = b""
        with self._writing:
            self.rest += data
            if self._taken:
                return
            self._ended = not data
            if self._ended or b"\n" in data:
                lines = io.BytesIO(self.rest).readlines()
                self.rest.clear()
                if lines and not self._ended and not lines[-1].endswith(b"\n"):
                    self.rest += lines.pop()
                for line in lines:
                    self._handle(line)

    def _handle(self, line: bytes) -> None:
        answer = self.answers.answer(line)
        if answer is None:
            self._kept.append(line)
        else:
            self._write(answer)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self.output, data) :]
        except OSError:
            pass  # The client no longer reads. Its input will end, too.


def open_front(answers: Answers) -> Front:
    """Claim stdin and stdout. Until the SDK has been imported, nothing needs to be finished at a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    return Front(answers, *claim_descriptors())


def _exit(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)


def _refusal(line: bytes, sentence: str) -> bytes:
    """Return the error for a request; b"" for what is none, or cannot be parsed."""
    try:
        message = json.loads(line)
        request_id = message["id"] if "method" in message else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""
    if type(request_id) not in (str, int):
        return b""
    error = {"code": _INTERNAL_ERROR, "message": sentence}
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}).encode() + b"\n"
