from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from apiframe_studio import guarded_files as walking
from apiframe_studio.photos.errors import PathRefused, Refusal
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.limits import MAX_PHOTOS_CHECKED

SECRET = b"what lies outside"
posix = pytest.mark.skipif(os.name == "nt", reason="makes links, FIFOs and sockets the POSIX way")


@dataclass(frozen=True)
class Attack:
    name: str
    path: str
    refusals: frozenset[Refusal]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    for path in (folder / "secret.jpg", folder / "deep" / "secret.jpg"):
        path.write_bytes(SECRET)
    beside = tmp_path / "photos-of-others"
    beside.mkdir()
    (beside / "secret.jpg").write_bytes(SECRET)
    return folder


@pytest.fixture(params=["walk", "resolve"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of opening a file: by descriptor (POSIX) and by resolving the path (without dir_fd)."""
    monkeypatch.setattr(walking, "WALKS_BY_DESCRIPTOR", request.param == "walk")
    return str(request.param)


def spelled(photo_folder: Path, outside: Path) -> Iterator[Attack]:
    """Paths that are rejected by their text alone."""
    root = photo_folder.parent
    targets = [
        str(outside / "secret.jpg"),
        str(outside / "deep" / "secret.jpg"),
        str(outside),
        str(root / "photos-of-others" / "secret.jpg"),
        str(root / "Pictures" / "a.jpg"),
        str(root),
        "/",
        "/etc/passwd",
        "/etc/shadow",
        "/dev/zero",
        "/dev/stdin",
        "/dev/fd/0",
        "/proc/self/environ",
        "/proc/self/fd/0",
        "/proc/self/root/etc/passwd",
        "/proc/self/cwd",
        "/sys/kernel/notes",
        "/run/secrets/key",
    ]
    for target in targets:
        for name, text in {
            "plain": target,
            "slash behind": target + "/",
            "dot inside": target.replace("/", "/./"),
            "double slash inside": target[0] + target[1:].replace("/", "//"),
            "double slash before": "/" + target,
        }.items():
            yield Attack(f"{name} {target}", text, frozenset({Refusal.OUTSIDE}))
    steps = {
        "from the folder": f"{photo_folder}/../outside/secret.jpg",
        "and back": f"{photo_folder}/../photos/../outside/secret.jpg",
        "through nothing": f"{photo_folder}/nothing/../../outside/secret.jpg",
        "through a file": f"{photo_folder}/real.jpg/../../outside/secret.jpg",
        "relative": "../outside/secret.jpg",
        "relative deep": "album/../../outside/secret.jpg",
        "alone": "..",
        "at the end": f"{photo_folder}/..",
        "many": f"{photo_folder}" + "/.." * 40 + "/etc/passwd",
        "many relative": "../" * 40 + "etc/passwd",
        "with dots between": f"{photo_folder}/./.././outside/secret.jpg",
        "with slashes": f"{photo_folder}//..//outside//secret.jpg",
        "home": "~/../outside/secret.jpg",
        "inside the folder": f"{photo_folder}/album/../real.jpg",
    }
    for name, text in steps.items():
        yield Attack(f"parent {name}", text, frozenset({Refusal.PARENT_STEP}))
    malformed = {
        "empty": "",
        "blank": "  ",
        "long": "a" * 5000,
        "long name": f"{photo_folder}/{'a' * 300}.jpg",
        "deep": f"{photo_folder}/" + "a/" * 200 + "b.jpg",
        "lone surrogate": f"{photo_folder}/\ud800.jpg",
    }
    for name, text in malformed.items():
        yield Attack(name, text, frozenset({Refusal.MALFORMED, Refusal.NOT_FOUND}))
    for code in [*range(32), 127, 0x85, 0x200B, 0x200E, 0x202E, 0x2028, 0x2066, 0xFEFF]:
        for text in (
            f"{photo_folder}/real.jpg{chr(code)}",
            f"{photo_folder}/{chr(code)}/../../outside/secret.jpg",
        ):
            yield Attack(f"character {code:#x} in {text!r}", text, frozenset({Refusal.MALFORMED}))
    hidden = [".ssh/id_rsa", ".env", "album/.hidden.jpg", ".thumbnails/a.jpg", "...", ".../x.jpg"]
    for text in [*hidden, *(f"{photo_folder}/{name}" for name in hidden)]:
        yield Attack(f"hidden {text}", text, frozenset({Refusal.HIDDEN}))
    foreign = [
        r"C:\Users\her\secret.jpg",
        "C:/Users/her/secret.jpg",
        r"\\server\share\a.jpg",
        r"\\?\C:\a.jpg",
    ]
    for text in foreign:
        yield Attack(f"Windows {text}", text, frozenset({Refusal.OUTSIDE}))
    names = [
        "file:///etc/passwd",
        "http://127.0.0.1/a.jpg",
        "%2e%2e/outside/secret.jpg",
        r"..\outside\secret.jpg",
    ]
    names += [
        "\uff0e\uff0e/outside/secret.jpg",
        "\u2025/outside/secret.jpg",
        "$HOME/a.jpg",
        "${HOME}/a.jpg",
        "`id`.jpg",
    ]
    names += [
        "*.jpg",
        "-rf",
        "~root/a.jpg",
        "~daemon/.ssh/id_rsa",
        "a.jpg:stream",
        "CON",
        "etc/passwd",
        "real.jpg/x",
    ]
    names += [
        "real.jpg/secret.jpg",
        "photos/missing.jpg",
        "..%2foutside",
        "..;/outside",
        "....//x.jpg",
    ]
    for text in names:
        allowed = {Refusal.NOT_FOUND, Refusal.HIDDEN, Refusal.PARENT_STEP}
        yield Attack(f"name {text}", text, frozenset(allowed))


def planted(photo_folder: Path, outside: Path) -> Iterator[Attack]:
    """Files and links in the allowed folder that lead outside."""
    link = frozenset({Refusal.LINK})
    (photo_folder / "album").mkdir()
    (photo_folder / "real.jpg").write_bytes(b"real")
    targets = {
        "file": str(outside / "secret.jpg"),
        "relative file": "../outside/secret.jpg",
        "missing": str(outside / "missing.jpg"),
        "itself": "itself.jpg",
        "inside": str(photo_folder / "real.jpg"),
        "zero": "/dev/zero",
        "tty": "/dev/tty",
        "environ": "/proc/self/environ",
        "fd": "/proc/self/fd/0",
    }
    for name, target in targets.items():
        for folder in (photo_folder, photo_folder / "album"):
            path = folder / f"{name}.jpg"
            path.symlink_to(target)
            yield Attack(f"link to {name} in {folder.name}", str(path), link)
            yield Attack(
                f"relative link to {name} in {folder.name}", str(path.relative_to(photo_folder)), link
            )
            chain = folder / f"chain to {name}.jpg"
            chain.symlink_to(path)
            yield Attack(f"chain to {name} in {folder.name}", str(chain), link)
    for name, place in {
        "out": outside,
        "root": Path("/"),
        "self": photo_folder,
        "fds": Path("/proc/self/fd"),
    }.items():
        for folder in (photo_folder, photo_folder / "album"):
            path = folder / f"folder {name}"
            path.symlink_to(place)
            yield Attack(f"folder link {name} in {folder.name}", str(path), link)
            for below in ("secret.jpg", "deep/secret.jpg", "missing.jpg", "etc/passwd", "0"):
                yield Attack(f"below folder link {name}: {below} in {folder.name}", str(path / below), link)
    special = frozenset({Refusal.NOT_A_FILE_OR_FOLDER})
    os.mkfifo(photo_folder / "fifo.jpg")
    yield Attack("fifo", str(photo_folder / "fifo.jpg"), special)
    try:
        os.mknod(photo_folder / "device.jpg", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        yield Attack("device", str(photo_folder / "device.jpg"), special)
    except PermissionError:
        # Only root can create devices; the links to /dev above stay.
        pass


@posix
@pytest.mark.usefixtures("either_way")
def test_two_hundred_paths_out_of_the_folder_are_all_rejected(photo_folder: Path, outside: Path) -> None:
    attacks = [*planted(photo_folder, outside), *spelled(photo_folder, outside)]
    assert len(attacks) >= 200
    guard = AllowedFolders([photo_folder], home=photo_folder.parent / "home")
    for attack in attacks:
        with pytest.raises(PathRefused) as refused:
            guard.list_photos([attack.path])
        assert refused.value.refusal in attack.refusals, attack.name
        assert refused.value.allowed == guard.roots
        assert str(photo_folder) in str(refused.value)


@posix
@pytest.mark.usefixtures("either_way")
def test_the_error_of_a_rejected_path_does_not_reveal_whether_it_exists(
    photo_folder: Path, outside: Path
) -> None:
    guard = AllowedFolders([photo_folder])
    there, missing = str(outside / "secret.jpg"), str(outside / "no-such.jpg")
    (photo_folder / "there.jpg").symlink_to(there)
    (photo_folder / "missing.jpg").symlink_to(missing)
    (photo_folder / "out").symlink_to(outside)
    out = photo_folder / "out"
    pairs: list[tuple[str | Path, str | Path]] = [
        (there, missing),
        (photo_folder / "there.jpg", photo_folder / "missing.jpg"),
    ]
    pairs += [(out / "secret.jpg", out / "no-such.jpg"), (outside, outside / "no-such")]
    for one, other in pairs:
        messages = set()
        for path in (one, other):
            with pytest.raises(PathRefused) as refused:
                guard.list_photos([path])
            messages.add(str(refused.value))
        assert len(messages) == 1


def _swap_for_a_link(path: Path, target: Path) -> None:
    path.rename(path.with_name("moved-" + path.name))
    path.symlink_to(target)


def _swap_for_a_fifo(path: Path, _target: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _swap_for_a_folder(path: Path, _target: Path) -> None:
    path.unlink()
    path.mkdir()


def _swap_the_folder(path: Path, target: Path) -> None:
    _swap_for_a_link(path.parent, target.parent)


def _swap_for_a_socket(path: Path, _target: Path) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(here)


SWAPS = [_swap_for_a_link, _swap_for_a_fifo, _swap_for_a_folder, _swap_the_folder, _swap_for_a_socket]


@posix
@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.usefixtures("either_way")
def test_a_file_swapped_between_listing_and_reading_is_not_read(
    photo_folder: Path, outside: Path, swap: Callable[[Path, Path], None]
) -> None:
    path = photo_folder / "album" / "secret.jpg"
    path.parent.mkdir()
    path.write_bytes(b"inside")
    guard = AllowedFolders([photo_folder])
    (photo,) = guard.list_photos([path]).photos
    swap(path, outside / "secret.jpg")
    with pytest.raises(PathRefused):
        guard.read(photo, 1000)


@posix
@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_swapped_between_check_and_open_is_not_read(
    photo_folder: Path, outside: Path, swap: Callable[[Path, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo_folder / "album" / "secret.jpg"
    path.parent.mkdir()
    path.write_bytes(b"inside")
    guard = AllowedFolders([photo_folder])
    (photo,) = guard.list_photos([path]).photos
    look, place = walking._look_before_opening, "album" if swap is _swap_the_folder else "secret.jpg"

    def look_then_swap(part: str, folder: int, *, last: bool) -> None:
        look(part, folder, last=last)
        if part == place:
            swap(path, outside / "secret.jpg")

    monkeypatch.setattr(walking, "_look_before_opening", look_then_swap)
    with pytest.raises(PathRefused):
        guard.read(photo, 1000)


@posix
def test_a_folder_swapped_after_opening_still_returns_only_its_files(
    photo_folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo_folder / "album" / "secret.jpg"
    path.parent.mkdir()
    path.write_bytes(b"inside")
    guard = AllowedFolders([photo_folder])
    (photo,) = guard.list_photos([path]).photos
    look = walking._look_before_opening

    def swap_below(part: str, folder: int, *, last: bool) -> None:
        if last:
            _swap_the_folder(path, outside / "secret.jpg")
        look(part, folder, last=last)

    monkeypatch.setattr(walking, "_look_before_opening", swap_below)
    assert guard.read(photo, 1000) == b"inside"


def test_no_descriptor_stays_open_after_rejections(photo_folder: Path, outside: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("counts descriptors through /proc")
    guard = AllowedFolders([photo_folder])
    before = len(os.listdir("/proc/self/fd"))
    for attack in [*planted(photo_folder, outside), *spelled(photo_folder, outside)]:
        with pytest.raises(PathRefused):
            guard.list_photos([attack.path])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("either_way")
def test_a_folder_lists_its_visible_photos_sorted(photo_folder: Path, put: Callable[..., Path]) -> None:
    for name in ("b.JPG", "a.jpg", "c.heic", "d.tiff", ".hidden.jpg", "notes.txt", "below/e.jpg"):
        put(name, b"x")
    names = [photo.name for photo in AllowedFolders([photo_folder]).list_photos([photo_folder]).photos]
    assert names == ["a.jpg", "b.JPG", "c.heic", "d.tiff"]


@posix
@pytest.mark.usefixtures("either_way")
def test_a_folder_skips_links_and_special_files(photo_folder: Path, outside: Path) -> None:
    for _ in planted(photo_folder, outside):
        pass
    assert [photo.name for photo in AllowedFolders([photo_folder]).list_photos([photo_folder]).photos] == [
        "real.jpg"
    ]


def test_a_photo_given_twice_is_used_once(
    photo_folder: Path, allowed: AllowedFolders, put: Callable[..., Path]
) -> None:
    path = put("a.jpg", b"x")
    assert len(allowed.list_photos([path, photo_folder, "a.jpg", str(path)]).photos) == 1


def test_photos_beyond_the_limit_are_counted(
    photo_folder: Path, allowed: AllowedFolders, put: Callable[..., Path]
) -> None:
    for number in range(MAX_PHOTOS_CHECKED + 7):
        put(f"{number:04}.jpg", b"x")
    listing = allowed.list_photos([photo_folder])
    assert (len(listing.photos), listing.left_out) == (MAX_PHOTOS_CHECKED, 7)


def test_a_relative_path_is_found_in_the_allowed_folder_that_has_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / name).mkdir(parents=True)
        (tmp_path / name / name / "a.jpg").write_bytes(b"x")
    guard = AllowedFolders([tmp_path / "one", tmp_path / "two"])
    assert guard.list_photos(["two"]).photos[0].path == tmp_path / "two" / "two" / "a.jpg"


def test_the_home_folder_is_the_given_one(photo_folder: Path, put: Callable[..., Path]) -> None:
    put("a.jpg", b"x")
    guard = AllowedFolders([photo_folder], home=photo_folder.parent)
    assert guard.list_photos(["~/photos/a.jpg"]).photos[0].name == "a.jpg"


@posix
def test_an_allowed_folder_may_itself_be_a_link(photo_folder: Path, put: Callable[..., Path]) -> None:
    put("a.jpg", b"x")
    link = photo_folder.parent / "link"
    link.symlink_to(photo_folder)
    guard = AllowedFolders([link])
    for path in (link / "a.jpg", photo_folder / "a.jpg"):
        assert guard.read(guard.list_photos([path]).photos[0], 10) == b"x"


def test_a_composed_name_finds_a_folder_whose_name_is_decomposed(tmp_path: Path) -> None:
    folder = tmp_path / "u\u0308ber"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"x")
    guard = AllowedFolders([folder])
    assert guard.list_photos([tmp_path / "\u00fcber" / "a.jpg"]).photos[0].name == "a.jpg"


def test_a_longer_file_is_read_with_one_byte_more_than_requested(
    allowed: AllowedFolders, put: Callable[..., Path]
) -> None:
    path = put("a.jpg", b"x" * 100)
    assert len(allowed.read(allowed.list_photos([path]).photos[0], 10)) == 11


def test_the_position_is_that_of_the_rejected_path(allowed: AllowedFolders, put: Callable[..., Path]) -> None:
    with pytest.raises(PathRefused) as refused:
        allowed.list_photos([put("a.jpg", b"x"), "/etc/passwd"])
    assert refused.value.position == 1


def test_without_allowed_folders_everything_is_outside() -> None:
    for path in ("a.jpg", "/etc/passwd", "."):
        with pytest.raises(PathRefused) as refused:
            AllowedFolders([]).list_photos([path])
        assert refused.value.refusal is Refusal.OUTSIDE


@posix
def test_an_unreadable_file_is_reported(allowed: AllowedFolders, put: Callable[..., Path]) -> None:
    path = put("a.jpg", b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")
    with pytest.raises(PathRefused) as refused:
        allowed.list_photos([path])
    assert refused.value.refusal is Refusal.NOT_READABLE


def test_folders_with_photos_are_listed_at_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "1.jpg").write_bytes(b"")
    listing = AllowedFolders([tmp_path]).list_photos([tmp_path])
    assert [(folder.path, folder.photos) for folder in listing.inner] == [(deep, 1)]
