"""Saved images are read, written and removed only below their folder, even if links replace them."""

from __future__ import annotations

import ast
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import apiframe_server
import apiframe_studio
import apiframe_tools
from apiframe_studio import guarded_files
from apiframe_studio.file_threads import MAX_AT_ONCE, in_file_thread
from apiframe_studio.guarded_files import GuardedFolder
from apiframe_studio.image_store import ImageStore
from apiframe_studio.ledger import Kind, SavedImage, Submission
from apiframe_studio.ledger.states import State

from . import swapping
from .stepped_clock import SteppedClock

posix = pytest.mark.skipif(os.name == "nt", reason="makes links, FIFOs and sockets the POSIX way")
READS = 2000


def _png(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    return file.getvalue()


OURS, SECRET = _png("green"), _png("red")


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _row(ref: str = "ge-1234567", subject: str = "Anna") -> Submission:
    return Submission(ref, Kind.GENERATION, "s", "o", "about", subject, None, State.QUEUED, 1, 0.0)


@pytest.fixture(params=["walk", "resolve"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of opening: by descriptor (POSIX) and by resolving (where there is no dir_fd)."""
    monkeypatch.setattr(guarded_files, "WALKS_BY_DESCRIPTOR", request.param == "walk")
    return str(request.param)


@pytest.fixture
def image_store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "out", (), SteppedClock())


@pytest.fixture
async def saved(image_store: ImageStore) -> SavedImage:
    return await image_store.save(_row(), 1, OURS, "image/png", {})


@pytest.fixture
def secret(tmp_path: Path, saved: SavedImage) -> Path:
    """An image outside the output folder with the same names as the saved one."""
    path = tmp_path / "private" / Path(saved.path).name
    path.parent.mkdir()
    path.write_bytes(SECRET)
    return path


def _link_the_file(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def _link_the_file_by_a_relative_path(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(os.path.relpath(secret, path.parent))


def _link_the_folder(path: Path, secret: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(secret.parent)


def _put_a_fifo(path: Path, _secret: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _put_a_folder(path: Path, _secret: Path) -> None:
    path.unlink()
    path.mkdir()


def _put_a_socket(path: Path, _secret: Path) -> None:
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(here)


def _put_a_device(path: Path, _secret: Path) -> None:
    path.unlink()
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


PLANTED = [
    _link_the_file,
    _link_the_file_by_a_relative_path,
    _link_the_folder,
    _put_a_fifo,
    _put_a_folder,
    _put_a_socket,
    _put_a_device,
]


@posix
@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.usefixtures("either_way")
async def test_a_file_that_replaced_a_saved_image_is_neither_shown_nor_waited_for(
    image_store: ImageStore, saved: SavedImage, secret: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(Path(saved.path), secret)
    with anyio.fail_after(60):
        assert await image_store.read(saved) is None
        assert await image_store.previews([saved]) == []
        assert not await image_store.find_on_disk([saved])


@posix
@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.usefixtures("either_way")
async def test_forgetting_removes_only_regular_files_of_the_folder_and_reports_the_rest(
    image_store: ImageStore, saved: SavedImage, secret: Path, plant: Callable[[Path, Path], None]
) -> None:
    path = Path(saved.path)
    plant(path, secret)
    with anyio.fail_after(60):
        left = await in_file_thread(image_store.remove, "Anna", [saved.ref], [saved])
    assert _content(secret) == SECRET
    assert path in left
    assert _is_there(path)


async def test_forgetting_keeps_and_reports_a_file_outside_the_output_folder(
    image_store: ImageStore, saved: SavedImage, secret: Path
) -> None:
    rows = [
        SavedImage(saved.ref, number, str(path), "image/png", 0.0)
        for number, path in enumerate((secret, secret.with_name("gone.png")), 2)
    ]
    sly = SavedImage(
        saved.ref, 4, str(Path(saved.path).parent / ".." / ".." / "private" / secret.name), "", 0.0
    )
    left = image_store.remove("Anna", [saved.ref], [saved, *rows, sly])
    assert _content(secret) == SECRET
    assert left == [secret, Path(sly.path)]
    assert not _is_there(Path(saved.path))


@given(
    st.lists(
        st.sampled_from(["..", ".", "", "/", "//", "out", "Anna", "a\0b", "\ud800", "~"])
        | st.text(max_size=5)
    )
)
def test_no_path_in_a_row_leads_outside_the_folder_or_raises(steps: list[str]) -> None:
    files = GuardedFolder(Path("/nowhere/out"))
    for path in (Path("/nowhere/out", *steps), Path(*steps), Path("/nowhere/out/" + "/".join(steps))):
        parts = files.parts_of(path)
        assert parts is None or (".." not in parts and not any("/" in part for part in parts) and parts)
        assert parts is None or not files.is_file(parts)


@posix
@pytest.mark.parametrize("place", ["the draft", "the file", "what made it", "the folder"])
@pytest.mark.usefixtures("either_way")
async def test_writing_does_not_follow_a_link(image_store: ImageStore, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "private"
    outside.mkdir()
    (outside / "file").write_bytes(SECRET)
    folder = tmp_path / "out" / "Anna"
    stem = "19700101-000000-ge-1234567-1"
    if place == "the folder":
        folder.parent.mkdir()
        folder.symlink_to(outside)
        with pytest.raises(OSError, match="Anna is a link"):
            await image_store.save(_row(), 1, OURS, "image/png", {})
        assert [path.name for path in outside.iterdir()] == ["file"]
        return
    folder.mkdir(parents=True)
    names = {"the draft": f".{stem}.png.part", "the file": f"{stem}.png", "what made it": f"{stem}.json"}
    (folder / names[place]).symlink_to(outside / "file")
    saved = await image_store.save(_row(), 1, OURS, "image/png", {})
    assert _content(outside / "file") == SECRET
    assert await image_store.read(saved) == OURS


@contextmanager
def _swapping(place: Path, *beside: Path) -> Generator[None]:
    command = [sys.executable, swapping.__file__, str(place), *map(str, beside)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"swapping\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(60)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("what", ["the file", "the folder"])
async def test_links_created_during_reading_reveal_nothing_outside(
    image_store: ImageStore, saved: SavedImage, secret: Path, what: str
) -> None:
    """Another process swaps the files. Without the guard, one read in forty returned the file outside."""
    path = Path(saved.path)
    place, target = (path, secret) if what == "the file" else (path.parent, secret.parent)
    link = place.with_name("link")
    link.symlink_to(target)
    seen = set()
    with _swapping(place, link), anyio.fail_after(60):
        for _ in range(READS):
            seen.add(await image_store.read(saved))
    assert SECRET not in seen
    assert OURS in seen


@posix
async def test_links_created_during_forgetting_remove_nothing_outside(
    image_store: ImageStore, saved: SavedImage, secret: Path
) -> None:
    place = Path(saved.path).parent
    link = place.with_name("link")
    link.symlink_to(secret.parent)
    files = GuardedFolder(image_store.folder)
    parts = files.parts_of(Path(saved.path)) or ()
    with _swapping(place, link), anyio.fail_after(60):
        for _ in range(READS // 10):
            await in_file_thread(_unlink_often, files, parts)
    assert _content(secret) == SECRET


def _unlink_often(files: GuardedFolder, parts: tuple[str, ...]) -> None:
    for _ in range(10):
        with suppress(OSError):
            files.unlink(parts)


@posix
async def test_links_created_during_writing_put_nothing_outside(
    image_store: ImageStore, saved: SavedImage, secret: Path
) -> None:
    place = Path(saved.path).parent
    link = place.with_name("link")
    link.symlink_to(secret.parent)
    with _swapping(place, link), anyio.fail_after(60):
        for number in range(READS // 10):
            with suppress(OSError):
                await image_store.save(_row(), number, OURS, "image/png", {})
    assert _names_in(secret.parent) == [secret.name]
    assert _content(secret) == SECRET


WRITER = """
import sys
from pathlib import Path
from apiframe_studio.guarded_files import GuardedFolder
folder, size = GuardedFolder(Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(200):
    folder.write(["Anna", "1.png"], b"x" * size)
"""


def test_two_processes_can_write_the_same_image(tmp_path: Path) -> None:
    sizes = (100_000, 200_000)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for size in sizes
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    ended = [writer.communicate(b"go\n", 60) for writer in writers]
    assert [errors for _, errors in ended] == [b"", b""]
    assert [path.name for path in (tmp_path / "Anna").iterdir()] == ["1.png"]
    assert (tmp_path / "Anna" / "1.png").stat().st_size in sizes


def test_drafts_of_crashed_processes_are_removed_and_those_of_running_ones_kept(tmp_path: Path) -> None:
    folder = GuardedFolder(tmp_path)
    folder.write(["Anna", "1.png"], b"x")
    names = [
        ".1.png.part",
        ".1.png.0123abcd.part",
        ".1.png.99999999.part",
        ".2.png.01234567.part",
        "mine.part",
    ]
    for name in names:
        (tmp_path / "Anna" / name).write_bytes(b"half")
    old = time.time() - guarded_files.ABANDONED_AFTER_SECONDS - 1
    for name in (*names[:2], *names[3:]):
        os.utime(tmp_path / "Anna" / name, (old, old))
    folder.write(["Anna", "1.png"], b"y")
    assert sorted(path.name for path in (tmp_path / "Anna").iterdir()) == sorted(["1.png", *names[2:]])


def test_a_failed_write_leaves_no_draft_and_keeps_the_old_file(tmp_path: Path) -> None:
    folder = GuardedFolder(tmp_path)
    (tmp_path / "Anna" / "1.png").mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        folder.write(["Anna", "1.png"], b"x")
    assert [path.name for path in (tmp_path / "Anna").iterdir()] == ["1.png"]


@posix
def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("counts descriptors through /proc")
    folder = GuardedFolder(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for parts in (["fifo"], ["link", "x"], ["none"], ["none", "x"], ["fifo", "x"]):
        for verb in (folder.is_file, folder.unlink, folder.names, lambda parts: folder.read(parts, 9)):
            with suppress(OSError):
                verb(parts)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_an_output_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    image_store = ImageStore(tmp_path / "out", (), SteppedClock())
    saved = await image_store.save(_row(), 1, OURS, "image/png", {})
    assert Path(saved.path).is_relative_to(tmp_path / "out")
    real = SavedImage(saved.ref, 1, str(tmp_path / "disk" / "Anna" / Path(saved.path).name), "image/png", 0.0)
    assert [await image_store.read(one) for one in (saved, real)] == [OURS, OURS]
    assert image_store.remove("Anna", [saved.ref], [saved]) == []
    assert list((tmp_path / "disk").iterdir()) == []


@posix
async def test_an_image_is_on_disk_before_it_counts_as_saved(
    image_store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def rename(*names: Any, **folders: Any) -> None:
        replace(*names, **folders)
        done.append("rename")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    await image_store.save(_row(), 1, OURS, "image/png", {})
    assert done == ["file", "rename", "folder"] * 2


# -- threads -----------------------------------------------------------------------------------------------


async def test_blocked_file_access_does_not_block_standard_input() -> None:
    """The SDK reads its pipe on the default threads; these must be free while every file thread is stuck."""
    stuck, release = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        stuck.release()
        release.wait(60)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(60):
                group.start_soon(in_file_thread, hang)
            try:
                for _ in range(MAX_AT_ONCE):
                    await anyio.to_thread.run_sync(stuck.acquire)
                assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
                assert await anyio.to_thread.run_sync(lambda: "a line") == "a line"
            finally:
                release.set()


@pytest.mark.slow
def test_no_file_access_uses_the_threads_of_standard_input() -> None:
    packages = (apiframe_studio, apiframe_tools, apiframe_server)
    modules = [path for package in packages for path in Path(package.__file__ or "").parent.rglob("*.py")]
    calls = [
        (module.name, node)
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("to_thread.run_sync")
    ]
    assert calls
    without = [name for name, call in calls if "limiter" not in {keyword.arg for keyword in call.keywords}]
    assert without == []
