"""`apiframe-photo-mcp trainings` and `wait`: list trainings and wait for one in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from apiframe_server.problems import CommandFailed, ExitCode, Problem
from apiframe_server.settings import Settings
from apiframe_server.terminal import (
    format_time,
    open_stderr_console,
    open_stdout_console,
    run_command,
    show_progress_bar,
)
from apiframe_server.terminal_errors import (
    advise_on_unconfirmed,
    explain_key_problem,
    list_command,
    sandbox_option,
)
from apiframe_studio.api.errors import InvalidKey, NotSent, OutcomeUnknown, RateLimited
from apiframe_studio.api.provider import Terms
from apiframe_studio.errors import UnknownSubject
from apiframe_studio.ledger.states import OPEN, State
from apiframe_studio.studio import Studio
from apiframe_studio.training import Note, Training
from apiframe_studio.trainings import Page
from apiframe_tools.results.trainings import TrainingList, TrainingStatus
from apiframe_tools.wording.phrases import KIND_NAMES, SANDBOX_NOTE, STATUS

WAIT_SECONDS = 60.0
_WITHOUT_MODEL = frozenset({State.FAILED, State.REJECTED, State.ABANDONED})


def list_trainings(
    settings: Settings, sandbox: str | None, *, subject: str | None, limit: int, as_json: bool
) -> int:
    """Print the newest trainings; returns the exit code."""
    return run_command(settings, sandbox, partial(_list, subject, limit, as_json), as_json=as_json)


def wait(settings: Settings, sandbox: str | None, *, subject: str, as_json: bool) -> int:
    """Wait until a training is settled; returns 0 when it finished with a model."""
    work = partial(_wait, subject, as_json, sandbox_option(sandbox))
    stopped = "Stopped waiting; the training continues."
    return run_command(settings, sandbox, work, as_json=as_json, stopped=stopped)


async def _list(subject: str | None, limit: int, as_json: bool, studio: Studio) -> int:
    page = await studio.trainings.list(subject=subject, limit=limit)
    if as_json:
        result = TrainingList.of(page, studio, is_filtered=subject is not None)
        print(result.model_dump_json(indent=2))
    else:
        _print_list(page, subject, studio)
    return 0


def _print_list(page: Page, subject: str | None, studio: Studio) -> None:
    console, stderr = open_stdout_console(), open_stderr_console()
    if studio.is_sandbox:
        stderr.print(SANDBOX_NOTE, style="dim")
    if page.trainings:
        console.print(
            _table(["subject", "status", "trigger word", "started", "id"], map(_row, page.trainings))
        )
    else:
        named = f" of {escape(subject)}" if subject else ""
        console.print(f"No trainings{named} yet.")
    if page.unsettled:
        console.print("\nNot settled, all subjects:" if subject else "\nNot settled:")
        console.print(
            _table(["subject", "kind", "status", "requested", "id"], map(_unsettled_row, page.unsettled))
        )
    if (more := page.unsettled_total - len(page.unsettled)) > 0:
        stderr.print(f"{more} more are not settled.")
    if page.total > len(page.trainings):
        stderr.print(f"{page.total - len(page.trainings)} older ones are not shown; --limit shows more.")
    if any(Note.NOT_REFRESHED in training.notes for training in page.trainings):
        stderr.print("Some could not be refreshed; their last known status is shown.")
    if any(training.state is State.UNCONFIRMED for training in (*page.trainings, *page.unsettled)):
        stderr.print(f"unconfirmed: {advise_on_unconfirmed(studio.terms)}")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _row(training: Training) -> Sequence[str]:
    done = f" {training.percentage:g} %" if training.percentage and training.is_under_way else ""
    return (
        training.subject or "unnamed",
        STATUS[training.state] + done,
        training.trigger_word or "-",
        format_time(training.created_at or 0.0),
        training.task_id or training.ref or "",
    )


def _unsettled_row(request: Training) -> Sequence[str]:
    kind, status = KIND_NAMES[request.kind], STATUS[request.state]
    requested = format_time(request.created_at or 0.0)
    return request.subject or "unnamed", kind, status, requested, request.ref or request.task_id or ""


async def _wait(name: str, as_json: bool, option: str, studio: Studio) -> int:
    stderr = open_stderr_console()
    name = await _resolve_name(studio, name, stderr, option)
    training = await _wait_until_settled(studio, name, stderr)
    if as_json:
        print(TrainingStatus.of(training, studio).model_dump_json(indent=2))
    else:
        open_stdout_console().print(_describe_outcome(training, studio.terms))
    if training.state is State.FINISHED:
        return ExitCode.DONE
    return ExitCode.NO if training.state in _WITHOUT_MODEL else ExitCode.NOT_SETTLED


async def _resolve_name(studio: Studio, name: str, stderr: Console, option: str) -> str:
    """The ref of a subject's newest training; any other name is taken for an id."""
    try:
        trainings = await studio.trainings.find_by_subject(name)
    except UnknownSubject:
        if await studio.ledger.find(name, studio.clock.now()) is None:
            await _require_key(studio, option)
        return name
    if len(trainings) > 1:
        stderr.print(f"{escape(name)} has {len(trainings)} trainings; this is the newest.")
    return trainings[0].ref or name


async def _require_key(studio: Studio, option: str) -> None:
    """An id that is not in the ledger may be known to the service; without a key it cannot be asked."""
    try:
        await studio.provider()
    except InvalidKey as unusable:
        key = explain_key_problem(unusable)
        message = f"no training here has that name or id, and the service cannot be asked: {key.message}"
        advice = f"{list_command(option)} lists your trainings. {key.next}"
        raise CommandFailed(Problem(ExitCode.NOT_FOUND, message, advice)) from None


async def _wait_until_settled(studio: Studio, name: str, stderr: Console) -> Training:
    # Poll once first, so that an error that waiting does not fix, such as a wrong key, is reported at once.
    with suppress(NotSent, RateLimited, OutcomeUnknown):
        training = await studio.trainings.check(name)
        if not training.is_under_way:
            return training
    with show_progress_bar(stderr, "training") as update:

        async def on_progress(training: Training) -> None:
            await update(training.percentage or 0.0, 100.0, f"training {STATUS[training.state]}")

        while True:
            training = await studio.trainings.wait(name, WAIT_SECONDS, on_progress)
            if not training.is_under_way:
                return training


def _describe_outcome(training: Training, terms: Terms) -> str:
    name = f"The training of {escape(training.subject)}" if training.subject else "The training"
    match training.state:
        case _ if Note.AT_ANOTHER_SERVICE in training.notes and training.state in OPEN:
            return (
                f"{name} was {STATUS[training.state]} when last seen. It was made at {training.service}: set the "
                "API key and base URL of that service to get its status."
            )
        case State.FINISHED if training.trigger_word:
            word = f"[bold]{escape(training.trigger_word)}[/bold]"
            return f"{name} is finished. Trigger word: {word}. Every prompt needs it."
        case State.FINISHED if Note.ODD_WORD in training.notes:
            return (
                f"{name} is finished, but its trigger word contains characters that cannot be used in a prompt. Look "
                "it up in your Apiframe dashboard."
            )
        case State.FINISHED if Note.FORGOTTEN in training.notes:
            return f"{name} is finished; its subject was forgotten, so the trigger word was not kept."
        case State.FINISHED:
            return f"{name} is finished, but the service has not reported the trigger word yet. Try again in a minute."
        case State.UNCONFIRMED if Note.NOT_LISTED in training.notes:
            return (
                f"{name} is unconfirmed. Apiframe does not show it, and no credits are gone that this server did not "
                "spend. Tell your assistant to send it again or to give it up."
            )
        case State.UNCONFIRMED if training.candidates:
            listed = ", ".join(training.candidates)
            return f"{name} is unconfirmed. If one of these trainings at Apiframe is it, tell your assistant: {listed}."
        case State.UNCONFIRMED if terms.can_find:
            return (
                f"{name} is unconfirmed. Run wait again in a minute: it is looked for at Apiframe, and nothing is sent "
                "again meanwhile."
            )
        case State.UNCONFIRMED:
            return f"{name} is unconfirmed: {advise_on_unconfirmed(terms)}"
        case State.INTENT:
            return f"{name} has not been sent. Ask your assistant to start it again; it is not charged twice."
        case State.SENDING:
            return f"{name} is being sent. Run wait again in a minute."
        case State.QUEUED | State.PROCESSING:
            return (
                f"{name} is {STATUS[training.state]}, but the service does not know its id. Compare the id with your "
                "Apiframe dashboard, then tell your assistant."
            )
        case _:
            said = f" The service says: {escape(training.message)!r}." if training.message else ""
            return f"{name} ended: {STATUS[training.state]}.{said}"
