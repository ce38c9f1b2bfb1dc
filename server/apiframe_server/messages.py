"""Parse a line of input as a JSON-RPC message, or produce the error to answer it with.

The SDK drops lines that it cannot parse, and the client would wait for its answer until it times out.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

# The decoder reads the names: a pattern for them takes many times the memory of what it matches.
_BEFORE_NAME: Final = re.compile(r'\s*[{,]\s*(?=")')
_BEFORE_VALUE: Final = re.compile(r"\s*:\s*")
_LENIENT: Final = json.JSONDecoder(strict=False)


class UnreadableMessage(Exception):
    """A line is not a JSON-RPC message. `answer` says what is wrong and never quotes the line."""

    def __init__(self, code: int, text: str, request_id: RequestId | None) -> None:
        super().__init__(text)
        self.answer = JSONRPCError(
            jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=f"{text} Nothing was done.")
        )


def read_message(line: bytes) -> JSONRPCMessage:
    """Parse one line; bytes that are not UTF-8 become U+FFFD.

    Raises:
        UnreadableMessage: the line is not a JSON-RPC message.
    """
    text = line.decode("utf-8", "replace")
    try:
        message = jsonrpc_message_adapter.validate_json(text, by_name=False)
    except ValidationError as error:
        raise _unreadable(text, error) from None
    # A request with an invalid id would be taken for a notification, which is never answered.
    if isinstance(message, JSONRPCNotification) and "id" in _top_level_members(text):
        raise UnreadableMessage(INVALID_REQUEST, "Invalid request: id must be a string or an integer.", None)
    return message


def _unreadable(text: str, error: ValidationError) -> UnreadableMessage:
    members = _top_level_members(text)
    request_id = _request_id(members)
    details = error.errors(include_url=False, include_input=False)[0]
    if details["type"] == "json_invalid":
        reason = details["msg"].removeprefix("Invalid JSON: ")
        return UnreadableMessage(PARSE_ERROR, f"Parse error: {reason}.", request_id)
    if text.lstrip().startswith("["):
        return UnreadableMessage(
            INVALID_REQUEST, "Invalid request: send one message per line, not a batch.", None
        )
    if request_id is not None and not isinstance(members.get("params", {}), dict | None):
        return UnreadableMessage(INVALID_PARAMS, "Invalid params: params must be a JSON object.", request_id)
    expected = 'Invalid request: a request has jsonrpc "2.0", an id, a method, and params that are an object.'
    return UnreadableMessage(INVALID_REQUEST, expected, request_id)


def _request_id(members: dict[str, Any]) -> RequestId | None:
    """The id to answer, or None. A response carries an id of ours: an error for it could end another call."""
    request_id = members.get("id")
    if "method" not in members or isinstance(request_id, bool) or not isinstance(request_id, int | str):
        return None
    return request_id if str(request_id).isprintable() else None


def _top_level_members(text: str) -> dict[str, Any]:
    """The members of a JSON object up to the first error, lone surrogates and control characters accepted."""
    members: dict[str, Any] = {}
    position = 0
    try:
        while before_name := _BEFORE_NAME.match(text, position):
            name, position = _LENIENT.raw_decode(text, before_name.end())
            if (before_value := _BEFORE_VALUE.match(text, position)) is None:
                break
            members[name], position = _LENIENT.raw_decode(text, before_value.end())
    except (ValueError, RecursionError):
        pass  # The rest cannot be parsed.
    return members
