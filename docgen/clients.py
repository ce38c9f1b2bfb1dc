"""How each client is configured to start the server, as its documentation described it in November 2026."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from docgen.install import KEY, build_command, list_ways, render_command, render_one_click

NAME: Final = "apiframe"
INPUT: Final = "apiframe-key"
LINE: Final = 104
PLACEHOLDER: Final = "your key"
START_SECONDS: Final = 60
"""How long a client may wait for the start. Some wait 10 seconds by default; the first `uvx` downloads packages."""

CALL_SECONDS: Final = 300
"""How long Goose may wait for a call: its default, which its form requires."""

_BUNDLE: Final = (
    "Run `make bundle` and open the `.mcpb` file that it names: it includes the face checks and keeps the key in the\n"
    "system's keychain. Or edit `claude_desktop_config.json` (Settings, Developer, Edit Config) and restart:"
)
_SAME_FORM: Final = (
    f"Cursor: `~/.cursor/mcp.json`. Windsurf: View raw config. Gemini CLI: `~/.gemini/settings.json`, with `${KEY}`\n"
    "as the key. LM Studio: Install, Edit mcp.json, with the key itself. The others read it from their environment."
)


def render_all() -> str:
    """Return the links that install by name, if there are any, and every client in a folded section."""
    clients = (
        ("Claude Desktop", f"{_BUNDLE}\n\n{render_claude_desktop()}"),
        ("Claude Code", render_claude_code()),
        ("Cursor, Windsurf, Gemini CLI, LM Studio", f"{_SAME_FORM}\n\n{render_cursor()}"),
        ("VS Code: .vscode/mcp.json, or MCP: Open User Configuration", render_vscode()),
        ("Codex: ~/.codex/config.toml", render_codex()),
        ("Zed: settings.json", render_zed()),
        ("Goose: ~/.config/goose/config.yaml", render_goose()),
    )
    parts = [f"<details><summary>{names}</summary>\n\n{text}\n</details>" for names, text in clients]
    return "\n".join([render_one_click(), "", *parts])


def render_claude_desktop() -> str:
    """Return the form of Claude Desktop, LM Studio and other clients that keep the key in the file."""
    return _json({"mcpServers": {NAME: _server(PLACEHOLDER)}})


def render_claude_code() -> str:
    """Return the command for Claude Code. `--env` takes several values, so another option has to follow it."""
    return render_command(
        f'claude mcp add --env {KEY}="${KEY}" --scope user {NAME} -- {list_ways()[0].line}',
        "needs Claude Code, which is not installed on a build machine",
    )


def render_cursor() -> str:
    """Return the form of Cursor and Windsurf, which insert variables of the environment they were started in."""
    return _json({"mcpServers": {NAME: _server(f"${{env:{KEY}}}")}})


def render_gemini() -> str:
    """Return the form of Gemini CLI, which has another syntax for variables of the environment."""
    return _json({"mcpServers": {NAME: _server(f"${KEY}")}})


def render_vscode() -> str:
    """Return the form of VS Code, which asks for the key and keeps it out of the file."""
    key_input = {"type": "promptString", "id": INPUT, "description": "Apiframe API key", "password": True}
    server = {"type": "stdio", **_server(f"${{input:{INPUT}}}")}
    return _json({"inputs": [key_input], "servers": {NAME: server}})


def render_codex() -> str:
    """Return the form of Codex, which passes on the variables of its environment that are named."""
    fields: dict[str, Any] = {
        **build_command(list_ways()[0]),
        "env_vars": [KEY],
        "startup_timeout_sec": START_SECONDS,
    }
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
    return f"```toml\n[mcp_servers.{NAME}]\n{lines}\n```"


def render_zed() -> str:
    """Return the form of Zed, which keeps the key in its settings and requires `args` even if empty."""
    way = list_ways()[0]
    server = {"command": way.command, "args": list(way.arguments), "env": {KEY: PLACEHOLDER}}
    return _json({"context_servers": {NAME: server}})


def render_goose() -> str:
    """Return the form of Goose, which reads named variables from its environment or its secret store."""
    way = list_ways()[0]
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
    return {**build_command(list_ways()[0]), "env": {KEY: key}}


def _json(configuration: Mapping[str, Any]) -> str:
    return f"```json\n{format_compactly(configuration)}\n```"


def format_compactly(value: Mapping[str, Any], indent: int = 0) -> str:
    """Return JSON in few lines: an object with one entry, or without nested objects, does not start a new line."""
    if len(value) == 1:
        ((name, child),) = value.items()
        if isinstance(child, Mapping):
            return f"{{{json.dumps(name)}: {format_compactly(child, indent)}}}"
    if not any(isinstance(child, Mapping) for child in value.values()):
        return json.dumps(value)
    lines: list[str] = []
    for name, child in value.items():
        field = f"{json.dumps(name)}: " + (
            format_compactly(child, indent + 2) if isinstance(child, Mapping) else json.dumps(child)
        )
        if lines and len(lines[-1]) + len(field) < LINE and "\n" not in field:
            lines[-1] += f", {field}"
        else:
            lines.append(field)
    inner = " " * (indent + 2)
    body = "{\n" + ",\n".join(f"{inner}{line}" for line in lines) + "\n" + " " * indent + "}"
    return re.sub(r"\n *(}+)\n( *)}$", r"\n\2\1}", body)  # Brackets that close together are on one line.


def _yaml(value: object) -> str:
    plain = isinstance(value, str) and value.replace("/", "").replace("-", "").replace(".", "").isalnum()
    return str(value) if plain else json.dumps(value)
