"""The installed server does the whole main job over stdio against the emulator: what it sends, and what a user gets."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import TextContent
from PIL import Image

from apiframe_tools.results import read_fields

from ...painting import SMALL, jpeg, paint_a_person
from ...server.program import environment, run
from .serving import KEY, Emulator
from .team import Caller, Training

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("apiframe-photo-mcp")
PHOTOS = 15
SUBJECT = "Canarianna"
CANARY = "canary-of-a-file-name"
TIMEOUT_SECONDS = 150
Era = Literal["auto", "legacy"]


@pytest.fixture
def era(request: pytest.FixtureRequest) -> Era:
    """The protocol era that the client speaks."""
    chosen: Era = request.param
    return chosen


@pytest.fixture(scope="session")
def drawn_fifteen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As few photos as a training takes. Read-only."""
    folder = tmp_path_factory.mktemp("fifteen")
    for number in range(1, PHOTOS + 1):
        (folder / f"{CANARY}-{number:02}.jpg").write_bytes(jpeg(paint_a_person(number, SMALL)))
    return folder


class User:
    """A user with a real client, who talks to the installed server."""

    def __init__(self, client: Client, folder: Path, settings: dict[str, str]) -> None:
        self._client = client
        self._folder = folder
        self._settings = settings
        self.texts: list[str] = []

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        result = await self._client.call_tool(tool, arguments)
        texts = [block.text for block in result.content if isinstance(block, TextContent)]
        self.texts += texts
        assert not result.is_error, texts
        return read_fields(result)

    async def prepare(self, photos: Path) -> str:
        """Prepare the photos and return what start_training takes."""
        person = {"gender": "female", "ethnicity": "Mixed", "consent": True, "subject": SUBJECT}
        prepared = await self.ask("prepare_photos", paths=[str(photos)], age="early 30s", **person)
        assert prepared["status"] == "ready"
        return str(prepared["training_images_id"])

    async def train(self, photos: Path) -> dict[str, Any]:
        """Prepare and train, and wait for the trigger word."""
        begun = await self.ask("start_training", training_images_id=await self.prepare(photos))
        while True:
            facts = await self.ask("wait_for_training", task_id=begun["ref"])
            if facts["status"] not in ("queued", "processing", "submitting"):
                return facts

    async def forget(self) -> str:
        """Run the command that forgets the subject, and return what it prints."""
        command = await run("forget", SUBJECT, "--yes", folder=self._folder, settings=self._settings)
        assert command.process.returncode == 0, command.err
        return command.out


@asynccontextmanager
async def user_of(emulated: Emulator, era: Era, folder: Path, photos: Path) -> AsyncGenerator[User]:
    """Start the installed server, configured by its environment alone."""
    settings = {
        "API_KEY": KEY,
        "BASE_URL": emulated.base_url,
        "PHOTO_FOLDERS": str(photos),
        "POLL_SECONDS": "1",
    }
    command = StdioServerParameters(command=str(COMMAND), args=[], env=environment(folder, settings))
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with Client(command, mode=era) as client:
            yield User(client, folder, settings)


@pytest.fixture
async def user(emulated: Emulator, era: Era, tmp_path: Path, drawn_fifteen: Path) -> AsyncGenerator[User]:
    """The user, until the test ends."""
    async with user_of(emulated, era, tmp_path / "data", drawn_fifteen) as user:
        yield user


both_eras = pytest.mark.parametrize("era", ["auto", "legacy"], indirect=True)
one_era = pytest.mark.parametrize("era", ["auto"], indirect=True)


@both_eras
async def test_a_folder_of_photos_becomes_a_trigger_word(
    user: User, emulated: Emulator, drawn_fifteen: Path
) -> None:
    mate = Caller(emulated.team)
    other = Training(mate, {"name": "The face of a colleague"}, 20, emulated.service.now(), status="READY")
    emulated.service.trainings[other.id] = other
    account = await user.ask("get_account")
    checked = await user.ask("check_photos", paths=[str(drawn_fifteen)])
    assert (account["credits"], checked["enough"]) == (1000, True)
    training_images_id = await user.prepare(drawn_fifteen)
    assert {one.path for one in emulated.received} == {"/v2/me"}, "preparing sends nothing of the photos"
    begun = await user.ask("start_training", training_images_id=training_images_id)
    again = await user.ask("start_training", training_images_id=training_images_id)
    assert (begun["credits"], begun["subject"]) == (257, SUBJECT)
    assert (again["ref"], again["deduplicated"]) == (begun["ref"], True)
    while (trained := await user.ask("wait_for_training", task_id=begun["ref"]))["status"] != "finished":
        assert trained["status"] != "failed"
    assert trained["trigger_word"] == "TORKP"
    [row] = (await user.ask("list_trainings", subject=SUBJECT.lower()))["trainings"]
    assert (row["trigger_word"], row["status"]) == ("TORKP", "finished")
    assert len((await user.ask("list_trainings"))["trainings"]) == 1
    assert not any("colleague" in text for text in user.texts), "those of others in the team are not shown"
    assert emulated.team.credits == 1000 - 257
    assert (await user.ask("get_account"))["credits"] == 743


@one_era
async def test_the_service_receives_one_upload_without_the_name_of_the_subject(
    user: User, emulated: Emulator, drawn_fifteen: Path
) -> None:
    trained = await user.train(drawn_fifteen)
    [request] = emulated.requests("POST", "/v2/loras")
    parts = request.parts()
    names = [part.name for part in parts]
    assert names == sorted(names, key=lambda name: name == "images"), "text comes before the files"
    texts = {part.name: part.data.decode() for part in parts if part.name != "images"}
    assert texts.pop("name").startswith(f"AI photos [{trained['ref']}-")
    assert texts == {"subjectKind": "person", "gender": "female", "ethnicity": "Mixed", "age": "early 30s"}
    files = [part for part in parts if part.name == "images"]
    assert [part.filename for part in files] == [f"{number:02}.jpg" for number in range(1, PHOTOS + 1)]
    assert all(part.data.startswith(b"\xff\xd8\xff") for part in files)
    assert "idempotency-key" not in request.headers
    for one in emulated.received:
        everything = f"{one.path} {one.headers}".encode() + one.body
        assert SUBJECT.lower().encode() not in everything.lower()
        assert CANARY.encode() not in everything
        assert one.headers.pop("x-api-key") == KEY
        assert KEY not in f"{one}"
        assert "authorization" not in one.headers
    assert not any(KEY in text for text in user.texts)


@one_era
async def test_a_training_that_fails_is_reported_with_its_reason(
    user: User, emulated: Emulator, drawn_fifteen: Path
) -> None:
    emulated.service.training_error = "No face was found"
    assert (await user.train(drawn_fifteen))["status"] == "failed"
    assert "No face was found" in user.texts[-1]
    assert emulated.team.credits == 1000


@one_era
async def test_a_training_whose_response_was_lost_is_found_and_not_paid_for_again(
    user: User, emulated: Emulator, drawn_fifteen: Path
) -> None:
    emulated.service.loses_responses = True
    trained = await user.train(drawn_fifteen)
    assert (trained["status"], trained["trigger_word"]) == ("finished", "TORKP")
    assert [trained["task_id"]] == list(emulated.service.trainings)
    assert len(emulated.requests("POST", "/v2/loras")) == 1
    assert emulated.team.credits == 1000 - 257


@both_eras
async def test_a_trained_model_makes_portraits_on_disk(
    user: User, emulated: Emulator, drawn_fifteen: Path, tmp_path: Path
) -> None:
    trained = await user.train(drawn_fifteen)
    made = await user.ask(
        "generate_photos",
        subject=SUBJECT,
        prompt="by a window",
        number_of_images=2,
        aspect_ratio="3:4",
        seed=7,
    )
    [request] = emulated.requests("POST", "/v2/images/generate")
    assert 1 <= len(request.headers["idempotency-key"]) <= 255
    [job] = emulated.service.jobs.values()
    params = dict(job.input["fluxLoraParams"])
    assert params.pop("loraId") == trained["task_id"]
    assert params == {"num_outputs": 2, "aspect_ratio": "3:4", "seed": 7}
    assert job.input["prompt"].count("TORKP") == 1
    assert SUBJECT not in job.input["prompt"]
    assert emulated.team.credits == 1000 - 257 - 4
    saved = [path for path in _files(tmp_path) if path.suffix == ".jpg"]
    assert len(saved) == 2, made
    for path in saved:
        with Image.open(path) as image:
            assert image.format == "JPEG"
    downloads = [one for one in emulated.received if one.path.startswith("/images/")]
    assert len(downloads) == 2
    assert not any("x-api-key" in one.headers for one in downloads)


@one_era
async def test_images_whose_response_was_lost_are_paid_for_once(
    user: User, emulated: Emulator, drawn_fifteen: Path, tmp_path: Path
) -> None:
    await user.train(drawn_fifteen)
    emulated.service.loses_responses = True
    await user.ask("generate_photos", subject=SUBJECT, prompt="by a window")
    first, *repeats = emulated.requests("POST", "/v2/images/generate")
    assert repeats
    for one in repeats:
        assert (one.body, one.headers["idempotency-key"]) == (first.body, first.headers["idempotency-key"])
    assert len(emulated.service.jobs) == 1
    assert emulated.team.credits == 1000 - 257 - 2
    assert len([path for path in _files(tmp_path) if path.suffix == ".jpg"]) == 1


@one_era
async def test_of_a_forgotten_subject_only_payments_without_a_name_are_left_here(
    user: User, drawn_fifteen: Path, tmp_path: Path
) -> None:
    trained = await user.train(drawn_fifteen)
    await user.ask("generate_photos", subject=SUBJECT, prompt="by a window")
    assert "Deleted 1 trained model at Apiframe." in await user.forget()
    [row] = (await user.ask("list_trainings"))["trainings"]
    assert (row["ref"], row["subject"]) == (trained["ref"], None)
    left = _files(tmp_path)
    assert not any(SUBJECT.lower().encode() in path.read_bytes().lower() for path in left)
    assert not any(path.suffix == ".jpg" for path in left)


@one_era
async def test_the_model_of_a_forgotten_subject_is_archived_at_the_service(
    user: User, emulated: Emulator, drawn_fifteen: Path
) -> None:
    trained = await user.train(drawn_fifteen)
    await user.forget()
    assert emulated.service.trainings[trained["task_id"]].status == "ARCHIVED"


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
