"""The command line. Modules are imported when their command runs, to keep the start fast."""

from __future__ import annotations

import gc
import os
import sys

from apiframe_server import __version__

# Not from typing: the front of a server decides before anything that takes time is imported.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TextIO

    from mcp.server import MCPServer

    from apiframe_server.front.answering import Answers
    from apiframe_server.front.wire import Front
    from apiframe_server.settings import Settings
    from apiframe_server.stdio import Connect
    from apiframe_studio.studio import Studio


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: that of the process) and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:
        # Scripts call this often, and building the parser would double its time.
        print(f"apiframe-photo-mcp {__version__}")
        return 0
    from apiframe_server.front.choosing import choose_answers, has_trainings_to_follow

    if (answers := choose_answers(given, os.environ)) is not None:
        return _serve_with_front(answers, given, at_once=has_trainings_to_follow(given, os.environ))
    from apiframe_server.cli_parser import parse

    options = parse(given)
    from apiframe_server.problems import ExitCode, Problem, report
    from apiframe_server.settings import Settings, SettingsError, describe_unknown_variables

    as_json = getattr(options, "json", False)
    invalid: Mapping[str, str] = {}
    if options.command == "doctor":
        # Unlike other commands, it runs with invalid settings and reports them.
        settings, invalid = Settings.read_usable()
    else:
        try:
            settings = Settings.read()
        except SettingsError as error:
            return report(Problem(ExitCode.USAGE, str(error)), as_json=as_json)
        for sentence in describe_unknown_variables():
            print(f"apiframe-photo-mcp: {sentence}", file=sys.stderr)
    sandbox = "" if options.sandbox is None and settings.sandbox else options.sandbox
    if _is_unencrypted(sandbox, settings):
        message = "--sandbox-url must begin with https:// to reach another machine."
        return report(Problem(ExitCode.USAGE, message), as_json=as_json)
    if options.command is None:
        return _serve(settings, sandbox)
    if options.command == "http":
        return _serve_http(settings, sandbox, options.host, options.port)
    return _run_until_pipe_closes(lambda: _run(options, settings, sandbox, invalid))


def _serve_with_front(answers: Answers, arguments: Sequence[str], *, at_once: bool) -> int:
    """Serve from the snapshot, and with the SDK from the first request that needs it, or once it is loaded."""
    from apiframe_server.front.wire import open_front

    front = open_front(answers)
    if not front.serve(at_once=at_once):
        return 0
    try:
        return _hand_over(front, "" if arguments else None)
    except Exception as error:
        front.refuse(f"The server could not start ({type(error).__name__}). Its log has the details.")
        sys.excepthook(type(error), error, error.__traceback__)
        return 2


def _hand_over(front: Front, sandbox: str | None) -> int:
    from apiframe_server.problems import ExitCode, Problem, report
    from apiframe_server.settings import Settings, SettingsError

    try:
        settings = Settings.read()
    except SettingsError as error:
        front.refuse(str(error))
        return report(Problem(ExitCode.USAGE, str(error)))
    return _serve(settings, "" if settings.sandbox else sandbox, front)


def _is_unencrypted(sandbox: str | None, settings: Settings) -> bool:
    """Whether the URL of a sandbox would send the key over plain http, without the user's permission."""
    if not sandbox or settings.allow_http:
        return False
    from apiframe_studio.api.errors import InvalidBaseUrl
    from apiframe_studio.api.urls import require_https

    try:
        require_https(sandbox)
    except InvalidBaseUrl:
        return True
    return False


def _run_until_pipe_closes(run: Callable[[], int]) -> int:
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does. Buffered output would raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(options: Namespace, settings: Settings, sandbox: str | None, invalid: Mapping[str, str]) -> int:
    from apiframe_server.logs import log_to_stderr

    # A command prints its own errors; retries are logged only for those who set a log level.
    level = settings.log_level if "log_level" in settings.model_fields_set else "ERROR"
    log_to_stderr(level, [settings.api_key.get_secret_value()])
    match options.command:
        case "doctor":
            from apiframe_server.doctor import doctor

            return doctor(settings, sandbox, invalid)
        case "demo":
            from apiframe_server.demo import demo

            return demo(settings, options.svg, options.api)
        case "trainings":
            from apiframe_server.trainings_command import list_trainings

            return list_trainings(
                settings, sandbox, subject=options.subject, limit=options.limit, as_json=options.json
            )
        case "wait":
            from apiframe_server.trainings_command import wait

            return wait(settings, sandbox, subject=options.subject, as_json=options.json)
        case "check":
            from apiframe_server.check_command import check

            return check(settings, paths=options.paths, sheet=options.sheet, as_json=options.json)
        case "forget":
            from apiframe_server.forget import forget

            return forget(settings, sandbox, subject=options.subject, yes=options.yes)
        case _:
            from apiframe_server.serve_sandbox import serve_sandbox

            return serve_sandbox(settings, options.port, options.api)


def _serve(settings: Settings, sandbox: str | None, front: Front | None = None) -> int:
    if not _has_stdio():
        print(
            "apiframe-photo-mcp: stdin and stdout must be open: an MCP client uses them for its messages.",
            file=sys.stderr,
        )
        return 2
    studio, server = _build(settings, sandbox)
    from apiframe_server.stdio import serve

    if sys.stdin.isatty():
        print(
            "This is an MCP server: a client starts it and sends messages to its stdin. Press Ctrl-C to stop.\n"
            "To see it work, run: apiframe-photo-mcp demo",
            file=sys.stderr,
        )
    serve(studio, server, _connect(front))
    return 0


def _serve_http(settings: Settings, sandbox: str | None, host: str, port: int) -> int:
    from apiframe_server.http_server.addresses import find_host_problem
    from apiframe_server.problems import report

    if (problem := find_host_problem(host)) is not None:
        return report(problem)
    _has_stdio()
    studio, server = _build(settings, sandbox)
    from apiframe_server.http_server.command import serve_http

    return serve_http(studio, server, host, port)


def _build(settings: Settings, sandbox: str | None) -> tuple[Studio, MCPServer[Any]]:
    # Importing the SDK creates a hundred thousand objects and almost no garbage; collecting it took a
    # seventh of the start-up time (docs/decisions/0005-start.md).
    gc.disable()
    _defer_model_building()
    from apiframe_server.composition import build_server, build_studio
    from apiframe_server.logs import log_to_stderr

    log_to_stderr(settings.log_level, [settings.api_key.get_secret_value()])
    studio = build_studio(settings, sandbox=sandbox, notifies=True)
    server = build_server(studio, cards=settings.cards == "on")
    # What exists now lives until the program exits, so the collector can ignore it.
    gc.freeze()
    gc.enable()
    return studio, server


def _connect(front: Front | None) -> Connect:
    if front is None:
        from apiframe_server.streams import connect_stdio

        return connect_stdio
    from apiframe_server.front.handover import connect_front

    return lambda calls: connect_front(front, calls)


def _defer_model_building() -> None:
    """Must run before the SDK is imported: it declares the messages of all protocol versions, and clients use few."""
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True


def _has_stdio() -> bool:
    """Whether stdin and stdout are open. A closed stderr is replaced, so that its descriptor is not reused."""
    streams: Sequence[TextIO | None] = (sys.stdin, sys.stdout, sys.stderr)
    if streams[2] is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the program exits
    return None not in streams[:2]


if __name__ == "__main__":
    sys.exit(main())
