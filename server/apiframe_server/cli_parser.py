"""The command line: what can be asked for, and what each command's help says."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from apiframe_server import __version__
from apiframe_server.problems import EXIT_CODES, ExitCode, Problem, report

_EPILOG = """\
Settings are environment variables; the key is APIFRAME_API_KEY. Try `apiframe-photo-mcp demo` first: it needs
neither a key nor money.

exit codes:
{codes}

With --json an error is JSON on stdout too: {{"error": {{"kind", "exit_code", "message", "next"}}}}.

examples:
  apiframe-photo-mcp                    what an MCP client starts: serves over stdin and stdout
  apiframe-photo-mcp --sandbox          the same in the sandbox: no key, no money
  apiframe-photo-mcp trainings          your trainings and their trigger words
  apiframe-photo-mcp COMMAND --help     more about one command
"""
_LAST_PORT = 65_535


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What is asked for. Ends the program for --help and with exit code 2 for what cannot be meant.

    `sandbox` is None for the service, "" for the sandbox inside the program, else the address of one on a port.
    """
    try:
        wanted = _parser().parse_args(_with_sandbox_url(arguments))
    except _Unusable as unusable:
        if "--json" not in arguments:
            argparse.ArgumentParser.error(unusable.parser, unusable.message)
        problem = Problem(ExitCode.USAGE, f"{unusable.message}.", f"See `{unusable.parser.prog} --help`.")
        raise SystemExit(report(problem, as_json=True)) from None
    url: str | None = getattr(wanted, "sandbox_url", None)
    wanted.sandbox = url or ("" if getattr(wanted, "sandbox", False) else None)
    return wanted


class _Unusable(Exception):
    """Arguments that cannot be meant."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.parser = parser
        self.message = message


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Unusable(self, message)


def _with_sandbox_url(arguments: Sequence[str]) -> list[str]:
    """`--sandbox URL`, as the first version had it, is `--sandbox-url URL`."""
    rewritten: list[str] = []
    for argument in arguments:
        if "://" in argument and rewritten[-1:] == ["--sandbox"]:
            rewritten[-1] = "--sandbox-url"
        rewritten.append(argument.replace("--sandbox=", "--sandbox-url=", 1))
    return rewritten


def _parser() -> _Parser:
    codes = "\n".join(f"  {code:<5} {meaning}" for code, meaning in EXIT_CODES.items())
    asked = _Parser(
        prog="apiframe-photo-mcp",
        description="An MCP server that trains photo models of people at Apiframe and reports the trigger word.",
        epilog=_EPILOG.format(codes=codes),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_sandbox_options(shown=True)],
    )
    asked.add_argument("--version", action="version", version=f"apiframe-photo-mcp {__version__}")
    commands = asked.add_subparsers(
        dest="command", metavar="command", title="commands (none: serve over stdio)"
    )
    for add in (_add_demo, _add_doctor, _add_trainings, _add_wait, _add_check, _add_forget, _add_sandbox):
        add(commands)
    return asked


def _sandbox_options(*, shown: bool) -> _Parser:
    # Before a command or after it: a default that a command's parser sets would undo what came before.
    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument(
        "--sandbox",
        action="store_true",
        help="use the built-in sandbox instead of the service: no key, no money"
        if shown
        else argparse.SUPPRESS,
    )
    options.add_argument(
        "--sandbox-url",
        metavar="URL",
        type=_web_address,
        help="use a sandbox that listens on a port, see the command sandbox" if shown else argparse.SUPPRESS,
    )
    return options


_Commands = argparse._SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse has no public name for it


def _add(commands: _Commands[_Parser], name: str, summary: str, details: str, *examples: str) -> _Parser:
    lines = "\n".join(f"  apiframe-photo-mcp {example}" for example in examples)
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.{details}",
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # These know no other service than their own; the switch is accepted all the same.
        parents=[_sandbox_options(shown=name not in ("demo", "check", "sandbox"))],
    )


def _add_demo(commands: _Commands[_Parser]) -> None:
    command = _add(
        commands,
        "demo",
        "train a model on synthetic photos in the sandbox and show the conversation",
        "\n\nTakes about half a minute, without a key and without money. The contact sheet and the images are"
        "\nkept in `demo` of the data folder until the next demo.",
        "demo",
        "demo --svg demo.svg",
    )
    command.add_argument("--svg", metavar="FILE", help="also write a picture of the terminal")


def _add_doctor(commands: _Commands[_Parser]) -> None:
    _add(
        commands,
        "doctor",
        "check key, service, account, folders and ledger, and say what to do",
        "\n\nThe exit code is 1 when there is something to do.",
        "doctor",
        "doctor --sandbox",
    )


def _add_trainings(commands: _Commands[_Parser]) -> None:
    command = _add(
        commands,
        "trainings",
        "list your trainings with their trigger words",
        " Newest first; those under way are refreshed.",
        "trainings",
        'trainings "Anna"',
        "trainings --json",
        "trainings --sandbox",
    )
    command.add_argument("subject", nargs="?", help="only those of this subject")
    command.add_argument("--limit", type=_count, default=50, metavar="N", help="most to list (default 50)")
    _add_json(command, "list_trainings")


def _add_wait(commands: _Commands[_Parser]) -> None:
    command = _add(
        commands,
        "wait",
        "wait for a training and print its trigger word",
        " Ctrl-C stops the waiting, never the training."
        "\n\nThe exit code is 0 when the training is finished, 1 when it is over without a model, 7 when its"
        "\noutcome is not known yet.",
        'wait "Anna"',
        'wait "Anna" --json',
        'wait "Anna" --sandbox',
    )
    command.add_argument("subject", help="the subject's name, or a task_id or ref")
    _add_json(command, "wait_for_training")


def _add_check(commands: _Commands[_Parser]) -> None:
    command = _add(
        commands,
        "check",
        "check which photos of a folder can be used for a training",
        " Nothing is sent.\n\nThe exit code is 0 when enough photos are usable (good or doubtful), else 1.",
        "check ~/Pictures/anna",
        "check ~/Pictures/anna --sheet sheet.jpg",
        "check ~/Pictures/anna --json",
    )
    command.add_argument("paths", nargs="+", metavar="FOLDER", help="a folder with photos, or single photos")
    command.add_argument("--sheet", metavar="FILE", help="also write the contact sheet, a JPEG")
    _add_json(command, "check_photos")


def _add_forget(commands: _Commands[_Parser]) -> None:
    command = _add(
        commands,
        "forget",
        "remove a subject's names, words and images from this machine",
        "\n\nShows what would go and asks first. With --sandbox it searches only the sandbox, otherwise everything"
        "\nelse. The exit code is 3 when nothing is known about the name, and 2 when stdin is not a terminal and"
        "\n--yes is missing.",
        'forget "Anna"',
        'forget "Anna" --yes',
        'forget "Anna" --sandbox',
    )
    command.add_argument("subject", help="the subject's name, as `trainings` shows it")
    command.add_argument("--yes", action="store_true", help="do not ask, for scripts")


def _add_sandbox(commands: _Commands[_Parser]) -> None:
    command = _add(
        commands,
        "sandbox",
        "serve the sandbox on a port, for any client of the service",
        "",
        "sandbox",
        "sandbox --port 0",
    )
    command.add_argument(
        "--port", type=_port, default=8788, help="port on 127.0.0.1 (default 8788; 0: any free one)"
    )


def _add_json(command: argparse.ArgumentParser, tool: str) -> None:
    command.add_argument("--json", action="store_true", help=f"print what the tool {tool} returns, as JSON")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"needs a number from 0 to {_LAST_PORT}")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("needs a number from 1 to 1000")
    return int(text)


def _web_address(text: str) -> str:
    from apiframe_studio.api.errors import InvalidBaseUrl
    from apiframe_studio.api.urls import normalize_base_url

    try:
        return normalize_base_url(text)
    except InvalidBaseUrl:
        raise argparse.ArgumentTypeError("needs an address such as http://127.0.0.1:8788") from None
