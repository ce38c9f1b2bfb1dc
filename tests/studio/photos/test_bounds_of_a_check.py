"""Limits of checks: time, processes and memory with many photos and calls, and nothing is checked twice."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from PIL import Image

from apiframe_studio.photos import decode
from apiframe_studio.photos.cache import BoundedCache, PhotoCache
from apiframe_studio.photos.decoders import MAX_PROCESSES, open_decoders
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import PhotoCheck, Reason

from .calls import check, prepare

pytestmark = pytest.mark.slow

Put = Callable[..., Path]
LONG_AGO = (1_700_000_000, 1_700_000_000)


def children() -> set[str]:
    tasks = Path("/proc/self/task")
    return {child for task in tasks.iterdir() for child in (task / "children").read_text().split()}


@pytest.fixture
def old(photo_folder: Path, put: Put) -> Path:
    """Seven photos that are not being written."""
    for number in range(7):
        os.utime(put(f"{number}.jpg", number), LONG_AGO)
    return photo_folder


async def check_folder(folder: Path, cache: PhotoCache, seconds: float | None = None) -> PhotoCheck:
    with anyio.fail_after(60):
        return await check([folder], AllowedFolders([folder]), seconds=seconds, cache=cache)


async def test_a_check_that_runs_out_of_time_reports_the_rest_and_continues_when_called_again(
    old: Path,
) -> None:
    cache, checked = PhotoCache(), [await check_folder(old, PhotoCache(), 0.0)]
    assert 0 < len(checked[0].photos) < 7
    while (last := await check_folder(old, cache, 0.0)).unseen:
        assert len(last.photos) + len(last.unseen) == 7
        assert not {photo.photo for photo in last.photos} & set(last.unseen)
        checked.append(last)
        assert len(checked) < 9
    assert [photo.number for photo in last.photos] == [1, 2, 3, 4, 5, 6, 7]
    assert last.photos == (await check_folder(old, PhotoCache())).photos


async def test_a_checked_file_is_not_checked_again_until_it_changes(old: Path) -> None:
    reports: list[tuple[int, int]] = []

    async def record(done: int, of: int) -> None:
        reports.append((done, of))

    async def again() -> PhotoCheck:
        reports.clear()
        with anyio.fail_after(60):
            return await check([old], AllowedFolders([old]), progress=record, cache=cache)

    cache = PhotoCache()
    first = await again()
    assert reports == [(done, 7) for done in range(1, 8)]
    second = await again()
    assert (second, reports) == (first, [(7, 7)])
    (old / "3.jpg").write_bytes(b"a note")
    os.utime(old / "3.jpg", LONG_AGO)
    third = await again()
    assert reports == [(6, 7), (7, 7)]
    assert third.photos[3].reasons == (Reason.NOT_AN_IMAGE,)
    assert third.code != second.code == first.code


async def test_a_file_that_is_being_written_is_checked_each_time(photo_folder: Path, put: Put) -> None:
    cache, path = PhotoCache(), put("a.jpg", 1)
    before = path.stat()
    await check_folder(photo_folder, cache)
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await check_folder(photo_folder, cache)).photos[0].reasons == (Reason.NOT_AN_IMAGE,)


async def test_cached_content_is_never_sent_for_a_changed_file(old: Path) -> None:
    """The bytes are read and compared again even if the result is cached."""
    cache = PhotoCache()
    checked = await check_folder(old, cache)
    first = await prepare(checked, cache=cache)
    (old / "2.jpg").write_bytes((old / "1.jpg").read_bytes() + b"x")
    with anyio.fail_after(60):
        second = await prepare(checked, cache=cache)
    assert len(first.jpegs) == 7
    assert [photo.photo.name for photo in second.changed] == ["2.jpg"]
    assert sorted(second.jpegs) == sorted(set(first.jpegs) - {first.jpegs[_place(first.photos, "2.jpg")]})


def _place(photos: object, name: str) -> int:
    assert isinstance(photos, tuple)
    return [photo.photo.name for photo in photos].index(name)


@pytest.mark.real_decoders
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")
async def test_concurrent_checks_share_a_few_processes(old: Path) -> None:
    before, most, done = children(), 0, 0

    async def count(_done: int, _of: int) -> None:
        nonlocal most
        most = max(most, len(children() - before))

    async def one() -> None:
        nonlocal done
        await check([old], AllowedFolders([old]), progress=count)
        done += 1

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(one)
    assert done == 6
    assert 1 <= most <= MAX_PROCESSES
    assert children() == before


def image(format_: str, side: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (120, 90, 80)).save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "large"),
    [
        (image("PNG", 200), True),
        (image("PNG", 90), False),
        (image("WEBP", 200), True),
        (image("JPEG", 200), False),
        (image("JPEG", 200, progressive=True), True),
        (image("PNG", 2000), False),
        (b"not a photo", False),
        (image("PNG", 200)[:30], False),
    ],
)
def test_a_photo_is_large_by_its_header_and_only_if_it_is_decoded_at_full_size(
    data: bytes, large: bool
) -> None:
    """A plain JPEG is decoded at reduced size; a photo with too many pixels is rejected without using memory."""
    assert decode.is_large(data, Limits(pixels=1_000_000, large_pixels=10_000)) is large


async def test_large_photos_are_decoded_one_at_a_time_and_small_ones_do_not_wait() -> None:
    answers: list[str] = []
    with anyio.fail_after(60):
        async with open_decoders(Limits(large_pixels=10_000)) as pool, anyio.create_task_group() as group:

            async def ask(name: str, side: int) -> None:
                await pool.ask({"job": "preview"}, [image("PNG", side)])
                answers.append(name)

            async with pool._pool.large:
                await ask("small", 90)
                group.start_soon(ask, "large", 200)
                while not pool._pool.large.statistics().tasks_waiting:
                    assert answers == ["small"]
                    await anyio.lowlevel.checkpoint()
    assert answers == ["small", "large"]


@pytest.mark.parametrize(("more", "refused"), [(0, False), (20, False), (100, True), (3000, True)])
async def test_a_jpeg_with_too_many_passes_is_rejected_before_it_is_decoded(
    photo_folder: Path, put: Put, more: int, refused: bool
) -> None:
    """A photo this small is decoded at once, so only the markers can be the reason."""
    file = io.BytesIO()
    Image.new("RGB", (640, 720), (120, 90, 80)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    last = whole[whole.rindex(b"\xff\xda") : -2]
    put("a.jpg", whole[:-2] + last * more + b"\xff\xd9")
    checked = await check_folder(photo_folder, PhotoCache())
    assert (checked.photos[0].reasons == (Reason.TOOK_TOO_LONG,)) is refused
    assert (checked.photos[0].facts is None) is refused


async def test_passes_count_more_in_larger_photos(photo_folder: Path, put: Put) -> None:
    file = io.BytesIO()
    Image.new("RGB", (7000, 8000), (120, 90, 80)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    last = whole[whole.rindex(b"\xff\xda") : -2]
    put("a.jpg", whole)
    put("b.jpg", whole[:-2] + last * 30 + b"\xff\xd9")
    checked = await check_folder(photo_folder, PhotoCache())
    assert checked.photos[0].facts is not None
    assert checked.photos[1].reasons == (Reason.TOOK_TOO_LONG,)


async def test_scans_of_thumbnails_and_further_images_in_the_file_do_not_count(
    photo_folder: Path, put: Put
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (640, 720), (120, 90, 80)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    comment = b"\xff\xfe" + (60_000).to_bytes(2, "big") + (b"\xff\xda" * 30_000)[:59_998]
    put("a.jpg", whole[:2] + comment + whole[2:] + whole * 20)
    assert (await check_folder(photo_folder, PhotoCache())).photos[0].facts is not None


def test_the_cache_is_limited_in_number_bytes_and_time() -> None:
    now = 0.0
    cache: BoundedCache[int, str] = BoundedCache(3, 10_000, 60.0, lambda: now)
    for key in range(4):
        cache.put(key, f"value {key}", 10)
    assert [cache.get(key) for key in range(4)] == [None, "value 1", "value 2", "value 3"]
    cache.get(1)
    cache.put(4, "large", 6_000)
    assert (cache.get(2), cache.get(1), cache.get(4)) == (None, "value 1", "large")
    cache.put(5, "too large", 20_000)
    assert len(cache) == 0
    cache.put(6, "old", 10)
    now = 60.0
    assert cache.get(6) is None
    cache.put(7, "x", 10)
    assert len(cache) == 1
