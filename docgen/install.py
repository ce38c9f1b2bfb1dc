"""How the server is installed and started, for every page: one switch says whether it can be had by its name.

Before the first release the name leads nowhere, so a clone comes first and links that install by name are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from docgen import links
from docgen.downloads import size
from docgen.tables import table

RELEASED: Final = False
"""Set it with the release that puts the package into the index, and run `make docs`."""

CLONE: Final = "/path/to/apiframe-photo-mcp"
KEY: Final = "APIFRAME_API_KEY"


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


def steps() -> str:
    """From nothing to a client that starts the server."""
    where, line, why = (
        (f"with {UV}", f"uvx {links.NAME} demo", "fetches the released package")
        if RELEASED
        else (
            "in a clone of this repository with Python 3.11 to 3.14 and make",
            "make demo",
            "needs the clone as its folder; tests/server walks the demo",
        )
    )
    way = ways()[0]
    done = "" if way.first == "nothing" else f"Run {way.first.replace(' in it', ' in the clone')} once. "
    return (
        f"**1. See it work** without a key and at no cost, {where}:\n\n{shell(line, why)}\n\n"
        f"**2. Connect your client.** {done}Then let your client start\n`{way.line}` with your key: "
        "[below](#clients) is the form for each."
    )


def one_click() -> str:
    """The links that install by name, once the name leads somewhere."""
    if not RELEASED:
        return "Links that install it with one click come with the first release. Until then it runs from a clone."
    return (
        f"{links.markdown(started(BY_NAME[0]))}\n\nBoth start the released package with `uvx`, so {UV} has to be "
        f"installed. VS Code asks for the key; Cursor reads `{KEY}` from the environment it was started in."
    )


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


def started(way: Way) -> dict[str, Any]:
    """`command` and `args`, as the configurations of most clients have them."""
    arguments = {"args": list(way.arguments)} if way.arguments else {}
    return {"command": way.command, **arguments}


def shell(line: str, why_not_run: str) -> str:
    """A command as a block of a page, with the reason why the tests do not run it."""
    return f"<!-- not run: {why_not_run} -->\n```sh\n{line}\n```"
