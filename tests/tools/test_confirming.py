"""Before money is spent, the user is asked once with the price, if the client can ask."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp.types import ElicitResult, ErrorData

from apiframe_studio.ledger import Kind
from apiframe_studio.ledger.errors import PaymentNotApproved
from apiframe_studio.photos.synthetic import draw, make_scenes
from apiframe_studio.trainings import TrainingRequest

from ..conftest import DRAWN
from .illustrated import refuse, show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving

pytestmark = pytest.mark.slow

ATTRIBUTES: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True}
TRAINING = {"training_images_id": "sandbox-person"}


class User:
    """A user who gives the same answer to every question."""

    def __init__(self, answer: ElicitResult) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def answers(self, _context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return self._answer


YES = ElicitResult(action="accept", content={"agreed": True})
NOES = {
    "no": ElicitResult(action="accept", content={"agreed": False}),
    "declined": ElicitResult(action="decline"),
    "cancelled": ElicitResult(action="cancel"),
}


async def test_the_user_is_asked_once_before_a_training_with_the_price(serving: Serving) -> None:
    user = User(YES)
    async with serving(answers=user.answers) as session:
        begun = await show(session, "start_training", **TRAINING)
        again = await show(session, "start_training", **TRAINING)
        on_purpose = await show(session, "start_training", **TRAINING, idempotency_key="again")
        assert session.asked("/ai-photo-train") == 1
    assert begun.facts["status"] == "queued"
    assert again.facts["deduplicated"] is on_purpose.facts["deduplicated"] is True
    [question] = user.asked
    assert "costs 40 to 120 credits" in question
    assert "cannot be cancelled" in question


async def test_a_repeated_call_with_word_and_key_returns_the_training_without_a_question(
    serving: Serving,
) -> None:
    user = User(YES)
    arguments = {**TRAINING, "trigger_word": "TOKANNA", "idempotency_key": "once"}
    async with serving(answers=user.answers) as session:
        begun = await show(session, "start_training", **arguments)
        again = await show(session, "start_training", **arguments)
        assert session.asked("/ai-photo-train") == 1
    assert again.facts["deduplicated"] is True
    assert again.facts["ref"] == begun.facts["ref"]
    assert len(user.asked) == 1


async def test_a_key_of_another_training_is_reported_with_that_training_first(serving: Serving) -> None:
    async with serving(answers=User(YES).answers) as session:
        begun = await show(
            session, "start_training", **TRAINING, trigger_word="TOKANNA", idempotency_key="once"
        )
        refusal = await refuse(
            session, "start_training", training_images_id="another-set", idempotency_key="once"
        )
        assert session.asked("/ai-photo-train") == 1
    assert begun.facts["ref"] in refusal
    assert "queued" in refusal
    steps = refusal.index("Next: call start_training with")
    assert steps < refusal.index("omit idempotency_key: that returns their training, or starts and charges")
    assert "new idempotency_key" not in refusal


def _other_photos(folder: Path) -> None:
    """Replace the photos by those of another subject with the same names."""
    for path, scene in zip(sorted(folder.iterdir()), make_scenes(30)[DRAWN + 1 :], strict=False):
        draw(scene, (768, 960)).save(path, "JPEG", quality=80)


@pytest.mark.parametrize("how", ["replaced", "added"])
async def test_photos_swapped_while_the_user_is_asked_are_not_sent(
    serving: Serving, clock: HandClock, photos: Path, how: str
) -> None:
    clock.runs = True
    user = User(YES)

    async def swaps(context: Any, params: Any) -> ElicitResult:
        if how == "replaced":
            _other_photos(photos)
        else:
            draw(make_scenes(30)[-1], (1040, 1300)).save(photos / "one more.jpg", "JPEG", quality=80)
        return await user.answers(context, params)

    async with serving(answers=swaps) as session:
        refusal = await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        assert session.asked("/ai-photo-upload") == 0
        assert (await session.studio.ledger.page(Kind.UPLOAD, session.clock.now(), limit=50)).rows == []
    assert len(user.asked) == 1
    assert "changed" in refusal
    assert "nothing was sent" in refusal
    assert "call prepare_photos again" in refusal


async def test_a_confirmation_never_applies_to_other_photos_in_the_same_folder(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    asked: list[str] = []

    async def yes_once(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return YES if len(asked) == 1 else NOES["no"]

    async with serving(answers=yes_once) as session:
        await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        _other_photos(photos)
        refusal = await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        assert session.asked("/ai-photo-upload") == 1
    assert "did not agree" in refusal
    assert len(asked) == 2
    assert asked[0] != asked[1], "the question names the set"


async def test_a_confirmation_does_not_outlive_a_rejected_call(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    user = User(YES)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(answers=user.answers, start_credits=1) as session:
        refusal = await refuse(session, "prepare_photos", **arguments)
        assert "too few credits" in refusal
        await refuse(session, "prepare_photos", **arguments)
    assert len(user.asked) == 2


async def test_a_question_is_the_same_in_every_round(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    user = User(NOES["no"])
    arguments = {"paths": [str(photos)], **ATTRIBUTES, "subject": "Anna"}
    async with serving(answers=user.answers) as session:
        await refuse(session, "prepare_photos", **arguments)
        await refuse(session, "start_training", **TRAINING)
        clock.at += 20 * 60
        await session.studio.trainings.start(TrainingRequest("sandbox-bad-photos"))
        shutil.copytree(photos, photos.with_name("elsewhere"))
        shutil.rmtree(photos)
        shutil.move(photos.with_name("elsewhere"), photos)
        await refuse(session, "prepare_photos", **arguments)
        await refuse(session, "start_training", **TRAINING)
    assert user.asked[:2] == user.asked[2:]


async def test_the_question_has_what_is_sent_what_is_left_out_and_both_prices(
    serving: Serving, photos: Path
) -> None:
    shutil.copy(photos / "IMG_0002.jpg", photos / "Z again.jpg")
    user = User(NOES["no"])
    async with serving(answers=user.answers) as session:
        await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, subject="Anna")
    [question] = user.asked
    assert question.startswith("Sandbox: ")
    assert re.search(r"Send 12 photos of Anna \(set [0-9a-f]{8}\) to Apiframe\?", question)
    assert "Left out: 1 of 13." in question
    assert "costs 2 credits" in question
    assert "training on them costs 48 more, and you will be asked again" in question


async def test_the_remaining_credits_are_in_results_and_not_in_questions(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    user = User(YES)
    async with serving(answers=user.answers) as session:
        prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        arguments = {"training_images_id": prepared.facts["training_images_id"]}
        begun = await show(session, "start_training", **arguments)
        again = await show(session, "start_training", **arguments)
    assert prepared.facts["credits_left"] == 12_000 - 2
    assert "11998 credits left on the account" in prepared.text
    assert begun.facts["credits_left"] == 12_000 - 2 - 48
    assert again.facts["credits_left"] is None
    assert not [words for words in user.asked if "1199" in words or "left on the account" in words]


async def test_the_question_mentions_the_sandbox_only_in_the_sandbox(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    user = User(YES)
    async with serving(answers=user.answers, is_sandbox=False) as session:
        prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES, subject="Anna")
        await show(session, "start_training", training_images_id=prepared.facts["training_images_id"])
    assert "andbox" not in " ".join(user.asked)
    assert re.match(
        r"Train a model on 12 photos of Anna \(set [0-9a-f]{8}\)\? It costs 48 credits", user.asked[1]
    )
    assert "Each image made with it later costs 1 credit." in user.asked[1]


@pytest.mark.parametrize("tool", ["start_training", "prepare_photos"])
async def test_without_a_usable_key_no_question_is_asked(serving: Serving, photos: Path, tool: str) -> None:
    user = User(YES)
    arguments = TRAINING if tool == "start_training" else {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(answers=user.answers, key=None) as session:
        assert "No Apiframe API key is set" in await refuse(session, tool, **arguments)
    assert user.asked == []


@pytest.mark.parametrize("tool", ["start_training", "prepare_photos"])
async def test_there_is_no_question_about_a_request_over_the_daily_limit(
    serving: Serving, photos: Path, tool: str
) -> None:
    user = User(YES)
    arguments = TRAINING if tool == "start_training" else {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(answers=user.answers, max_credits_per_day=1) as session:
        assert "APIFRAME_MAX_CREDITS_PER_DAY" in await refuse(session, tool, **arguments)
        listed = await show(session, "list_trainings")
    assert user.asked == []
    assert listed.facts["unsettled_total"] == 0


async def test_there_is_no_question_about_unusable_photos(serving: Serving, photos: Path) -> None:
    for name in ("IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.jpg"):
        (photos / name).write_bytes(b"broken")
    user = User(YES)
    async with serving(answers=user.answers) as session:
        assert (await refuse(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).startswith(
            "Only 9 of 12"
        )
    assert user.asked == []


async def test_the_time_that_a_user_takes_to_answer_does_not_count(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True

    async def takes_long(_context: Any, _params: Any) -> ElicitResult:
        clock.at += 300
        return YES

    async with serving(answers=takes_long, speeds={"upload_seconds": 30.0}) as session:
        prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert prepared.facts["status"] == "ready"


async def test_a_prepared_set_has_an_exact_price_and_each_payment_is_confirmed_once(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    user = User(YES)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(answers=user.answers) as session:
        prepared = (await show(session, "prepare_photos", **arguments)).facts
        await show(session, "prepare_photos", **arguments)
        assert len(user.asked) == 1
        await show(session, "start_training", training_images_id=prepared["training_images_id"])
        assert "costs 2 credits" in user.asked[0]
        assert "costs 48 credits" in user.asked[1]
        await show(session, "prepare_photos", **{**arguments, "gender": "male"})
        assert len(user.asked) == 3, "another set is another payment"
        clock.at += 25 * 3600
        await show(session, "prepare_photos", **arguments)
        assert len(user.asked) == 4, "a set in place of an expired one is another payment"
        assert session.asked("/ai-photo-upload") == 3


@pytest.mark.parametrize("no", NOES)
@pytest.mark.parametrize("tool", ["start_training", "prepare_photos"])
async def test_without_agreement_nothing_is_paid_or_sent(
    serving: Serving, photos: Path, tool: str, no: str
) -> None:
    user = User(NOES[no])
    arguments = TRAINING if tool == "start_training" else {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(answers=user.answers) as session:
        refusal = await refuse(session, tool, **arguments)
        listed = await session.ask("list_trainings")
        assert session.requests() == 0
    assert "did not agree, so nothing was sent or paid" in refusal
    assert listed.facts["total"] == 0
    assert len(user.asked) == 1


Change = Callable[[User], dict[str, Any]]
UNASKED: dict[str, Change] = {
    "the setting says never": lambda user: {"answers": user.answers, "confirm_spending": "never"},
    "the client cannot ask": lambda _: {},
}


@pytest.mark.parametrize("why", UNASKED)
async def test_a_client_that_cannot_ask_is_served_without_a_question(serving: Serving, why: str) -> None:
    user = User(NOES["no"])
    async with serving(**UNASKED[why](user)) as session:
        assert (await show(session, "start_training", **TRAINING)).facts["status"] == "queued"
    assert user.asked == []


@pytest.mark.parametrize("content", [{}, {"agreed": "perhaps"}, None])
async def test_an_invalid_answer_pays_nothing_and_is_explained(serving: Serving, content: Any) -> None:
    user = User(ElicitResult(action="accept", content=content))
    async with serving(answers=user.answers) as session:
        refusal = await refuse(session, "start_training", **TRAINING)
        assert session.requests() == 0
    assert refusal.startswith("The user could not be asked")
    assert "APIFRAME_CONFIRM_SPENDING" in refusal


@pytest.mark.parametrize("era", ["legacy"], indirect=True)
async def test_a_client_that_fails_to_ask_gets_an_explanation_and_pays_nothing(serving: Serving) -> None:
    async def fails(_context: Any, _params: Any) -> ErrorData:
        return ErrorData(code=-32603, message="no dialog here")

    async with serving(answers=fails) as session:
        refusal = await refuse(session, "start_training", **TRAINING)
        assert session.requests() == 0
    assert refusal.startswith("The user could not be asked")


async def test_an_unconfirmed_payment_is_never_made(serving: Serving) -> None:
    async with serving() as session:
        with pytest.raises(PaymentNotApproved):
            await session.studio.trainings.start(TrainingRequest("sandbox-person"), may_pay=False)
        begun = await show(session, "start_training", **TRAINING)
        again = await session.studio.trainings.start(TrainingRequest("sandbox-person"), may_pay=False)
        assert (again.ref, again.deduplicated) == (begun.facts["ref"], True)
        assert session.asked("/ai-photo-train") == 1


async def test_without_consent_the_user_is_not_asked_about_money(serving: Serving, photos: Path) -> None:
    user = User(YES)
    async with serving(answers=user.answers) as session:
        refusal = await refuse(
            session, "prepare_photos", paths=[str(photos)], **{**ATTRIBUTES, "consent": False}
        )
    assert "consent" in refusal
    assert user.asked == []


async def test_there_is_no_question_about_what_cannot_be_paid(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    user = User(YES)
    async with serving(answers=user.answers) as session:
        prepared = (await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)).facts
        clock.at += 25 * 3600
        refusal = await refuse(session, "start_training", training_images_id=prepared["ref"])
        also = await refuse(session, "start_training", training_images_id="up-0000000")
    assert "has expired" in refusal
    assert "is not a photo set" in also
    assert len(user.asked) == 1


async def test_an_unreadable_ledger_is_explained_also_before_a_question(
    serving: Serving, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    async with serving(answers=User(YES).answers, ledger_path=tmp_path / "folder") as session:
        refusal = await refuse(session, "start_training", **TRAINING)
        assert session.requests() == 0
    assert "nothing was sent" in refusal
    assert "APIFRAME_DATA_DIR" in refusal
