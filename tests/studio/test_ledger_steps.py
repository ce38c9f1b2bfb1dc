"""A ledger of an earlier version is opened and migrated without loss, also if killed anywhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from apiframe_studio.ledger import Kind, NewImages, NewTraining, Scope
from apiframe_studio.ledger.errors import KeyReused, LedgerTooNew, SpendingCapReached
from apiframe_studio.ledger.migrations import VERSION
from apiframe_studio.ledger.schema import metadata
from apiframe_studio.ledger.states import Event, State

from ..faults.child_process import ForkServer, Job, strace_is_missing
from ..v1_store import Store

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/ledger-0.1.0.sqlite3"
GOLDEN_2 = ROOT / "tests/golden/ledger-version-2.sqlite3"
GOLDEN_3 = ROOT / "tests/golden/ledger-version-3.sqlite3"
GOLDEN_4 = ROOT / "tests/golden/ledger-version-4.sqlite3"
GOLDEN_5 = ROOT / "tests/golden/ledger-version-5.sqlite3"
GOLDENS = [GOLDEN, GOLDEN_2, GOLDEN_3, GOLDEN_4, GOLDEN_5]
WROTE_GOLDEN = "ecb4710"
SERVICE, OWNER = "https://api.apiframe.pro v1", "local"
PLACE = (SERVICE, OWNER)
SCOPE = Scope(PLACE[1], PLACE[0])
WRITTEN_AT = 1_793_005_700.0
ANNAS_PHOTOS = "e21ad38613e8e66df125cb1f2401ac21171ce4d8dd25118a29e917fe67456c7e"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the ledger that 0.1.0 wrote."""
    return Path(shutil.copyfile(GOLDEN, tmp_path / "ledger.sqlite3"))


def in_the_columns_of_now(old: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier version kept of a submission, under the names of the columns of now."""
    new = dict(old)
    if "about" not in old:
        answer = old["provider_facts"] and json.loads(old["provider_facts"])
        sets = {"attributes_digest": None, "consent_at": None} if old["kind"] == "training" else {}
        return {**new, **sets, "provider_facts": answer}
    about, wording, photos, answer = (new.pop(name) for name in ("about", "wording", "photos", "answer"))
    kind, is_forgotten = old["kind"], about.startswith("forgotten ")
    parents = {"training": about, "upload": None, "generation": about.partition(" ")[0]}
    return {
        **new,
        "estimated_credits": new.pop("credits"),
        "dedup_key": None if kind == "upload" or about in ("", f"forgotten {old['ref']}") else about,
        "parent_task_id": None if is_forgotten else parents[kind] or None,
        "requested_trigger_word": wording if kind == "training" else None,
        "attributes_digest": wording if kind == "upload" else None,
        "photo_count": None if kind == "generation" else photos,
        "image_count": photos if kind == "generation" else None,
        "provider_facts": None if answer is None else {"raw_response": answer},
    }


def columns_before(path: Path, golden: Path = GOLDEN) -> list[dict[str, Any]]:
    """Return everything that an earlier version kept of every submission, as it is now."""
    names = in_the_columns_of_now(rows_of(golden)[0]).keys() - {"credits"}
    rows = [{name: row[name] for name in names} for row in rows_of(path)]
    for row in rows:
        row["provider_facts"] = row["provider_facts"] and json.loads(row["provider_facts"])
        if row["kind"] == "training":
            # By now it has these from its set.
            row["attributes_digest"] = row["consent_at"] = None
    return rows


def expected(golden: Path) -> list[dict[str, Any]]:
    rows = [in_the_columns_of_now(row) for row in rows_of(golden)]
    return [{name: value for name, value in row.items() if name != "credits"} for row in rows]


SETS = "photo_sets"
WITH_SETS = (
    "submissions LEFT JOIN (SELECT ref AS of, fingerprint, attributes_digest, photo_count, consent_at"
    " FROM photo_sets) ON set_ref = of"
)


def rows_of(path: Path, table: str = "submissions") -> list[dict[str, Any]]:
    """Return the rows of a table; those of submissions with what they have from their photo sets."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        if table == "submissions" and any(made["name"] == SETS for made in tables):
            table = WITH_SETS
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608
    connection.close()
    return [dict(row) for row in rows]


def column(path: Path, name: str) -> dict[str, object]:
    return {str(row["ref"]): row[name] for row in rows_of(path)}


def test_a_ledger_of_0_1_0_opens_and_keeps_every_word(path: Path) -> None:
    store = Store(path, SCOPE)
    anna, _ = store.page(Kind.TRAINING, WRITTEN_AT, here=True, subject="Anna", limit=9).rows
    assert (anna.trigger_word, anna.task_id) == ("TOKSIS", "29a04da8-e683-4f77-99ff-c1037968c188")
    assert len(store.images_of("ge-0p6fkjf")) == 2
    assert store.history("up-yhe25bn")
    store.close()
    assert columns_before(path) == expected(GOLDEN)
    kinds = Counter(row["state"] for row in columns_before(path) if row["kind"] == "generation")
    assert set(kinds) == set(State)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: path.stem)
def test_a_ledger_of_an_earlier_version_keeps_every_field_of_every_row(golden: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(golden, tmp_path / "ledger.sqlite3"))
    Store(path, SCOPE).close()
    assert columns_before(path, golden) == expected(golden)
    kept = rows_of(path)
    others = ("observations", "pictures") if golden is GOLDEN else ("observations", "pictures", "attempts")
    for table in others:
        assert rows_of(path, table) == rows_of(golden, table)
    # The program reads every row, and each sense of the columns that were split was there.
    refs = [row["ref"] for row in kept if row["owner"] == OWNER]
    store = Store(path, SCOPE)
    assert {ref for ref in refs if store.find(ref, WRITTEN_AT)} == set(refs)
    store.close()
    for name in ("dedup_key", "requested_trigger_word", "attributes_digest", "photo_count", "image_count"):
        assert any(row[name] is not None for row in kept), name


def test_the_earlier_ledgers_have_every_kind_in_every_state() -> None:
    for golden in (GOLDEN_2, GOLDEN_3):
        counts = Counter((row["kind"], row["state"]) for row in rows_of(golden))
        assert set(counts) == {(kind.value, state.value) for kind in Kind for state in State}


def test_a_set_and_its_trainings_have_the_fingerprint_of_the_photos(path: Path) -> None:
    store = Store(path, SCOPE)
    trainings = store.trainings_of_photos(ANNAS_PHOTOS, WRITTEN_AT)
    assert [row.ref for row in trainings] == ["tr-j88zqxy", "tr-b3xgxfg"]
    (by_ref,) = store.trainings_of_photos("unconfirmed".ljust(64, "f"), WRITTEN_AT)
    (by_id,) = store.trainings_of_photos("finished".ljust(64, "f"), WRITTEN_AT)
    assert (by_ref.parent_task_id, by_id.parent_task_id) == ("up-q5b4nhy", "task-upload-finished")
    store.close()
    never_seen = {ref for ref, print_ in column(path, "fingerprint").items() if print_ is None}
    assert {"tr-1qkxebt", "tr-7vjhwxp", "tr-v7g3n2y", "tr-8snjaqx", "ge-0p6fkjf"} < never_seen


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: path.stem)
def test_uploads_and_trainings_of_an_earlier_version_get_their_photo_sets(
    golden: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copyfile(golden, tmp_path / "ledger.sqlite3"))
    Store(path, SCOPE).close()
    rows, sets = rows_of(path), {row["ref"]: row for row in rows_of(path, SETS)}
    assert {row["set_ref"] for row in rows} - {None} == sets.keys()
    uploads = [row for row in rows if row["kind"] == "upload"]
    assert all(row["set_ref"] for row in uploads)
    assert not any(row["set_ref"] for row in rows if row["kind"] == "generation")
    for row in rows:
        if row["set_ref"] is None:
            continue
        photo_set = sets[row["set_ref"]]
        assert (photo_set["owner"], photo_set["forgotten_at"]) == (row["owner"], row["forgotten_at"])
        for upload in uploads:
            is_parent = (row["parent_task_id"] or "none") in (upload["ref"], upload["task_id"])
            if is_parent and upload["service"] == row["service"] and upload["forgotten_at"] is None:
                assert upload["set_ref"] == row["set_ref"]
    forgotten = [row for row in sets.values() if row["forgotten_at"] is not None]
    assert all(row["attributes_digest"] is row["consent_at"] is None for row in forgotten)
    live = [row for row in sets.values() if row["forgotten_at"] is None]
    assert len({(row["owner"], row["fingerprint"], row["attributes_digest"]) for row in live}) == len(live)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: path.stem)
def test_the_end_of_an_earlier_training_counts_as_reported(golden: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(golden, tmp_path / "ledger.sqlite3"))
    Store(path, SCOPE).close()
    trainings = [row for row in rows_of(path) if row["kind"] == "training"]
    ended = {row["ref"] for row in trainings if row["state"] in ("finished", "failed")}
    assert ended
    assert {row["ref"] for row in rows_of(path) if row["reported_at"] is not None} == ended


def test_names_of_0_1_0_are_found_in_every_form(path: Path) -> None:
    store = Store(path, SCOPE)
    for name in ("Zoë Ångström", "zoe\u0308  a\u030angstro\u0308m ", "ZOËÅNGSTRÖM".replace("Å", " Å")):
        page = store.page(Kind.TRAINING, WRITTEN_AT, subject=name, limit=20)
        assert page.total == 9
    assert len(store.find_related("ZOË ÅNGSTRÖM")) == 27
    # Anna's rows at another URL too, and no rows of other subjects.
    refs = {row.ref for row in store.find_related("anna")}
    assert refs == {"up-yhe25bn", "tr-b3xgxfg", "tr-j88zqxy", "ge-0p6fkjf", "tr-j6d5w7b"}
    store.close()


def test_data_that_0_1_0_forgot_stays_forgotten(path: Path) -> None:
    store = Store(path, SCOPE)
    row = store.find("tr-7vjhwxp", WRITTEN_AT)
    assert row is not None
    assert row.forgotten_at is not None
    named = store.rename(row.ref, "Berta")
    assert named is not None
    assert named.subject is None
    store.close()


def test_a_key_of_0_1_0_still_returns_its_training(path: Path) -> None:
    store = Store(path, SCOPE)
    set_id = "24e94f7e-b74a-4505-829b-a7762fc28279"
    again = NewTraining(set_id, "TOKSIS", idempotency_key="anna-1")
    row, is_new = store.get_or_create(again, WRITTEN_AT)
    assert (row.ref, is_new) == ("tr-b3xgxfg", False)
    with pytest.raises(KeyReused):
        store.get_or_create(NewTraining(set_id, "TOKBRO", idempotency_key="anna-1"), WRITTEN_AT)
    store.close()


def test_credits_spent_by_0_1_0_count_for_the_day(path: Path) -> None:
    store = Store(path, SCOPE)
    row, _ = store.get_or_create(NewImages("other", "", estimated_credits=1.0), WRITTEN_AT)
    with pytest.raises(SpendingCapReached) as reached:
        store.begin_sending(row.ref, WRITTEN_AT, 50.0, 1.0)
    # Two trainings and the set of Anna's, her two images, two trainings of a set unknown to the ledger, seven
    # uploads, trainings and generations that were sent and not refused, and one sent twice, which 0.1.0 counts once.
    assert reached.value.spent == 2 * 48 + 2 + 2 + 2 * 120 + 7 * (2 + 48 + 2) + 120
    store.close()


def test_a_new_and_a_migrated_ledger_have_the_same_tables(path: Path, tmp_path: Path) -> None:
    Store(path, SCOPE).close()
    fresh = tmp_path / "fresh" / "ledger.sqlite3"
    Store(fresh, SCOPE).close()
    asked = create_engine("sqlite://")
    metadata.create_all(asked)
    expected = shape_of(asked)
    for made in (path, fresh):
        engine = create_engine(f"sqlite:///{made}")
        assert shape_of(engine) == expected
        engine.dispose()
    asked.dispose()


def shape_of(engine: object) -> dict[str, tuple[object, ...]]:
    inspector = inspect(engine)
    assert inspector is not None
    return {
        name: (
            sorted(
                (found["name"], str(found["type"]), found["nullable"])
                for found in inspector.get_columns(name)
            ),
            sorted(
                (str(found["name"]), tuple(found["column_names"])) for found in inspector.get_indexes(name)
            ),
            inspector.get_pk_constraint(name)["constrained_columns"],
        )
        for name in inspector.get_table_names()
    }


OPENS = "import sys; from pathlib import Path; from apiframe_studio.ledger.book import Book; Book(Path(sys.argv[1]))"


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    with ForkServer.open() as open_server:
        yield open_server


OF_A_STEP = ("pwrite64", "fdatasync", "unlink")


@pytest.mark.slow
@pytest.mark.skipif(strace_is_missing() is not None, reason=strace_is_missing() or "")
@pytest.mark.parametrize("call", OF_A_STEP)
@pytest.mark.parametrize("golden", [GOLDEN, GOLDEN_5], ids=lambda path: path.stem)
def test_a_migration_killed_anywhere_is_complete_or_absent(
    fork_server: ForkServer, tmp_path: Path, call: str, golden: Path
) -> None:
    kills = 0
    for number in range(1, 400):
        path = Path(shutil.copyfile(golden, tmp_path / f"{number}.sqlite3"))
        only_ledger = [arg for tail in ("", "-journal") for arg in ("-P", f"{path}{tail}")]
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}", *only_ledger]
        job = Job(str(path), "", "", ["-f", "-qq", "-o", os.devnull, *inject], verb="open_ledger")
        [end] = fork_server.run(job)
        if end["ended"] == 0:
            break
        assert end["ended"] == -signal.SIGKILL
        kills += 1
        version = sqlite3.connect(path).execute("PRAGMA user_version").fetchone()[0]
        assert version in range(1, VERSION + 1)
        Store(path, SCOPE).close()
        assert columns_before(path, golden) == expected(golden)
    else:
        pytest.fail("the child never survived")
    print(f"{kills} kills at {call}")
    assert kills


@pytest.mark.slow
def test_0_1_0_refuses_a_newer_ledger_and_leaves_it_unchanged(path: Path, tmp_path: Path) -> None:
    """Runs the released code, taken from the git history; skipped in an archive without it."""
    packed = subprocess.run(
        ["git", "archive", WROTE_GOLDEN, "studio"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip("the history is not here")
    subprocess.run(["tar", "x", "-C", tmp_path], input=packed.stdout, check=True)
    Store(path, SCOPE).close()
    before = (path.read_bytes(), sorted(os.listdir(tmp_path)))
    run = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path[:] = {[str(tmp_path / 'studio'), *sys.path]!r}; {OPENS}",
            path,
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert run.stderr.splitlines()[-1].startswith("apiframe_studio.ledger.errors.LedgerTooNew")
    assert (path.read_bytes(), sorted(os.listdir(tmp_path))) == before


def test_an_older_process_refuses_the_ledger_after_a_newer_one_migrated_it(path: Path) -> None:
    store = Store(path, SCOPE)
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version={VERSION + 1}")
    newer.close()
    with pytest.raises(LedgerTooNew):
        store.resolve("tr-6tt4dqy", Event.USER_GIVES_UP, None, WRITTEN_AT)
    store.close()
    assert column(path, "state")["tr-6tt4dqy"] == State.UNCONFIRMED
