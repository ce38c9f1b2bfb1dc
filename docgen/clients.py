"""How each client is told to start the server, in the form that its documentation had in November 2026."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from docgen.install import KEY, one_click, shell, started, ways

NAME: Final = "apiframe"
INPUT: Final = "apiframe-key"
LINE: Final = 104
PLACEHOLDER: Final = "your v1 key"
START_SECONDS: Final = 60
"""How long a client may wait for the start: some wait 10 seconds by default, and a first `uvx` downloads."""

CALL_SECONDS: Final = 300
"""How long Goose may wait for a call: its own default, which its form asks for."""

_BUNDLE: Final = (
    "Run `make bundle` and open the `.mcpb` file that it names: it has the face checks and keeps the key in the\n"
    "system's keychain. Or edit `claude_desktop_config.json` (Settings, Developer, Edit Config) and restart:"
)
_SAME_FORM: Final = (
    f"Cursor: `~/.cursor/mcp.json`. Windsurf: View raw config. Gemini CLI: `~/.gemini/settings.json`, with `${KEY}`\n"
    "as the key. LM Studio: Install, Edit mcp.json, with the key itself. The others read it from their environment."
)


def folded() -> str:
    """The links that install by name, if there are any, and every client, folded, for the README."""
    clients = (
        ("Claude Desktop", f"{_BUNDLE}\n\n{claude_desktop()}"),
        ("Claude Code", claude_code()),
        ("Cursor, Windsurf, Gemini CLI, LM Studio", f"{_SAME_FORM}\n\n{cursor()}"),
        ("VS Code: .vscode/mcp.json, or MCP: Open User Configuration", vscode()),
        ("Codex: ~/.codex/config.toml", codex()),
        ("Zed: settings.json", zed()),
        ("Goose: ~/.config/goose/config.yaml", goose()),
    )
    parts = [f"<details><summary>{names}</summary>\n\n{text}\n</details>" for names, text in clients]
    return "\n".join([one_click(), "", *parts])


def claude_desktop() -> str:
    """Claude Desktop, LM Studio and every client that takes the same form and the key in the file."""
    return _json({"mcpServers": {NAME: _server(PLACEHOLDER)}})


def claude_code() -> str:
    """The command for Claude Code. `--env` takes several values, so another option has to follow it."""
    return shell(
        f'claude mcp add --env {KEY}="${KEY}" --scope user {NAME} -- {ways()[0].line}',
        "needs Claude Code, which is not on a build machine",
    )


def cursor() -> str:
    """Cursor and Windsurf, which fill in the environment that they were started in."""
    return _json({"mcpServers": {NAME: _server(f"${{env:{KEY}}}")}})


def gemini() -> str:
    """Gemini CLI, which fills in the environment in its own way."""
    return _json({"mcpServers": {NAME: _server(f"${KEY}")}})


def vscode() -> str:
    """VS Code, which asks for the key and keeps it out of the file."""
    asked = {"type": "promptString", "id": INPUT, "description": "Apiframe v1 API key", "password": True}
    server = {"type": "stdio", **_server(f"${{input:{INPUT}}}")}
    return _json({"inputs": [asked], "servers": {NAME: server}})


def codex() -> str:
    """Codex, which hands a variable of its environment on when it is named."""
    fields: dict[str, Any] = {
        **started(ways()[0]),
        "env_vars": [KEY],
        "startup_timeout_sec": START_SECONDS,
    }
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
    return f"```toml\n[mcp_servers.{NAME}]\n{lines}\n```"


def zed() -> str:
    """Zed, which takes the key in its settings and wants `args` even where there are none."""
    way = ways()[0]
    server = {"command": way.command, "args": list(way.arguments), "env": {KEY: PLACEHOLDER}}
    return _json({"context_servers": {NAME: server}})


def goose() -> str:
    """Goose, which takes a variable that is named from its environment or its store of secrets."""
    way = ways()[0]
    fields: dict[str, Any] = {
        "enabled": True,
        "type": "stdio",
        "name": NAME,
        "cmd": way.command,
        "args": list(way.arguments),
        "env_keys": [KEY],
        "timeout": CALL_SECONDS,
    }
    lines = "\n".join(f"    {name}: {_yaml(value)}" for name, value in fields.items())
    return f"```yaml\nextensions:\n  {NAME}:\n{lines}\n```"


def _server(key: str) -> dict[str, Any]:
    return {**started(ways()[0]), "env": {KEY: key}}


def _json(configuration: Mapping[str, Any]) -> str:
    return f"```json\n{compact(configuration)}\n```"


def compact(value: Mapping[str, Any], indent: int = 0) -> str:
    """JSON in few lines: an object with one entry, or without objects in it, does not begin a new one."""
    if len(value) == 1:
        ((name, only),) = value.items()
        if isinstance(only, Mapping):
            return f"{{{json.dumps(name)}: {compact(only, indent)}}}"
    if not any(isinstance(one, Mapping) for one in value.values()):
        return json.dumps(value)
    lines: list[str] = []
    for name, one in value.items():
        field = f"{json.dumps(name)}: " + (
            compact(one, indent + 2) if isinstance(one, Mapping) else json.dumps(one)
        )
        if lines and len(lines[-1]) + len(field) < LINE and "\n" not in field:
            lines[-1] += f", {field}"
        else:
            lines.append(field)
    inner = " " * (indent + 2)
    return "{\n" + ",\n".join(f"{inner}{line}" for line in lines) + "\n" + " " * indent + "}"


def _yaml(value: object) -> str:
    plain = isinstance(value, str) and value.replace("/", "").replace("-", "").replace(".", "").isalnum()
    return str(value) if plain else json.dumps(value)
