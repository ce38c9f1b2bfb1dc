"""Exit codes of the commands, and how a problem is reported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple


class ExitCode(IntEnum):
    """Exit codes. The name in lower case is the `kind` of an error in JSON."""

    DONE = 0
    NO = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    KEY = 5
    REFUSED = 6
    NOT_SETTLED = 7
    LOCAL = 8
    STOPPED = 130


EXIT_CODES: Final[Mapping[ExitCode, str]] = {
    ExitCode.DONE: "done",
    ExitCode.NO: "negative result: the training failed, too few photos are usable, or doctor found a problem",
    ExitCode.USAGE: "invalid argument or setting",
    ExitCode.NOT_FOUND: "no such training, subject or path",
    ExitCode.UNREACHABLE: "the service could not be reached, or its response was unusable",
    ExitCode.KEY: "the API key is missing or invalid, or the service does not accept it",
    ExitCode.REFUSED: "the service refused the request",
    ExitCode.NOT_SETTLED: "the outcome of a training is not known yet",
    ExitCode.LOCAL: "a local file, the ledger or a port cannot be used",
    ExitCode.STOPPED: "stopped with Ctrl-C",
}


class Problem(NamedTuple):
    """Why a command failed: `message` says what is wrong, `next` what to do about it ("" when that is clear)."""

    code: ExitCode
    message: str
    next: str = ""

    @property
    def text(self) -> str:
        return f"{self.message} {self.next}".rstrip()


class CommandFailed(Exception):
    """Raised by a command to end with `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def report(problem: Problem, *, as_json: bool = False) -> ExitCode:
    """Print a problem, as one line on stderr or as JSON on stdout; returns the exit code."""
    if as_json:
        import json

        error = {
            "kind": problem.code.name.lower(),
            "exit_code": problem.code.value,
            "message": problem.message[:1].upper() + problem.message[1:],
            "next": problem.next,
        }
        print(json.dumps({"error": error}, indent=2, ensure_ascii=False))
    else:
        print(f"apiframe-photo-mcp: {problem.text}", file=sys.stderr)
    return problem.code
