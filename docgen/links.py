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
"""`command` and `args`, as the configurations of clients have them."""


def markdown(command: Command) -> str:
    """Both links, as a line of a page."""
    return f"[Add to Cursor]({cursor(command)}) · [Add to VS Code]({vscode(command)})"


def repository() -> str:
    """The address of the project."""
    return str(_entry()["repository"]["url"])


def cursor(command: Command) -> str:
    """Cursor takes its configuration as base64 of JSON, and the key from the user's environment."""
    secrets = {name: f"${{env:{name}}}" for name in _secrets()}
    config = base64.b64encode(json.dumps({**command, "env": secrets}).encode()).decode()
    return f"{CURSOR}?{urlencode({'name': NAME, 'config': config})}"


def vscode(command: Command) -> str:
    """VS Code takes JSON as it is, and asks the user for what `inputs` names."""
    asked = {name: name.lower() for name in _secrets()}
    config = {**command, "env": {name: f"${{input:{asked[name]}}}" for name in asked}}
    inputs = [
        {"type": "promptString", "id": asked[name], "description": said, "password": True}
        for name, said in _secrets().items()
    ]
    query = {"name": NAME, "inputs": json.dumps(inputs), "config": json.dumps(config)}
    return f"{VSCODE}?{urlencode(query, quote_via=quote)}"


def _entry() -> dict[str, Any]:
    return dict(json.loads(ENTRY.read_text(encoding="utf-8")))


def _secrets() -> dict[str, str]:
    asked = _entry()["packages"][0]["environmentVariables"]
    return {one["name"]: one["description"] for one in asked if "isSecret" in one}
