"""How the server is installed and started, for every page: one switch says whether it can be had by its name.

Before the first release the name leads nowhere, so a clone comes first and links that install by name are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pages import links
from pages.downloads import size
from pages.tables import table

RELEASED: Final = False
"""Set it with the release that puts the package into the index, and run `make docs`."""

CLONE: Final = "/path/to/apiframe-photo-mcp"
KEY: Final = "APIFRAME_API_KEY"
INPUT: Final = "apiframe-key"


class Way(NamedTuple):
    """One way to have the program: what has to be there and to be done once, and what a client starts."""

    needs: str
    first: str
    command: str
    arguments: Sequence[str] = ()

    @property
    def line(self) -> str:
        """The command as it is typed in a shell."""
        quoted = (f"'{part}'" if "[" in part else part for part in (self.command, *self.arguments))
        return " ".join(quoted)


PROGRAM: Final = f"/path/to/environment/bin/{links.NAME}"
UV: Final = "[uv](https://docs.astral.sh/uv/)"
BY_NAME: Final = (
    Way(UV, "nothing", "uvx", ("--from", f"{links.NAME}[faces]", links.NAME)),
    Way("a Python environment", f"`pip install '{links.NAME}[faces]'`", PROGRAM),
)
FROM_A_CLONE: Final = (
    Way("a clone and make", "`make faces` in it", f"{CLONE}/.venv/bin/{links.NAME}"),
    Way(f"a clone and {UV}", "nothing", "uvx", ("--from", f"{CLONE}[faces]", links.NAME)),
    Way("a clone and a Python environment", f"`pip install '{CLONE}[faces]'`", PROGRAM),
)


def ways() -> Sequence[Way]:
    """Every way that works today, best first."""
    return (*BY_NAME, *FROM_A_CLONE) if RELEASED else FROM_A_CLONE


def ways_table() -> str:
    """The ways, with what a client's configuration needs of each."""
    rows = (
        [
            way.needs,
            way.first,
            f"`{way.command}`",
            ", ".join(f"`{argument}`" for argument in way.arguments) or "none",
        ]
        for way in ways()
    )
    return table(["you have", "do once", "command", "arguments"], rows)


def first_steps() -> str:
    """The shortest way to see it work, without a key."""
    shows = "This runs the full workflow with synthetic photos, in a built-in sandbox: no key, no cost."
    clone = _shell("make demo", "needs the clone as its folder; tests/server walks the demo")
    in_a_clone = (
        f"In a clone of this repository, with Python 3.11 to 3.14 and make:\n\n{clone}\n\n{shows} "
        "The first run installs into `.venv` and takes about a minute; it says what it does."
    )
    if not RELEASED:
        return in_a_clone
    named = _shell(f"uvx {links.NAME} demo", "fetches the released package")
    return f"With {UV}:\n\n{named}\n\n{in_a_clone}"


def one_click() -> str:
    """The links that install by name, once the name leads somewhere."""
    if not RELEASED:
        return "Links that install it with one click come with the first release. Until then it runs from a clone."
    return (
        f"{links.markdown(_started(BY_NAME[0]))}\n\nBoth start the released package with `uvx`, so {UV} has to be "
        f"installed. VS Code asks for the key; Cursor reads `{KEY}` from the environment it was started in."
    )


def claude_desktop() -> str:
    """The configuration of Claude Desktop and of every client that takes the same form."""
    return _json({"mcpServers": {"apiframe": _server("your v1 key")}})


def cursor() -> str:
    """The configuration of Cursor."""
    return _json({"mcpServers": {"apiframe": _server(f"${{env:{KEY}}}")}})


def vscode() -> str:
    """The configuration of VS Code, which asks for the key."""
    asked = {"type": "promptString", "id": INPUT, "description": "Apiframe v1 API key", "password": True}
    server = {"type": "stdio", **_server(f"${{input:{INPUT}}}")}
    return _json({"inputs": [asked], "servers": {"apiframe": server}})


def claude_code() -> str:
    """The command that adds the server to Claude Code."""
    added = f'claude mcp add apiframe --scope user --env {KEY}="${KEY}" -- {ways()[0].line}'
    return _shell(added, "needs Claude Code, which is not on a build machine")


def faces() -> str:
    """What the extra is for, and what it adds to the download."""
    return (
        "`[faces]` and `make faces` add the face checks, which reject photos without a person, with several, or with "
        "a face that is too small, before you pay. Without them nothing on this machine looks for faces; the assistant "
        f"is asked to look at the contact sheet, which the model in Claude Desktop often does not see. {size()}"
    )


def manifest() -> dict[str, Any]:
    """The addresses in the bundle's manifest that exist once there is a release."""
    if not RELEASED:
        return {}
    repository = links.repository()
    return {
        "repository": {"type": "git", "url": f"{repository}.git"},
        "homepage": repository,
        "documentation": f"{repository}/blob/main/README.md",
        "support": f"{repository}/issues",
    }


def _server(key: str) -> dict[str, Any]:
    return {**_started(ways()[0]), "env": {KEY: key}}


def _started(way: Way) -> dict[str, Any]:
    arguments = {"args": list(way.arguments)} if way.arguments else {}
    return {"command": way.command, **arguments}


def _json(configuration: dict[str, Any]) -> str:
    return f"```json\n{json.dumps(configuration, indent=2)}\n```"


def _shell(line: str, why_not_run: str) -> str:
    return f"<!-- not run: {why_not_run} -->\n```sh\n{line}\n```"
