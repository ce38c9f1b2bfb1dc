"""From the studio's facts about photos and pictures to the results of tools."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from apiframe_studio import photos
from apiframe_studio.generations import SAME_AGAIN_SECONDS, Pictures
from apiframe_studio.ledger import SavedPicture
from apiframe_studio.ledger.reuse import CREDITS_A_PHOTO
from apiframe_studio.photo_sets import UPLOAD_CREDITS, PhotoSet
from apiframe_studio.photos import FEWEST, MOST_PICTURES, Aspect, PhotoCheck, Verdict
from apiframe_studio.portfolio import ENDINGS
from apiframe_studio.strangers import plain
from apiframe_studio.submission import State
from apiframe_studio.training import is_missing
from apiframe_tools.results.photos import (
    PhotoJudged,
    PhotosChecked,
    PhotosPrepared,
    PhotosStatus,
    PictureSaved,
    PicturesMade,
)
from apiframe_tools.results.trainings import counted
from apiframe_tools.wording.next_steps import AFTER_A_FAILED_UPLOAD, STATUS, unknown_to_the_service
from apiframe_tools.wording.photos import (
    ASPECTS,
    FACES_NOT_CHECKED,
    LEFT_OUT,
    TAKES,
    choice_in_words,
    in_words,
    reasons_of,
    wishes_of,
)
from apiframe_tools.wording.warnings import (
    ONLY_ON_PURPOSE,
    UNKNOWN_TO_THE_SERVICE,
    clock_words,
    made_with,
    trained_before,
)

_SET_STATUS: dict[State, PhotosStatus] = {
    State.INTENT: "submitting",
    State.SENDING: "uploading",
    State.QUEUED: "preparing",
    State.PROCESSING: "preparing",
    State.FINISHED: "ready",
    State.FAILED: "failed",
    State.UNCONFIRMED: "unconfirmed",
    State.REJECTED: "rejected",
    State.ABANDONED: "abandoned",
}
MOST_INNER: Final = 10
"""How many folders inside one sentence names."""
_PAST_THE_LIMIT = f"{{}} more photos were not looked at: one call takes {MOST_PICTURES}."
_UPLOAD = counted(UPLOAD_CREDITS, "credit")
_OTHER_WORDS = (
    "A set with these photos exists with a different gender, ethnicity or age; returning that set. Once it is ready, "
    f"the same call makes another set, for {_UPLOAD}."
)


def checked(judged: PhotoCheck) -> PhotosChecked:
    """What check_photos returns."""
    sent = photos.number_to_send(judged)
    good = sum(photo.verdict is Verdict.USE for photo in judged.photos)
    doubtful = sum(photo.verdict is Verdict.WARN for photo in judged.photos)
    result = PhotosChecked(
        good=good,
        doubtful=doubtful,
        usable=judged.usable,
        needed=FEWEST,
        enough=judged.enough,
        sheet=judged.code,
        faces_checked=Aspect.FACES not in judged.not_judged,
        preparing_credits=UPLOAD_CREDITS,
        training_credits=CREDITS_A_PHOTO * sent if judged.enough and not judged.unseen else None,
        photos=[
            PhotoJudged(
                number=photo.number,
                name=photo.photo.name,
                verdict=photo.verdict.value,
                reasons=reasons_of(photo),
            )
            for photo in judged.photos
        ],
        photograph_next=wishes_of(judged),
        not_judged=[ASPECTS[aspect] for aspect in judged.not_judged],
        warnings=_not_looked_at(judged),
        next_step=_after_check(judged),
    )
    result.tell_choice(f"{TAKES} photos." if judged.unseen else choice_in_words(good, doubtful, sent))
    if judged.photos and judged.sheet:
        result.show(judged.sheet)
    return result


def prepared(photo_set: PhotoSet, *, sandbox: bool, credits_left: float | None = None) -> PhotosPrepared:
    """What prepare_photos returns."""
    row = photo_set.row
    status = _SET_STATUS[row.state]
    if photo_set.expired:
        status = "expired"
    result = PhotosPrepared(
        ref=row.ref,
        training_images_id=row.task_id,
        status=status,
        subject=row.subject,
        photos=row.photos or 0,
        left_out=[],
        expires_at=None if row.expires_at is None else datetime.fromtimestamp(row.expires_at, UTC),
        credits=row.credits or 0.0,
        training_credits=photo_set.training_credits,
        credits_left=credits_left,
        deduplicated=photo_set.deduplicated,
        warnings=_set_warnings(photo_set),
        sandbox=sandbox,
        next_step=unknown_to_the_service("prepare_photos", row.ref)
        if is_missing(row)
        else _after_preparing(photo_set, status),
    )
    result.tell_left_out(_left_out(photo_set))
    return result


def made(pictures: Pictures, *, sandbox: bool) -> PicturesMade:
    """What generate_photos returns."""
    row = pictures.row
    result = PicturesMade(
        ref=row.ref,
        task_id=row.task_id,
        status=STATUS[row.state],
        subject=pictures.training.subject,
        prompt=pictures.prompt,
        trigger_word=pictures.training.trigger_word or "",
        trigger_word_added=pictures.word_added,
        pictures=[
            PictureSaved(number=saved.number, path=saved.path, uri=_uri(saved)) for saved in pictures.saved
        ],
        credits=row.credits or 0.0,
        deduplicated=pictures.deduplicated,
        warnings=_picture_warnings(pictures),
        sandbox=sandbox,
        next_step=_after_making(pictures),
    )
    for preview in pictures.previews:
        result.show(preview)
    for shown, saved in zip(result.pictures, pictures.saved, strict=True):
        result.link(shown, saved.media_type)
    return result


def _picture_warnings(pictures: Pictures) -> list[str]:
    if pictures.row.forgotten_at is not None:
        return ["The subject was forgotten meanwhile, so none of these pictures is kept."]
    told: list[str] = []
    if pictures.missing:
        told.append(f"{pictures.missing} fewer pictures came than were asked for.")
    if pictures.gone:
        are = "image is" if pictures.gone == 1 else "images are"
        told.append(f"{pictures.gone} {are} no longer on this machine and could not be fetched again.")
    return [*told, *made_with(pictures.training)]


def _uri(saved: SavedPicture) -> str:
    return f"apiframe://pictures/{saved.ref}/{saved.number}.{ENDINGS[saved.media_type]}"


def _not_looked_at(judged: PhotoCheck) -> list[str]:
    told: list[str] = []
    if judged.unseen:
        told.append(
            f"{len(judged.unseen)} photos were not looked at yet, beginning with {judged.unseen[0].name}: the time "
            "limit of one call was reached."
        )
    if judged.left_out:
        told.append(_PAST_THE_LIMIT.format(judged.left_out))
    if judged.inner:
        inner = ", ".join(
            f"{plain(str(one.path), 200)} ({one.pictures})" for one in judged.inner[:MOST_INNER]
        )
        more = f" and {len(judged.inner) - MOST_INNER} more" if len(judged.inner) > MOST_INNER else ""
        told.append(f"Folders inside were not looked into; these hold photos: {inner}{more}.")
    return told


def _after_check(judged: PhotoCheck) -> str:
    if judged.inner and not judged.photos:
        return "call check_photos with the folder that holds the subject's photos."
    if judged.unseen:
        return (
            f"call check_photos again with the same paths; it goes on with the {len(judged.unseen)} photos that it has "
            "not looked at yet."
        )
    if judged.enough:
        return (
            "show the user the contact sheet and the price; once they agree to send the photos, call prepare_photos "
            "with the same paths."
        )
    missing = FEWEST - judged.usable
    needed = "1 more good photo is" if missing == 1 else f"{missing} more good photos are"
    return f"tell the user; {needed} needed before anything can be sent."


def _left_out(photo_set: PhotoSet) -> list[tuple[str, str]]:
    """The name of each photo that is not sent, and why."""
    return [
        (photo.photo.name, LEFT_OUT.get(why) or ", ".join(reasons_of(photo)))
        for photo in photo_set.check.photos
        if (why := photo_set.prepared.why_left_out(photo))
    ]


def _set_warnings(photo_set: PhotoSet) -> list[str]:
    check, sent = photo_set.check, photo_set.prepared.photos
    doubtful = [photo for photo in sent if photo.verdict is not Verdict.USE]
    return [
        *([FACES_NOT_CHECKED] if Aspect.FACES in check.not_judged else []),
        *([f"Sent despite a warning: {in_words(doubtful)}."] if doubtful else []),
        *([_PAST_THE_LIMIT.format(check.left_out)] if check.left_out else []),
        *(
            []
            if photo_set.refreshed
            else ["The service could not be asked just now; this is the last known state."]
        ),
        *([UNKNOWN_TO_THE_SERVICE] if is_missing(photo_set.row) else []),
        *([f"{trained_before(photo_set.trained)} {ONLY_ON_PURPOSE}"] if photo_set.trained else []),
        *([clock_words(photo_set.clock_ahead)] if photo_set.clock_ahead else []),
        *([] if photo_set.same_wording else [_OTHER_WORDS]),
    ]


def _after_preparing(photo_set: PhotoSet, status: PhotosStatus) -> str:
    ref, task_id, trained = photo_set.row.ref, photo_set.row.task_id, photo_set.trained
    match status:
        case "ready" if trained:
            return (
                f"call get_training_status with task_id {trained.ref} for the training that exists. To train these "
                f"photos once more, call start_training with training_images_id {task_id} and a new idempotency_key "
                "once the user agrees to pay again."
            )
        case "ready":
            return (
                f"call start_training with training_images_id {task_id}, once the person agrees to the price."
            )
        case "submitting" if not photo_set.same_wording:
            return (
                f"nothing was sent. Ask the user: call resolve_training with ref {ref} and give_up to drop the waiting "
                f"set, then prepare_photos again ({_UPLOAD}), or call prepare_photos with the earlier gender, "
                f"ethnicity and age to send it ({_UPLOAD})."
            )
        case "uploading" | "preparing" if not photo_set.same_wording:
            return (
                "tell the user that a set of these photos with a different gender, ethnicity or age is being prepared. "
                "Call prepare_photos with those earlier values to follow it, free; with the present ones it makes "
                f"another set for {_UPLOAD} once this one is ready."
            )
        case "submitting" | "uploading" | "preparing":
            return "call prepare_photos again with the same arguments in a minute; it goes on by itself meanwhile."
        case "unconfirmed":
            return (
                f"ask the person: {_UPLOAD} may have been spent and it is not sent again by itself. Then call "
                f"resolve_training with ref {ref} and their decision: accepted (with task_id), send_again or give_up."
            )
        case "failed":
            return f"tell the user; {AFTER_A_FAILED_UPLOAD}"
        case "expired" | "rejected" | "abandoned":
            return f"tell the user; calling prepare_photos again makes a new set for {_UPLOAD}."


_WHAT_IS_GONE = (
    "tell the user. With a seed, the same call tries to fetch them again, free; without one only within "
    f"{SAME_AGAIN_SECONDS / 60:g} minutes of making them, and after that it makes new images at full price. A new seed "
    "always does."
)


def _after_making(pictures: Pictures) -> str:
    row = pictures.row
    if row.forgotten_at is not None:
        return "tell the user; nothing is kept."
    if pictures.gone:
        return _WHAT_IS_GONE
    match row.state:
        case State.FINISHED:
            return "show the person the pictures; another one of the same prompt takes a new seed."
        case State.UNCONFIRMED:
            return (
                "ask the person: credits may have been spent and it is not sent again by itself. Then call "
                f"resolve_training with ref {row.ref} and their decision: accepted (with task_id), send_again or "
                "give_up."
            )
        case State.FAILED:
            return (
                "tell the person; the service made no pictures. A changed prompt or a new seed is a new try, at full "
                "price."
            )
        case _:
            return "call generate_photos again with the same arguments in a minute; it is not paid for twice."
