"""`apiframe-photo-mcp demo`: the main job from start to end, without a key and without money.

The sandbox listens on a port here; the real server runs as a child process and is talked to as any MCP
client would, over stdio.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.port import serve

TRAINING_SECONDS = 8.0
PHOTOS = "sandbox-person"


def demo() -> int:
    """Train a subject on the sandbox and show the conversation; returns the exit code."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        return anyio.run(_demo, console)
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


async def _demo(console: Console) -> int:
    with tempfile.TemporaryDirectory(prefix="apiframe-demo-", ignore_cleanup_errors=True) as folder:
        word = await _train_in(Path(folder), console)
    if word is None:
        console.print("[bold red]The training ended without a trigger word.[/bold red]")
        return 1
    shown = f"[bold]{escape(word)}[/bold]"
    console.print(
        f"[bold green]Done.[/bold green] The trigger word is {shown}: it must stand in every prompt."
    )
    return 0


async def _train_in(folder: Path, console: Console) -> str | None:
    word: str | None = None
    async with anyio.create_task_group() as group:
        address = await group.start(partial(serve, sandbox=Sandbox(training_seconds=TRAINING_SECONDS)))
        console.print("[dim]The sandbox stands in for the service; nothing here costs money.[/dim]\n")
        async with Client(_child(address, folder)) as client:
            word = await Conversation(client, console).train("Anna")
        group.cancel_scope.cancel()
    return word


def _child(address: str, folder: Path) -> StdioServerParameters:
    settings = {"APIFRAME_DATA_DIR": str(folder), "APIFRAME_POLL_SECONDS": "1"}
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "apiframe_server", "--sandbox", address],
        env={**os.environ, **settings},
    )


class Conversation:
    """Tool calls as an assistant makes them, shown as they happen."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console

    async def train(self, subject: str) -> str | None:
        """Look at the money, start a training, wait for it; returns the trigger word."""
        await self._call("get_account")
        begun = await self._call("start_training", training_images_id=PHOTOS, subject=subject)
        if not begun.get("task_id"):
            return None
        ended = await self._wait(str(begun["task_id"]))
        await self._call("list_trainings", subject=subject)
        word = ended.get("trigger_word")
        return str(word) if word else None

    async def _wait(self, task_id: str) -> dict[str, Any]:
        bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=False,
        )
        self._said("wait_for_training", {"task_id": task_id})
        with bar:
            shown = bar.add_task("training", total=100)

            async def move(progress: float, total: float | None, message: str | None) -> None:
                bar.update(shown, completed=progress, total=total, description=message or "training")

            while True:
                result = await self._client.call_tool(
                    "wait_for_training", {"task_id": task_id}, progress_callback=move
                )
                facts = _facts(result)
                if facts.get("status") not in ("submitting", "queued", "processing"):
                    bar.update(
                        shown,
                        completed=facts.get("percentage") or 0,
                        description=f"Training is {facts['status']}",
                    )
                    break
        self._heard(result)
        return facts

    async def _call(self, tool: str, **arguments: str) -> dict[str, Any]:
        self._said(tool, arguments)
        result = await self._client.call_tool(tool, dict(arguments))
        self._heard(result)
        return _facts(result)

    def _said(self, tool: str, arguments: dict[str, str]) -> None:
        given = ", ".join(f"{name}={value}" for name, value in arguments.items())
        self._console.print(f"[bold cyan]assistant[/bold cyan] calls [bold]{tool}[/bold]({escape(given)})")

    def _heard(self, result: CallToolResult) -> None:
        text = " ".join(part.text for part in result.content if isinstance(part, TextContent))
        self._console.print(f"[bold green]server[/bold green]    {escape(text)}\n")


def _facts(result: CallToolResult) -> dict[str, Any]:
    return dict(result.structured_content or {})
