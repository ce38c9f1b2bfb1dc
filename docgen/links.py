"""Links that install the server into an editor with one click, made from server.json."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

NAME: Final = "apiframe-photo-mcp"
ENTRY: Final = Path(__file__).resolve().parent.parent / "server.json"
CURSOR: Final = "https://cursor.com/en/install-mcp"
VSCODE: Final = "https://vscode.dev/redirect/mcp/install"

Command = Mapping[str, Any]
"""`command` and `args`, as in the configurations of most clients."""


def render_links(command: Command) -> str:
    """Return both links as a line of a page."""
    return f"[Add to Cursor]({build_cursor_url(command)}) · [Add to VS Code]({build_vscode_url(command)})"


def read_repository_url() -> str:
    """Return the URL of the project's repository."""
    return str(_read_entry()["repository"]["url"])


def build_cursor_url(command: Command) -> str:
    """Return the link for Cursor, with the configuration as JSON in base64 and the key from the environment."""
    secrets = {name: f"${{env:{name}}}" for name in _read_secrets()}
    config = base64.b64encode(json.dumps({**command, "env": secrets}).encode()).decode()
    return f"{CURSOR}?{urlencode({'name': NAME, 'config': config})}"


def build_vscode_url(command: Command) -> str:
    """Return the link for VS Code, with the configuration as JSON; VS Code asks the user for `inputs`."""
    input_ids = {name: name.lower() for name in _read_secrets()}
    config = {**command, "env": {name: f"${{input:{input_ids[name]}}}" for name in input_ids}}
    inputs = [
        {"type": "promptString", "id": input_ids[name], "description": description, "password": True}
        for name, description in _read_secrets().items()
    ]
    query = {"name": NAME, "inputs": json.dumps(inputs), "config": json.dumps(config)}
    return f"{VSCODE}?{urlencode(query, quote_via=quote)}"


def _read_entry() -> dict[str, Any]:
    return dict(json.loads(ENTRY.read_text(encoding="utf-8")))


def _read_secrets() -> dict[str, str]:
    variables = _read_entry()["packages"][0]["environmentVariables"]
    return {variable["name"]: variable["description"] for variable in variables if "isSecret" in variable}
