"""The command line. Nothing heavy is imported before it is known what is wanted."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TextIO, cast

from apiframe_server import __version__
from apiframe_server.problems import ExitCode, Problem, report

if TYPE_CHECKING:
    from argparse import Namespace

    from apiframe_server.settings import Settings


_SANDBOX_IN_CLEAR = Problem(
    ExitCode.USAGE, "--sandbox-url must begin with https:// to reach another machine."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:
        # Scripts ask this often; a parser would take half of the answer's time.
        print(f"apiframe-photo-mcp {__version__}")
        return 0
    from apiframe_server.cli_parser import parse

    wanted = parse(given)
    from apiframe_server.settings import Settings, SettingsError, name_unknown_variables

    as_json = getattr(wanted, "json", False)
    if wanted.command == "doctor":
        return _run_for_reader(partial(_doctor, wanted.sandbox))
    try:
        settings = Settings.read()
    except SettingsError as error:
        return report(Problem(ExitCode.USAGE, str(error)), as_json=as_json)
    for sentence in name_unknown_variables():
        print(f"apiframe-photo-mcp: {sentence}", file=sys.stderr)
    sandbox = _sandbox(wanted.sandbox, settings)
    if _is_refused(sandbox, settings):
        return report(_SANDBOX_IN_CLEAR, as_json=as_json)
    if wanted.command is None:
        return _serve(settings, sandbox)
    return _run_for_reader(partial(_run, wanted, settings, sandbox))


def _doctor(asked: str | None) -> int:
    """The only command that goes on when a setting is wrong: it makes a finding of it."""
    from apiframe_server.doctor import doctor
    from apiframe_server.settings import Settings

    settings, wrong = Settings.read_usable()
    sandbox = _sandbox(asked, settings)
    if _is_refused(sandbox, settings):
        return report(_SANDBOX_IN_CLEAR)
    _log_errors(settings)
    return doctor(settings, sandbox, wrong)


def _sandbox(asked: str | None, settings: Settings) -> str | None:
    return "" if asked is None and settings.sandbox else asked


def _is_refused(sandbox: str | None, settings: Settings) -> bool:
    return bool(sandbox) and not settings.allow_http and _is_in_clear(sandbox or "")


def _run_for_reader(run: Callable[[], int]) -> int:
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has gone, as `head` does. What is still buffered would fail again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _log_errors(settings: Settings) -> None:
    from apiframe_server.logs import log_to_stderr

    # A command says itself what went wrong; that something was tried again is for those who asked for logs.
    level = settings.log_level if "log_level" in settings.model_fields_set else "ERROR"
    log_to_stderr(level, [settings.api_key.get_secret_value()])


def _run(wanted: Namespace, settings: Settings, sandbox: str | None) -> int:
    _log_errors(settings)
    match wanted.command:
        case "demo":
            from apiframe_server.demo import demo

            return demo(settings, wanted.svg)
        case "trainings":
            from apiframe_server.trainings_command import list_trainings

            return list_trainings(
                settings, sandbox, subject=wanted.subject, limit=wanted.limit, as_json=wanted.json
            )
        case "wait":
            from apiframe_server.trainings_command import wait

            return wait(settings, sandbox, subject=wanted.subject, as_json=wanted.json)
        case "check":
            from apiframe_server.check_command import check

            return check(settings, paths=wanted.paths, sheet=wanted.sheet, as_json=wanted.json)
        case "forget":
            from apiframe_server.forget import forget

            return forget(settings, sandbox, subject=wanted.subject, yes=wanted.yes)
        case _:
            from apiframe_server.serve_sandbox import serve_sandbox

            return serve_sandbox(settings, wanted.port)


def _is_in_clear(url: str) -> bool:
    from apiframe_studio.api.errors import InvalidBaseUrl
    from apiframe_studio.api.urls import require_https

    try:
        require_https(url)
    except InvalidBaseUrl:
        return True
    return False


def _serve(settings: Settings, sandbox: str | None) -> int:
    if not _has_stdio():
        print(
            "apiframe-photo-mcp: stdin and stdout have to be open: an MCP client talks over them.",
            file=sys.stderr,
        )
        return 2
    # Importing the SDK makes a hundred thousand objects and next to no garbage; looking for it anyway
    # took a seventh of the start (docs/decisions/0005-start.md).
    gc.disable()
    _build_models_at_first_use()
    from apiframe_server.composition import build_server, build_studio
    from apiframe_server.logs import log_to_stderr
    from apiframe_server.stdio import serve

    log_to_stderr(settings.log_level, [settings.api_key.get_secret_value()])
    if sys.stdin.isatty():
        print(
            "An MCP client talks to this program over stdin; there is nothing to type here. Ctrl-C ends it.\n"
            "To see it work: apiframe-photo-mcp demo",
            file=sys.stderr,
        )
    studio = build_studio(settings, sandbox=sandbox)
    server = build_server(studio)
    # What was built so far lives as long as the program does: the collector need not walk it again.
    gc.freeze()
    gc.enable()
    serve(studio, server)
    return 0


def _build_models_at_first_use() -> None:
    """Before the SDK is imported: it declares each message of each protocol version, and a client uses a few."""
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True


def _has_stdio() -> bool:
    """Whether stdin and stdout are open. A closed stderr is replaced: its number could be reused otherwise."""
    if cast("TextIO | None", sys.stderr) is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the program lives
    return None not in (cast("TextIO | None", sys.stdin), cast("TextIO | None", sys.stdout))


if __name__ == "__main__":
    sys.exit(main())
