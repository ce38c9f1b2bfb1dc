"""`apiframe-photo-mcp check FOLDER`: which photos can be used for a training, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from apiframe_server.composition import build_studio
from apiframe_server.problems import CommandFailed, ExitCode, Problem, report
from apiframe_server.settings import Settings
from apiframe_server.terminal import notes, output, progress_bar, run_command
from apiframe_studio.photos import FEWEST, Aspect, PathRefused, PhotoCheck, Verdict
from apiframe_studio.photos.errors import Refusal
from apiframe_studio.strangers import plain
from apiframe_studio.studio import Studio
from apiframe_tools.results.photos import PhotosChecked
from apiframe_tools.wording.photo_errors import REFUSALS
from apiframe_tools.wording.photos import ASPECTS, FACES_NOT_CHECKED, describe_reasons, suggest_photos

_MARKS = {
    Verdict.USE: "[green]good[/green]",
    Verdict.WARN: "[yellow]doubtful[/yellow]",
    Verdict.REJECT: "[red]rejected[/red]",
}


def check(settings: Settings, *, paths: Sequence[str], sheet: str | None, as_json: bool) -> int:
    """Print a verdict for each photo; returns 0 when enough are usable (good or doubtful)."""
    if sheet is not None and not Path(sheet).absolute().parent.is_dir():
        return report(
            Problem(ExitCode.USAGE, f"the folder of {sheet} does not exist.", "Make it first."),
            as_json=as_json,
        )
    places = [Path(path).expanduser().absolute() for path in paths]
    # A path typed here is allowed by that: nothing is sent, and no assistant sees it.
    typed = tuple(place if place.is_dir() else place.parent for place in places)
    widened = settings.model_copy(update={"photo_folders": (*settings.photo_folders, *typed)})
    work = partial(_check, build_studio(widened, sandbox=""), places, sheet, as_json)
    return run_command(work, as_json=as_json)


async def _check(studio: Studio, places: Sequence[Path], sheet: str | None, as_json: bool) -> int:
    with progress_bar(notes(), "checking the photos") as move:

        async def tell(done: float, of: float, _what: str) -> None:
            await move(done, of, None)

        try:
            judged = await studio.photo_sets.check([str(place) for place in places], tell)
        except PathRefused as refused:
            raise CommandFailed(_refused_path(refused, places[refused.position])) from None
        finally:
            await studio.aclose()
    _show(judged, sheet, as_json)
    return ExitCode.DONE if judged.enough else ExitCode.NO


def _refused_path(refused: PathRefused, path: Path) -> Problem:
    why = REFUSALS[refused.refusal]
    missing = refused.refusal is Refusal.NOT_FOUND
    meant = " or ".join(plain(str(near), 200) for near in refused.near)
    return Problem(
        ExitCode.NOT_FOUND if missing else ExitCode.LOCAL,
        f"{plain(str(path), 500)}: {why[:1].lower()}{why[1:]}.",
        f"Did you mean {meant}?" if meant else "Name a folder with photos, or single photos.",
    )


def _show(judged: PhotoCheck, sheet: str | None, as_json: bool) -> None:
    if sheet is not None:
        Path(sheet).write_bytes(judged.sheet)
    if as_json:
        print(PhotosChecked.of(judged).model_dump_json(indent=2))
        return
    console = output()
    if Aspect.FACES in judged.not_judged:
        console.print(FACES_NOT_CHECKED)
    table = Table("", "photo", "verdict", "why", box=None, pad_edge=False)
    for photo in judged.photos:
        why = ", ".join(describe_reasons(photo))
        table.add_row(str(photo.number), escape(photo.photo.name), _MARKS[photo.verdict], escape(why))
    if judged.photos:
        console.print(table)
    console.print(_summary(judged))
    if judged.wishes:
        console.print(f"Photograph next: {'; '.join(suggest_photos(judged))}.")
    if judged.not_judged:
        console.print(
            f"Not judged: {', '.join(ASPECTS[aspect] for aspect in judged.not_judged)}.", markup=False
        )
    if judged.left_out:
        console.print(f"{judged.left_out} more pictures were not looked at.")
    if judged.inner:
        inner = ", ".join(f"{plain(str(one.path))} ({one.pictures})" for one in judged.inner)
        console.print(f"Photos are in these subfolders, which were not checked: {inner}.", markup=False)
    if sheet is not None:
        console.print(f"The contact sheet is in {escape(sheet)}")


def _summary(judged: PhotoCheck) -> str:
    good = sum(photo.verdict is Verdict.USE for photo in judged.photos)
    doubtful = judged.usable - good
    enough = "enough" if judged.enough else f"not enough: a training takes at least {FEWEST}"
    return f"{good} good, {doubtful} doubtful, {len(judged.photos) - judged.usable} rejected: {enough}."
