"""How a command ends: its exit code, and what it prints when it cannot do what was asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple


class ExitCode(IntEnum):
    """What a script can tell apart. The name in lower case is the `kind` of an error in JSON."""

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
    ExitCode.NO: "the answer is no: a training failed, too few photos, doctor found something to do",
    ExitCode.USAGE: "a wrong argument or setting",
    ExitCode.NOT_FOUND: "no such training, subject or path",
    ExitCode.UNREACHABLE: "the service could not be reached, or gave no usable answer",
    ExitCode.KEY: "no usable API key, or the service does not accept it",
    ExitCode.REFUSED: "the service refused",
    ExitCode.NOT_SETTLED: "the outcome of a training is not known yet",
    ExitCode.LOCAL: "the ledger, a file or a port on this machine cannot be used",
    ExitCode.STOPPED: "stopped with Ctrl-C",
}


class Problem(NamedTuple):
    """Why a command could not do what was asked. `message` is what is wrong, `next` what to do, "" when clear."""

    code: ExitCode
    message: str
    next: str = ""

    @property
    def text(self) -> str:
        """Both, as a line for a reader."""
        return f"{self.message} {self.next}".rstrip()


class CommandFailed(Exception):
    """Ends a command with a problem that only it can word."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def report(problem: Problem, *, as_json: bool = False) -> ExitCode:
    """Print a problem, as one line on stderr or as JSON on stdout; returns the exit code."""
    if as_json:
        print(_json(problem))
    else:
        print(f"apiframe-photo-mcp: {problem.text}", file=sys.stderr)
    return problem.code


def _json(problem: Problem) -> str:
    import json

    error = {
        "kind": problem.code.name.lower(),
        "exit_code": problem.code.value,
        "message": problem.message[:1].upper() + problem.message[1:],
        "next": problem.next,
    }
    return json.dumps({"error": error}, indent=2, ensure_ascii=False)
