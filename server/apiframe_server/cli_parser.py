"""The command line parser and the help of every command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn

from apiframe_server import __version__
from apiframe_server.problems import EXIT_CODES, ExitCode, Problem, report

_EPILOG = """\
Settings are environment variables; the API key is APIFRAME_API_KEY. Try `apiframe-photo-mcp demo` first: it needs
no key and costs nothing.

exit codes:
{codes}

With --json, errors are printed on stdout as JSON: {{"error": {{"kind", "exit_code", "message", "next"}}}}.

examples:
  apiframe-photo-mcp                    serve an MCP client over stdin and stdout
  apiframe-photo-mcp --sandbox          the same with the sandbox: no key, no cost
  apiframe-photo-mcp trainings          list your trainings and their trigger words
  apiframe-photo-mcp COMMAND --help     help for a command
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments. Exits the program for --help, and with code 2 for invalid arguments.

    `sandbox` of the result is None for the service, "" for the built-in sandbox, or the URL of a sandbox.
    """
    try:
        options = _build_parser().parse_args(_with_sandbox_url(arguments))
    except _InvalidArguments as error:
        if "--json" not in arguments:
            argparse.ArgumentParser.error(error.parser, error.message)
        problem = Problem(ExitCode.USAGE, f"{error.message}.", f"See `{error.parser.prog} --help`.")
        raise SystemExit(report(problem, as_json=True)) from None
    url: str | None = getattr(options, "sandbox_url", None)
    options.sandbox = url or ("" if getattr(options, "sandbox", False) else None)
    return options


_Commands = argparse._SubParsersAction  # pyright: ignore[reportPrivateUsage] - it has no public name


class _InvalidArguments(Exception):
    """The arguments are invalid. `parser` is that of the command."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.parser = parser
        self.message = message


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _InvalidArguments(self, message)


def _with_sandbox_url(arguments: Sequence[str]) -> list[str]:
    """Rewrite `--sandbox URL`, the form of earlier versions, to `--sandbox-url URL`."""
    rewritten: list[str] = []
    for argument in arguments:
        if "://" in argument and rewritten[-1:] == ["--sandbox"]:
            rewritten[-1] = "--sandbox-url"
        rewritten.append(argument.replace("--sandbox=", "--sandbox-url=", 1))
    return rewritten


def _build_parser() -> _Parser:
    codes = "\n".join(f"  {code:<5} {meaning}" for code, meaning in EXIT_CODES.items())
    parser = _Parser(
        prog="apiframe-photo-mcp",
        description="An MCP server that trains photo models of people on Apiframe and generates images with them.",
        epilog=_EPILOG.format(codes=codes),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_sandbox_options(shown=True)],
    )
    parser.add_argument("--version", action="version", version=f"apiframe-photo-mcp {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="command", title="commands (default: serve over stdio)"
    )
    for name, command in _COMMANDS.items():
        _add_command(commands, name, command)
    return parser


def _sandbox_options(*, shown: bool) -> _Parser:
    # Accepted before and after a command: a default of the command's parser would override an earlier value.
    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument(
        "--sandbox",
        action="store_true",
        help="use the built-in sandbox instead of the service: no key, no cost"
        if shown
        else argparse.SUPPRESS,
    )
    options.add_argument(
        "--sandbox-url",
        metavar="URL",
        type=_url,
        help="use the sandbox at this address (see the command sandbox)" if shown else argparse.SUPPRESS,
    )
    return options


def _add_command(commands: _Commands[_Parser], name: str, command: _Command) -> None:
    examples = "\n".join(f"  apiframe-photo-mcp {name}{rest}" for rest in command.examples)
    parser = commands.add_parser(
        name,
        help=command.summary,
        description=f"{command.summary[0].upper()}{command.summary[1:]}.{command.details}",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # These never contact the service, but accept the option.
        parents=[_sandbox_options(shown=name not in ("demo", "check", "sandbox"))],
    )
    for argument, settings in command.arguments.items():
        parser.add_argument(argument, **settings)


def _number(text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"must be a number from {low} to {high}")
    return int(text)


def _url(text: str) -> str:
    from apiframe_studio.api.errors import InvalidBaseUrl
    from apiframe_studio.api.urls import normalize_base_url

    try:
        return normalize_base_url(text)
    except InvalidBaseUrl:
        raise argparse.ArgumentTypeError("must be an address such as http://127.0.0.1:8788") from None


class _Command(NamedTuple):
    """The help of a command, and the settings of each argument. `details` follow the summary."""

    summary: str
    details: str
    examples: Sequence[str]
    arguments: Mapping[str, Mapping[str, Any]] = {}


def _json(tool: str) -> Mapping[str, Any]:
    return {"action": "store_true", "help": f"print the result of the tool {tool} as JSON"}


_API: Final[Mapping[str, Any]] = {
    "choices": ("v1", "v2"),
    "default": "v1",
    "help": "generation of the API (default v1)",
}
_PORT: Final = partial(_number, low=0, high=65_535)
_COMMANDS: Final = {
    "demo": _Command(
        "run the full workflow in the sandbox, with synthetic photos",
        "\n\nTakes about half a minute, needs no key and costs nothing. The contact sheet and the images stay in the"
        "\nfolder `demo` of the data folder until the next demo.",
        ("", " --api v2", " --svg demo.svg"),
        {"--api": _API, "--svg": {"metavar": "FILE", "help": "also write an image of the terminal"}},
    ),
    "doctor": _Command(
        "check the key, service, account, folders and ledger, and print what to fix",
        "\n\nThe exit code is 1 when there is something to fix.",
        ("", " --sandbox"),
    ),
    "trainings": _Command(
        "list your trainings with their trigger words",
        " Newest first; the status of running ones is refreshed.",
        ("", ' "Anna"', " --json", " --sandbox"),
        {
            "subject": {"nargs": "?", "help": "only trainings of this subject"},
            "--limit": {
                "type": partial(_number, low=1, high=1000),
                "default": 50,
                "metavar": "N",
                "help": "maximum number to list (default 50)",
            },
            "--json": _json("list_trainings"),
        },
    ),
    "wait": _Command(
        "wait for a training and print its trigger word",
        " Ctrl-C stops the waiting, not the training."
        "\n\nThe exit code is 0 when the training finished, 1 when it ended without a model, 7 when its outcome is"
        "\nnot known yet.",
        (' "Anna"', ' "Anna" --json', ' "Anna" --sandbox'),
        {
            "subject": {"help": "the subject's name, or a task_id or ref"},
            "--json": _json("wait_for_training"),
        },
    ),
    "check": _Command(
        "check which photos of a folder are usable for a training",
        " Nothing is sent.\n\nThe exit code is 0 when enough photos are usable (good or doubtful), else 1.",
        (" ~/Pictures/anna", " ~/Pictures/anna --sheet sheet.jpg", " ~/Pictures/anna --json"),
        {
            "paths": {"nargs": "+", "metavar": "FOLDER", "help": "a folder with photos, or single photos"},
            "--sheet": {"metavar": "FILE", "help": "also write the contact sheet, a JPEG"},
            "--json": _json("check_photos"),
        },
    ),
    "forget": _Command(
        "remove a subject's names, texts and images from this machine",
        "\n\nShows what would be removed and asks first. Searches only the sandbox with --sandbox, and everything else"
        "\nwithout it. The exit code is 3 when the name is unknown, and 2 when stdin is not a terminal and --yes is"
        "\nmissing.",
        (' "Anna"', ' "Anna" --yes', ' "Anna" --sandbox'),
        {
            "subject": {"help": "the subject's name, as `trainings` shows it"},
            "--yes": {"action": "store_true", "help": "do not ask for confirmation"},
        },
    ),
    "http": _Command(
        "serve MCP clients over Streamable HTTP on this machine",
        "\n\nFor you only: every program and every user of this machine can call it. The first Ctrl-C lets calls"
        "\nfinish, for up to ten seconds; a second one ends it at once.",
        ("", " --port 0", " --sandbox"),
        {
            "--host": {
                "default": "127.0.0.1",
                "help": "127.0.0.1 (default), ::1, or localhost for both",
            },
            "--port": {"type": _PORT, "default": 8787, "help": "port (default 8787; 0: any free port)"},
        },
    ),
    "sandbox": _Command(
        "serve the sandbox on a local port, for any client of the API",
        "",
        ("", " --port 0", " --api v2"),
        {
            "--api": _API,
            "--port": {
                "type": _PORT,
                "default": 8788,
                "help": "port on 127.0.0.1 (default 8788; 0: any free port)",
            },
        },
    ),
}
