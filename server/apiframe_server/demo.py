"""`apiframe-photo-mcp demo`: the whole way from photos to portraits, without a key and without money.

The sandbox listens on a port here; the real server runs as a child process and is talked to as any MCP
client would, over stdio. The photos are drawn: nobody's face is in them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
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
from apiframe_server.terminal import end_at_once_when_interrupted
from apiframe_server.transcript import ToolFailed, Transcript
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.private_files import make_private_folder
from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.server import serve

SUBJECT = "Anna"
SHEET = "contact-sheet.jpg"
TRAINING_SECONDS = 8.0
PROMPT = "portrait by a window in soft morning light"


def demo(settings: Settings, picture_of_it: str | None = None) -> int:
    """Show the conversation; returns the exit code. `picture_of_it` is where an SVG of the terminal is written.

    The contact sheet and the portraits are kept in one folder, which the next demo empties first.
    """
    if picture_of_it is not None and not Path(picture_of_it).absolute().parent.is_dir():
        return report(
            Problem(ExitCode.USAGE, f"the folder of {picture_of_it} does not exist.", "Make it first.")
        )
    wide = 100 if picture_of_it else None
    console = Console(
        highlight=False,
        soft_wrap=not sys.stdout.isatty() and wide is None,
        width=wide,
        record=wide is not None,
    )
    kept = settings.data_dir / "demo"
    try:
        _empty(kept)
    except OSError as error:
        told = f"{kept} cannot be written ({error.strerror})."
        advice = "Set APIFRAME_DATA_DIR to a folder that can."
        return report(Problem(ExitCode.LOCAL, told, advice))
    folder = Path(tempfile.mkdtemp(prefix="apiframe-demo-"))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    end_at_once_when_interrupted("Stopped.", remove)
    try:
        code = anyio.run(_demo, folder, kept, console)
    finally:
        remove()
    if picture_of_it is not None:
        Path(picture_of_it).write_text(_drawn(console), encoding="utf-8")
    return code


def _empty(kept: Path) -> None:
    """Make the folder, without what an earlier demo left in it."""
    if kept.exists():
        shutil.rmtree(kept)
    make_private_folder(kept)


def _drawn(console: Console) -> str:
    """The terminal as an SVG that loads nothing: rich would have it fetch a font."""
    drawn = console.export_svg(title="apiframe-photo-mcp demo")
    return re.sub(r"@font-face \{.*?\}\n?|<!--.*?-->\n?", "", drawn, flags=re.DOTALL)


async def _demo(folder: Path, kept: Path, console: Console) -> int:
    console.print("[dim]The sandbox stands in for the service: play money, and synthetic photos.[/dim]\n")
    word, portraits = await _all_the_way(folder, kept, console)
    if not word:
        console.print("[bold red]The demo met an error, shown above.[/bold red]")
        return 1
    console.print(
        f"[bold green]Done.[/bold green] The trigger word is [bold]{escape(word)}[/bold]: it has to be in every "
        f"prompt.\nThe contact sheet is [bold]{escape(str(kept / SHEET))}[/bold]\n"
        f"The portraits are in [bold]{escape(portraits)}[/bold]"
    )
    return 0


async def _all_the_way(folder: Path, kept: Path, console: Console) -> tuple[str, str]:
    photos = folder / "photos"
    photos.mkdir()
    with console.status("drawing two dozen synthetic photos"):
        await in_file_thread(partial(write_demo_photos, photos))
    made = "", ""
    async with anyio.create_task_group() as group:
        address = await group.start(
            partial(serve, sandbox=Sandbox(training_seconds=TRAINING_SECONDS), quiet=True)
        )
        async with Client(_child(address, folder, kept)) as client:
            with suppress(ToolFailed):
                made = await _talk(Transcript(client, console), photos, kept)
        group.cancel_scope.cancel()
    return made


async def _talk(transcript: Transcript, photos: Path, kept: Path) -> tuple[str, str]:
    """What an assistant does when it is asked: here is a folder of Anna, make me portraits.

    Returns the trigger word and the folder of the portraits.
    """
    await transcript.call("get_account")
    await transcript.call("check_photos", paths=[str(photos)])
    for sheet in transcript.images:
        (kept / SHEET).touch(mode=0o600)
        (kept / SHEET).write_bytes(sheet)
    prepared = await transcript.call_until_settled(
        "prepare_photos",
        "the photos are on their way",
        paths=[str(photos)],
        gender="female",
        ethnicity="white",
        consent=True,
        subject=SUBJECT,
    )
    begun = await transcript.call("start_training", training_images_id=prepared["training_images_id"])
    ended = await transcript.call_until_settled("wait_for_training", "the training", task_id=begun["task_id"])
    made = await transcript.call("generate_photos", subject=SUBJECT, prompt=PROMPT, number_of_images=3)
    return str(ended.get("trigger_word") or ""), str(Path(made["pictures"][0]["path"]).parent)


def _child(address: str, folder: Path, kept: Path) -> StdioServerParameters:
    settings = {
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
