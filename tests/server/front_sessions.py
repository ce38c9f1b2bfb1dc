"""Random sessions of clients, and what they are answered: by the SDK alone, and by the front before the SDK."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from mcp.server import MCPServer

from apiframe_server.front.answering import REPLAYED_ID, Answers
from docgen.snapshot import run_session

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2025-11-25", "2026-07-28", "1999-01-01")
CARDS = {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}
ODD_SETTINGS: tuple[Any, ...] = (
    {},
    {"mimeTypes": []},
    {"mimeTypes": 5},
    {"mimeTypes": ["a/b"]},
    {"mimeTypes": [5]},
    None,
)
CAPABILITIES: tuple[Any, ...] = (
    *({}, {"extensions": CARDS}, {"roots": {}}, {"roots": {"listChanged": True}}),
    {"sampling": {}, "elicitation": {}, "extensions": CARDS},
    *({"elicitation": {"form": {}}}, {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}}),
    *({"extensions": {"io.modelcontextprotocol/ui": odd}} for odd in ODD_SETTINGS),
    *({"extensions": {**CARDS, "x.y/z": {}}}, {"extensions": None}, {"extensions": []}),
    {
        "extensions": {
            "io.modelcontextprotocol/ui": {"mimeTypes": ["a/b", "text/html;profile=mcp-app"], "x": 1}
        }
    },
    *({"extensions": {}, "experimental": {}}, {"extensions": CARDS}, {"extensions": {"x.y/z": {}}}),
    *({"experimental": {"x": {"y": 1}}}, {"tasks": {"list": {}}}, {"roots": {"listChanged": "yes"}}),
    *({"elicitation": None}, {"elicitation": []}, {"sampling": {"tools": 1}}, {"roots": 5}, [], None, "none"),
    *({"roots": {"listChanged": None}}, {"new": {}}, {"roots": {"more": 1}}, {"elicitation": {"form": None}}),
)
CLIENTS: tuple[Any, ...] = (
    *({"name": "a", "version": "1"},) * 6,
    {"name": "ü 😀 \u2028\x7f", "version": "1", "title": "A", "websiteUrl": "https://example.org"},
    *(
        {"name": "a"},
        {"name": "a", "version": 1},
        {"name": "a", "version": "1", "icons": []},
        {},
        None,
        [],
        "a",
    ),
    *({"name": "a", "version": "1", "title": None}, {"name": "", "version": "", "description": "d"}),
    {"name": "a", "version": "1", "websiteUrl": "no address", "more": {"deep": [1.5]}},
)
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
TOKENS: tuple[Any, ...] = ("t", 7, 1.5, True, None, 2**70, [])
CANCELLED: tuple[Any, ...] = ("none", 999, 1.5, True, None, {}, 2**70)
PARAMS: tuple[Any, ...] = (
    *(
        {},
        {},
        None,
        [],
        {"cursor": None},
        {"cursor": "x"},
        {"cursor": 1},
        {"more": 1},
        {"_meta": {}},
        {"_meta": None},
    ),
    *[{"_meta": {"progressToken": token}} for token in TOKENS],
    *({"_meta": {"more": 1}}, {"_meta": 5}, {"_meta": {"io.modelcontextprotocol/protocolVersion": 5}}),
)
NOTIFIED: dict[str, tuple[Any, ...]] = {
    "notifications/initialized": (..., ..., ..., {}, None, {"_meta": {}}, [], {"more": 1}),
    "notifications/cancelled": (
        *({"requestId": number} for number in CANCELLED),
        *(..., {}, {"requestId": "none", "reason": "r"}, {"requestId": "none", "reason": 5}),
        {"requestId": "none", "more": 1},
    ),
    "notifications/roots/list_changed": (..., {}, {"_meta": {}}, {"more": 1}),
    "notifications/progress": ({"progressToken": 1, "progress": 2},),
    "notifications/unknown": ({},),
}
NOTIFICATIONS = [(method, params) for method, choices in NOTIFIED.items() for params in choices]
OTHERS: tuple[tuple[str, Any], ...] = (
    ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    ("tools/call", {"name": "resolve_training", "arguments": {"nonsense": "x"}}),
    ("prompts/get", {"name": "portrait_ideas", "arguments": {"subject": "Anna"}}),
    ("resources/read", {"uri": "apiframe://guides/photos"}),
    *(
        ("logging/setLevel", {"level": "debug"}),
        ("completion/complete", {}),
        ("unknown/method", ...),
        ("", {}),
    ),
)
ODD_LINES = (
    *(
        b"",
        b"  ",
        b"\r",
        b"hello",
        b"[]",
        b"{}",
        b"null",
        b"5",
        b'"x"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 300,
    ),
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    b'{"jsonrpc":"2.0","id":501,"result":{}}',
    b'{"jsonrpc":"2.0","id":502,"id":503,"method":"ping"}',
    b'{"jsonrpc":"2.0","method":"tools/list","id":504,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":505,"method":"ping","params":{"_meta":{"progressToken":NaN}}}',
    b'{"jsonrpc":"2.0","id":506,"method":"ping","more":1}',
    b'{"jsonrpc":"1.0","id":507,"method":"ping"}',
    b'{"id":508,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":509,"method":"ping"} x',
    b'{"jsonrpc":"2.0","id":510,"method":"\\u0070ing"}',
    b'{"jsonrpc":"2.0","id":511,"method":"ping","params":{"_meta":' + b'{"a":' * 300 + b"1" + b"}" * 302,
    *(
        b'{"jsonrpc":"2.0","method":"ping","id":%s}' % one
        for one in (b"1.5", b"true", b"null", b"[]", b"-3", b"1e2")
    ),
    *(
        b'{"jsonrpc":"2.0","method":"ping","id":%s}' % one
        for one in (b'"\\ud83d"', b'"\\ud83d\\ude00"', b'"\\t\x7f"')
    ),
    *(
        b'{"jsonrpc":"2.0","method":"ping","id":%s}' % one
        for one in (b'""', b"9" * 30, b"-0", b'"\xff"', b'"\t"')
    ),
)


def make_session(random: Random) -> list[bytes]:
    """Return the lines of one client: mostly what a client sends, and something odd now and then."""
    envelope = random.random() < 0.4
    lines = [_opening(random, envelope)] if random.random() < 0.95 else []
    lines += [_line(random, number, envelope) for number in range(1, random.randint(1, 9))]
    if random.random() < 0.15:
        spoiled = random.randrange(len(lines) or 1)
        lines[spoiled : spoiled + 1] = [_spoil(random, line) for line in lines[spoiled : spoiled + 1]]
    return [line + random.choice((b"\n", b"\n", b"\r\n")) for line in lines]


def _opening(random: Random, envelope: bool) -> bytes:
    if envelope:
        return _dump(random, id=0, method=_list(random, envelope), params={"_meta": _envelope(random)})
    params = {
        "protocolVersion": random.choice((*VERSIONS, 5) if random.random() < 0.2 else VERSIONS[:4]),
        "capabilities": _mostly_first(random, CAPABILITIES),
        "clientInfo": _mostly_first(random, CLIENTS),
    }
    if random.random() < 0.1:
        params.pop(random.choice(list(params)))
    if random.random() < 0.1:
        params["_meta"] = random.choice(({"progressToken": 5}, {"more": 1}, _envelope(random), None))
    return _dump(random, id=random.choice((0, "zero", -1)), method="initialize", params=params)


def _line(random: Random, number: int, envelope: bool) -> bytes:
    chosen = random.random()
    if chosen < 0.05:
        return random.choice(ODD_LINES)
    if chosen < 0.17:
        method, params = random.choice(NOTIFICATIONS)
        return _dump(random, method=method, params=params)
    if chosen < 0.19:
        return _opening(random, random.random() < 0.3)
    method, params = random.choice(OTHERS) if chosen < 0.24 else (_list(random, envelope), ...)
    if chosen > 0.93:
        params = random.choice(PARAMS)
    if envelope == (random.random() < 0.97):
        params = {**(params if isinstance(params, dict) else {}), "_meta": _envelope(random)}
    return _dump(random, id=random.choice((number, f"nr {number}")), method=method, params=params)


def _list(random: Random, envelope: bool) -> str:
    return random.choice((*LISTS, "server/discover" if envelope == (random.random() < 0.95) else "ping"))


def _envelope(random: Random) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": random.choice(VERSIONS)
        if random.random() < 0.1
        else "2026-07-28",
        "io.modelcontextprotocol/clientInfo": _mostly_first(random, CLIENTS),
        "io.modelcontextprotocol/clientCapabilities": _mostly_first(random, CAPABILITIES),
    }
    if random.random() < 0.1:
        meta.pop(random.choice(list(meta)))
    if random.random() < 0.15:
        meta |= random.choice(({"progressToken": 5}, {"progressToken": 1.5}, {"more": 1}))
    return meta


def _mostly_first(random: Random, choices: Sequence[Any]) -> Any:
    return random.choice(choices) if random.random() < 0.08 else random.choice(choices[:5])


def _dump(random: Random, **message: Any) -> bytes:
    message = {"jsonrpc": "2.0", **{name: value for name, value in message.items() if value is not ...}}
    names = list(message)
    random.shuffle(names)
    separators = random.choice(((",", ":"), (", ", ": ")))
    ascii_only = random.random() < 0.5
    return json.dumps(
        {name: message[name] for name in names}, ensure_ascii=ascii_only, separators=separators
    ).encode()


def _spoil(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line) or 1)
    cut, put = random.choice(((1, b""), (0, b'"'), (0, b","), (2, b"{"), (len(line), b""), (1, b"\x00")))
    return line[:at] + put + line[at + cut :]


@dataclass
class Compared:
    """One session: the answers of the SDK alone and those of front and SDK, sorted, and whether the front was used."""

    alone: list[bytes]
    together: list[bytes]
    answered_by_front: int
    is_handed_over: bool


async def compare(
    server: MCPServer[Any], answers: Answers, lines: Sequence[bytes], import_lines: int
) -> Compared:
    """Answer a session in both ways. The front sees `import_lines` lines after the one that it hands over with."""
    written: list[bytes] = []
    kept: list[bytes] = []
    waiting = import_lines
    for line in lines:
        if answers.handed_over:
            waiting -= 1
        answer = None if waiting < 0 else answers.answer(line)
        if answer is None:
            kept.append(line)
        elif answer:
            written.append(answer)
    count = len(written)
    if kept:
        replayed = json.dumps(REPLAYED_ID).encode()
        for answer in await run_session(server, [*answers.replay(), *kept]):
            if replayed in answer:
                expected = f'{{"jsonrpc":"2.0","id":"{REPLAYED_ID}","result":{answers.opening_result}}}\n'
                assert answer == expected.encode()
            else:
                written.append(answer)
    alone = await run_session(server, lines)
    return Compared(sorted(alone), sorted(written), count, bool(kept))
