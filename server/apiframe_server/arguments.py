"""The words of the command line."""

from __future__ import annotations

import argparse

from apiframe_server import __version__

_EPILOG = """\
Settings are environment variables; the key is APIFRAME_API_KEY. Try `apiframe-photo-mcp demo` first: it needs
neither a key nor money.
"""


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    asked = argparse.ArgumentParser(
        prog="apiframe-photo-mcp",
        description="An MCP server that trains photo models of people at Apiframe and reports the trigger word.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    asked.add_argument("--version", action="version", version=f"apiframe-photo-mcp {__version__}")
    asked.add_argument(
        "--sandbox",
        nargs="?",
        const="",
        metavar="URL",
        type=_web_address,
        help="answer from a stand-in for the service: no key, no money (URL: one that `sandbox` serves)",
    )
    commands = asked.add_subparsers(
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
    return asked


def _web_address(text: str) -> str:
    from apiframe_studio.api.errors import BaseUrlUnusable
    from apiframe_studio.api.urls import usable_base_url

    try:
        return usable_base_url(text) if text else ""  # argparse also passes the "" that stands for none given
    except BaseUrlUnusable:
        raise argparse.ArgumentTypeError("needs an address such as http://127.0.0.1:8788, or none") from None
