"""`apiframe-photo-mcp demo`: from photos to images in the sandbox, without a key.

The sandbox listens on a port here. The real server runs as a child process, and the demo talks to it over stdio as any
MCP client does. The photos are synthetic and show no real face.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from rich.console import Console
from rich.markup import escape

from apiframe_server.demo_photos import write_demo_photos
from apiframe_server.problems import ExitCode, Problem, report
from apiframe_server.settings import Settings
from apiframe_server.terminal import exit_on_interrupt, report_missing_folder
from apiframe_server.transcript import ToolFailed, Transcript
from apiframe_studio.api.select import Generation
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.private_files import make_private_folder
from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.server import serve

SUBJECT = "Anna"
SHEET = "contact-sheet.jpg"
TRAINING_SECONDS = 8.0
PROMPT = "portrait by a window in soft morning light"
SVG_COLUMNS = 100


def demo(settings: Settings, svg: str | None = None, api: Generation = "v1") -> int:
    """Run the demo on one generation of the API and return the exit code.

    `svg` is the path that an image of the terminal is written to.

    The contact sheet and the images are kept in one folder, which the next demo empties first.
    """
    if svg is not None and (problem := report_missing_folder(svg)):
        return report(problem)
    console = Console(
        highlight=False,
        soft_wrap=not sys.stdout.isatty() and svg is None,
        width=SVG_COLUMNS if svg else None,
        record=svg is not None,
    )
    kept = settings.data_dir / "demo"
    try:
        _make_empty(kept)
    except OSError as error:
        message = f"{kept} cannot be written ({error.strerror})."
        return report(Problem(ExitCode.LOCAL, message, "Set APIFRAME_DATA_DIR to a writable folder."))
    folder = Path(tempfile.mkdtemp(prefix="apiframe-demo-"))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    exit_on_interrupt("Stopped.", remove)
    try:
        code = anyio.run(_run_demo, folder, kept, console, api)
    finally:
        remove()
    if svg is not None:
        Path(svg).write_text(_export_svg(console), encoding="utf-8")
    return code


def _make_empty(folder: Path) -> None:
    """Create the folder, or remove what an earlier demo left in it."""
    if folder.exists():
        shutil.rmtree(folder)
    make_private_folder(folder)


def _export_svg(console: Console) -> str:
    """The terminal as an SVG that loads nothing: rich's own would fetch a font."""
    drawn = console.export_svg(title="apiframe-photo-mcp demo")
    return re.sub(r"@font-face \{.*?\}\n?|<!--.*?-->\n?", "", drawn, flags=re.DOTALL)


async def _run_demo(folder: Path, kept: Path, console: Console, api: Generation) -> int:
    console.print(
        f"[dim]Runs in the sandbox of {api} of the API: synthetic photos, simulated credits, no API key.[/dim]\n"
    )
    result = await _run_session(folder, kept, console, api)
    if result is None:
        console.print("[bold red]The demo failed with the error above.[/bold red]")
        return 1
    word = f"The trigger word is [bold]{escape(result.word)}[/bold]. Every prompt needs it."
    made = {"Contact sheet": str(kept / SHEET), "Images": result.images, "Gallery": result.gallery}
    console.print(f"[bold green]Done.[/bold green] {word}")
    for name, path in made.items():
        if path is not None:
            console.print(f"{name}: [bold]{escape(path)}[/bold]")
    return 0


@dataclass(frozen=True)
class _Result:
    """The trigger word, the folder of the images, and the page that shows them."""

    word: str
    images: str
    gallery: str | None


async def _run_session(folder: Path, kept: Path, console: Console, api: Generation) -> _Result | None:
    photos = folder / "photos"
    photos.mkdir()
    with console.status("drawing synthetic photos"):
        await in_file_thread(partial(write_demo_photos, photos))
    result: _Result | None = None
    async with anyio.create_task_group() as group:
        sandbox = Sandbox(training_seconds=TRAINING_SECONDS, api=api)
        address = await group.start(partial(serve, sandbox=sandbox, quiet=True))
        async with Client(_child(address, folder, kept, api)) as client:
            with suppress(ToolFailed):
                result = await _call_tools(Transcript(client, console), photos, kept)
        group.cancel_scope.cancel()
    return result


async def _call_tools(transcript: Transcript, photos: Path, kept: Path) -> _Result:
    """Make the calls of an assistant that is asked for portraits from a folder of photos of Anna."""
    await transcript.call("get_account")
    await transcript.call("check_photos", paths=[str(photos)])
    for sheet in transcript.images:
        (kept / SHEET).touch(mode=0o600)
        (kept / SHEET).write_bytes(sheet)
    prepared = await transcript.call_until_settled(
        "prepare_photos",
        "preparing the photos",
        paths=[str(photos)],
        gender="female",
        ethnicity="white",
        consent=True,
        subject=SUBJECT,
    )
    started = await transcript.call_until_settled(
        "start_training",
        "starting the training",
        unsettled={"submitting"},
        training_images_id=prepared["training_images_id"],
    )
    finished = await transcript.call_until_settled(
        "wait_for_training", "training", task_id=started["task_id"]
    )
    generated = await transcript.call("generate_photos", subject=SUBJECT, prompt=PROMPT, number_of_images=3)
    return _Result(
        finished["trigger_word"], str(Path(generated["pictures"][0]["path"]).parent), generated["gallery"]
    )


def _child(address: str, folder: Path, kept: Path, api: Generation) -> StdioServerParameters:
    settings = {
        "APIFRAME_API_VERSION": api,
        "APIFRAME_DATA_DIR": str(folder / "data"),
        "APIFRAME_PHOTO_FOLDERS": str(folder),
        "APIFRAME_OUTPUT_FOLDER": str(kept),
        "APIFRAME_POLL_SECONDS": "1",
    }
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "apiframe_server", "--sandbox-url", address],
        env={**os.environ, **settings},
    )
