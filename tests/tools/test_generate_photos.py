"""Images of a trained subject: the trigger word is inserted, they are paid once and saved with how they were made."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.types import ImageContent, ResourceLink, TextContent
from PIL import Image

from apiframe_studio.sandbox import Sandbox
from apiframe_tools import generate_photos

from ..faults.fault_server import answer, fault_server, replying
from .illustrated import Watched, refuse, show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Session

pytestmark = pytest.mark.slow

GENERATE = "/ai-photo-generate"
IN_ONE_ERA = pytest.mark.parametrize("era", ["auto"], indirect=True)


async def _train(session: Session, subject: str | None = "Anna", key: str = "first") -> dict[str, Any]:
    """A finished training."""
    begun = await session.ask(
        "start_training", training_images_id="sandbox-person", subject=subject, idempotency_key=key
    )
    session.clock.at += 1001
    return (await session.ask("get_training_status", task_id=begun.facts["task_id"])).facts


@pytest.fixture
async def watched(clock: HandClock) -> Watched:
    return Watched(Sandbox(clock=clock.now, training_seconds=1000.0))


@pytest.fixture
async def trained(serving: Serving, watched: Watched) -> AsyncGenerator[tuple[Session, dict[str, Any]]]:
    async with serving(app_factory=lambda: watched.app) as session:
        yield session, await _train(session)


def _files(session: Session) -> list[Path]:
    """The images and their descriptions."""
    paths = session.studio.config.output_folder.rglob("*")
    return sorted(path for path in paths if path.is_file() and path.name != "gallery.html")


async def test_images_are_saved_shown_and_linked_with_how_they_were_made(
    trained: tuple[Session, dict[str, Any]], watched: Watched
) -> None:
    session, training = trained
    word = training["trigger_word"]
    shown = await show(
        session, "generate_photos", subject="anna", prompt="by the sea", number_of_images=2, seed=7
    )
    facts = shown.facts
    assert "This costs 2 credits. Saved: 2 images of Anna; the generation is finished." in shown.text
    assert f"The trigger word {word} was added before the prompt." in shown.text
    assert f"Prompt as sent: '{word} by the sea'. Seed: 7. Size: the default, square." in shown.text
    assert (facts["prompt"], facts["trigger_word_added"]) == (f"{word} by the sea", True)
    assert watched.bodies(GENERATE) == [
        {
            "training_id": training["task_id"],
            "prompt": f"{word} by the sea",
            "number_of_images": "2",
            "seed": 7,
        }
    ]
    folder = session.studio.config.output_folder / "Anna"
    paths = [Path(image["path"]) for image in facts["pictures"]]
    assert paths == sorted(paths)
    assert _files(session) == sorted([*paths, *(path.with_suffix(".json") for path in paths)])
    for path in paths:
        assert path.parent == folder
        assert str(path) in shown.text
        with Image.open(path) as saved:
            saved.load()
        beside = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert beside.items() >= {"prompt": f"{word} by the sea", "seed": 7, "trigger_word": word}.items()
        assert (beside["training"], beside["task_id"]) == (training["task_id"], facts["task_id"])
    assert [type(block) for block in shown.blocks] == [ImageContent, ImageContent, ResourceLink, ResourceLink]
    without = await show(session, "generate_photos", subject="anna", prompt="by the sea")
    assert "Seed: chosen by the service." in without.text
    [image] = without.facts["pictures"]
    beside = json.loads(Path(image["path"]).with_suffix(".json").read_text(encoding="utf-8"))
    assert beside["seed"] is None
    assert all(max(preview.size) <= 512 for preview in shown.images())
    for block, image in zip(shown.blocks[2:], facts["pictures"], strict=True):
        assert isinstance(block, ResourceLink)
        assert str(block.uri) == image["uri"]
        [read] = (await session.client.read_resource(image["uri"])).contents
        assert read.mime_type == block.mime_type == "image/png"
    assert session.clock.sleepers == 0


@IN_ONE_ERA
@pytest.mark.parametrize("prompt", ["{word} by the sea", "portrait of {word}, smiling", "{word}'s desk"])
async def test_a_prompt_with_the_trigger_word_is_sent_unchanged(
    trained: tuple[Session, dict[str, Any]], watched: Watched, prompt: str
) -> None:
    session, training = trained
    message = prompt.format(word=training["trigger_word"])
    shown = await show(session, "generate_photos", task_id=training["ref"], prompt=message)
    assert (shown.facts["prompt"], shown.facts["trigger_word_added"]) == (message, False)
    assert watched.bodies(GENERATE)[0]["prompt"] == message
    assert "added before" not in shown.text


@IN_ONE_ERA
async def test_only_given_fields_are_sent_and_sizes_only_with_custom(
    trained: tuple[Session, dict[str, Any]], watched: Watched
) -> None:
    session, training = trained
    name = training["task_id"]
    await show(session, "generate_photos", task_id=name, prompt="a", subject="", seed=None, aspect_ratio="")
    shown = await show(
        session, "generate_photos", task_id=name, prompt="b", aspect_ratio="custom", width=256, height=320
    )
    assert "Size: 256 x 320 pixels." in shown.text
    plain, custom = watched.bodies(GENERATE)
    assert plain.keys() == {"training_id", "prompt"}
    assert (custom["aspect_ratio"], custom["width"], custom["height"]) == ("custom", "256", "320")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "either task_id or subject"),
        ({"task_id": "a", "subject": "Anna"}, "either task_id or subject"),
        ({"subject": "Unknown"}, "No training in this ledger has that subject. Call list_trainings"),
        ({"task_id": "tr-0000000"}, "No training in this ledger has that ref. Call list_trainings"),
        ({"task_id": "never-seen"}, "Neither this ledger nor the service knows"),
        ({"task_id": "sandbox-person"}, "is a photo upload, not a training"),
        ({"subject": "Anna", "width": 512}, "width and height are required with aspect_ratio custom"),
        ({"subject": "Anna", "aspect_ratio": "custom", "width": 512}, "width and height are required"),
        ({"subject": "Anna", "number_of_images": 5}, "number_of_images"),
    ],
    ids=range(9),
)
async def test_an_impossible_image_request_is_rejected_with_the_next_step_and_costs_nothing(
    trained: tuple[Session, dict[str, Any]], arguments: dict[str, Any], expected: str
) -> None:
    session, _ = trained
    paid = session.paid()
    assert expected in await refuse(session, "generate_photos", prompt="by the sea", **arguments)
    assert session.paid() == paid
    assert not _files(session)


async def test_an_unfinished_training_is_explained(session: Session) -> None:
    await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    message = await refuse(session, "generate_photos", subject="Anna", prompt="by the sea")
    assert message.startswith("That training is queued, so it cannot make images; nothing was sent.")
    assert "wait_for_training" in message
    assert session.paid() == 1


async def test_the_newest_finished_training_of_a_subject_is_used(session: Session) -> None:
    await _train(session, key="first")
    newest = await _train(session, key="second")
    await session.ask(
        "start_training", training_images_id="sandbox-person", subject="Anna", idempotency_key="third"
    )
    shown = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    assert shown.facts["trigger_word"] == newest["trigger_word"]
    [expected] = shown.facts["warnings"]
    assert expected.startswith(
        "Images are made with the newest finished training of Anna. Newer, but not usable yet: "
    )
    assert "Others with the same name: " in expected


async def test_a_repeated_call_is_paid_once_and_fetches_nothing(
    trained: tuple[Session, dict[str, Any]], watched: Watched
) -> None:
    session, _ = trained
    arguments = {"subject": "Anna", "prompt": "by the sea"}
    first = await show(session, "generate_photos", **arguments)
    seen = len(watched.seen)
    again = await show(session, "generate_photos", **arguments)
    assert len(watched.seen) == seen
    assert again.facts["deduplicated"] is True
    assert again.facts["pictures"] == first.facts["pictures"]
    assert "This call cost nothing" in again.text
    assert len(again.images()) == 1


@IN_ONE_ERA
@pytest.mark.parametrize(
    ("seed", "later", "posts"), [(None, 599, 1), (None, 601, 2), (7, 601, 1), (7, 10**7, 1)]
)
async def test_the_same_images_are_returned_permanently_with_a_seed_and_for_ten_minutes_without(
    trained: tuple[Session, dict[str, Any]], watched: Watched, seed: int | None, later: float, posts: int
) -> None:
    session, _ = trained
    arguments = {"subject": "Anna", "prompt": "by the sea", "seed": seed}
    await show(session, "generate_photos", **arguments)
    session.clock.at += later
    await show(session, "generate_photos", **arguments)
    assert len(watched.bodies(GENERATE)) == posts


@IN_ONE_ERA
@pytest.mark.parametrize(
    "other", [{"prompt": "by a lake"}, {"seed": 8}, {"number_of_images": 2}, {"aspect_ratio": "3:4"}]
)
async def test_a_different_request_is_a_new_generation(
    trained: tuple[Session, dict[str, Any]], watched: Watched, other: dict[str, Any]
) -> None:
    session, _ = trained
    arguments = {"subject": "Anna", "prompt": "by the sea", "seed": 7}
    await show(session, "generate_photos", **arguments)
    await show(session, "generate_photos", **{**arguments, **other})
    assert len(watched.bodies(GENERATE)) == 2


async def test_a_generation_that_returns_an_id_is_polled_until_its_images_are_ready(serving: Serving) -> None:
    async with serving(speeds={"generation_seconds": 12.0}) as session:
        await _train(session)
        session.clock.runs = True
        shown = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
        assert shown.facts["status"] == "finished"
        assert len(_files(session)) == 2
        assert session.asked(GENERATE) == 1


async def test_a_slow_generation_continues_after_the_call_and_the_same_call_returns_it(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_photos, "MAX_SECONDS", 0.2)
    async with serving(speeds={"generation_seconds": 30.0}) as session:
        await _train(session)
        first = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
        await session.clock.until_sleepers(1)
        second = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
        monkeypatch.setattr(generate_photos, "MAX_SECONDS", 20.0)
        session.clock.runs = True
        session.clock.wake()
        third = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
        for shown in (first, second):
            assert shown.facts["status"] in ("submitting", "queued", "processing")
            assert "call generate_photos again with the same arguments" in shown.text
        assert (third.facts["status"], third.facts["ref"]) == ("finished", first.facts["ref"])
        assert session.asked(GENERATE) == 1


@pytest.mark.parametrize("seconds", [0.0, 5.0])
async def test_a_server_stopped_before_the_download_fetches_after_a_restart_without_paying(
    serving: Serving, clock: HandClock, seconds: float
) -> None:
    watched = Watched(
        Sandbox(clock=clock.now, training_seconds=1000.0, generation_seconds=seconds), broken={"/pictures"}
    )
    arguments = {"subject": "Anna", "prompt": "by the sea", "number_of_images": 2}
    clock.runs = True
    async with serving(app_factory=lambda: watched.app) as session:
        await _train(session)
        message = await refuse(session, "generate_photos", **arguments)
        assert "The images were made and paid for" in message
        assert "call generate_photos again with the same arguments; fetching is free" in message
    watched.broken.clear()
    async with serving(app_factory=lambda: watched.app) as session:
        shown = await show(session, "generate_photos", **arguments)
        assert len(_files(session)) == 4
    assert (shown.facts["status"], shown.facts["deduplicated"]) == ("finished", True)
    assert len(watched.bodies(GENERATE)) == 1


@pytest.mark.parametrize("decision", ["send_again", "give_up"])
async def test_a_generation_with_a_lost_response_waits_for_a_decision_of_the_user(
    serving: Serving, decision: str
) -> None:
    trained = answer(
        "200 OK", {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}
    )
    taken = answer("200 OK", {"task_id": "g-2"})
    faults = {"trained": replying(trained), "taken": replying(taken)}
    order = ("trained", "reset_after_request", "trained", "trained", "taken")
    arguments = {"task_id": "t-1", "prompt": "by the sea"}
    with fault_server(*order, faults=faults) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            lost = await show(session, "generate_photos", **arguments)
            again = await show(session, "generate_photos", **arguments)
            before = [post.target for post in service.posts].count(GENERATE)
            resolved = await session.ask("resolve_training", ref=lost.facts["ref"], decision=decision)
    for shown in (lost, again):
        assert shown.facts["status"] == "unconfirmed"
        assert "Credits may have been spent, so it is not sent again automatically" in shown.text
        assert f"resolve_training with ref {lost.facts['ref']}" in shown.text
    assert before == 1
    assert "The image generation" in resolved.text
    assert "generate_photos" in resolved.facts["next_step"]
    assert "trigger" not in resolved.text


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:9/a.png",
        "https://evil.example/a.png",
        "file:///etc/passwd",
        "https://apiframe.pro.evil.example/a",
    ],
)
@IN_ONE_ERA
async def test_images_are_not_fetched_from_other_hosts(serving: Serving, link: str) -> None:
    trained = {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}
    made = {"task_id": "g-1", "status": "finished", "task_type": "ai-photo-generate", "image_urls": [link]}
    faults = {"trained": replying(answer("200 OK", trained)), "made": replying(answer("200 OK", made))}
    with fault_server("trained", "made", faults=faults) as service:
        async with serving(
            base_url=service.base_url, app_factory=None, picture_hosts=(".apiframe.pro",)
        ) as session:
            result = await session.call("generate_photos", task_id="t-1", prompt="by the sea")
            assert not _files(session)
    assert {post.target for post in service.requests} <= {"/fetch", GENERATE}
    assert [post.target for post in service.requests].count(GENERATE) == 1
    [text] = result.content
    assert isinstance(text, TextContent)
    assert "fetch" in text.text or "failed" in text.text
    assert "in a minute" not in text.text, "waiting does not fix a wrong host"
    if link.startswith("https://") and "not downloaded yet" in text.text:
        assert "APIFRAME_PICTURE_HOSTS" in text.text


ODD_NAMES = [
    "../../up",
    "a/b\\c",
    "..",
    ".",
    "CON",
    "con",
    "Łucja 🌸",
    "x" * 80,
    "名" * 80,
    "-rf",
    "a:b",
    "~",
]


@IN_ONE_ERA
async def test_an_unusual_name_gets_an_ordinary_folder_in_the_output_folder(session: Session) -> None:
    for number, name in enumerate(ODD_NAMES):
        await _train(session, name, key=f"key {number}")
        made = await show(session, "generate_photos", subject=name, prompt="by the sea")
        folder = Path(made.facts["pictures"][0]["path"]).parent
        assert folder.parent == session.studio.config.output_folder
        assert folder.name.upper() not in {"CON", "..", "."}
        assert folder.name.isprintable()
        assert len(folder.name.encode()) < 255
    assert len([path for path in _files(session) if path.suffix == ".png"]) == len(ODD_NAMES)
    outside = session.studio.config.output_folder.parent
    assert {path.name for path in outside.iterdir()} <= {
        "ledger.sqlite3",
        "ledger-spool",
        "to-report",
        "portraits",
    }


async def test_a_name_of_three_hundred_characters_is_rejected(session: Session) -> None:
    message = await session.refusal("start_training", training_images_id="sandbox-person", subject="x" * 300)
    assert "80" in message
    assert session.paid() == 0


async def test_a_folder_without_write_permission_is_reported_before_anything_is_paid(
    serving: Serving, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    async with serving(output_folder=tmp_path / "file") as session:
        await _train(session)
        message = await refuse(session, "generate_photos", subject="Anna", prompt="by the sea")
        assert session.asked(GENERATE) == 0
    assert "so nothing was sent" in message
    assert "APIFRAME_OUTPUT_FOLDER" in message
    assert (tmp_path / "file").read_text() == "mine"


async def test_a_disk_full_after_payment_is_reported_and_the_same_call_fetches_for_free(
    trained: tuple[Session, dict[str, Any]], watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = trained

    async def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(session.studio.image_store, "save", full)
        message = await refuse(session, "generate_photos", subject="Anna", prompt="by the sea")
    shown = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    assert "No space left on device" in message
    assert "made and paid for (ref ge-" in message
    assert shown.facts["status"] == "finished"
    assert len(watched.bodies(GENERATE)) == 1


async def test_images_without_a_preview_are_still_returned(
    trained: tuple[Session, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from apiframe_studio.photos.errors import DecodersFailed

    session, _ = trained

    async def none(_: object) -> list[bytes]:
        raise DecodersFailed("none")

    monkeypatch.setattr(session.studio.image_store, "previews", none)
    shown = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    assert [type(block) for block in shown.blocks] == [ResourceLink]
    assert len(shown.facts["pictures"]) == 1


async def test_two_concurrent_calls_are_paid_once(
    trained: tuple[Session, dict[str, Any]], watched: Watched
) -> None:
    session, _ = trained
    shown = []

    async def ask() -> None:
        shown.append(await show(session, "generate_photos", subject="Anna", prompt="by the sea"))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(ask)
    assert {one.facts["ref"] for one in shown} == {shown[0].facts["ref"]}
    assert sum(not one.facts["deduplicated"] for one in shown) == 1
    assert len(watched.bodies(GENERATE)) == 1


@IN_ONE_ERA
async def test_expired_links_are_requested_again(
    trained: tuple[Session, dict[str, Any]], watched: Watched
) -> None:
    session, _ = trained
    watched.broken.add("/pictures")
    await refuse(session, "generate_photos", subject="Anna", prompt="by the sea")
    seen = [path for path, _ in watched.seen]
    after = seen[seen.index(GENERATE) + 1 :]
    assert [path.partition("/pictures/")[0] or "image" for path in after] == [
        "image",
        "/fetch",
        "image",
    ]
    watched.broken.clear()
    shown = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    assert shown.facts["status"] == "finished"


@IN_ONE_ERA
@pytest.mark.parametrize("allowed", [True, False])
async def test_images_are_fetched_only_from_hosts_in_the_setting(serving: Serving, allowed: bool) -> None:
    trained = {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}
    with fault_server("image", faults={"image": replying(answer("200 OK", b"not an image"))}) as decoy:
        made = {"task_id": "g-1", "status": "finished", "image_urls": [f"{decoy.base_url}/a.png"]}
        faults = {"trained": replying(answer("200 OK", trained)), "made": replying(answer("200 OK", made))}
        hosts = (decoy.base_url.removeprefix("http://"),) if allowed else (".apiframe.pro",)
        with fault_server("trained", "made", faults=faults) as service:
            async with serving(base_url=service.base_url, app_factory=None, picture_hosts=hosts) as session:
                message = await refuse(session, "generate_photos", task_id="t-1", prompt="by the sea")
    assert bool(decoy.requests) is allowed
    assert all("authorization" not in request.headers for request in decoy.requests)
    assert "made and paid for" in message


@IN_ONE_ERA
async def test_the_cost_of_failed_images_is_reported_as_uncertain(serving: Serving) -> None:
    trained = {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}
    made = {"task_id": "g-1", "status": "failed", "task_type": "ai-photo-generate", "message": "flagged"}
    faults = {"trained": replying(answer("200 OK", trained)), "made": replying(answer("200 OK", made))}
    with fault_server("trained", "made", faults=faults) as service:
        async with serving(base_url=service.base_url, app_factory=None) as session:
            failed = await session.call("generate_photos", task_id="t-1", prompt="by the sea")
    [text] = failed.content
    assert isinstance(text, TextContent)
    assert "This may have cost 1 credit." in text.text
