"""The snapshot that the front answers from (docs/decisions/0030-the-front.md), made by the real server.

One file for each generation of the API, and one for the settings. `make docs` writes them.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import count
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

import anyio
from mcp.server import MCPServer
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from apiframe_server import __version__
from apiframe_server.composition import build_server
from apiframe_server.front.answering import dump
from apiframe_server.front.choosing import FOLDER
from apiframe_server.pending_calls import PendingCalls
from apiframe_server.settings import Settings
from apiframe_server.streams import Incoming, Outgoing
from apiframe_studio.api.keys import V2_PREFIX
from apiframe_studio.api.select import Generation
from apiframe_studio.config import StudioConfig
from apiframe_studio.studio import Studio

GENERATIONS: Final[tuple[Generation, ...]] = ("v1", "v2")
LISTS: Final = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
ITEMS: Final = ("tools", "prompts", "resources", "resourceTemplates")
CLIENT: Final = {"name": "snapshot", "version": "0"}
CAPABILITIES: Final[dict[str, Any]] = {
    "": {},
    " with cards": {"extensions": {EXTENSION_ID: {"mimeTypes": [APP_MIME_TYPE]}}},
}
"""What decides about the lists, by the end of the page's name."""
_SNAPSHOT_VALUES: Final = {"log_level": ["ERROR", "WARNING"], "cards": ["on"]}
"""Valid values that the snapshot is not for are left out: the SDK logs requests at the other levels, and without cards
something else is published."""


def render_snapshot() -> dict[Path, str]:
    """Return what each file of the snapshot should contain."""
    files = {"settings": describe_start()} | {api: anyio.run(_ask_server, api) for api in GENERATIONS}
    return {
        Path(FOLDER) / f"{name}.json": json.dumps(contents, indent=1, ensure_ascii=False) + "\n"
        for name, contents in files.items()
    }


def describe_start() -> dict[str, Any]:
    """Return what decides about the front: the versions it is made for, and the values of settings it starts with."""
    return {
        "versions": {"apiframe-photo-mcp": __version__, "mcp": version("mcp")},
        "v2_prefix": V2_PREFIX,
        "settings": {name.upper(): _allowed(name, field) for name, field in Settings.model_fields.items()},
    }


def _allowed(name: str, field: FieldInfo) -> Any:
    """Return a list of texts, a range, or the kind of value; None for a setting that is checked by the studio only."""
    if name in _SNAPSHOT_VALUES:
        return _SNAPSHOT_VALUES[name]
    kinds = [one for one in get_args(field.annotation) or [field.annotation] if one not in (NoneType, ...)]
    if get_origin(field.annotation) is Literal:
        return kinds
    kind = get_args(kinds[0])[0] if get_args(kinds[0]) else kinds[0]
    if kind is float:
        bounds = {type(bound).__name__: bound for bound in field.metadata}
        return {"min": bounds["Ge"].ge, "max": bounds["Le"].le}
    has_check = field.annotation == (str | None)
    names: dict[Any, str] = {Path: "folder", bool: "switch", SecretStr: "text", str: "text"}
    return None if has_check else names.get(kind)


async def _ask_server(api: Generation) -> dict[str, Any]:
    """Return the pages of one generation, and the parts of their results, each distinct one once."""
    pages: dict[str, dict[str, list[str | list[str]]]] = {}
    parts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for service in ("service", "sandbox"):
            server = build_server(build_studio(api, Path(folder), service))
            for opening, lines in make_sessions():
                results = await _results(server, lines)
                pages[f"{service} {opening}"] = {
                    method: [_name(key, value, parts) for key, value in result.items()]
                    for method, result in results
                }
    return {"pages": pages, "parts": parts}


def build_studio(api: Generation, folder: Path, service: str) -> Studio:
    """Return a studio whose server publishes what every server of this generation does."""
    return Studio(
        StudioConfig(
            ledger_path=folder / "ledger.sqlite3",
            base_url="https://example.invalid",
            api_version=api,
            is_sandbox=service == "sandbox",
        )
    )


def make_sessions() -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    """Yield each way to open a session, and the requests of a client that asks for everything in the snapshot."""
    for suffix, capabilities in CAPABILITIES.items():
        for one in HANDSHAKE_PROTOCOL_VERSIONS:
            hello = {"protocolVersion": one, "capabilities": capabilities, "clientInfo": CLIENT}
            opening = {"method": "initialize", "params": hello}
            yield f"handshake {one}{suffix}", [opening, *({"method": method} for method in (*LISTS, "ping"))]
        for one in MODERN_PROTOCOL_VERSIONS:
            meta = {
                "io.modelcontextprotocol/protocolVersion": one,
                "io.modelcontextprotocol/clientInfo": CLIENT,
                "io.modelcontextprotocol/clientCapabilities": capabilities,
            }
            methods = ("server/discover", *LISTS)
            yield (
                f"envelope {one}{suffix}",
                [{"method": method, "params": {"_meta": meta}} for method in methods],
            )


async def _results(
    server: MCPServer[Any], requests: Sequence[dict[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    lines = [dump({"jsonrpc": "2.0", "id": number, **one}) for number, one in enumerate(requests)]
    results: dict[int, dict[str, Any]] = {}
    for answer in await run_session(server, [line.encode() + b"\n" for line in lines]):
        message = json.loads(answer)
        if dump(message["result"]).encode() not in answer:
            raise ValueError("the front would serialize this answer in other bytes than the SDK")
        results[message["id"]] = message["result"]
    return [(one["method"], results[number]) for number, one in enumerate(requests)]


async def run_session(server: MCPServer[Any], lines: Sequence[bytes]) -> list[bytes]:
    """Return what the server writes for these lines, which end the session."""
    calls = PendingCalls()
    outgoing = _Written(calls)
    low = server._lowlevel_server
    incoming = _Given(lines, outgoing, calls)
    await low.run(incoming, outgoing, low.create_initialization_options())
    return outgoing.lines


class _Given(Incoming):
    """Lines that are there already: no thread has to wait for them."""

    def __init__(self, lines: Sequence[bytes], outgoing: Outgoing, calls: PendingCalls) -> None:
        super().__init__(io.BytesIO(b"".join(lines)), outgoing, calls)

    async def _read_line(self) -> bytes:
        return self._source.readline()


class _Written(Outgoing):
    """Lines that are kept instead of written."""

    def __init__(self, calls: PendingCalls) -> None:
        super().__init__(io.BytesIO(), calls)
        self.lines: list[bytes] = []

    async def _write(self, line: bytes) -> None:
        self.lines.append(line)


def _name(key: str, value: Any, parts: dict[str, Any]) -> str | list[str]:
    """Return the name under which a member of a result is kept; for a list of tools and such, those of its items."""
    if key not in ITEMS:
        return _keep(key, value, parts)
    return [key, *(_keep(f"{key} {item['name']}", item, parts) for item in value)]


def _keep(name: str, value: Any, parts: dict[str, Any]) -> str:
    """Keep a part under the first free name, or the one that it has already."""
    numbered = (f"{name} {number}" for number in count(1))
    return next(one for one in numbered if dump(parts.setdefault(one, value)) == dump(value))
