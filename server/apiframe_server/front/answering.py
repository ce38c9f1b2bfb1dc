"""Which lines of a client are answered from the snapshot, and with which bytes. Pure.

The answer is that of the SDK to the byte, or None: whatever is not known to be answered alike is left to the SDK, which
also refuses what is wrong.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeGuard

REPLAYED_ID = "apiframe-photo-mcp/opening"
"""The id under which the SDK receives the client's opening request a second time."""
_MAX_LINE = 64 * 1024
_MAX_ID = 2**53
_VERSION = "io.modelcontextprotocol/protocolVersion"
_CLIENT = "io.modelcontextprotocol/clientInfo"
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_KNOWN_CAPABILITIES: dict[str, dict[str, object]] = {
    "roots": {"listChanged": bool},
    "sampling": {"context": {}, "tools": {}},
    "elicitation": {"form": {}, "url": {}},
    "experimental": {},
}
"""The members that a capability may have, with their type or value. None of these changes a list."""
_CARDS = "io.modelcontextprotocol/ui"
_CARD_TYPE = "text/html;profile=mcp-app"
_INITIALIZED = "notifications/initialized"


class Snapshot:
    """The results of one generation of the API, for a page of each protocol version.

    A result is a list of names of `parts`: such a name is a key of the result, a blank and a number. For a list of
    tools and such it has the key and the names of the items.
    """

    def __init__(self, pages: dict[str, dict[str, list[str | list[str]]]], parts: dict[str, Any]) -> None:
        self._pages = pages
        self._parts = parts
        self._results: dict[tuple[str, str], str] = {}

    def find(self, page: str, method: str) -> str | None:
        """Return a result as JSON, exactly as the SDK writes it; None if the snapshot does not have it."""
        names = self._pages.get(page, {}).get(method)
        if names is None:
            return None
        result = self._results.get((page, method))
        if result is None:
            members = (
                self._write(name) if isinstance(name, str) else self._write_list(*name) for name in names
            )
            result = self._results[page, method] = "{" + ",".join(members) + "}"
        return result

    def _write(self, name: str) -> str:
        return f'"{name.partition(" ")[0]}":{dump(self._parts[name])}'

    def _write_list(self, key: str, *names: str) -> str:
        return f'"{key}":[{",".join(dump(self._parts[name]) for name in names)}]'


class Answers:
    """What one client is answered. The first request decides the protocol version, as it does in the SDK."""

    def __init__(self, snapshot: Snapshot, service: str) -> None:
        self.handed_over = False
        """Whether a line was left to the SDK. Without an opening before it, nothing is answered any more."""
        self.opening_result = ""
        """The result of the opening request."""
        self._snapshot = snapshot
        self._service = service
        self._opening: dict[str, Any] = {}
        self._page = ""
        self._initialized = b""

    def answer(self, line: bytes) -> bytes | None:
        """Return the answer to a line, b"" if it needs none, or None if the SDK has to answer it."""
        answer = self._answer(line) if line.strip() else b""
        self.handed_over = self.handed_over or answer is None
        return answer

    def replay(self) -> list[bytes]:
        """What the SDK must receive first, to be where the client is."""
        if not self._opening:
            return []
        opening = dump({**self._opening, "id": REPLAYED_ID}).encode() + b"\n"
        return [opening, self._initialized] if self._initialized else [opening]

    def _answer(self, line: bytes) -> bytes | None:
        message = _parse(line)
        if message is None or not message.keys() <= {"jsonrpc", "id", "method", "params"}:
            return None
        method, params = message.get("method"), message.get("params", {})
        if message.get("jsonrpc") != "2.0" or type(method) is not str or not _is_object(params):
            return None
        if "id" not in message:
            return self._note(method, params, line)
        if not _is_id(message["id"]):
            return None
        page = self._page_of(method, params)
        result = None if page is None else self._snapshot.find(f"{self._service} {page}", method)
        if page is None or result is None:
            return None
        if not self._opening:
            self._page, self._opening, self.opening_result = page, message, result
        return f'{{"jsonrpc":"2.0","id":{dump(message["id"])},"result":{result}}}\n'.encode()

    def _note(self, method: str, params: dict[str, Any], line: bytes) -> bytes | None:
        """Whether a notification changes nothing: no call is under way. A later one is for the SDK."""
        if not self._opening or self.handed_over:
            return None
        if method == _INITIALIZED:
            known = not params and self._opening["method"] == "initialize"
            self._initialized = line.rstrip(b"\n") + b"\n"
        elif method == "notifications/cancelled":
            known = params.keys() <= {"requestId", "reason"} and _is_id(params.get("requestId"))
            known = known and type(params.get("reason", "")) is str
        else:
            known = method == "notifications/roots/list_changed" and not params
        return b"" if known else None

    def _page_of(self, method: str, params: dict[str, Any]) -> str | None:
        """Return the page of the snapshot for a request; None if it has anything that is not known here."""
        meta = params.get("_meta", {})
        if not _is_object(meta) or not _is_id(meta.get("progressToken", 0)):
            return None
        may_open = not self._opening and not self.handed_over
        if method == "initialize":
            known = params.keys() <= {"protocolVersion", "capabilities", "clientInfo", "_meta"}
            known = known and meta.keys() <= {"progressToken"}
            page = _name_page("handshake", params.get("protocolVersion"), params.get("capabilities"))
            return page if may_open and known and _is_client(params.get("clientInfo")) else None
        if not params.keys() <= {"_meta"}:
            return None
        if meta.keys() <= {"progressToken"}:
            return self._page if self._page.startswith("handshake") else None
        page = _name_page("envelope", meta.get(_VERSION), meta.get(_CAPABILITIES))
        known = meta.keys() <= {_VERSION, _CLIENT, _CAPABILITIES, "progressToken"}
        return page if (may_open or page == self._page) and known and _is_client(meta.get(_CLIENT)) else None


def dump(value: object) -> str:
    """Serialize as the SDK does: without blanks, and no character escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parse(line: bytes) -> dict[str, Any] | None:
    """Parse a line that the SDK's parser takes for the same object; None for any other."""
    # The SDK refuses halves of emojis.
    if len(line) > _MAX_LINE or b"\\ud" in line.lower():
        return None
    try:
        message = json.loads(line.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    return message if _is_object(message) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _is_id(value: object) -> bool:
    return type(value) is str or (type(value) is int and abs(value) < _MAX_ID)


def _is_client(info: object) -> bool:
    if not _is_object(info) or not {"name", "version"} <= info.keys():
        return False
    known = info.keys() <= {"name", "version", "title", "description", "websiteUrl"}
    return known and all(type(value) is str for value in info.values())


def _name_page(opening: str, version: object, capabilities: object) -> str | None:
    """Return the page for a client; None if a capability is unknown here. Cards change what is published."""
    if not _is_object(capabilities):
        return None
    extensions = capabilities.get("extensions", {})
    others = {name: declared for name, declared in capabilities.items() if name != "extensions"}
    if not _is_known(others) or not _is_object(extensions) or not extensions.keys() <= {_CARDS}:
        return None
    types = extensions.get(_CARDS, {"mimeTypes": []})
    if not _is_object(types) or types.keys() != {"mimeTypes"} or not _are_texts(types["mimeTypes"]):
        return None
    return f"{opening} {version}{' with cards' if _CARD_TYPE in types['mimeTypes'] else ''}"


def _is_known(capabilities: dict[str, Any]) -> bool:
    """Whether none of these capabilities changes what is published."""
    return all(
        name in _KNOWN_CAPABILITIES
        and _is_object(declared)
        and all(
            _KNOWN_CAPABILITIES[name].get(part, ...) in (value, type(value))
            for part, value in declared.items()
        )
        for name, declared in capabilities.items()
    )


def _are_texts(values: object) -> TypeGuard[list[str]]:
    return _is_list(values) and all(type(value) is str for value in values)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return type(value) is list


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return type(value) is dict
