"""Which photos are sent: the best good ones, doubtful ones only if needed or named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from apiframe_studio.photos.choosing import choose, count_to_send, select_first, select_second
from apiframe_studio.photos.errors import ChoiceProblem, ChoiceRefused
from apiframe_studio.photos.folders import AllowedFolders, Photo
from apiframe_studio.photos.models import Facts, PhotoCheck, PhotoVerdict, Reason
from apiframe_studio.photos.rules import rate

from .calls import TAKES

CODE = "7f3a"


def photo(number: int, *reasons: Reason, name: str = "", sharpness: float = 9.0) -> PhotoVerdict:
    facts = None if Reason.DAMAGED in reasons else Facts("JPEG", 900, 1100, sharpness, 120.0)
    parts = tuple((name or f"IMG_{number:02}.jpg").split("/"))
    return PhotoVerdict(number, Photo(Path("/photos"), parts), rate(reasons), reasons, facts, f"{number}")


def make_check(photos: Sequence[PhotoVerdict]) -> PhotoCheck:
    usable = sum(each.usable for each in photos)
    return PhotoCheck(
        tuple(photos), usable, 0, (), (), b"", AllowedFolders([Path("/photos")]), TAKES, (), CODE
    )


def good_and_doubtful(good: int, doubtful: int, rejected: int = 0) -> PhotoCheck:
    return make_check(
        [
            *(photo(number, sharpness=number) for number in range(1, good + 1)),
            *(photo(good + number, Reason.DARK, sharpness=number) for number in range(1, doubtful + 1)),
            *(photo(good + doubtful + number, Reason.BLURRED) for number in range(1, rejected + 1)),
        ]
    )


def numbers(photos: Sequence[PhotoVerdict]) -> list[int]:
    return [each.number for each in photos]


@pytest.mark.parametrize(
    ("good", "doubtful", "sent"), [(12, 5, 12), (40, 5, 30), (10, 9, 10), (7, 9, 10), (7, 1, 8), (0, 25, 10)]
)
def test_doubtful_photos_only_complete_a_set_with_too_few_good_ones(
    good: int, doubtful: int, sent: int
) -> None:
    assert count_to_send(good_and_doubtful(good, doubtful, 3)) == sent


def test_photos_are_ordered_best_first() -> None:
    check = good_and_doubtful(3, 2)
    assert numbers(select_first(check.photos, choose(check))) == [3, 2, 1]
    assert numbers(select_second(check.photos, choose(check))) == [5, 4]


def test_a_kept_photo_comes_first_with_any_verdict_and_a_left_out_one_never() -> None:
    check = good_and_doubtful(12, 2, 1)
    choice = choose(check, leave_out=["IMG_12.jpg", f"{CODE}:3"], keep=[f"{CODE}:13", "img_15.JPG"])
    assert numbers(select_first(check.photos, choice)) == [13, 15, 11, 10, 9, 8, 7, 6, 5, 4, 2, 1]
    assert numbers(select_second(check.photos, choice)) == [14]
    assert count_to_send(check, choice) == 12


@pytest.mark.parametrize(
    "named",
    [
        "two words.jpg",
        "Two Words.JPG",
        "two words",
        "b/two words.jpg",
        "/photos/b/two words.jpg",
        f"{CODE}:2",
        f" {CODE.upper()}: 2 ",
        f"{CODE}:#2",
    ],
)
def test_a_photo_can_be_given_by_name_path_or_code_and_number(named: str) -> None:
    check = make_check([photo(1, name="a/other.jpg"), photo(2, name="b/two words.jpg")])
    assert choose(check, leave_out=[named]).leave_out == {2}


def test_a_decomposed_name_is_the_same_name() -> None:
    check = make_check([photo(1, name="José.jpg")])
    assert choose(check, leave_out=["Jose\u0301.jpg"]).leave_out == {1}


@pytest.mark.parametrize(
    ("named", "problem", "near"),
    [
        ("IMG_99.jpg", ChoiceProblem.UNKNOWN, "IMG_09.jpg"),
        ("", ChoiceProblem.UNKNOWN, None),
        ("2", ChoiceProblem.NUMBER_WITHOUT_CODE, None),
        ("02", ChoiceProblem.NUMBER_WITHOUT_CODE, None),
        ("aaaa:2", ChoiceProblem.OTHER_CODE, None),
        (f"{CODE}:999", ChoiceProblem.NO_SUCH_NUMBER, None),
        ("twice.jpg", ChoiceProblem.SEVERAL, "a/twice.jpg"),
    ],
)
def test_an_ambiguous_name_is_rejected(named: str, problem: ChoiceProblem, near: str | None) -> None:
    check = make_check(
        [
            *good_and_doubtful(9, 1).photos,
            photo(11, name="a/twice.jpg"),
            photo(12, name="b/twice.jpg"),
            photo(13, name="02.jpg"),
        ]
    )
    with pytest.raises(ChoiceRefused) as refused:
        choose(check, keep=[named])
    assert (refused.value.problem, refused.value.named) == (problem, named)
    assert near is None or near in refused.value.near


def test_an_unreadable_photo_cannot_be_kept_and_none_is_both_kept_and_left_out() -> None:
    check = make_check([photo(1), photo(2, Reason.DAMAGED)])
    with pytest.raises(ChoiceRefused) as unreadable:
        choose(check, keep=["IMG_02.jpg"])
    with pytest.raises(ChoiceRefused) as both:
        choose(check, leave_out=["IMG_01.jpg"], keep=[f"{CODE}:1"])
    assert unreadable.value.problem is ChoiceProblem.UNREADABLE
    assert both.value.problem is ChoiceProblem.BOTH


def test_more_photos_than_a_training_takes_cannot_be_kept() -> None:
    check = good_and_doubtful(31, 0)
    with pytest.raises(ChoiceRefused) as refused:
        choose(check, keep=[each.photo.name for each in check.photos])
    assert refused.value.problem is ChoiceProblem.TOO_MANY
