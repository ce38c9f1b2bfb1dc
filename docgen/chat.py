"""`python -m docgen.chat`: the README's illustration, a chat that ends with portraits, in light and in dark.

The light one is also a screenshot of the desktop bundle.

The assistant's messages are made from the results of a real run in the sandbox, with the server as a separate process.
The photos and portraits are synthetic, as a note below the chat says.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from PIL import Image

from apiframe_studio.photos.synthetic import write_photos
from apiframe_tools.results import read_fields
from docgen.canvas import Box, Photo, Shape, Text, measure, to_png, to_svg
from docgen.contact_sheet import add_mistakes

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs"
SCREENSHOT: Final = FOLDER / "bundle/chat.png"
WIDTH: Final = 760
MARGIN: Final = 28
FONT: Final = 15
LINE: Final = 22
BUBBLE: Final = 500
PORTRAIT: Final = 196
GAP: Final = 14
NOTE: Final = (
    "Drawn from a run in the sandbox: the photos and portraits are synthetic, the credits simulated."
)
ONGOING: Final = frozenset({"submitting", "uploading", "preparing", "queued", "processing"})


class Theme(NamedTuple):
    """The colours of one of the two files."""

    name: str
    page: str
    edge: str
    user: str
    ink: str
    faint: str
    tool: str


THEMES: Final = (
    Theme("light", "#ffffff", "#d0d7de", "#e7f0fe", "#1f2328", "#59636e", "#f6f8fa"),
    Theme("dark", "#0d1117", "#3d444d", "#1f3350", "#f0f6fc", "#9198a1", "#161b22"),
)


class Message(NamedTuple):
    """A message of the user or the assistant. `tools` were called before it, `images` are shown below it."""

    text: str
    by_user: bool = False
    tools: Sequence[str] = ()
    images: Sequence[bytes] = ()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        messages = anyio.run(run_chat, Path(name))
    for theme in THEMES:
        shapes, height = draw_chat(messages, theme)
        path = FOLDER / f"chat-{theme.name}.svg"
        path.write_text(to_svg(shapes, WIDTH, height), encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size // 1024} KB")
        if theme.name == "light":
            SCREENSHOT.write_bytes(to_png(shapes, WIDTH, height))


async def run_chat(folder: Path) -> Sequence[Message]:
    """Return the chat, filled with the results of a run in the sandbox."""
    photos = folder / "photos"
    photos.mkdir()
    add_mistakes(write_photos(photos, 24))
    settings = {
        "APIFRAME_DATA_DIR": str(folder / "data"),
        "APIFRAME_PHOTO_FOLDERS": str(folder),
        "APIFRAME_OUTPUT_FOLDER": str(folder / "images"),
        "APIFRAME_SANDBOX_SECONDS": "1",
    }
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "apiframe_server", "--sandbox"], env=settings
    )
    async with Client(server) as client:
        checked = await call(client, "check_photos", paths=[str(photos)])
        attributes = {"gender": "female", "ethnicity": "white", "consent": True, "subject": "Anna"}
        prepared = await call(client, "prepare_photos", paths=[str(photos)], **attributes)
        started = await call(
            client, "start_training", training_images_id=prepared["training_images_id"], subject="Anna"
        )
        finished = await call(client, "wait_for_training", task_id=started["task_id"])
        generated = await call(
            client,
            "generate_photos",
            subject="Anna",
            prompt="in a garden, in the evening",
            number_of_images=3,
        )
    portraits = [shrink_image(Path(image["path"])) for image in generated["pictures"]]
    return write_messages(checked, prepared, started, finished, portraits)


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the fields of the result of a call, which is repeated until it has finished."""
    while True:
        result = await client.call_tool(tool, arguments)
        if result.is_error:
            raise SystemExit(f"{tool}: {result.content}")
        content = read_fields(result)
        is_partial_check = content.get("training_credits", 0) is None
        if tool == "start_training" or not (content.get("status") in ONGOING or is_partial_check):
            return content


def write_messages(
    checked: dict[str, Any],
    prepared: dict[str, Any],
    started: dict[str, Any],
    finished: dict[str, Any],
    portraits: Sequence[bytes],
) -> Sequence[Message]:
    rejected = sum(photo["verdict"] == "reject" for photo in checked["photos"])
    price = prepared["credits"] + started["credits"]
    word = finished["trigger_word"]
    return (
        Message(
            "Here is a folder with photos of my sister Anna, she agreed. Train a model of her.", by_user=True
        ),
        Message(
            f"I checked {len(checked['photos'])} photos on this computer: {checked['good']} are good, {rejected} "
            f"cannot be used. Training on the {prepared['photos']} good ones costs {price:g} credits. Shall I?",
            tools=("check_photos",),
        ),
        Message("Yes, go ahead.", by_user=True),
        Message(
            f"The training is finished. Anna's trigger word is {word}.",
            tools=("prepare_photos", "start_training", "wait_for_training"),
        ),
        Message("Make three portraits of her in a garden, in the evening.", by_user=True),
        Message(
            "Here they are. They are saved in your Pictures folder.",
            tools=("generate_photos",),
            images=portraits,
        ),
    )


def shrink_image(path: Path) -> bytes:
    """Return the image as a JPEG with twice the pixels of the size at which it is shown."""
    with Image.open(path) as opened:
        image = opened.convert("RGB").resize((PORTRAIT * 2, PORTRAIT * 2))
    content = BytesIO()
    image.save(content, "JPEG", quality=80)
    return content.getvalue()


def draw_chat(messages: Iterable[Message], theme: Theme) -> tuple[Sequence[Shape], int]:
    """Return the shapes of the chat and its height."""
    shapes: list[Shape] = []
    top = MARGIN
    for message in messages:
        if message.tools:
            shapes += _draw_tools(message.tools, top, theme)
            top += 34
        lines = _wrap(message.text, BUBBLE - 32 if message.by_user else WIDTH - 2 * MARGIN)
        if message.by_user:
            shapes += _draw_bubble(lines, top, theme)
        else:
            shapes += _draw_lines(lines, MARGIN, top + 16, theme)
        top += len(lines) * LINE + (34 if message.by_user else 20)
        for number, jpeg in enumerate(message.images):
            shapes.append(Photo(jpeg, MARGIN + number * (PORTRAIT + GAP), top - 6, PORTRAIT))
        if message.images:
            top += PORTRAIT + GAP
    height = top + 34
    frame = Box(0.5, 0.5, WIDTH - 1, height - 1, 12, theme.page, theme.edge)
    return [frame, *shapes, Text(NOTE, MARGIN, top + 12, 12, theme.faint)], height


def _draw_tools(names: Sequence[str], top: int, theme: Theme) -> Iterator[Shape]:
    left = MARGIN
    for name in names:
        width = round(22 + 7.3 * len(name))
        yield Box(left, top, width, 24, 6, theme.tool, theme.edge)
        yield Text(name, left + width / 2, top + 16, 12, theme.faint, is_code=True, is_centred=True)
        left += width + 8


def _draw_bubble(lines: Sequence[str], top: int, theme: Theme) -> Sequence[Shape]:
    width = round(max(measure(line, FONT) for line in lines) * 1.06 + 32)
    left = WIDTH - MARGIN - width
    bubble = Box(left, top, width, len(lines) * LINE + 16, 16, theme.user)
    return [bubble, *_draw_lines(lines, left + 16, top + 24, theme)]


def _draw_lines(lines: Sequence[str], left: int, top: int, theme: Theme) -> Sequence[Shape]:
    return [Text(line, left, top + number * LINE, FONT, theme.ink) for number, line in enumerate(lines)]


def _wrap(text: str, width: float) -> list[str]:
    """Split the text into lines that fit, also in fonts that are a little wider than the one measured here."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if measure(longer, FONT) * 1.06 > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


if __name__ == "__main__":
    main()
