"""Links that install the server into an editor with one click, made from server.json."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

NAME: Final = "apiframe-photo-mcp"
ENTRY: Final = Path(__file__).resolve().parent.parent / "server.json"
CURSOR: Final = "https://cursor.com/en/install-mcp"
VSCODE: Final = "https://vscode.dev/redirect/mcp/install"


def markdown() -> str:
    """Both links, as a line of a page."""
    return f"[Add to Cursor]({cursor()}) · [Add to VS Code]({vscode()})"


def cursor() -> str:
    """Cursor takes its configuration as base64 of JSON, and the key from the person's environment."""
    secrets = {name: f"${{env:{name}}}" for name in _secrets()}
    config = base64.b64encode(json.dumps(_command() | {"env": secrets}).encode()).decode()
    return f"{CURSOR}?{urlencode({'name': NAME, 'config': config})}"


def vscode() -> str:
    """VS Code takes JSON as it is, and asks the person for what `inputs` names."""
    asked = {name: name.lower() for name in _secrets()}
    config = _command() | {"env": {name: f"${{input:{asked[name]}}}" for name in asked}}
    inputs = [
        {"type": "promptString", "id": asked[name], "description": said, "password": True}
        for name, said in _secrets().items()
    ]
    query = {"name": NAME, "inputs": json.dumps(inputs), "config": json.dumps(config)}
    return f"{VSCODE}?{urlencode(query, quote_via=quote)}"


def _package() -> dict[str, Any]:
    packages = json.loads(ENTRY.read_text(encoding="utf-8"))["packages"]
    return dict(packages[0])


def _command() -> dict[str, Any]:
    return {"command": _package()["runtimeHint"], "args": [_package()["identifier"]]}


def _secrets() -> dict[str, str]:
    return {
        one["name"]: one["description"] for one in _package()["environmentVariables"] if "isSecret" in one
    }
