"""Prompts, and the completion of names, in both eras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from mcp import MCPError
from mcp.types import INVALID_PARAMS, PromptReference, TextContent

from apiframe_studio.ledger import Kind

if TYPE_CHECKING:
    from .conftest import Session


async def _complete(session: Session, beginning: str, argument: str = "subject") -> list[str]:
    reference = PromptReference(type="ref/prompt", name="portrait_ideas")
    with anyio.fail_after(60):
        done = await session.client.complete(reference, {"name": argument, "value": beginning})
    return done.completion.values


async def test_both_prompts_are_listed_with_their_arguments(session: Session) -> None:
    listed = {prompt.name: prompt for prompt in (await session.client.list_prompts()).prompts}
    assert {name: [one.name for one in prompt.arguments or ()] for name, prompt in listed.items()} == {
        "train_a_person": ["subject", "folder"],
        "portrait_ideas": ["subject"],
    }
    for prompt in listed.values():
        assert prompt.title
        assert prompt.description
        assert all(one.description and one.required for one in prompt.arguments or ())


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("train_a_person", {"subject": "Anna", "folder": "/photos"}, ["Anna", "/photos", "agreed", "costs"]),
        ("portrait_ideas", {"subject": "Anna"}, ["Anna", "list_trainings", "generate_photos", "costs"]),
    ],
)
async def test_a_prompt_asks_for_consent_and_price(
    session: Session, name: str, arguments: dict[str, str], words: list[str]
) -> None:
    [message] = (await session.client.get_prompt(name, arguments)).messages
    assert isinstance(message.content, TextContent)
    for word in words:
        assert word in message.content.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (None, ["subject is missing.", "folder is missing."]),
        ({"subject": "  ", "folder": "/photos"}, ["subject is missing."]),
        ({"subject": "Anna", "folder": "/photos", "colour": "red"}, ["colour is not an argument"]),
    ],
)
async def test_a_prompt_without_its_arguments_raises_an_error_that_names_them(
    session: Session, arguments: dict[str, str] | None, expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MCPError) as refused:
        await session.client.get_prompt("train_a_person", arguments)
    assert refused.value.code == INVALID_PARAMS
    for words in (*expected, "train_a_person takes: subject (", "folder (Folder with at least 10 photos"):
        assert words in refused.value.message
    assert not any("Traceback" in record.getMessage() or record.exc_info for record in caplog.records)


async def test_names_of_subjects_are_completed_without_repetitions_ignoring_case(session: Session) -> None:
    for number, subject in enumerate(["Anna", "Annika", "Berta", "Anna"]):
        await session.ask(
            "start_training",
            training_images_id="sandbox-person",
            subject=subject,
            idempotency_key=f"k{number}",
        )
        session.clock.at += 1001
        await session.ask("list_trainings")
    assert sorted(await _complete(session, "an")) == ["Anna", "Annika"]
    assert sorted(await _complete(session, "")) == ["Anna", "Annika", "Berta"]
    assert await _complete(session, "x") == []
    assert await _complete(session, "An", argument="folder") == []


async def test_at_most_twenty_names_are_suggested(session: Session) -> None:
    for number in range(22):
        await session.studio.ledger.import_task(
            Kind.TRAINING, f"task-{number}", f"Nr {number:02}", session.clock.at
        )
    assert len(await _complete(session, "nr")) == 20
