from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from PIL import Image

from apiframe_studio.photos import faces, rules
from apiframe_studio.photos.choosing import Choice, choose, count_to_send
from apiframe_studio.photos.decoders import open_decoders
from apiframe_studio.photos.errors import DecodersFailed, NothingToPrepare, PathRefused
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import PhotoCheck, Reason, Verdict
from apiframe_studio.photos.preparing import compute_fingerprint
from apiframe_studio.photos.synthetic import draw, make_scenes, write_photos

from ...painting import SMALL
from .calls import check, prepare

pytestmark = pytest.mark.slow

Put = Callable[..., Path]
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")


async def check_folder(folder: Path, *more: Path) -> PhotoCheck:
    with anyio.fail_after(60):
        return await check([folder, *more], AllowedFolders([folder, *more]))


def children() -> list[str]:
    tasks = Path("/proc/self/task")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]


async def test_every_photo_gets_a_number_and_a_verdict(photo_folder: Path, put: Put) -> None:
    put("a.jpg", 1)
    put("b small.jpg", 2, size=(290, 400))
    put("c text.jpg", b"not a photo")
    put("d.jpg", put("a.jpg", 1).read_bytes())
    checked = await check_folder(photo_folder)
    assert [photo.number for photo in checked.photos] == [1, 2, 3, 4]
    assert Reason.TOO_SMALL in checked.photos[1].reasons
    assert checked.photos[2].reasons == (Reason.NOT_AN_IMAGE,)
    assert Reason.NEAR_DUPLICATE in checked.photos[3].reasons
    assert checked.photos[3].duplicate_of == 1
    assert (checked.usable, checked.enough) == (1, False)


@pytest.mark.real_decoders
async def test_without_the_face_checks_photos_are_checked_and_prepared_without_numpy(
    photo_folder: Path, put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked/numpy.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path / "blocked")  # The decoder processes get this search path.
    put("b.jpg", 2)
    with Image.open(put("a.jpg", 1)) as image:
        image.resize((800, 1000)).save(photo_folder / "c.jpg")
    checked = await check_folder(photo_folder)
    assert [photo.facts and (photo.facts.faces, photo.facts.sharpness > 0) for photo in checked.photos] == [
        (None, True)
    ] * 3
    assert [photo.duplicate_of for photo in checked.photos] == [None, None, 1]
    prepared = await prepare(checked)
    assert len(prepared.jpegs) == 2


async def test_progress_is_reported_for_every_photo(
    photo_folder: Path, allowed: AllowedFolders, put: Put
) -> None:
    reports: list[tuple[int, int]] = []

    async def record(done: int, of: int) -> None:
        reports.append((done, of))

    for number in range(5):
        put(f"{number}.jpg", number)
    with anyio.fail_after(60):
        await check([photo_folder], allowed, progress=record)
    assert reports == [(done, 5) for done in range(1, 6)]


async def test_the_check_of_an_empty_folder_is_empty(photo_folder: Path) -> None:
    checked = await check_folder(photo_folder)
    assert (checked.photos, checked.usable) == ((), 0)
    with pytest.raises(NothingToPrepare):
        await prepare(checked)


async def test_a_path_outside_ends_the_check_before_any_photo_is_read(
    photo_folder: Path, allowed: AllowedFolders, put: Put
) -> None:
    put("a.jpg")
    with pytest.raises(PathRefused):
        await check([photo_folder, "/etc"], allowed)


async def test_the_synthetic_photos_are_a_usable_training_set(tmp_path: Path) -> None:
    write_photos(tmp_path, 12)
    checked = await check_folder(tmp_path)
    assert [photo.verdict for photo in checked.photos] == [Verdict.USE] * 12
    assert checked.enough
    with anyio.fail_after(60):
        prepared = await prepare(checked)
    assert len(prepared.jpegs) == 12
    assert prepared.size == sum(map(len, prepared.jpegs)) < 12 * 400_000


async def test_of_more_photos_the_best_thirty_are_sent_best_first(photo_folder: Path, put: Put) -> None:
    for number in range(33):
        put(f"{number:02}.jpg", number, size=SMALL)
    checked = await check_folder(photo_folder)
    with anyio.fail_after(60):
        prepared = await prepare(checked)
    worths = [rules.compute_score(photo) for photo in prepared.photos]
    assert (len(prepared.jpegs), len(prepared.spare)) == (30, 3)
    assert worths == sorted(worths, reverse=True)
    assert max(rules.compute_score(photo) for photo in prepared.spare) <= worths[-1]


async def test_doubtful_photos_are_sent_only_if_named_or_if_there_are_too_few_good_ones(
    photo_folder: Path, put: Put
) -> None:
    for number in range(1, 15):
        path = put(f"drawn-{number:02}.jpg", number, size=SMALL)
        if number <= 3:
            dark = Image.open(path).point([level // 4 for level in range(256)] * 3)
            dark.save(path, "JPEG", quality=90)
    checked = await check_folder(photo_folder)
    assert [photo.verdict for photo in checked.photos[:3]] == [Verdict.WARN] * 3
    chosen = choose(checked, leave_out=["drawn-14"], keep=[f"{checked.code}:2"])
    few = choose(checked, leave_out=[f"drawn-{number:02}.jpg" for number in (5, 6, 7)])
    with anyio.fail_after(60):
        assert await names_sent(checked, choose(checked)) == set(range(4, 15))
        assert await names_sent(checked, chosen) == {2, *range(4, 14)}
        sent = await names_sent(checked, few)
    assert len(sent) == count_to_send(checked, few) == 10
    assert sent > {4, *range(8, 15)}


async def test_the_better_of_two_duplicates_is_kept_in_any_order(photo_folder: Path) -> None:
    image = draw(make_scenes(1)[0], (1600, 2000))
    for name, factor in (("a.jpg", 2), ("b.jpg", 1), ("c.jpg", 2)):
        image.reduce(factor).save(photo_folder / name, "JPEG", quality=90 // factor)
    checked = await check_folder(photo_folder)
    assert [photo.duplicate_of for photo in checked.photos] == [2, None, 2]


async def names_sent(checked: PhotoCheck, choice: Choice) -> set[int]:
    return {photo.number for photo in (await prepare(checked, choice=choice)).photos}


async def test_the_fingerprint_depends_on_the_photos_and_not_on_names_or_order(
    tmp_path: Path, put: Put
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    for number in range(4):
        shutil.copy(put(f"{number}.jpg", number, size=SMALL), one)
        shutil.copy(one / f"{number}.jpg", other / f"{9 - number} renamed.jpeg")
    with anyio.fail_after(60):
        first, second = await prepare(await check_folder(one)), await prepare(await check_folder(other))
        (other / "9 renamed.jpeg").unlink()
        fewer = await prepare(await check_folder(other))
    assert first.fingerprint == second.fingerprint != fewer.fingerprint
    assert sorted(first.jpegs) == sorted(second.jpegs)


async def test_metadata_does_not_change_the_fingerprint(photo_folder: Path, put: Put) -> None:
    path = put("a.jpg")
    with anyio.fail_after(60):
        before = await prepare(await check_folder(photo_folder))
        path.write_bytes(path.read_bytes() + b"appended")
        after = await prepare(await check_folder(photo_folder))
    assert before.fingerprint == after.fingerprint


def test_a_fingerprint_is_computed_over_a_set_and_not_over_joined_texts() -> None:
    assert (
        compute_fingerprint(["ab", "c"])
        == compute_fingerprint(["c", "ab"])
        != compute_fingerprint(["a", "bc"])
    )


async def test_a_photo_changed_after_the_check_is_replaced_by_a_spare_one(
    photo_folder: Path, put: Put
) -> None:
    for number in range(4):
        put(f"{number}.jpg", number)
    checked = await check_folder(photo_folder)
    put("1.jpg", 50)
    (photo_folder / "2.jpg").unlink()
    with anyio.fail_after(60):
        prepared = await prepare(checked, 3)
    assert {photo.photo.name for photo in prepared.changed} == {"1.jpg", "2.jpg"}
    assert {photo.photo.name for photo in prepared.photos} == {"0.jpg", "3.jpg"}


@pytest.mark.skipif(os.name == "nt", reason="makes a link the POSIX way")
async def test_a_link_that_replaces_a_photo_after_the_check_is_not_followed(
    photo_folder: Path, put: Put, tmp_path: Path
) -> None:
    path = put("a.jpg")
    checked = await check_folder(photo_folder)
    path.rename(tmp_path / "outside.jpg")
    path.symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(NothingToPrepare):
        await prepare(checked)


async def test_the_sheet_is_a_jpeg_under_200_kb(photo_folder: Path, put: Put) -> None:
    for number in range(12):
        put(f"{number}.jpg", number, size=SMALL)
    put("x.jpg", b"broken")
    checked = await check_folder(photo_folder)
    assert len(checked.sheet) < 200_000
    with Image.open(io.BytesIO(checked.sheet)) as sheet:
        assert sheet.format == "JPEG"
        assert max(sheet.size) <= 1500


@pytest.mark.real_decoders
@linux
async def test_no_decoder_remains_after_a_finished_or_cancelled_check(
    photo_folder: Path, allowed: AllowedFolders, put: Put
) -> None:
    for number in range(8):
        put(f"{number}.jpg", number, size=(3000, 3000))
    before = set(children())
    await check_folder(photo_folder)
    assert set(children()) == before

    async def stop(_done: int, _of: int) -> None:
        scope.cancel()

    with anyio.fail_after(60), anyio.CancelScope() as scope:
        await check([photo_folder], allowed, progress=stop)
    assert scope.cancelled_caught
    assert set(children()) == before


@pytest.mark.real_decoders
@linux
async def test_decoders_do_not_get_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIFRAME_API_KEY", "CANARY-key")
    before = set(children())
    with anyio.fail_after(60):
        async with open_decoders(Limits(), 1) as pool:
            await pool.ask({"job": "compare", "alike": 0.9})
            (child,) = set(children()) - before
            environment = await anyio.Path(f"/proc/{child}/environ").read_bytes()
    assert b"CANARY" not in environment
    assert b"PYTHONPATH" in environment


@pytest.mark.real_decoders
async def test_a_decoder_that_cannot_start_is_not_an_error_of_the_photo(
    photo_folder: Path, allowed: AllowedFolders, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.jpg")
    for program in ("/nowhere/python", shutil.which("false") or "/bin/false"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(DecodersFailed), anyio.fail_after(60):
            await check([photo_folder], allowed)


async def test_the_event_loop_is_responsive_while_photos_are_read(
    photo_folder: Path, allowed: AllowedFolders, put: Put
) -> None:
    for number in range(6):
        put(f"{number}.jpg", number, size=(3000, 3000))
    ticks, busy = 0, True

    async def tick() -> None:
        nonlocal ticks
        while busy:
            await anyio.lowlevel.checkpoint()
            ticks += 1

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await check([photo_folder], allowed)
            busy = False
    assert ticks > 1000


@pytest.mark.skipif(not faces.is_available(), reason="needs apiframe-photo-mcp[faces]")
async def test_a_rotated_photo_is_sent_upright(tmp_path: Path) -> None:
    draw(make_scenes(2)[1], (600, 800)).rotate(90, expand=True).save(tmp_path / "lying.jpg", quality=95)
    checked = await check_folder(tmp_path)
    with anyio.fail_after(60):
        prepared = await prepare(checked)
    with Image.open(io.BytesIO(prepared.jpegs[0])) as sent:
        assert sent.size == (600, 800)
        detection = faces.detect(sent.convert("RGB"))
    assert detection is not None
    assert detection.turn == 0
    assert len(detection.faces) == 1
