"""Which submissions are about the same subject, and that no file keeps anything of them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.forgetting import find_subject, forget_subject
from apiframe_studio.image_store import ImageStore
from apiframe_studio.images import ImageRequest
from apiframe_studio.ledger import Kind, NewSubmission, NewTraining, SavedImage, Scope, Submission
from apiframe_studio.ledger.relations import related
from apiframe_studio.ledger.states import State
from apiframe_studio.photo_sets import PhotoSetRequest
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.trainings import TrainingRequest

from ..v1_store import Store
from .stepped_clock import SteppedClock

pytestmark = pytest.mark.slow

PROMPT = "canary-prompt on a balcony"


async def nothing(_done: float, _of: float, _what: str) -> None:
    return


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncGenerator[Studio]:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    plan = StudioConfig(
        tmp_path / "data" / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        app_factory=lambda: sandbox.app,
        is_sandbox=True,
        photo_folders=(tmp_path / "photos",),
        output_folder=tmp_path / "portraits",
    )
    studio = Studio(plan, clock)
    yield studio
    await studio.aclose()
    sandbox.close()


async def _trained(studio: Studio, subject: str) -> str:
    request = TrainingRequest("sandbox-person", subject=subject, idempotency_key=subject)
    begun = await studio.trainings.start(request)
    await studio.clock.sleep(1000)
    await studio.trainings.check(begun.ref or "")
    return begun.ref or ""


def _holding(folder: Path, words: list[str]) -> dict[str, list[str]]:
    """Return the files that contain a word, in the name or the bytes, in any case, and the words."""
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        content = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        if hits := [word for word in words if word.encode().lower() in content.lower()]:
            found[str(path)] = hits
    return found


async def test_after_forgetting_no_file_contains_the_subject(
    studio: Studio, photos: Path, tmp_path: Path
) -> None:
    with anyio.fail_after(60):
        request = PhotoSetRequest([str(photos)], "female", "white", subject="Canarianna", consent_at=1.0)
        photo_set = await studio.photo_sets.prepare(request, nothing, 40)
        begun = await studio.trainings.start(TrainingRequest(photo_set.row.ref, "TOKCANARY"))
        await studio.clock.sleep(1000)
        training = await studio.trainings.check(begun.ref or "")
        made = await studio.images.generate(
            ImageRequest(PROMPT, subject="canarianna", number_of_images=2), 40
        )
        await _trained(studio, "Berta")
    fingerprint = photo_set.row.fingerprint or ""
    words = ["Canarianna", training.trigger_word or "", "canary-prompt", fingerprint, "IMG_0001", "female"]
    words += [request.attributes_digest(), hashlib.sha256(PROMPT.encode()).hexdigest()]
    kept = [tmp_path / "data", tmp_path / "portraits"]
    assert any(_holding(folder, words) for folder in kept)
    forgotten = await forget_subject(" CANARIANNA ", studio.ledger, studio.image_store, studio.clock.now())
    assert [_holding(folder, words) for folder in kept] == [{}, {}]
    assert (forgotten.records, forgotten.images, forgotten.not_removed) == (3, 2, [])
    assert set(forgotten.still_at_the_service) == {
        photo_set.row.task_id,
        training.task_id,
        made.row.task_id,
    }
    now = studio.clock.now()
    for kind, spent in ((Kind.UPLOAD, 2.0), (Kind.TRAINING, 48.0), (Kind.GENERATION, 2.0)):
        rows = [row for row in (await studio.ledger.page(kind, now, limit=50)).rows if row.subject is None]
        assert [row.estimated_credits for row in rows] == [spent]
        assert rows[0].sent_at is not None
    assert [row.subject for row in (await studio.ledger.page(Kind.TRAINING, now, limit=50)).rows] == [
        "Berta",
        None,
    ]
    assert _holding(tmp_path / "data", ["Berta"])
    again = await forget_subject("Canarianna", studio.ledger, studio.image_store, studio.clock.now())
    assert again.records == 0


def _gallery_in(folder: Path) -> str:
    return (folder / "gallery.html").read_text(encoding="utf-8")


async def test_files_of_a_crashed_process_are_removed_and_those_of_other_subjects_kept(
    studio: Studio, tmp_path: Path
) -> None:
    """Two names may share a folder. Unlisted files are recognised by the ref in their name."""
    with anyio.fail_after(60):
        for subject in ("a/b", "a:b"):
            await _trained(studio, subject)
            await studio.images.generate(ImageRequest("by the sea", subject=subject), 20)
    [ours] = (await studio.ledger.page(Kind.GENERATION, studio.clock.now(), subject="a/b", limit=50)).rows
    [others] = (await studio.ledger.page(Kind.GENERATION, studio.clock.now(), subject="a:b", limit=50)).rows
    folder = tmp_path / "portraits" / "a_b"
    for ref in (ours.ref, others.ref):
        (folder / f".20270101-000000-{ref}-2.png.part").write_bytes(b"half")
        (folder / f"20270101-000000-{ref}-3.json").write_text("{}")
    assert all(ref in _gallery_in(folder) for ref in (ours.ref, others.ref))
    await forget_subject("a/b", studio.ledger, studio.image_store, studio.clock.now())
    assert others.ref in _gallery_in(folder)
    assert not any(words in _gallery_in(folder) for words in (ours.ref, "a/b"))
    left = [path.name for path in folder.iterdir()]
    assert not any(ours.ref in name for name in left)
    assert len([name for name in left if others.ref in name]) == 4


@pytest.mark.parametrize("by", ["forgetting again", "the next images of any subject"])
async def test_an_image_left_by_a_process_that_crashed_after_forgetting_is_removed(
    studio: Studio, tmp_path: Path, by: str
) -> None:
    with anyio.fail_after(60):
        for subject in ("Anna", "Berta"):
            await _trained(studio, subject)
        for subject in ("Anna", "Berta"):
            await studio.images.generate(ImageRequest("by the sea", subject=subject), 20)
        [ours] = (
            await studio.ledger.page(Kind.GENERATION, studio.clock.now(), subject="Anna", limit=50)
        ).rows
        await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
        folder = tmp_path / "portraits" / "Anna"
        folder.mkdir()
        for name in (f"20270101-000000-{ours.ref}-1.png", f".20270101-000000-{ours.ref}-1.json.part"):
            (folder / name).write_bytes(b"late")
        if by == "forgetting again":
            known = await find_subject("ANNA", studio.ledger, studio.image_store)
            assert sorted(known.leftovers) == sorted(folder.iterdir())
            again = await forget_subject("ANNA", studio.ledger, studio.image_store, studio.clock.now())
            assert (again.records, again.images, again.leftovers, again.not_removed) == (0, 0, 2, [])
        else:
            await studio.images.generate(ImageRequest("in a wood", subject="Berta"), 20)
    assert not folder.exists()
    assert list((tmp_path / "portraits" / "Berta").iterdir())
    assert not (await find_subject("Anna", studio.ledger, studio.image_store)).leftovers


@pytest.mark.parametrize("by", ["forgetting again", "the next images of any subject"])
@pytest.mark.parametrize("name", ["gallery.html", ".gallery.html.0123abcd.part"])
async def test_a_gallery_left_by_a_process_that_died_after_forgetting_is_removed(
    studio: Studio, tmp_path: Path, by: str, name: str
) -> None:
    folder = tmp_path / "portraits" / "Anna"
    with anyio.fail_after(60):
        for subject in ("Anna", "Berta"):
            await _trained(studio, subject)
        await studio.images.generate(ImageRequest("by the sea", subject="Anna"), 20)
        written = _gallery_in(folder)
        await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
        assert not folder.exists()
        folder.mkdir()
        (folder / name).write_text(written)
        if by == "forgetting again":
            known = await find_subject("ANNA", studio.ledger, studio.image_store)
            assert list(known.leftovers) == [folder / name]
            again = await forget_subject("ANNA", studio.ledger, studio.image_store, studio.clock.now())
            assert (again.leftovers, again.not_removed) == (1, [])
        else:
            await studio.images.generate(ImageRequest("in a wood", subject="Berta"), 20)
            assert "in a wood" in _gallery_in(tmp_path / "portraits" / "Berta")
    assert not folder.exists()


async def test_a_page_of_the_user_in_the_folder_is_kept(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "portraits" / "Anna"
    folder.mkdir(parents=True)
    (folder / "gallery.html").write_text("mine")
    await _trained(studio, "Anna")
    made = await studio.images.generate(ImageRequest("by the sea", subject="Anna"), 20)
    assert (len(made.saved), made.gallery) == (1, None)
    forgotten = await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
    assert forgotten.not_removed == []
    assert [path.read_text() for path in folder.iterdir()] == ["mine"]


async def test_credits_spent_still_count_after_forgetting(studio: Studio) -> None:
    ref = await _trained(studio, "Anna")
    await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
    row = await studio.ledger.find(ref, studio.clock.now())
    assert row is not None
    assert (row.state, row.subject, row.trigger_word, row.requested_trigger_word) == (
        State.FINISHED,
        None,
        None,
        None,
    )
    assert await studio.ledger.history(ref) == []


async def test_a_forgotten_subject_can_be_trained_again(studio: Studio) -> None:
    first = await _trained(studio, "Anna")
    await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
    assert await _trained(studio, "Anna") != first


class Interrupted(ImageStore):
    """Another process writes `late` while images are removed for the `nth` time."""

    late: NewSubmission
    nth: int
    studio: Studio
    removed = 0

    def remove(self, subject: str, refs: Sequence[str], saved: Sequence[SavedImage]) -> Sequence[Path]:
        self.removed += 1
        if self.removed == self.nth:
            store = Store(
                self.studio.ledger.path, Scope(self.studio.ledger.owner, self.studio.ledger.service)
            )
            store.get_or_create(self.late, self.studio.clock.now())
            store.close()
        return super().remove(subject, refs, saved)


@pytest.mark.parametrize("nth", [1, 2])
async def test_rows_written_while_a_subject_is_forgotten_are_forgotten_too(
    studio: Studio, tmp_path: Path, nth: int
) -> None:
    await _trained(studio, "Anna")
    image_store = Interrupted(tmp_path / "portraits", (), studio.clock)
    image_store.late = NewTraining("set-late", subject="anna")
    image_store.nth, image_store.studio = nth, studio
    forgotten = await forget_subject("Anna", studio.ledger, image_store, studio.clock.now())
    assert image_store.removed >= nth
    assert forgotten.records >= 2
    assert await studio.ledger.find_related("Anna") == []


def _write(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"image")


def _is_there(path: Path) -> bool:
    return path.exists()


async def test_the_output_folder_is_searched_for_forgotten_images_once_and_after_each_forgetting(
    studio: Studio,
) -> None:
    await _trained(studio, "Anna")
    made = await studio.images.generate(ImageRequest(PROMPT, subject="Anna"), 20)
    await _trained(studio, "Berta")
    written = Path(made.saved[0].path)
    left: list[bool] = []
    for forgets in ("Anna", None, "Carla"):
        if forgets:
            await forget_subject(forgets, studio.ledger, studio.image_store, studio.clock.now())
        _write(written)
        await studio.images.generate(ImageRequest(PROMPT, subject="Berta"), 20)
        left.append(_is_there(written))
    assert left == [False, True, False]


def _row(
    kind: Kind, ref: str, about: str = "", subject: str | None = None, fingerprint: str | None = None
) -> Submission:
    return Submission(
        ref,
        kind,
        "s",
        "local",
        about,
        subject,
        None,
        State.FINISHED,
        1,
        0.0,
        task_id=f"task-{ref}",
        parent_task_id=None if kind is Kind.UPLOAD else about.partition(" ")[0],
        fingerprint=about if kind is Kind.UPLOAD else fingerprint,
    )


SET, OTHER_SET = _row(Kind.UPLOAD, "up-1", "print"), _row(Kind.UPLOAD, "up-2", "print2", "Anna")
NAMED = _row(Kind.TRAINING, "tr-1", "task-up-1", "Anna")
UNNAMED = _row(Kind.TRAINING, "tr-2", "task-up-2")
OF_ANOTHER = _row(Kind.TRAINING, "tr-3", "task-up-2", "Berta")
MADE, MADE_OF_UNNAMED = (
    _row(Kind.GENERATION, "ge-1", "task-tr-1 x"),
    _row(Kind.GENERATION, "ge-2", "task-tr-2 y"),
)
MADE_OF_ANOTHER = _row(Kind.GENERATION, "ge-3", "task-tr-3 z", "Berta")
UNRELATED = _row(Kind.UPLOAD, "up-9", "print9")
SAME_PHOTOS, ITS_TRAINING = _row(Kind.UPLOAD, "up-3", "print2"), _row(Kind.TRAINING, "tr-4", "task-up-3")
ELSEWHERE = _row(Kind.TRAINING, "tr-5", "task-up-gone", fingerprint="print2")
MADE_ELSEWHERE = _row(Kind.GENERATION, "ge-4", "task-tr-5 z")
OF_BERTA = _row(Kind.UPLOAD, "up-4", "print2", "Berta")
TRAINED_OF_BERTA = _row(Kind.TRAINING, "tr-6", "task-up-4", fingerprint="print2")
OF_THE_PHOTOS = [SAME_PHOTOS, ITS_TRAINING, ELSEWHERE, MADE_ELSEWHERE]
ALL = [
    SET,
    OTHER_SET,
    NAMED,
    UNNAMED,
    OF_ANOTHER,
    MADE,
    MADE_OF_UNNAMED,
    MADE_OF_ANOTHER,
    UNRELATED,
    *OF_THE_PHOTOS,
    OF_BERTA,
    TRAINED_OF_BERTA,
]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ([], []),
        ([NAMED], [SET, NAMED, MADE]),
        ([OTHER_SET], [OTHER_SET, UNNAMED, MADE_OF_UNNAMED, *OF_THE_PHOTOS]),
        ([MADE], [MADE]),
        ([OTHER_SET, NAMED], [SET, OTHER_SET, NAMED, UNNAMED, MADE, MADE_OF_UNNAMED, *OF_THE_PHOTOS]),
    ],
)
def test_related_submissions_are_forgotten_and_differently_named_ones_kept(
    named: list[Submission], found: list[Submission]
) -> None:
    assert related(ALL, named) == found
