"""How the server is installed and started, for every page. RELEASED says whether it can be installed by name.

Before the first release the name does not resolve, so a clone comes first and links that install by name are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from docgen import links
from docgen.downloads import describe_sizes
from docgen.tables import render_table

ROOT: Final = Path(__file__).resolve().parent.parent
RELEASED: Final = False
"""Set it with the release that publishes the package, and run `make docs`."""

CLONE: Final = "/path/to/apiframe-photo-mcp"
KEY: Final = "APIFRAME_API_KEY"


class Way(NamedTuple):
    """One way to install the program: what it requires, what is done once, and what a client starts."""

    requires: str
    setup: str
    command: str
    arguments: Sequence[str] = ()

    @property
    def line(self) -> str:
        """The command as typed in a shell."""
        quoted = (f"'{part}'" if "[" in part else part for part in (self.command, *self.arguments))
        return " ".join(quoted)


PROGRAM: Final = f"/path/to/environment/bin/{links.NAME}"
UV: Final = "[uv](https://docs.astral.sh/uv/)"
INSTALL_TOOL: Final = f"uv tool install '{links.NAME}[faces]'"
"""Downloads what `uvx` starts, before a client waits for it. Afterwards `uvx` needs no network."""

BY_NAME: Final = (
    Way(UV, f"`{INSTALL_TOOL}`", "uvx", ("--from", f"{links.NAME}[faces]", links.NAME)),
    Way("a Python environment", f"`pip install '{links.NAME}[faces]'`", PROGRAM),
)
FROM_A_CLONE: Final = (
    Way("a clone and make", "`make faces` in it", f"{CLONE}/.venv/bin/{links.NAME}"),
    Way(
        f"a clone and {UV}", "the command with `--version`", "uvx", ("--from", f"{CLONE}[faces]", links.NAME)
    ),
    Way("a clone and a Python environment", f"`pip install '{CLONE}[faces]'`", PROGRAM),
)


def list_ways() -> Sequence[Way]:
    """Return every way that works today, best first."""
    return (*BY_NAME, *FROM_A_CLONE) if RELEASED else FROM_A_CLONE


def render_ways() -> str:
    """Return a table of the ways, with the command and arguments for a client's configuration."""
    rows = (
        [
            way.requires,
            way.setup,
            f"`{way.command}`",
            ", ".join(f"`{argument}`" for argument in way.arguments) or "none",
        ]
        for way in list_ways()
    )
    return render_table(["you have", "do once", "command", "arguments"], rows)


def render_steps() -> str:
    """Return the first steps, up to a client that starts the server."""
    where, line, why = (
        (f"with {UV}", f"uvx {links.NAME} demo", "fetches the released package")
        if RELEASED
        else (
            "in a clone of this repository with Python 3.11 to 3.14 and make",
            "make demo",
            "has to run in the clone; tests/server runs the demo",
        )
    )
    way = list_ways()[0]
    setup = way.setup.replace(" in it", " in the clone")
    return (
        f"**1. See it work** without a key and at no cost, {where}:\n\n{render_command(line, why)}\n\n"
        f"**2. Connect your client.** Run {setup} once: then no client waits for the download.\n"
        f"Configure your client to start `{way.line}` with your key, as shown [below](#clients) for each client."
    )


def render_one_click() -> str:
    """Return the links that install by name, once the package is released."""
    if not RELEASED:
        return (
            "Links that install with one click come with the first release. Until then, install from a clone."
        )
    return (
        f"{links.render_links(build_command(BY_NAME[0]))}\n\nBoth start the released package with `uvx`, so {UV} must "
        f"be installed. Run `{INSTALL_TOOL}` first: a client may not wait for the download. VS Code asks for the "
        f"key; Cursor reads `{KEY}` from the environment it was started in."
    )


def render_faces() -> str:
    """Return what the face checks are for and what they add to the download."""
    return (
        "`[faces]` and `make faces` add the face checks, which reject photos without a person, with several people, or "
        "with a face that is too small, before you pay. Without them, faces are not detected on this machine; the "
        "assistant is asked to look at the contact sheet, which the model in Claude Desktop often does not see. "
        f"{describe_sizes()}"
    )


def render_first_start() -> str:
    """Return the command that downloads everything before a client starts the server with `uvx`."""
    if RELEASED:
        why = "installs the released package; tests/packaging runs it with an index on this machine"
        return (
            f"{render_command(INSTALL_TOOL, why)}\n\nFrom then on `uvx` starts what is installed, also without a "
            f"network. `uv tool upgrade {links.NAME}` updates it."
        )
    (way,) = (way for way in FROM_A_CLONE if way.command == "uvx")
    return render_command(f"{way.line} --version", "needs uv, and downloads the face checks")


def render_bundle_start() -> str:
    """Return the command that downloads everything before Claude Desktop runs the bundle: its own with `--version`."""
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    arguments = " ".join(manifest["server"]["mcp_config"]["args"]).replace("${__dirname}", ".")
    return render_command(
        f"uv {arguments} --version", "runs in the folder of an installed bundle; test_bundle.py does so"
    )


def build_addresses() -> dict[str, Any]:
    """Return the addresses in the bundle's manifest; they exist once there is a release."""
    if not RELEASED:
        return {}
    repository = links.read_repository_url()
    return {
        "repository": {"type": "git", "url": f"{repository}.git"},
        "homepage": repository,
        "documentation": f"{repository}/blob/main/README.md",
        "support": f"{repository}/issues",
    }


def build_command(way: Way) -> dict[str, Any]:
    """Return `command` and `args`, as in the configurations of most clients."""
    arguments = {"args": list(way.arguments)} if way.arguments else {}
    return {"command": way.command, **arguments}


def render_command(line: str, why_not_run: str) -> str:
    """Return a command as a block of a page, with the reason why the tests do not run it."""
    return f"<!-- not run: {why_not_run} -->\n```sh\n{line}\n```"
