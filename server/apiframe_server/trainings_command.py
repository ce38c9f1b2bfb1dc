"""`apiframe-photo-mcp trainings` and `wait`: trainings in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from apiframe_server.composition import build_studio
from apiframe_server.problems import CommandFailed, ExitCode, Problem
from apiframe_server.settings import Settings
from apiframe_server.terminal import KIND_WORDS, notes, output, progress_bar, run_command
from apiframe_server.terminal_errors import key_problem, switch_of, where_trainings_are
from apiframe_studio.api.errors import InvalidKey, NotSent, OutcomeUnknown, RateLimited
from apiframe_studio.studio import Studio
from apiframe_studio.submission import State
from apiframe_studio.training import Note, Training, UnknownSubject
from apiframe_studio.trainings import Page
from apiframe_studio.waiting import is_worth_waiting
from apiframe_tools.results.trainings import TrainingList, TrainingStatus
from apiframe_tools.wording.phrases import SANDBOX_NOTE, STATUS

ONE_WAIT_SECONDS = 60.0
_OVER = frozenset({State.FAILED, State.REJECTED, State.ABANDONED})


def list_trainings(
    settings: Settings, sandbox: str | None, *, subject: str | None, limit: int, as_json: bool
) -> int:
    """Print the newest trainings; returns the exit code."""
    work = partial(_list, build_studio(settings, sandbox=sandbox), subject, limit, as_json)
    return run_command(work, as_json=as_json)


def wait(settings: Settings, sandbox: str | None, *, subject: str, as_json: bool) -> int:
    """Wait until a training is settled; returns 0 when it is finished."""
    switch = switch_of(sandbox)
    work = partial(_wait, build_studio(settings, sandbox=sandbox), subject, as_json, switch)
    stopped = "Stopped waiting; the training goes on by itself."
    return run_command(work, as_json=as_json, switch=switch, stopped=stopped)


async def _list(studio: Studio, subject: str | None, limit: int, as_json: bool) -> int:
    try:
        page = await studio.trainings.list(subject=subject, limit=limit)
    finally:
        await studio.aclose()
    if as_json:
        told = TrainingList.of(page, sandbox=studio.is_sandbox, is_filtered=subject is not None)
        print(told.model_dump_json(indent=2))
    else:
        _show_list(page, subject, sandbox=studio.is_sandbox)
    return 0


def _show_list(page: Page, subject: str | None, *, sandbox: bool) -> None:
    console, aside = output(), notes()
    if sandbox:
        aside.print(SANDBOX_NOTE, style="dim")
    if page.trainings:
        console.print(
            _table(["subject", "status", "trigger word", "started", "id"], map(_cells, page.trainings))
        )
    else:
        named = f" of {escape(subject)}" if subject else ""
        console.print(f"No trainings{named} yet.")
    if page.unsettled:
        console.print("\nNot settled, whatever was asked for:" if subject else "\nNot settled:")
        console.print(
            _table(["subject", "what", "status", "asked for", "id"], map(_unsettled_cells, page.unsettled))
        )
    if (more := page.unsettled_total - len(page.unsettled)) > 0:
        aside.print(f"{more} more are not settled.")
    if page.total > len(page.trainings):
        aside.print(f"{page.total - len(page.trainings)} older ones are not shown; --limit shows more.")
    if any(Note.NOT_REFRESHED in training.notes for training in page.trainings):
        aside.print("The service could not be asked about some of them: their last known status is shown.")
    if any(training.state is State.UNCONFIRMED for training in (*page.trainings, *page.unsettled)):
        aside.print(
            "unconfirmed: money may have been spent. Look into your Apiframe dashboard, then tell your assistant what "
            "became of it."
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _cells(training: Training) -> Sequence[str]:
    done = f" {training.percentage:g} %" if training.percentage and is_worth_waiting(training) else ""
    return (
        training.subject or "unnamed",
        STATUS[training.state] + done,
        training.trigger_word or "-",
        _when(training),
        training.task_id or training.ref or "",
    )


def _unsettled_cells(order: Training) -> Sequence[str]:
    what, status = KIND_WORDS[order.kind], STATUS[order.state]
    return order.subject or "unnamed", what, status, _when(order), order.ref or order.task_id or ""


def _when(training: Training) -> str:
    return f"{datetime.fromtimestamp(training.created_at or 0.0, UTC).astimezone():%Y-%m-%d %H:%M}"


async def _wait(studio: Studio, name: str, as_json: bool, switch: str) -> int:
    aside = notes()
    try:
        training = await _until_settled(studio, await _meant(studio, name, aside, switch), aside)
    finally:
        await studio.aclose()
    if as_json:
        print(TrainingStatus.of(training, sandbox=studio.is_sandbox).model_dump_json(indent=2))
    else:
        output().print(_outcome(training))
    if training.state is State.FINISHED:
        return ExitCode.DONE
    return ExitCode.NO if training.state in _OVER else ExitCode.NOT_SETTLED


async def _meant(studio: Studio, name: str, aside: Console, switch: str) -> str:
    """The ref of a subject's newest training; a name of no subject is taken for an id."""
    try:
        trainings = await studio.trainings.of_subject(name)
    except UnknownSubject:
        if await studio.ledger.find(name, studio.clock.now()) is None:
            await _check_key(studio, switch)
        return name
    if len(trainings) > 1:
        aside.print(f"{escape(name)} has {len(trainings)} trainings; this is the newest.")
    return trainings[0].ref or name


async def _check_key(studio: Studio, switch: str) -> None:
    """What no training here has may be the service's, or a mistake: without a key that cannot be known."""
    try:
        await studio.service()
    except InvalidKey as unusable:
        key = key_problem(unusable)
        told = f"no training here has that name or id, and the service cannot be asked: {key.message}"
        advice = f"{where_trainings_are(switch)} {key.next}"
        raise CommandFailed(Problem(ExitCode.NOT_FOUND, told, advice)) from None


async def _until_settled(studio: Studio, name: str, aside: Console) -> Training:
    # Once before waiting: what cannot get better by waiting, such as a wrong key, is told at once.
    with suppress(NotSent, RateLimited, OutcomeUnknown):
        training = await studio.trainings.look(name)
        if not is_worth_waiting(training):
            return training
    with progress_bar(aside, "the training") as move:

        async def tell(training: Training) -> None:
            await move(training.percentage or 0.0, 100.0, f"the training is {STATUS[training.state]}")

        while True:
            training = await studio.trainings.wait(name, ONE_WAIT_SECONDS, tell)
            if not is_worth_waiting(training):
                return training


def _outcome(training: Training) -> str:
    whose = f"The training of {escape(training.subject)}" if training.subject else "The training"
    match training.state:
        case State.FINISHED if training.trigger_word:
            word = f"[bold]{escape(training.trigger_word)}[/bold]"
            return f"{whose} is finished. Trigger word: {word}. It has to be in every prompt."
        case State.FINISHED if Note.ODD_WORD in training.notes:
            return (
                f"{whose} is finished, but its trigger word has characters that cannot be used in a prompt. Look it up "
                "in your Apiframe dashboard."
            )
        case State.FINISHED if Note.FORGOTTEN in training.notes:
            return f"{whose} is finished; its subject was forgotten, so no trigger word is kept."
        case State.FINISHED:
            return f"{whose} is finished, but the service named no trigger word yet. Ask again in a minute."
        case State.UNCONFIRMED:
            return (
                f"{whose} is unconfirmed: money may have been spent. Look into your Apiframe dashboard, then tell your "
                "assistant what became of it."
            )
        case State.INTENT:
            return (
                f"{whose} was not sent yet. Ask your assistant to start it again; it is not paid for twice."
            )
        case State.SENDING:
            return f"{whose} is being sent right now. Run wait again in a minute."
        case State.QUEUED | State.PROCESSING:
            return (
                f"{whose} is {STATUS[training.state]}, but the service does not know its id. Compare the id with your "
                "Apiframe dashboard, then tell your assistant."
            )
        case _:
            said = f" The service says: {escape(training.message)!r}." if training.message else ""
            return f"{whose} is over: {STATUS[training.state]}.{said}"
