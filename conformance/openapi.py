"""`python -m conformance.openapi DOCUMENT`: run the tests of v2, and validate each of their exchanges with the sandbox
against the vendor's OpenAPI document.

Every request is validated that is not marked as deliberately invalid, and every response that the sandbox does not mark
as a deviation. The project has no copy of the document.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.message import Message
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance.exchanges import FOLDER
from conformance.programs import ROOT

TESTS: Final = ("tests/contract/v2", "tests/studio/api/v2", "tests/studio/sandbox/v2")
USED: Final = (
    "GET /v2/me",
    "POST /v2/loras",
    "GET /v2/loras",
    "GET /v2/loras/{id}",
    "DELETE /v2/loras/{id}",
    "POST /v2/images/generate",
    "GET /v2/jobs",
    "GET /v2/jobs/{id}",
)
"""The operations that the client uses."""

DEVIATION: Final = "x-sandbox-deviation"
JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"

Exchange = Mapping[str, Any]


class Invalid(Exception):
    """A request or response that the document does not allow."""


def main(arguments: Sequence[str]) -> int:
    """Return 1 if an exchange is invalid or an operation was never exercised."""
    if not arguments or not arguments[0]:
        print("skipped: no document")
        return 0
    document = Document(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    for file in FOLDER.glob("*.jsonl"):
        file.unlink()
    tests = [test for test in TESTS if (ROOT / test).exists()]
    if subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, check=False).returncode:
        return 1
    return report(document, read_exchanges(FOLDER))


def read_exchanges(folder: Path) -> Iterator[Exchange]:
    """Yield every exchange in the folder."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def report(document: Document, exchanges: Iterator[Exchange]) -> int:
    """Print the counts of each operation and every violation. Returns 1 if there is one or an operation is missing."""
    counts: Counter[tuple[str, str]] = Counter()
    violations: list[str] = []
    for exchange in exchanges:
        name = document.find_operation(exchange["method"], exchange["path"])
        for part, problem in document.check(name, exchange):
            counts[name, part] += 1
            if problem:
                violations.append(f"{name} {exchange['status']}: {part}: {problem}")
    parts = ("requests", "invalid on purpose", "cut short", "responses", "deviations")
    print(f"{'operation':30}", *(f"{part:>18}" for part in parts))
    for name in dict.fromkeys((*USED, *(name for name, _ in counts))):
        print(f"{name:30}", *(f"{counts[name, part]:18}" for part in parts))
    missing = [name for name in USED if not counts[name, "requests"]]
    violations += [f"{name} was never exercised" for name in missing]
    print(*dict.fromkeys(violations), f"{len(violations)} violations", sep="\n")
    return int(bool(violations))


class Document:
    """The vendor's OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._registry: Registry[Any] = Registry().with_resource(
            "urn:api", DRAFT202012.create_resource(document)
        )
        self._patterns = {path: _compile(path) for path in document["paths"]}

    def find_operation(self, method: str, path: str) -> str:
        """Return the operation's name, such as `GET /v2/loras/{id}`, or one that the document does not have."""
        found = (template for template, pattern in self._patterns.items() if pattern.fullmatch(path))
        # A path without parameters comes before one that has them.
        return f"{method} {min(found, key=lambda template: template.count('{'), default=path)}"

    def check(self, name: str, exchange: Exchange) -> Iterator[tuple[str, str | None]]:
        """Yield what was checked of an exchange, and what is wrong with it or None."""
        if exchange["is_invalid"]:
            yield "invalid on purpose", None if 400 <= exchange["status"] < 500 else "was not rejected"
        elif not exchange["is_whole"]:
            yield "cut short", None
        else:
            yield "requests", _catch(self._check_request, name, exchange)
        if DEVIATION in exchange["response_headers"] or (exchange["is_invalid"] and not self._has(name)):
            yield "deviations", None
        else:
            yield "responses", _catch(self._check_response, name, exchange)

    def _check_request(self, name: str, exchange: Exchange) -> None:
        operation, headers = self._operation(name), exchange["headers"]
        _require("x-api-key" in headers, "the header X-API-Key is missing")
        _require("authorization" not in headers, "there is a header Authorization")
        parameters = [self._resolve(parameter) for parameter in operation.get("parameters", ())]
        declared = {(parameter["in"], parameter["name"].lower()): parameter for parameter in parameters}
        sent = [("query", *pair) for pair in parse_qsl(exchange["query"], keep_blank_values=True)]
        sent += [("header", "idempotency-key", headers[key]) for key in headers if key == "idempotency-key"]
        for place, key, value in sent:
            parameter = declared.get((place, key.lower()))
            _require(parameter is not None, f"{place} parameter {key} is not declared")
            if parameter is not None:
                self._validate(parameter["schema"], _convert(value, parameter["schema"]), key)
        self._check_body(operation, name, exchange)

    def _check_body(self, operation: Mapping[str, Any], name: str, exchange: Exchange) -> None:
        if "requestBody" not in operation:
            _require(not exchange["body"], "there is a body")
            return
        content_type = Message()
        content_type["Content-Type"] = exchange["headers"].get("content-type", "")
        media_type, body = content_type.get_content_type(), exchange["body"].encode("latin-1")
        schema = operation["requestBody"]["content"].get(media_type, {}).get("schema")
        _require(schema is not None, f"the content type {media_type} is not declared")
        if media_type == MULTIPART:
            parts = parse_multipart(body, str(content_type.get_param("boundary")).encode())
            value: object = _collect(parts, schema)
            _check_training(parts, schema)
        else:
            value = json.loads(body)
        self._validate(schema, value, name)

    def _check_response(self, name: str, exchange: Exchange) -> None:
        responses = self._operation(name)["responses"]
        response = responses.get(str(exchange["status"]))
        _require(response is not None, "the status is not declared")
        content = response.get("content", {}) if response else {}
        if not content:
            _require(not exchange["response"], "there is a body")
            return
        media_type = exchange["response_headers"].get("content-type", "").partition(";")[0]
        _require(media_type in content, f"the content type {media_type} is not declared")
        schema = {**content[media_type]["schema"], "unevaluatedProperties": False}
        self._validate(schema, json.loads(exchange["response"].encode("latin-1")), "response")

    def _has(self, name: str) -> bool:
        method, _, path = name.partition(" ")
        return method.lower() in self._document["paths"].get(path, {})

    def _operation(self, name: str) -> Mapping[str, Any]:
        method, _, path = name.partition(" ")
        _require(self._has(name), "there is no such operation")
        operation: Mapping[str, Any] = self._document["paths"][path][method.lower()]
        return operation

    def _resolve(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = value.get("$ref")
        if reference is None:
            return value
        resolved: Mapping[str, Any] = self._registry.resolver("urn:api").lookup(reference).contents
        return resolved

    def _validate(self, schema: Mapping[str, Any], value: object, label: str) -> None:
        # The `$id` is the base of references such as #/components/schemas/Lora inside the schema.
        text = json.dumps(schema).replace('"$ref": "#', '"$ref": "urn:api#')
        validator = Draft202012Validator(json.loads(text), registry=self._registry, format_checker=FORMATS)
        errors = [
            f"{label}{error.json_path[1:]}: {error.message[:300]}" for error in validator.iter_errors(value)
        ]
        _require(not errors, "; ".join(errors))


def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


# The checks that jsonschema has for these two need more packages.
FORMATS: Final = FormatChecker(("uuid", "email"))
FORMATS.checkers = {
    **FORMATS.checkers,
    "date-time": (_is_date_time, ValueError),
    "uri": (_is_uri, ValueError),
}


def parse_multipart(body: bytes, boundary: bytes) -> list[tuple[str, str | None, bytes]]:
    """Return name, filename and content of each part. Raises Invalid unless the body is complete and well-formed."""
    preamble, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    end = parts.pop() if parts else b""
    _require(preamble == b"" and end in (b"--", b"--\r\n"), "the body is not framed by its boundary")
    return [_parse_part(part) for part in parts]


def _parse_part(part: bytes) -> tuple[str, str | None, bytes]:
    head, separator, content = part.partition(b"\r\n\r\n")
    _require(part.startswith(b"\r\n") and bool(separator), "a part has no headers")
    found = re.search(
        rb'(?im)^content-disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?\r?$', head
    )
    if found is None:
        raise Invalid("a part has no name")
    return found[1].decode(), None if found[2] is None else found[2].decode(), content


def _collect(parts: list[tuple[str, str | None, bytes]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts as the object that the schema describes, with file contents as Latin-1 text."""
    collected: dict[str, Any] = {}
    for name, filename, content in parts:
        declared = schema["properties"].get(name, {})
        value = content.decode() if filename is None else content.decode("latin-1")
        if declared.get("type") == "array":
            collected.setdefault(name, []).append(value)
        else:
            _require(name not in collected, f"{name} is repeated")
            collected[name] = _convert(value, declared)
    return collected


def _check_training(parts: list[tuple[str, str | None, bytes]], schema: Mapping[str, Any]) -> None:
    """Check what the document leaves open about `POST /v2/loras`."""
    texts = {name for name, filename, _ in parts if filename is None}
    names = [filename for _, filename, _ in parts]
    unknown = {name for name, _, _ in parts} - schema["properties"].keys()
    _require(not unknown, f"the fields {sorted(unknown)} are not declared")
    kind = next((content for name, _, content in parts if name == "subjectKind"), b"person")
    _require(kind != b"person" or {"gender", "ethnicity"} <= texts, "gender or ethnicity is missing")
    _require(all(filename is None for filename in names[: len(texts)]), "a text field comes after a file")


def _convert(text: str, schema: Mapping[str, Any]) -> object:
    return int(text) if schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]+", text) else text


def _compile(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise Invalid(problem)


def _catch(check: Any, name: str, exchange: Exchange) -> str | None:
    try:
        check(name, exchange)
    except Invalid as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
