"""`/v2/loras`: start, show, list and archive trainings."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .answers import error, invalid, too_poor
from .asking import caller_of, page_of, path_id, query_of, service_of
from .fields import check_fields, comma_separated, decimal, one_of, text, url, uuid
from .team import FEE, Training, newest_first

MAX_IN_FLIGHT = 10
MAX_PHOTO_BYTES = 10_000_000
MAX_BYTES = 100_000_000
_FORM = {
    "name": text(1, 60),
    "subjectKind": one_of("person", "style", "object"),
    "gender": one_of("female", "male", "non-binary"),
    "ethnicity": text(1, 40),
    "age": text(1, 40),
    "steps": decimal(500, 3000),
    "loraRank": decimal(8, 64),
    "webhookUrl": url,
    "webhookEvents": comma_separated("completed", "failed"),
}


async def create(request: Request) -> Response:
    """`POST /v2/loras`."""
    caller = caller_of(request)
    service = service_of(request)
    fields, photos = await _read_form(request)
    required = (
        ("name", "gender", "ethnicity") if fields.get("subjectKind", "person") == "person" else ("name",)
    )
    check_fields(fields, _FORM, required, closed=False)
    _check_photos(photos)
    if service.in_flight(caller.team) >= MAX_IN_FLIGHT:
        raise error(429, "Too many concurrent trainings")
    if caller.team.credits < FEE:
        raise too_poor(FEE, caller.team.credits)
    caller.team.credits -= FEE
    training = Training(caller, fields, len(photos), service.now())
    service.trainings[training.id] = training
    if service.loses_responses:
        raise error(503, "Failed to enqueue training")
    return JSONResponse({"id": training.id, "status": "PENDING", "imageCount": len(photos)}, 202)


async def show(request: Request) -> Response:
    """`GET /v2/loras/{id}`."""
    training = _own(request)
    service_of(request).advance_training(training)
    return JSONResponse(training.as_json())


async def show_page(request: Request) -> Response:
    """`GET /v2/loras`: those of the whole team."""
    caller = caller_of(request)
    service = service_of(request)
    query = query_of(request, {"cursor": uuid, "includeArchived": one_of("true", "false")})
    archived = query.get("includeArchived") == "true"
    rows = [
        one
        for one in service.trainings.values()
        if one.owner.team is caller.team and (archived or one.status != "ARCHIVED")
    ]
    page, cursor = page_of(newest_first(rows), query, 24)
    for one in page:
        service.advance_training(one)
    return JSONResponse({"items": [one.as_json() for one in page], "nextCursor": cursor})


async def archive(request: Request) -> Response:
    """`DELETE /v2/loras/{id}`: a second time is the same."""
    _own(request).status = "ARCHIVED"
    return Response(status_code=204)


def _own(request: Request) -> Training:
    caller = caller_of(request)
    training = service_of(request).trainings.get(path_id(request))
    if training is None or training.owner.team is not caller.team:
        raise error(404, "LoRA not found")
    return training


async def _read_form(request: Request) -> tuple[dict[str, str], list[bytes]]:
    if not request.headers.get("Content-Type", "").startswith("multipart/form-data"):
        raise error(400, "Expected multipart/form-data")
    boundary = request.headers["Content-Type"].partition("boundary=")[2].strip('"')
    if not (await request.body()).rstrip(b"\r\n").endswith(f"--{boundary}--".encode()):
        raise error(400, "Unexpected end of form")
    fields: dict[str, str] = {}
    photos: list[bytes] = []
    # Text may come before or after the files: the contract names no order.
    async with request.form(max_part_size=MAX_PHOTO_BYTES) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name == "images":
                    photos.append(await value.read())
            else:
                fields[name] = value
    return fields, photos


def _check_photos(photos: list[bytes]) -> None:
    if not 15 <= len(photos) <= 30:
        raise invalid({"images": ["Upload 15 to 30 images"]})
    if not all(_is_image(photo) for photo in photos):
        raise invalid({"images": ["Unsupported file type"]})
    if max(map(len, photos)) > MAX_PHOTO_BYTES or sum(map(len, photos)) > MAX_BYTES:
        raise invalid({"images": ["File too large"]})


def _is_image(data: bytes) -> bool:
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return webp or data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
