"""`apiframe-photo-mcp check FOLDER`: check in a terminal which photos are usable for a training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from apiframe_server.problems import CommandFailed, ExitCode, Problem, report
from apiframe_server.settings import Settings
from apiframe_server.terminal import (
    open_stderr_console,
    open_stdout_console,
    report_missing_folder,
    run_command,
    show_progress_bar,
)
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.photos.errors import PathRefused, Refusal
from apiframe_studio.photos.models import PhotoCheck, UncheckedAspect, Verdict
from apiframe_studio.sanitize import sanitize_text
from apiframe_studio.studio import Studio
from apiframe_tools.results.photos import PhotosChecked
from apiframe_tools.wording.photo_errors import REFUSALS
from apiframe_tools.wording.photos import ASPECTS, FACES_NOT_CHECKED, describe_reasons, suggest_photos

_VERDICTS = {
    Verdict.USE: "[green]good[/green]",
    Verdict.WARN: "[yellow]doubtful[/yellow]",
    Verdict.REJECT: "[red]rejected[/red]",
}


def check(settings: Settings, *, paths: Sequence[str], sheet: str | None, as_json: bool) -> int:
    """Print a verdict for each photo; returns 0 when enough are usable (good or doubtful)."""
    if sheet is not None and (problem := report_missing_folder(sheet)):
        return report(problem, as_json=as_json)
    chosen = [Path(path).expanduser().absolute() for path in paths]
    # Typing a path in a terminal allows it: nothing is sent, and no assistant sees the photos.
    folders = tuple(path if path.is_dir() else path.parent for path in chosen)
    widened = settings.model_copy(update={"photo_folders": (*settings.photo_folders, *folders)})
    work = partial(_check, chosen, sheet, as_json)
    return run_command(widened, "", work, as_json=as_json)


async def _check(paths: Sequence[Path], sheet: str | None, as_json: bool, studio: Studio) -> int:
    with show_progress_bar(open_stderr_console(), "checking the photos") as update:

        async def on_progress(done: float, total: float, _what: str) -> None:
            await update(done, total, None)

        try:
            checked = await studio.photo_sets.check([str(path) for path in paths], on_progress)
        except PathRefused as refused:
            raise CommandFailed(_path_problem(refused, paths[refused.position])) from None
    if sheet is not None:
        await in_file_thread(Path(sheet).write_bytes, checked.sheet)
    if as_json:
        print(PhotosChecked.of(checked, studio.terms).model_dump_json(indent=2))
    else:
        _print_check(checked, sheet)
    return ExitCode.DONE if checked.enough else ExitCode.NO


def _path_problem(refused: PathRefused, path: Path) -> Problem:
    reason = REFUSALS[refused.refusal]
    suggestions = " or ".join(sanitize_text(str(near), 200) for near in refused.near)
    return Problem(
        ExitCode.NOT_FOUND if refused.refusal is Refusal.NOT_FOUND else ExitCode.LOCAL,
        f"{sanitize_text(str(path), 500)}: {reason[:1].lower()}{reason[1:]}.",
        f"Did you mean {suggestions}?" if suggestions else "Name a folder with photos, or single photos.",
    )


def _print_check(checked: PhotoCheck, sheet: str | None) -> None:
    console = open_stdout_console()
    if UncheckedAspect.FACES in checked.unchecked:
        console.print(FACES_NOT_CHECKED)
    if checked.photos:
        console.print(_table(checked))
    console.print(_summary(checked))
    if checked.suggestions:
        console.print(f"Take more photos of this kind: {'; '.join(suggest_photos(checked))}.")
    if checked.unchecked:
        console.print(
            f"Not checked: {', '.join(ASPECTS[aspect] for aspect in checked.unchecked)}.", markup=False
        )
    if checked.left_out:
        console.print(f"{checked.left_out} more photos were not checked.")
    if checked.inner:
        inner = ", ".join(f"{sanitize_text(str(one.path))} ({one.photos})" for one in checked.inner)
        console.print(f"Photos are in these subfolders, which were not checked: {inner}.", markup=False)
    if sheet is not None:
        console.print(f"Contact sheet: {escape(sheet)}")


def _table(checked: PhotoCheck) -> Table:
    table = Table("", "photo", "verdict", "reason", box=None, pad_edge=False)
    for photo in checked.photos:
        reasons = ", ".join(describe_reasons(photo))
        table.add_row(str(photo.number), escape(photo.photo.name), _VERDICTS[photo.verdict], escape(reasons))
    return table


def _summary(checked: PhotoCheck) -> str:
    good = sum(photo.verdict is Verdict.USE for photo in checked.photos)
    doubtful, rejected = checked.usable - good, len(checked.photos) - checked.usable
    enough = "enough" if checked.enough else f"not enough: a training takes at least {checked.takes.min}"
    return f"{good} good, {doubtful} doubtful, {rejected} rejected: {enough}."
