"""The command line. Nothing heavy is imported before it is known what is wanted."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from apiframe_server import __version__

if TYPE_CHECKING:
    from apiframe_server.settings import Settings

_EPILOG = """\
Settings are environment variables; the key is APIFRAME_API_KEY. Try `apiframe-photo-mcp demo` first: it needs
neither a key nor money.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit code."""
    wanted = _parser().parse_args(arguments)
    from apiframe_server.settings import Settings, SettingsError

    try:
        settings = Settings.read()
    except SettingsError as error:
        print(f"apiframe-photo-mcp: {error}", file=sys.stderr)
        return 2
    match wanted.command:
        case "demo":
            from apiframe_server.demo import demo

            return demo(wanted.svg)
        case "doctor":
            from apiframe_server.doctor import doctor

            return doctor(settings)
        case "forget":
            from apiframe_server.forget import forget

            return forget(settings, wanted.subject)
        case "sandbox":
            from apiframe_server.sandbox_port import sandbox

            return sandbox(settings, wanted.port)
        case _:
            return _serve(settings, "" if wanted.sandbox is None and settings.sandbox else wanted.sandbox)


def _serve(settings: Settings, sandbox: str | None) -> int:
    # Importing the SDK makes a hundred thousand objects and next to no garbage; looking for it anyway
    # took a seventh of the start (docs/decisions/0005-start.md).
    gc.disable()
    from apiframe_server.composition import server_of, studio_of
    from apiframe_server.logs import log_to_stderr
    from apiframe_server.stdio import serve

    log_to_stderr(settings.log_level, [settings.api_key.get_secret_value()])
    if sys.stdin.isatty():
        print(
            "An MCP client talks to this program over stdin; there is nothing to type here. Ctrl-C ends it.\n"
            "To see it work: apiframe-photo-mcp demo",
            file=sys.stderr,
        )
    studio = studio_of(settings, sandbox=sandbox)
    server = server_of(studio)
    # What was built so far lives as long as the program does: the collector need not walk it again.
    gc.freeze()
    gc.enable()
    serve(studio, server)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="apiframe-photo-mcp",
        description="An MCP server that trains photo models of people at Apiframe and reports the trigger word.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"apiframe-photo-mcp {__version__}")
    parser.add_argument(
        "--sandbox",
        nargs="?",
        const="",
        metavar="URL",
        type=_web_address,
        help="answer from a stand-in for the service: no key, no money (URL: one that `sandbox` serves)",
    )
    commands = parser.add_subparsers(
        dest="command", metavar="command", title="commands (none: serve over stdio)"
    )
    show = commands.add_parser("demo", help="from photos to portraits on the sandbox, with the conversation")
    show.add_argument("--svg", metavar="FILE", help="also write a picture of the terminal")
    commands.add_parser("doctor", help="check key, service, account and ledger, and say what to do")
    person = commands.add_parser(
        "forget", help="remove a person's names, words and pictures from this machine"
    )
    person.add_argument("subject", help="the name that the person has in list_trainings")
    port = commands.add_parser("sandbox", help="serve the sandbox on a port, for any client of the service")
    port.add_argument("--port", type=int, default=8788, help="port on 127.0.0.1 (0: any free one)")
    return parser


def _web_address(text: str) -> str:
    from apiframe_studio.api.errors import BaseUrlUnusable
    from apiframe_studio.api.urls import usable_base_url

    try:
        return usable_base_url(text) if text else ""  # argparse also passes the "" that stands for none given
    except BaseUrlUnusable:
        raise argparse.ArgumentTypeError("needs an address such as http://127.0.0.1:8788, or none") from None


if __name__ == "__main__":
    sys.exit(main())
