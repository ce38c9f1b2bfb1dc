"""The output folder: safe names, complete files, and nothing read from elsewhere."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apiframe_studio.gallery import Gallery
from apiframe_studio.guarded_files import GuardedFolder
from apiframe_studio.image_store import MAX_NAME_LENGTH, ImageStore, folder_name
from apiframe_studio.images import insert_trigger_word
from apiframe_studio.ledger import Kind, SavedImage, Submission
from apiframe_studio.ledger.states import State

from .stepped_clock import SteppedClock

ODD = {
    None: "unnamed",
    "": "unnamed",
    "   ": "unnamed",
    "Anna": "Anna",
    "Anna Maria": "Anna Maria",
    "../../etc": "______etc",
    "a/b\\c": "a_b_c",
    "..": "__",
    "CON": "CON_",
    "com1": "com1_",
    "Jose\u0301": "Jos\u00e9",
    "🌸": "_",
    "tail. ": "tail_",
    "x" * 300: "x" * MAX_NAME_LENGTH,
}


@pytest.mark.parametrize("name", ODD)
def test_a_folder_has_the_name_of_its_subject_without_characters_that_a_system_rejects(
    name: str | None,
) -> None:
    assert folder_name(name) == ODD[name]


@given(st.text(max_size=400))
@settings(deadline=None)
def test_no_name_leads_outside_the_folder(name: str) -> None:
    made = folder_name(name)
    assert made == made.strip()
    assert 0 < len(made) <= MAX_NAME_LENGTH + 1
    assert not set(made) & set('/\\:*?"<>|.\0\n')
    assert Path("out", made).parent == Path("out")


@pytest.mark.parametrize(
    ("prompt", "added"),
    [
        ("by the sea", True),
        ("TOKABC by the sea", False),
        ("portrait of TOKABC, smiling", False),
        ("TOKABC's desk", False),
        ("TOKABCD by the sea", True),
        ("tokabc by the sea", True),
        ("TOK-ABC", True),
    ],
)
def test_the_trigger_word_is_prepended_unless_the_prompt_contains_it_as_a_word(
    prompt: str, added: bool
) -> None:
    assert insert_trigger_word(prompt, "TOKABC") == (f"TOKABC {prompt}" if added else prompt, added)


@pytest.fixture
def image_store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "out", (), SteppedClock())


def _row(subject: str | None = "Anna", ref: str = "ge-1234567", at: float = 0.0) -> Submission:
    return Submission(ref, Kind.GENERATION, "s", "o", "about", subject, None, State.QUEUED, 1, at)


def _beside(path: Path) -> object:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def _rights_of_others(path: Path) -> int:
    return path.stat().st_mode & 0o077


def _replace_with_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


async def test_an_image_is_saved_next_to_a_description_of_its_request_and_nothing_else(
    image_store: ImageStore,
) -> None:
    saved = await image_store.save(_row(), 1, b"data", "image/webp", {"prompt": "Łódź"})
    path = Path(saved.path)
    assert path.name == "19700101-000000-ge-1234567-1.webp"
    assert await image_store.read(saved) == b"data"
    assert _beside(path) == {"prompt": "Łódź", "subject": "Anna", "made_at": "1970-01-01T00:00:00+00:00"}
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
async def test_only_the_owner_can_read_images(image_store: ImageStore) -> None:
    path = Path((await image_store.save(_row(), 1, b"data", "image/png", {})).path)
    assert [_rights_of_others(one) for one in (path, path.with_suffix(".json"), path.parent)] == [0, 0, 0]


async def test_names_sort_by_time(image_store: ImageStore) -> None:
    times = (("ge-zzzzzzz", 1.0), ("ge-aaaaaaa", 2.0))
    rows = [(_row(ref=ref, at=at), number) for ref, at in times for number in (1, 2)]
    names = [
        Path((await image_store.save(row, number, b"", "image/png", {})).path).name for row, number in rows
    ]
    assert names == sorted(names)


async def test_a_path_outside_the_folder_is_never_read(image_store: ImageStore, tmp_path: Path) -> None:
    await image_store.ensure_folder("Anna")
    outside = tmp_path / "private.png"
    outside.write_bytes(b"private")
    paths = [str(outside), str(tmp_path / "out" / ".." / "private.png")]
    if sys.platform != "win32":
        os.symlink(outside, tmp_path / "out" / "link.png")
        paths.append(str(tmp_path / "out" / "link.png"))
    for path in paths:
        assert await image_store.read(SavedImage("ge-1234567", 1, path, "image/png", 0.0)) is None


async def test_a_file_at_the_path_of_the_folder_is_an_error_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OSError, match="out"):
        await ImageStore(tmp_path / "out", (), SteppedClock()).ensure_folder("Anna")
    assert (tmp_path / "out").read_text() == "mine"


class FullDisk(GuardedFolder):
    def write(self, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self.folder))


@pytest.mark.parametrize("subject", ["Canarianna", None])
async def test_a_gallery_that_cannot_be_written_is_only_logged_without_a_name(
    image_store: ImageStore, caplog: pytest.LogCaptureFixture, subject: str | None
) -> None:
    saved = await image_store.save(_row(subject), 1, b"data", "image/png", {})
    image_store.gallery = Gallery(FullDisk(image_store.folder))
    await image_store.update_gallery(subject)
    assert await image_store.find_galleries([saved]) == []
    assert "A gallery could not be written: No space left on device" in caplog.text
    assert "Canarianna" not in caplog.text


async def test_the_galleries_of_images_are_found_once_for_each_folder(
    image_store: ImageStore, tmp_path: Path
) -> None:
    names = ["Anna", "anna", "Berta", None]
    saved = [
        await image_store.save(_row(name, f"ge-{number}"), 1, b"data", "image/png", {})
        for number, name in enumerate(names)
    ]
    for name in ("Anna", None):
        await image_store.update_gallery(name)
    elsewhere = SavedImage("ge-9", 1, str(tmp_path / "elsewhere" / "a.png"), "image/png", 0.0)
    found = await image_store.find_galleries([*saved, elsewhere])
    assert found == [image_store.folder / name / "gallery.html" for name in ("Anna", "unnamed")]


async def test_what_was_saved_in_another_folder_is_reported_and_kept(
    image_store: ImageStore, tmp_path: Path
) -> None:
    saved = await image_store.save(_row(), 1, b"data", "image/png", {})
    await image_store.update_gallery("Anna")
    other = ImageStore(tmp_path / "other", (), SteppedClock())
    left = other.remove("Anna", ["ge-1234567"], [saved])
    assert sorted(left) == sorted((image_store.folder / "Anna").iterdir())
    assert len(left) == 3


async def test_a_file_that_cannot_be_removed_is_reported(image_store: ImageStore) -> None:
    saved = await image_store.save(_row(), 1, b"data", "image/png", {})
    path = Path(saved.path)
    _replace_with_a_folder(path)
    assert image_store.remove("Anna", ["ge-1234567"], [saved]) == [path]


SPELLINGS = [
    "Jos\u00e9 Anna",
    "Jose\u0301 Anna",
    "jos\u00e9 anna",
    "JOSE\u0301 ANNA",
    "\uff2aos\u00e9 \uff21nna",
]


@pytest.mark.parametrize("first", SPELLINGS)
async def test_a_subject_has_one_folder_for_every_spelling_of_its_name(
    image_store: ImageStore, first: str
) -> None:
    for number, name in enumerate([first, *SPELLINGS], 1):
        await image_store.ensure_folder(name)
        await image_store.save(_row(name), number, b"data", "image/png", {})
    [folder] = image_store.folder.iterdir()
    assert len(list(folder.iterdir())) == 2 * (1 + len(SPELLINGS))


@pytest.mark.parametrize("folder", ["Jos\u00e9 Anna", "Jose\u0301 Anna"])
@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_folder_is_removed_in_every_spelling_of_its_name(
    image_store: ImageStore, folder: str, name: str
) -> None:
    """macOS may list a composed name decomposed. The rows may be gone already."""
    await image_store.save(_row("Berta"), 1, b"data", "image/png", {})
    (image_store.folder / folder).mkdir()
    draft_of_a_crashed_process = image_store.folder / folder / ".20270101-000000-ge-7654321-2.png.part"
    draft_of_a_crashed_process.write_bytes(b"half")
    assert image_store.remove(name, ["ge-7654321"], []) == []
    assert [path.name for path in image_store.folder.iterdir()] == ["Berta"]
