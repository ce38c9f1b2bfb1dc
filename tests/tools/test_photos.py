"""From a folder of photos to a set at the service and to a training: what is sent and what it costs."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.types import ImageContent
from PIL import Image

from apiframe_studio.api.provider import Range
from apiframe_studio.ledger import Answer, Kind, NewUpload, Observation
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.photo_sets import PhotoSetRequest
from apiframe_studio.photos import faces
from apiframe_studio.sandbox import Sandbox
from apiframe_tools import check_photos, prepare_photos
from apiframe_tools.wording.photos import describe_choice

from ..conftest import CANARY, DRAWN
from ..faults.fault_server import ACCEPTED, answer, fault_server, replying
from .illustrated import Watched, refuse, show

if TYPE_CHECKING:
    from .conftest import Gating, HandClock, Serving, Session

pytestmark = pytest.mark.slow

ATTRIBUTES: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True}
IN_ONE_ERA = pytest.mark.parametrize("era", ["auto"], indirect=True)
"""For tests that are the same in both eras, because checking photos takes a second or two."""
UPLOAD, TRAIN = "/ai-photo-upload", "/ai-photo-train"


@pytest.fixture
def runs(clock: HandClock) -> HandClock:
    """A clock that moves while the studio waits for the service."""
    clock.runs = True
    return clock


def _spoil(photos: Path) -> None:
    (photos / "A note.jpg").write_text("not a photo")
    (photos / "B torn.jpg").write_bytes((photos / "IMG_0001.jpg").read_bytes()[:4000])
    shutil.copy(photos / "IMG_0002.jpg", photos / "Z again.jpg")
    Image.new("RGB", (100, 100), "teal").save(photos / "C tiny.png")


async def test_check_photos_checks_every_photo_and_shows_a_sheet_for_free(
    session: Session, photos: Path
) -> None:
    _spoil(photos)
    shown = await show(session, "check_photos", paths=[str(photos)])
    facts = shown.facts
    assert (facts["usable"], facts["needed"], facts["enough"]) == (DRAWN, 10, True)
    rejected = {one["name"]: one["reasons"] for one in facts["photos"] if one["verdict"] == "reject"}
    assert rejected.keys() == {"A note.jpg", "B torn.jpg", "C tiny.png", "Z again.jpg"}
    for name, reasons in rejected.items():
        assert reasons
        assert name in shown.text
    assert rejected["A note.jpg"] == ["is not an image"]
    assert "is almost identical to another (5)" in rejected["Z again.jpg"]
    assert shown.text.startswith(f"{DRAWN} good, 0 doubtful, 4 rejected of {DRAWN + 4} photos. ")
    assert "is almost identical to another: 16 Z again.jpg (5)" in shown.text
    assert (facts["good"], facts["doubtful"], facts["faces_checked"]) == (DRAWN, 0, True)
    assert facts["next_step"] in shown.text
    assert "sunglasses" in facts["not_judged"]
    [sheet] = shown.blocks
    assert isinstance(sheet, ImageContent)
    assert len(sheet.data) < 200_000 * 4 / 3
    assert sheet.data[:100] not in str(facts)
    shown.images()[0].load()
    assert session.requests() == 0


async def test_check_photos_takes_single_files_and_reports_progress(session: Session, photos: Path) -> None:
    reports: list[tuple[float, float | None]] = []

    async def report(done: float, of: float | None, _message: str | None) -> None:
        reports.append((done, of))

    names = ["IMG_0001.jpg", "IMG_0002.jpg"]
    shown = await show(
        session, "check_photos", on_progress=report, paths=[str(photos / name) for name in names]
    )
    assert [one["name"] for one in shown.facts["photos"]] == names
    assert shown.facts["enough"] is False
    assert "8 more good photos are needed" in shown.text
    assert "Photograph next: at least 8 more photos" in shown.text
    assert "A training takes 10 to 30 photos." in shown.text
    assert reports[-1] == (2, 2)


@pytest.mark.parametrize("tool", ["check_photos", "prepare_photos"])
async def test_nothing_is_revealed_about_paths_outside_the_allowed_folders(
    session: Session, photos: Path, tmp_path: Path, tool: str
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "secret.jpg").write_bytes((photos / "IMG_0001.jpg").read_bytes())
    asked = [private, private / "secret.jpg", private / "no such file.jpg", tmp_path / "no such folder"]
    more = {} if tool == "check_photos" else ATTRIBUTES
    message = {await refuse(session, tool, paths=[str(photos), str(path)], **more) for path in asked}
    [words] = message
    assert words.startswith("That path is outside the allowed folders.")
    assert str(photos) in words
    assert "APIFRAME_PHOTO_FOLDERS" in words
    assert "private" not in words.replace(str(photos), "")
    assert session.requests() == 0


@pytest.mark.parametrize("tool", ["check_photos", "prepare_photos"])
async def test_photos_that_only_the_host_has_are_to_be_saved_in_an_allowed_folder(
    session: Session, photos: Path, tool: str
) -> None:
    more = {} if tool == "check_photos" else ATTRIBUTES
    held = [
        "/mnt/user-data/uploads/me.jpg",
        "/home/claude/me.jpg",
        "sandbox:/mnt/data/me.jpg",
        "/mnt/data/me.jpg",
    ]
    [message] = {await refuse(session, tool, paths=[path], **more) for path in held}
    assert "is on the host's machine, where this server cannot read it" in message
    assert f"save the photos on their own machine in an allowed folder ({photos}" in message
    assert session.requests() == 0


async def test_without_consent_nothing_leaves_the_machine(session: Session, photos: Path) -> None:
    message = await refuse(session, "prepare_photos", paths=[str(photos)], **{**ATTRIBUTES, "consent": False})
    assert "Nothing was sent" in message
    assert "Ask the user whether the subject agreed; only if so, call prepare_photos" in message
    assert session.requests() == 0
    assert (await session.studio.ledger.page(Kind.UPLOAD, session.clock.now(), limit=50)).rows == []


@IN_ONE_ERA
async def test_fewer_than_ten_photos_are_rejected_with_reasons_before_anything_is_sent(
    session: Session, photos: Path
) -> None:
    for name in ("IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.jpg"):
        (photos / name).write_bytes(b"broken")
    message = await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert message.startswith("Only 9 of 12 photos would be sent, and a training needs at least 10")
    assert "is not an image: 1 IMG_0001.jpg, 2 IMG_0002.jpg, 3 IMG_0003.jpg" in message
    assert "check_photos" in message
    assert session.requests() == 0


@IN_ONE_ERA
async def test_an_empty_folder_is_rejected_with_an_explanation(session: Session, photos: Path) -> None:
    empty = photos / "none"
    empty.mkdir()
    assert "Only 0 of 0 photos would be sent" in await refuse(
        session, "prepare_photos", paths=[str(empty)], **ATTRIBUTES
    )


async def test_prepared_photos_have_a_price_and_an_expiry_and_no_metadata(
    serving: Serving, runs: HandClock, photos: Path
) -> None:
    (photos / "torn.jpg").write_bytes(b"broken")
    watched = Watched(Sandbox(clock=runs.now))
    reports: list[float] = []

    async def report(done: float, _of: float | None, _message: str | None) -> None:
        reports.append(done)

    async with serving(app_factory=lambda: watched.app) as session:
        shown = await show(
            session,
            "prepare_photos",
            on_progress=report,
            paths=[str(photos)],
            **ATTRIBUTES,
            age=30,
            subject="Anna",
        )
        [row] = (await session.studio.ledger.page(Kind.UPLOAD, runs.now(), limit=50)).rows
    facts = shown.facts
    assert (facts["status"], facts["subject"], facts["photos"]) == ("ready", "Anna", DRAWN)
    assert (facts["credits"], facts["training_credits"], facts["deduplicated"]) == (2, 48, False)
    assert facts["left_out"] == ["torn.jpg is not an image"]
    assert facts["expires_at"] is not None
    first = shown.text.removeprefix("Sandbox: simulated results, no real credits. ")
    assert first.startswith("Preparing costs 2 credits; training on it costs 48 more.")
    assert f"start_training with training_images_id {facts['training_images_id']}" in shown.text
    assert row.consent_at is not None
    assert reports == sorted(set(reports)), "the protocol asks for progress that only grows"
    [body] = watched.bodies(UPLOAD)
    assert {name: body[name] for name in body if name != "images"} == {
        "gender": "female",
        "ethnicity": "white",
        "age": 30,
    }
    for text in body["images"]:
        image = base64.b64decode(text, validate=True)
        assert CANARY.encode() not in image
        assert b"Exif" not in image
        assert image.endswith(b"\xff\xd9")
        with Image.open(BytesIO(image)) as sent:
            assert not sent.getexif()
            assert "comment" not in sent.info


def _nothing(_photos: Path, _clock: HandClock) -> dict[str, str]:
    return {}


def _renamed(photos: Path, _clock: HandClock) -> dict[str, str]:
    for number, path in enumerate(sorted(photos.iterdir())):
        path.rename(photos / f"{99 - number} of the summer.jpeg")
    return {}


def _a_day_later(_photos: Path, clock: HandClock) -> dict[str, str]:
    clock.at += 25 * 3600
    return {}


def _one_fewer(photos: Path, _clock: HandClock) -> dict[str, str]:
    (photos / "IMG_0001.jpg").unlink()
    return {}


Change = Callable[[Path, "HandClock"], dict[str, str]]
AGAIN: dict[str, tuple[Change, bool]] = {
    "the same folder": (_nothing, True),
    "renamed files": (_renamed, True),
    "a set that expired": (_a_day_later, False),
    "one photo fewer": (_one_fewer, False),
    "another gender": (lambda _photos, _clock: {"gender": "male"}, False),
    "another ethnicity": (lambda _photos, _clock: {"ethnicity": "asian"}, False),
}


@IN_ONE_ERA
@pytest.mark.parametrize("again", AGAIN)
async def test_the_same_photos_under_other_names_are_the_same_set_until_it_expires(
    session: Session, runs: HandClock, photos: Path, again: str
) -> None:
    change, same = AGAIN[again]
    first = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
    arguments = {"paths": [str(photos)], **ATTRIBUTES, **change(photos, runs)}
    second = await show(session, "prepare_photos", **arguments)
    assert (second.facts["training_images_id"] == first["training_images_id"]) is same
    assert second.facts["deduplicated"] is same
    assert second.facts["status"] == "ready"
    assert ("This call cost nothing" in second.text) is same
    assert session.asked(UPLOAD) == (1 if same else 2)


@IN_ONE_ERA
async def test_a_name_given_later_is_the_name_of_the_set(
    session: Session, runs: HandClock, photos: Path
) -> None:
    await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    named = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, subject="Anna")
    assert (named.facts["subject"], named.facts["deduplicated"]) == ("Anna", True)
    assert runs.sleepers == 0


async def test_a_slow_upload_continues_after_the_call_and_the_same_call_reports_it(
    gating: Gating, clock: HandClock, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_photos, "MAX_SECONDS", 0.0)
    asked = {"paths": [str(photos)], **ATTRIBUTES}
    async with gating(UPLOAD) as gated:
        first = await show(gated.session, "prepare_photos", **asked)
        with anyio.fail_after(60):
            await gated.arrived.wait()
        second = await show(gated.session, "prepare_photos", **asked)
        looked = await gated.session.ask("list_trainings")
        gated.open.set()
        with anyio.fail_after(60):
            while gated.session.studio.jobs.is_running(first.facts["ref"]):
                await anyio.lowlevel.checkpoint()
        clock.runs = True
        monkeypatch.setattr(prepare_photos, "MAX_SECONDS", 40.0)
        third = await show(gated.session, "prepare_photos", **asked)
        for shown in (first, second):
            assert (shown.facts["status"], shown.facts["training_images_id"]) == ("uploading", None)
            assert "call prepare_photos again with the same arguments" in shown.text
        assert looked.facts["total"] == 0
        assert (third.facts["status"], third.facts["ref"]) == ("ready", first.facts["ref"])
        assert gated.session.asked(UPLOAD) == gated.session.paid() == 1


@IN_ONE_ERA
async def test_other_attributes_of_the_subject_during_an_upload_are_reported_and_send_nothing(
    gating: Gating, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_photos, "MAX_SECONDS", 0.0)
    async with gating(UPLOAD) as gated:
        first = await show(gated.session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        other = await show(
            gated.session, "prepare_photos", paths=[str(photos)], **{**ATTRIBUTES, "gender": "male"}
        )
        assert other.facts["ref"] == first.facts["ref"]
        assert "exists with a different gender, ethnicity or age; returning that set" in other.text
        assert "the same call makes another set, for 2 credits" in other.text
        assert (
            "Call prepare_photos with those earlier values for its status, free" in other.facts["next_step"]
        )
        gated.open.set()


async def test_a_waiting_set_with_other_attributes_is_not_waited_for(
    session: Session, runs: HandClock, photos: Path
) -> None:
    prepared = await session.studio.photo_sets.check_and_normalise(
        PhotoSetRequest([str(photos)], ATTRIBUTES["gender"], ATTRIBUTES["ethnicity"])
    )
    ledger = session.studio.ledger
    waits = NewUpload(fingerprint=prepared.fingerprint, attributes_digest="earlier", photo_count=DRAWN)
    row, _ = await ledger.get_or_create(waits, runs.now())
    other = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert (other.facts["ref"], other.facts["status"]) == (row.ref, "submitting")
    assert f"resolve_training with ref {row.ref} and give_up" in other.facts["next_step"]
    assert "continues meanwhile" not in other.text
    assert session.asked(UPLOAD) == 0


UPLOADED = {
    "task_id": ACCEPTED["task_id"],
    "status": "finished",
    "message": "Images ready for training",
    "expires_at": "2099-02-21T05:48:46.599Z",
}


@IN_ONE_ERA
@pytest.mark.parametrize("decision", ["accepted", "send_again", "give_up"])
async def test_an_upload_with_a_lost_response_waits_for_a_decision_of_the_user(
    serving: Serving, runs: HandClock, photos: Path, decision: str
) -> None:
    faults = {"uploaded": replying(answer("200 OK", UPLOADED))}
    asked = {"paths": [str(photos)], **ATTRIBUTES, "subject": "Anna"}
    with fault_server("reset_after_request", "uploaded", faults=faults) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            lost = await show(session, "prepare_photos", **asked)
            given = {"task_id": ACCEPTED["task_id"]} if decision == "accepted" else {}
            resolved = await session.ask(
                "resolve_training", ref=lost.facts["ref"], decision=decision, **given
            )
            posts = [post.target for post in service.posts]
            after = await show(session, "prepare_photos", **asked)
    assert (lost.facts["status"], lost.facts["training_images_id"]) == ("unconfirmed", None)
    assert "ask the user" in lost.text
    assert f"resolve_training with ref {lost.facts['ref']}" in lost.text
    assert posts.count(UPLOAD) == 1
    assert resolved.facts["ref"] == lost.facts["ref"]
    assert "start_training" not in resolved.text
    assert "prepare_photos" in resolved.facts["next_step"]
    assert "trigger word" not in resolved.text
    assert after.facts["status"] == "ready"
    assert after.facts["training_images_id"] == ACCEPTED["task_id"]
    paid = [post.target for post in service.posts].count(UPLOAD)
    assert (paid, after.facts["ref"] == lost.facts["ref"]) == {
        "accepted": (1, True),
        "send_again": (2, True),
        "give_up": (2, False),
    }[decision]
    assert runs.sleepers == 0


@IN_ONE_ERA
async def test_a_failed_status_check_after_an_upload_is_not_an_error_and_reports_the_cost(
    serving: Serving, runs: HandClock, photos: Path
) -> None:
    watched = Watched(Sandbox(clock=runs.now), broken={"/fetch"})
    async with serving(app_factory=lambda: watched.app) as session:
        shown = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        watched.broken.clear()
        again = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert shown.facts["status"] == "preparing"
    assert "Preparing costs 2 credits" in shown.text
    assert "could not be reached" in shown.text
    assert (again.facts["status"], again.facts["warnings"]) == ("ready", [])
    assert len(watched.bodies(UPLOAD)) == 1


async def test_a_training_of_a_prepared_set_has_its_cost_and_its_subject(
    session: Session, runs: HandClock, photos: Path
) -> None:
    prepared = (
        await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, subject="Anna")
    ).facts
    begun = await show(session, "start_training", training_images_id=prepared["ref"])
    again = await show(session, "start_training", training_images_id=prepared["training_images_id"])
    assert (begun.facts["credits"], begun.facts["subject"]) == (48, "Anna")
    assert "This costs 48 credits. Training of Anna is" in begun.text
    assert begun.facts["training_images_id"] == prepared["training_images_id"]
    assert (again.facts["ref"], again.facts["deduplicated"]) == (begun.facts["ref"], True)
    assert session.asked(TRAIN) == 1
    assert runs.sleepers == 0


async def test_an_expired_set_is_rejected_before_anything_is_spent(
    session: Session, runs: HandClock, photos: Path
) -> None:
    prepared = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
    runs.at += 25 * 3600
    for name in ("ref", "training_images_id"):
        message = await refuse(session, "start_training", training_images_id=prepared[name])
        assert "has expired, so nothing was sent or paid" in message
        assert "prepare_photos" in message
    assert session.asked(TRAIN) == 0


async def test_a_training_is_returned_again_after_its_set_has_expired(
    session: Session, runs: HandClock, photos: Path
) -> None:
    prepared = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
    begun = await show(session, "start_training", training_images_id=prepared["training_images_id"])
    runs.at += 25 * 3600
    for name in ("ref", "training_images_id"):
        again = await show(session, "start_training", training_images_id=prepared[name])
        assert (again.facts["ref"], again.facts["deduplicated"]) == (begun.facts["ref"], True)
        assert "This call cost nothing" in again.text
    once_more = {"training_images_id": prepared["ref"], "idempotency_key": "once more"}
    assert "has expired, so nothing was sent" in await refuse(session, "start_training", **once_more)
    assert session.asked(TRAIN) == 1


@pytest.mark.parametrize("ending", ["failed", "unknown to the service"])
async def test_a_training_is_returned_for_a_failed_set_of_the_same_photos(
    session: Session, runs: HandClock, photos: Path, ending: str
) -> None:
    prepared = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
    begun = await show(session, "start_training", training_images_id=prepared["training_images_id"])
    ledger, now = session.studio.ledger, runs.now()
    known = await ledger.find(prepared["ref"], now)
    assert known is not None
    other = NewUpload(known.fingerprint or "", attributes_digest="others")
    row, _ = await ledger.get_or_create(other, now)
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    await ledger.record_response(sending.ref, 1, Event.ACCEPTED, Answer(task_id="never-seen"), now)
    if ending == "failed":
        await ledger.record_status(row.ref, Observation(now, State.FAILED))
    again = await show(session, "start_training", training_images_id="never-seen")
    assert (again.facts["ref"], again.facts["deduplicated"]) == (begun.facts["ref"], True)
    assert session.asked(TRAIN) == 1


@pytest.mark.parametrize(("seconds", "starts"), [(10.0, True), (300.0, False)])
async def test_the_wait_for_a_set_in_preparation_is_limited(
    serving: Serving,
    clock: HandClock,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    starts: bool,
) -> None:
    async with serving(speeds={"upload_seconds": seconds}) as session:
        monkeypatch.setattr(prepare_photos, "MAX_SECONDS", 0.0)
        first = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
        with anyio.fail_after(60):
            while session.studio.jobs.is_running(first["ref"]):
                await anyio.lowlevel.checkpoint()
        clock.runs = True
        if starts:
            begun = await show(session, "start_training", training_images_id=first["ref"])
            assert begun.facts["status"] == "queued"
        else:
            message = await refuse(session, "start_training", training_images_id=first["ref"])
            assert f"(ref {first['ref']}) is not ready yet; nothing was sent" in message
            assert "Call prepare_photos again with the same arguments" in message
        assert session.asked(TRAIN) == int(starts)


async def test_a_set_unknown_to_the_ledger_is_sent_as_given(serving: Serving, runs: HandClock) -> None:
    watched = Watched(Sandbox(clock=runs.now))
    async with serving(app_factory=lambda: watched.app) as session:
        begun = await show(session, "start_training", training_images_id="sandbox-person")
    assert watched.bodies(TRAIN) == [{"training_images_id": "sandbox-person"}]
    assert begun.facts["credits"] is None
    assert "This costs 4 credits a photo (40 to 120)." in begun.text


async def test_a_ref_of_another_kind_is_not_a_photo_set_and_costs_nothing(session: Session) -> None:
    begun = (await session.ask("start_training", training_images_id="sandbox-person")).facts
    for name in (begun["ref"], begun["task_id"], "up-0000000"):
        message = await refuse(session, "start_training", training_images_id=name)
        assert "nothing was sent" in message
        assert "prepare_photos" in message
    assert session.asked(TRAIN) == 1


async def test_check_photos_reports_the_full_price_and_how_many_photos_are_sent(
    session: Session, runs: HandClock, photos: Path
) -> None:
    """The reported price is the price that is paid."""
    _darken(photos, 3)
    shown = await show(session, "check_photos", paths=str(photos))
    assert (
        "A training takes 10 to 30: the 9 good ones and, to reach 10, the best 1 of the doubtful ones would be sent."
        in shown.text
    )
    assert "The full price is 42 credits: 2 to prepare the photos, 40 to train on them." in shown.text
    reports = shown.facts["preparing_credits"] + shown.facts["training_credits"]
    prepared = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
    assert prepared["credits"] + prepared["training_credits"] == reports == 42
    assert runs.sleepers == 0


@pytest.mark.parametrize(
    ("good", "doubtful", "sent", "words"),
    [
        (24, 0, 24, "the 24 good ones would be sent."),
        (24, 3, 24, "the 24 good ones would be sent; doubtful ones only if named in keep."),
        (40, 0, 30, "the best 30 of the 40 good ones would be sent."),
        (0, 12, 10, "the best 10 of the 12 doubtful ones would be sent, since there are no good ones."),
        (8, 2, 10, "the 8 good ones and, to reach 10, the doubtful ones would be sent."),
        (8, 5, 10, "the 8 good ones and, to reach 10, the best 2 of the doubtful ones would be sent."),
    ],
)
def test_the_text_about_the_sent_photos_matches_their_number(
    good: int, doubtful: int, sent: int, words: str
) -> None:
    assert describe_choice(good, doubtful, sent, Range(10, 30)) == f"A training takes 10 to 30: {words}"


@IN_ONE_ERA
async def test_without_a_detector_the_text_begins_with_a_request_to_inspect_the_sheet(
    session: Session, runs: HandClock, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "is_available", lambda: False)
    shown = await show(session, "check_photos", paths=[str(photos)])
    assert shown.text.startswith(
        "Faces were not checked. Look at the contact sheet for photos that do not show "
    )
    assert "exactly one person" in shown.text
    assert "leave_out to prepare_photos" in shown.text
    assert shown.facts["faces_checked"] is False
    prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert "Faces were not checked." in prepared.text
    assert runs.sleepers == 0


@IN_ONE_ERA
async def test_photos_are_left_out_and_kept_by_name_or_by_code_and_number_of_the_sheet(
    session: Session, runs: HandClock, photos: Path
) -> None:
    _darken(photos, 1)
    (photos / "note.jpg").write_text("not a photo")
    sheet = (await show(session, "check_photos", paths=[str(photos)])).facts["sheet"]
    asked: dict[str, Any] = {"paths": [str(photos)], **ATTRIBUTES}
    plain = await show(session, "prepare_photos", **asked)
    chosen = await show(session, "prepare_photos", **asked, leave_out=f"{sheet}:2", keep=["IMG_0001.jpg"])
    assert (plain.facts["photos"], chosen.facts["photos"]) == (DRAWN - 1, DRAWN - 1)
    doubtful, unreadable = plain.facts["left_out"]
    assert "dark" in doubtful.removeprefix("IMG_0001.jpg is ")
    assert unreadable == "note.jpg is not an image"
    assert chosen.facts["left_out"] == ["IMG_0002.jpg was named in leave_out", "note.jpg is not an image"]
    assert "Left out: was named in leave_out: IMG_0002.jpg; is not an image: note.jpg." in chosen.text
    assert "Sent despite a warning: is" in chosen.text
    assert ": 1 IMG_0001.jpg." in chosen.text
    assert plain.facts["ref"] != chosen.facts["ref"]
    assert session.asked(UPLOAD) == 2
    assert runs.sleepers == 0


async def test_a_number_of_an_outdated_sheet_sends_nothing(session: Session, photos: Path) -> None:
    sheet = (await show(session, "check_photos", paths=[str(photos)])).facts["sheet"]
    shutil.copy(photos / "IMG_0002.jpg", photos / "A first.jpg")
    for argument in ("leave_out", "keep"):
        message = await refuse(
            session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, **{argument: [f"{sheet}:1"]}
        )
        assert f"{sheet}:1 is from another contact sheet: the photos at these paths have changed" in message
        assert "Nothing was sent. Call check_photos again" in message
    assert session.asked(UPLOAD) == 0


@IN_ONE_ERA
@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("3", "3 alone may not be the photo that the user saw"),
        ("IMG_0003.jpeg", "called IMG_0003.jpeg, so nothing was sent. Did you mean IMG_0003.jpg"),
        ("note.jpg", "note.jpg could not be read, so it cannot be kept"),
    ],
)
async def test_an_ambiguous_name_of_a_photo_sends_nothing(
    session: Session, photos: Path, named: str, words: str
) -> None:
    (photos / "note.jpg").write_text("not a photo")
    assert words in await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, keep=[named])
    assert session.asked(UPLOAD) == 0


@IN_ONE_ERA
async def test_leaving_out_too_many_photos_is_reported_before_anything_is_sent(
    session: Session, photos: Path
) -> None:
    names = [f"IMG_{number:04}.jpg" for number in range(1, 4)]
    message = await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, leave_out=names)
    assert f"Only {DRAWN - 3} of {DRAWN} photos would be sent" in message
    assert session.asked(UPLOAD) == 0


async def test_a_path_may_be_text_and_errors_list_similar_names_or_subfolders(
    session: Session, photos: Path
) -> None:
    shutil.copytree(photos, photos / "Sister" / "summer")
    one = await show(session, "check_photos", paths=str(photos / "IMG_0001.jpg"))
    assert [photo["name"] for photo in one.facts["photos"]] == ["IMG_0001.jpg"]
    above = await show(session, "check_photos", paths=[str(photos / "Sister")])
    assert above.facts["photos"] == []
    assert f"these contain photos: {photos / 'Sister' / 'summer'} ({DRAWN})" in above.text
    assert "Next: call check_photos with the folder that holds the subject's photos." in above.text
    message = await refuse(session, "check_photos", paths=["sistre/summer"])
    assert message == f"There is nothing at that path. Did you mean {photos / 'Sister'}?"


def _darken(photos: Path, count: int) -> None:
    for number in range(1, count + 1):
        path = photos / f"IMG_{number:04}.jpg"
        Image.open(path).point([level // 4 for level in range(256)] * 3).save(path, "JPEG", quality=90)


@IN_ONE_ERA
async def test_check_photos_returns_in_time_and_continues_when_called_again(
    session: Session, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _age(photos)
    monkeypatch.setattr(check_photos, "MAX_SECONDS", 0.0)
    first = await show(session, "check_photos", paths=[str(photos)])
    seen = len(first.facts["photos"])
    assert 0 < seen < DRAWN
    assert f"{DRAWN - seen} photos were not checked yet, from IMG_" in first.text
    assert "Next: call check_photos again with the same paths" in first.text
    for _ in range(DRAWN):
        last = await show(session, "check_photos", paths=[str(photos)])
        if "not checked yet" not in last.text:
            break
    assert (len(last.facts["photos"]), last.facts["usable"]) == (DRAWN, DRAWN)


@IN_ONE_ERA
async def test_prepare_photos_sends_nothing_until_every_photo_was_checked(
    session: Session, runs: HandClock, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _age(photos)
    monkeypatch.setattr(prepare_photos, "CHECKING_SECONDS", 0.0)
    message = await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert (
        f"of {DRAWN} photos were checked within the time limit of one call; nothing was sent yet" in message
    )
    assert "call prepare_photos again with the same arguments" in message
    assert session.asked(UPLOAD) == 0
    monkeypatch.undo()
    prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert (prepared.facts["status"], prepared.facts["photos"]) == ("ready", DRAWN)
    assert session.asked(UPLOAD) == 1
    assert runs.sleepers == 0


def _age(photos: Path) -> None:
    for photo in photos.iterdir():
        os.utime(photo, (1_700_000_000, 1_700_000_000))
