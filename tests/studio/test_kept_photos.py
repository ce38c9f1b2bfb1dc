"""Prepared photos wait on this machine: complete or not at all, private, and no longer than they may."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from apiframe_studio.errors import PhotosNotKept
from apiframe_studio.guarded_files import ABANDONED_AFTER_SECONDS
from apiframe_studio.kept_photos import KeptPhotos, KeptSet

posix = pytest.mark.skipif(os.name == "nt", reason="modes and links are POSIX's")
REF, OTHER = "ps-1234567", "ps-7654321"
PHOTOS = [b"\xff\xd8first", b"\xff\xd8second", b"\xff\xd8third"]
NEWER = [b"\xff\xd8third", b"\xff\xd8fourth"]


@pytest.fixture
def kept(tmp_path: Path) -> KeptPhotos:
    return KeptPhotos(tmp_path / "data" / "prepared")


def _keep(
    kept: KeptPhotos,
    ref: str = REF,
    photos: list[bytes] = PHOTOS,
    *,
    until: float = 100.0,
    subject: str = "Anna",
) -> KeptSet:
    return kept.keep(
        ref, photos, expires_at=until, gender="female", ethnicity="white", age="early 30s", subject=subject
    )


def test_photos_are_loaded_as_they_were_kept_with_what_was_said_about_the_subject(kept: KeptPhotos) -> None:
    known = _keep(kept)
    loaded, photos = kept.load(REF)
    assert photos == PHOTOS
    assert loaded == known == kept.find(REF)
    assert (loaded.gender, loaded.ethnicity, loaded.age) == ("female", "white", "early 30s")
    assert (loaded.subject, loaded.expires_at) == ("Anna", 100.0)


def test_two_photos_that_are_the_same_are_both_loaded(kept: KeptPhotos) -> None:
    _keep(kept, photos=[PHOTOS[0], PHOTOS[0]])
    assert kept.load(REF)[1] == [PHOTOS[0], PHOTOS[0]]


@posix
def test_no_other_user_can_read_anything_of_it(kept: KeptPhotos) -> None:
    before = os.umask(0)
    try:
        _keep(kept)
    finally:
        os.umask(before)
    folders = [kept.folder.parent, kept.folder, kept.folder / REF]
    files = list((kept.folder / REF).iterdir())
    assert [stat.S_IMODE(path.stat().st_mode) for path in folders] == [0o700] * 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len(files) == len(PHOTOS) + 1


def test_keeping_it_again_replaces_it_and_leaves_no_photo_behind(kept: KeptPhotos) -> None:
    _keep(kept)
    _keep(kept, photos=NEWER, until=200.0)
    loaded, photos = kept.load(REF)
    assert (photos, loaded.expires_at) == (NEWER, 200.0)
    assert len(list((kept.folder / REF).iterdir())) == len(NEWER) + 1


@pytest.mark.parametrize("ref", [OTHER, "ps-..", "../" + REF, "tr-1234567", "", "."])
def test_a_set_that_is_not_kept_is_not_found(kept: KeptPhotos, ref: str) -> None:
    _keep(kept)
    assert kept.find(ref) is None
    with pytest.raises(PhotosNotKept):
        kept.load(ref)


def _name_a_path(photo: Path, description: Path) -> None:
    description.write_text(description.read_text().replace(photo.stem, "../../../" + "0" * 55))


DAMAGE: dict[str, Callable[[Path, Path], object]] = {
    "a photo is gone": lambda photo, _: photo.unlink(),
    "a photo is cut": lambda photo, _: photo.write_bytes(photo.read_bytes()[:3]),
    "a photo is another": lambda photo, _: photo.write_bytes(b"\xff\xd8other"),
    "the description is gone": lambda _, description: description.unlink(),
    "the description is cut": lambda _, description: description.write_bytes(description.read_bytes()[:40]),
    "the description is empty": lambda _, description: description.write_text("{}"),
    "the description names a path": _name_a_path,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_set_is_not_loaded_and_can_be_kept_again(kept: KeptPhotos, damage: str) -> None:
    _keep(kept)
    photo = next((kept.folder / REF).glob("*.jpg"))
    DAMAGE[damage](photo, kept.folder / REF / "set.json")
    with pytest.raises(PhotosNotKept, match=REF):
        kept.load(REF)
    _keep(kept)
    assert kept.load(REF)[1] == PHOTOS


@posix
def test_no_link_is_followed_to_load_keep_or_remove_a_set(kept: KeptPhotos, tmp_path: Path) -> None:
    elsewhere = KeptPhotos(tmp_path / "elsewhere")
    _keep(elsewhere)
    kept.folder.mkdir(parents=True)
    (kept.folder / REF).symlink_to(elsewhere.folder / REF)
    with pytest.raises(PhotosNotKept):
        kept.load(REF)
    with pytest.raises(OSError, match="link"):
        _keep(kept, photos=NEWER)
    assert not kept.remove(REF)
    assert elsewhere.load(REF)[1] == PHOTOS

    _keep(kept, OTHER)
    photo = next((kept.folder / OTHER).glob("*.jpg"))
    photo.unlink()
    photo.symlink_to(next((elsewhere.folder / REF).glob("*.jpg")))
    with pytest.raises(PhotosNotKept):
        kept.load(OTHER)


def test_a_removed_set_leaves_nothing(kept: KeptPhotos) -> None:
    _keep(kept)
    _keep(kept, OTHER)
    assert kept.count() == 2
    assert kept.remove(REF)
    assert kept.remove(REF), "again"
    assert kept.refs() == [OTHER]
    assert [path.name for path in kept.folder.iterdir()] == [OTHER]


def test_a_set_whose_photos_cannot_be_written_is_not_kept(
    kept: KeptPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, calls = os.replace, [0]

    def fill_the_disk(*args: object, **kwargs: object) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError(28, "No space left on device")
        replace(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        _keep(kept)
    assert kept.count() == 0
    calls[0] = 10
    _keep(kept)
    calls[0] = 1
    with pytest.raises(OSError, match="No space"):
        _keep(kept, photos=NEWER)
    assert kept.load(REF)[1] == PHOTOS, "the set that was kept before is still there"


def test_sets_that_are_over_are_found_by_the_time_in_them(kept: KeptPhotos) -> None:
    _keep(kept, until=100.0)
    _keep(kept, OTHER, until=101.0)
    assert kept.find_expired(99.9) == []
    assert kept.find_expired(100.0) == [REF]
    assert sorted(kept.find_expired(101.0)) == [REF, OTHER]


def test_what_a_process_left_that_died_is_over_after_an_hour(kept: KeptPhotos) -> None:
    _keep(kept)
    (kept.folder / REF / "set.json").unlink()
    assert kept.find_expired(0.0) == [], "another process may be writing it"
    old = (kept.folder / REF).stat().st_mtime - ABANDONED_AFTER_SECONDS - 1
    os.utime(kept.folder / REF, (old, old))
    assert kept.find_expired(0.0) == [REF]


def test_the_sets_of_a_subject_are_found_in_every_spelling_of_the_name(kept: KeptPhotos) -> None:
    _keep(kept, subject="Anna  Maria")
    _keep(kept, OTHER, subject="Ben")
    assert kept.find_of_subject("anna maria") == [REF]
    assert kept.find_of_subject("\u200b") == []


DYING = """
import os, sys
from pathlib import Path
from apiframe_studio.kept_photos import KeptPhotos
kept, verb, step = KeptPhotos(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
name = "replace" if verb == "keep" else "unlink"
real, calls = getattr(os, name), [0]
def die(*args, **kwargs):
    calls[0] += 1
    if calls[0] > step:
        os._exit(9)
    real(*args, **kwargs)
setattr(os, name, die)
if verb == "keep":
    kept.keep("ps-1234567", [b"\\xff\\xd8third", b"\\xff\\xd8fourth"], expires_at=200.0, gender="male", ethnicity="x")
else:
    kept.remove("ps-1234567")
"""


@pytest.mark.slow
@pytest.mark.parametrize("was_kept", [False, True])
@pytest.mark.parametrize("step", range(4))
def test_a_process_that_dies_while_it_keeps_a_set_leaves_the_old_one_or_the_new_one(
    kept: KeptPhotos, step: int, was_kept: bool
) -> None:
    if was_kept:
        _keep(kept)
    child = subprocess.run([sys.executable, "-c", DYING, kept.folder, "keep", str(step)], check=False)
    assert child.returncode == (0 if step == 3 else 9)
    if step == 3:
        assert kept.load(REF)[1] == NEWER
    elif was_kept:
        assert kept.load(REF)[1] == PHOTOS
    else:
        with pytest.raises(PhotosNotKept):
            kept.load(REF)
    _keep(kept, photos=NEWER)
    assert kept.load(REF)[1] == NEWER
    assert kept.remove(REF)


@pytest.mark.slow
@pytest.mark.parametrize("step", range(4))
def test_a_set_that_a_process_died_removing_cannot_be_loaded_and_is_removed_later(
    kept: KeptPhotos, step: int
) -> None:
    _keep(kept)
    subprocess.run([sys.executable, "-c", DYING, kept.folder, "remove", str(step)], check=False)
    if step:
        assert kept.find(REF) is None
    assert kept.remove(REF)
    assert kept.count() == 0
