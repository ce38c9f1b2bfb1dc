"""A ledger that others on this machine could read, change or replace: made private where it is ours, else refused."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from apiframe_studio import private_files
from apiframe_studio.ledger import NewTraining, Scope
from apiframe_studio.ledger.errors import LedgerNotPrivate

from ..v1_store import Store
from .stepped_clock import EPOCH

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights of owner and others are POSIX")
NEW = NewTraining("images-1")
OTHER_USER = 4_242
SCOPE = Scope("local", "https://service.invalid v1")
as_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can give a file to another user"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger that was used before."""
    made = tmp_path / "data" / "ledger.sqlite3"
    use(made)
    return made


def use(path: Path) -> None:
    store = Store(path, SCOPE)
    row, _ = store.get_or_create(NEW, EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_our_files_that_others_can_access_are_made_private(path: Path) -> None:
    spool = path.parent / "ledger-spool"
    for opened, wide in ((path.parent, 0o777), (path, 0o666), (spool, 0o777)):
        opened.chmod(wide)
    use(path)
    assert [mode(made) for made in (path.parent, path, spool)] == [0o700, 0o600, 0o700]


@pytest.mark.parametrize("wide", [0o755, 0o750, 0o770, 0o2775])
def test_a_folder_that_others_can_list_is_made_private(path: Path, wide: int) -> None:
    path.parent.chmod(wide)
    use(path)
    assert mode(path.parent) & 0o077 == 0


def test_only_write_access_to_a_home_folder_is_removed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: path.parent / "below")
    path.parent.chmod(0o777)
    use(path)
    assert mode(path.parent) == 0o755


def test_a_shared_folder_is_refused_and_left_unchanged(path: Path) -> None:
    path.parent.chmod(0o1777)
    with pytest.raises(LedgerNotPrivate) as refused:
        Store(path, SCOPE)
    assert refused.value.path == path.parent
    assert mode(path.parent) == 0o1777


def test_a_writable_parent_folder_is_made_private_if_everything_in_it_is_ours(path: Path) -> None:
    above = path.parents[1]
    above.chmod(0o777)
    use(path)
    assert mode(above) == 0o755


@as_root
def test_a_writable_parent_folder_with_files_of_another_user_is_refused(path: Path) -> None:
    above = path.parents[1]
    (above / "theirs").touch()
    os.chown(above / "theirs", OTHER_USER, OTHER_USER)
    above.chmod(0o777)
    with pytest.raises(LedgerNotPrivate) as refused:
        Store(path, SCOPE)
    assert refused.value.path == above
    above.chmod(0o1777)
    use(path)


@as_root
@pytest.mark.parametrize("whose", ["data", "data/ledger.sqlite3", "data/ledger-spool"])
@pytest.mark.parametrize("wide", [0o700, 0o777])
def test_a_file_of_another_user_is_refused_with_its_path(
    path: Path, tmp_path: Path, whose: str, wide: int
) -> None:
    theirs = tmp_path / whose
    os.chown(theirs, OTHER_USER, OTHER_USER)
    theirs.chmod(wide)
    before = path.read_bytes()
    with pytest.raises(LedgerNotPrivate) as refused:
        Store(path, SCOPE)
    assert refused.value.path == theirs
    assert "another user" in refused.value.why
    assert (path.read_bytes(), mode(theirs)) == (before, wide)


@as_root
def test_an_id_that_another_user_put_into_the_spool_is_ignored(path: Path) -> None:
    planted = path.parent / "ledger-spool" / "tr-0000000-1.id"
    planted.write_text("{}")
    os.chown(planted, OTHER_USER, OTHER_USER)
    with pytest.raises(LedgerNotPrivate) as refused:
        Store(path, SCOPE)
    assert refused.value.path == planted


def test_on_windows_no_permission_is_read_or_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "IS_POSIX", False)
    path.parent.chmod(0o777)
    private_files.keep_private(path.parent)
    private_files.refuse_of_others(path)
    assert mode(path.parent) == 0o777
