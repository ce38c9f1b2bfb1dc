"""`make contract` finds what a document does not allow. The document here is a small one of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from apiframe_studio.sandbox import SANDBOX_URL, SANDBOX_V2_KEY, Sandbox
from conformance.exchanges import ExchangeLog, deliberately_invalid
from conformance.openapi import Document, Invalid, main, parse_multipart, read_exchanges, report

TEXT = {"type": "string"}
FORM: Mapping[str, Any] = {
    "type": "object",
    "required": ["name", "images"],
    "properties": {
        **dict.fromkeys(("name", "subjectKind", "gender", "ethnicity"), TEXT),
        "steps": {"type": "integer", "minimum": 500},
        "images": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
    },
}
DOCUMENT: Mapping[str, Any] = {
    "paths": {
        "/v2/loras": {
            "get": {
                "parameters": [{"$ref": "#/components/parameters/Limit"}],
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/List"}}}
                    }
                },
            },
            "post": {
                "requestBody": {"content": {"multipart/form-data": {"schema": FORM}}},
                "responses": {"202": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            },
        },
        "/v2/loras/{id}": {"delete": {"responses": {"204": {}}}},
    },
    "components": {
        "parameters": {
            "Limit": {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100}}
        },
        "schemas": {
            "List": {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}},
            },
            "Item": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "at": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}
ID = "5f0c2f6e-3f0e-4b8e-9a57-0d3f1b6f2c11"


def exchange(
    method: str = "GET", path: str = "/v2/loras", *, status: int = 200, response: object = None, **fields: Any
) -> dict[str, Any]:
    return {
        "method": method,
        "path": path,
        "query": "",
        "headers": {"x-api-key": "hidden"},
        "body": "",
        "is_invalid": False,
        "is_whole": True,
        "status": status,
        "response_headers": {"content-type": "application/json"},
        "response": "" if response == "" else json.dumps({"items": []} if response is None else response),
        **fields,
    }


def upload(*parts: tuple[str, str | None, str], end: str = "--b--\r\n", **fields: Any) -> dict[str, Any]:
    text = ""
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        text += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{content}\r\n'
    headers = {"x-api-key": "hidden", "content-type": "multipart/form-data; boundary=b"}
    return exchange("POST", status=202, response={}, headers=headers, body=text + end, **fields)


PERSON = (("name", None, "x"), ("gender", None, "female"), ("ethnicity", None, "White"))
PHOTO = ("images", "01.jpg", "\xff\xd8\x00")

ALLOWED = {
    "a list": exchange(query="limit=100", response={"items": [{"id": ID, "at": "2026-04-25T10:18:11.000Z"}]}),
    "a training": upload(*PERSON, ("steps", None, "500"), PHOTO, PHOTO),
    "a style": upload(("name", None, "x"), ("subjectKind", None, "style"), PHOTO),
    "a deletion": exchange("DELETE", f"/v2/loras/{ID}", status=204, response_headers={}, response=""),
    "a body that the client did not finish": upload(*PERSON, end="", is_whole=False),
    "a deviation": exchange(status=500, response_headers={"x-sandbox-deviation": "1"}),
    "an invalid request": exchange(
        "PUT", query="limit=x", is_invalid=True, status=400, response_headers={"x-sandbox-deviation": "1"}
    ),
}
FORBIDDEN = {
    "an unknown operation": exchange("PUT"),
    "an unknown path": exchange(path="/v2/lora"),
    "no key": exchange(headers={}),
    "a second way to authenticate": exchange(headers={"x-api-key": "hidden", "authorization": "hidden"}),
    "a parameter beyond its limit": exchange(query="limit=101"),
    "a parameter of another type": exchange(query="limit=x"),
    "an unknown parameter": exchange(query="name=x"),
    "an idempotency key that is not declared": upload(
        *PERSON,
        PHOTO,
    )
    | {
        "headers": {
            "x-api-key": "h",
            "content-type": "multipart/form-data; boundary=b",
            "idempotency-key": "k",
        }
    },
    "a body that is not declared": exchange(body="x"),
    "another content type": exchange(
        "POST", headers={"x-api-key": "h", "content-type": "text/plain"}, status=202
    ),
    "no files": upload(*PERSON),
    "steps out of range": upload(*PERSON, ("steps", None, "499"), PHOTO),
    "steps that are not a number": upload(*PERSON, ("steps", None, "5e2"), PHOTO),
    "an unknown field": upload(*PERSON, ("trigger_word", None, "x"), PHOTO),
    "a repeated field": upload(*PERSON, ("name", None, "y"), PHOTO),
    "no gender": upload(("name", None, "x"), ("ethnicity", None, "x"), PHOTO),
    "text after a file": upload(PHOTO, *PERSON),
    "no body": upload(end=""),
    "no closing boundary": upload(*PERSON, PHOTO, end=""),
    "an undeclared status": exchange(status=404),
    "a response without a required field": exchange(response={}),
    "a response with an undeclared field": exchange(response={"items": [], "total": 1}),
    "an id of another form": exchange(response={"items": [{"id": "lora_1"}]}),
    "a time without a zone": exchange(response={"items": [{"at": "2026-04-25T10:18:11"}]}),
    "a response of another type": exchange(response_headers={"content-type": "text/html"}),
    "a body with 204": exchange("DELETE", f"/v2/loras/{ID}", status=204),
    "an invalid request that was accepted": exchange(is_invalid=True),
}


def find_problems(one: Mapping[str, Any]) -> list[str]:
    document = Document(DOCUMENT)
    name = document.find_operation(one["method"], one["path"])
    return [problem for _, problem in document.check(name, one) if problem]


@pytest.mark.parametrize("one", ALLOWED.values(), ids=ALLOWED.keys())
def test_an_allowed_exchange_has_no_problem(one: Mapping[str, Any]) -> None:
    assert find_problems(one) == []


@pytest.mark.parametrize("one", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_forbidden_exchange_has_a_problem(one: Mapping[str, Any]) -> None:
    assert find_problems(one)


def test_a_part_without_a_name_is_invalid() -> None:
    with pytest.raises(Invalid, match="name"):
        parse_multipart(b"--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b--", b"b")


def test_an_operation_that_was_not_exercised_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(Document(DOCUMENT), iter([exchange()])) == 1
    printed = capsys.readouterr().out
    assert "POST /v2/images/generate was never exercised" in printed
    assert "GET /v2/loras was never exercised" not in printed


@pytest.mark.parametrize("arguments", [[], [""]])
def test_without_a_document_nothing_is_checked(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == "skipped: no document\n"


async def test_exchanges_are_written_without_keys_and_invalid_ones_without_their_body(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(ExchangeLog(Sandbox(api="v2").app, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL) as client:
        headers = {"X-API-Key": SANDBOX_V2_KEY, "Authorization": "Bearer " + SANDBOX_V2_KEY}
        await client.get("/v2/loras?limit=3", headers=headers)
        await client.get("/sandbox/log")
        with deliberately_invalid():
            await client.post("/v2/images/generate", content=b"\xff", headers=headers)
        await client.post("/v2/images/generate", content=b"not read")
    first, second, third = read_exchanges(tmp_path)
    assert (first["method"], first["path"], first["query"], first["status"]) == (
        "GET",
        "/v2/loras",
        "limit=3",
        200,
    )
    assert json.loads(first["response"]) == {"items": [], "nextCursor": None}
    assert (second["is_invalid"], second["body"], second["status"]) == (True, "", 400)
    assert (third["status"], third["body"], third["is_whole"]) == (401, "not read", True)
    assert SANDBOX_V2_KEY not in json.dumps([first, second])
