from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from apiframe_studio.photos import rules
from apiframe_studio.photos.folders import Photo
from apiframe_studio.photos.models import (
    Box,
    Facts,
    PhotoVerdict,
    Reason,
    Suggestion,
    UncheckedAspect,
    Verdict,
)

FACE = Box(0.3, 0.2, 0.3, 0.3)
GOOD = Facts("JPEG", 3024, 4032, sharpness=20.0, brightness=120.0, faces=(FACE,), day="2026-05-01")


def photo(number: int, facts: Facts | None = GOOD, *reasons: Reason) -> PhotoVerdict:
    place = Photo(Path("/photos"), (f"{number}.jpg",))
    return PhotoVerdict(number, place, rules.rate(reasons), reasons, facts, digest=f"{number:064}")


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, ()),
        ({"faces": None}, ()),
        ({"width": 299}, (Reason.TOO_SMALL,)),
        ({"width": 300}, (Reason.SMALL,)),
        ({"height": 511}, (Reason.SMALL,)),
        ({"height": 512, "width": 512}, ()),
        ({"width": 511, "faces": None}, (Reason.TOO_SMALL,)),
        ({"width": 512, "faces": None}, (Reason.SMALL,)),
        ({"height": 767, "faces": None}, (Reason.SMALL,)),
        ({"height": 768, "width": 768, "faces": None}, ()),
        ({"sharpness": 1.2}, (Reason.BLURRED,)),
        ({"sharpness": 1.3}, (Reason.SOFT,)),
        ({"sharpness": 1.9}, ()),
        ({"sharpness": 2.4, "faces": None}, (Reason.BLURRED,)),
        ({"sharpness": 2.5, "faces": None}, (Reason.SOFT,)),
        ({"sharpness": 4.5, "faces": None}, ()),
        ({"brightness": 44.0}, (Reason.DARK,)),
        ({"brightness": 226.0}, (Reason.BRIGHT,)),
        ({"faces": ()}, (Reason.NO_FACE,)),
        ({"faces": (FACE, replace(FACE, left=0.6, height=0.2))}, (Reason.SEVERAL_FACES,)),
        ({"faces": (FACE, replace(FACE, left=0.7, height=0.08))}, ()),
        ({"height": 639, "faces": (Box(0.4, 0.4, 0.1, 0.1),)}, (Reason.FACE_TOO_SMALL,)),
        ({"height": 640, "faces": (Box(0.4, 0.4, 0.1, 0.1),)}, (Reason.FACE_SMALL,)),
        ({"height": 1280, "faces": (Box(0.4, 0.4, 0.1, 0.1),)}, ()),
        ({"faces": (Box(0.0, 0.2, 0.3, 0.3),)}, (Reason.CROPPED,)),
        ({"faces": (Box(0.2, 0.2, 0.3, 0.8),)}, (Reason.CROPPED,)),
        (
            {"height": 600, "faces": (Box(0.9, 0.4, 0.1, 0.1),)},
            (Reason.FACE_TOO_SMALL, Reason.CROPPED),
        ),
        (
            {"width": 200, "brightness": 20.0, "sharpness": 1.0},
            (Reason.TOO_SMALL, Reason.BLURRED, Reason.DARK),
        ),
    ],
)
def test_each_fact_has_its_reason_the_worst_first(
    change: dict[str, object], reasons: tuple[Reason, ...]
) -> None:
    assert rules.find_reasons(replace(GOOD, **change)) == reasons  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reasons", "verdict"),
    [
        ((), Verdict.USE),
        ((Reason.NO_FACE,), Verdict.REJECT),
        ((Reason.FACE_SMALL,), Verdict.WARN),
        ((Reason.FACE_TOO_SMALL,), Verdict.REJECT),
        ((Reason.SMALL, Reason.DARK), Verdict.WARN),
        ((Reason.SMALL, Reason.BLURRED), Verdict.REJECT),
        ((Reason.SEVERAL_FACES,), Verdict.REJECT),
        ((Reason.DAMAGED,), Verdict.REJECT),
    ],
)
def test_the_worst_reason_determines_the_verdict(reasons: tuple[Reason, ...], verdict: Verdict) -> None:
    assert rules.rate(reasons) is verdict


def test_of_near_duplicates_the_best_is_kept() -> None:
    photos = [photo(1, replace(GOOD, sharpness=5.0)), photo(2), photo(3, GOOD, Reason.DARK), photo(4)]
    checked = rules.reject_duplicates(photos, [(0, 1), (1, 2), (0, 2)])
    assert [each.duplicate_of for each in checked] == [2, None, 2, None]
    assert [each.usable for each in checked] == [False, True, False, True]
    assert checked[2].reasons == (Reason.DARK, Reason.NEAR_DUPLICATE)


def test_both_ends_of_a_chain_of_similar_photos_are_kept_if_they_differ() -> None:
    photos = [photo(1), photo(2, replace(GOOD, sharpness=9.0)), photo(3)]
    checked = rules.reject_duplicates(photos, [(0, 1), (1, 2)])
    assert [each.usable for each in checked] == [True, False, True]


def test_the_best_of_a_pair_does_not_depend_on_the_order() -> None:
    one, other = photo(1), photo(2)
    for photos in ([one, other], [other, one]):
        kept = [each.number for each in rules.reject_duplicates(photos, [(0, 1)]) if each.usable]
        assert kept == [1]


@pytest.mark.parametrize(
    "copy",
    [
        "IMG_1 copy.jpg",
        "IMG_1 (1).jpg",
        "IMG_1 - Kopie.jpg",
        "Copy of IMG_1.jpg",
        "copy-of-1.jpg",
        "Kopie_von_IMG_1.jpg",
        "IMG_1 2.jpg",
        "Z again.jpg",
    ],
)
def test_of_equal_files_the_original_is_kept(copy: str) -> None:
    names = sorted([copy, "IMG_1.jpg"])
    photos = [
        replace(photo(number), photo=Photo(Path("/photos"), (name,)), digest="same")
        for number, name in enumerate(names, 1)
    ]
    kept = [each.photo.name for each in rules.reject_duplicates(photos, [(0, 1)]) if each.usable]
    assert kept == ["IMG_1.jpg"]


def test_good_photos_precede_doubtful_ones_and_sharper_ones_softer_ones() -> None:
    photos = [photo(1, GOOD, Reason.DARK), photo(2, replace(GOOD, sharpness=9.0)), photo(3)]
    assert [each.number for each in sorted(photos, key=rules.best_first)] == [3, 2, 1]


def test_photos_are_ranked_by_verdict_face_sharpness_and_light() -> None:
    small_face = replace(GOOD, faces=(Box(0.4, 0.4, 0.1, 0.1),))
    falling = [
        photo(1),
        photo(2, replace(GOOD, brightness=220.0)),
        photo(3, replace(small_face, brightness=220.0)),
        photo(4, replace(small_face, brightness=220.0, sharpness=6.0)),
        photo(5, GOOD, Reason.DARK),
        photo(6, GOOD, Reason.DARK, Reason.SMALL),
        photo(7, GOOD, Reason.BLURRED),
        photo(8, None, Reason.DAMAGED),
    ]
    worth = [rules.compute_score(each) for each in falling]
    assert worth == sorted(worth, reverse=True)
    assert len(set(worth)) == len(worth)


def many(count: int, facts: Facts = GOOD, *reasons: Reason) -> list[PhotoVerdict]:
    return [photo(number, facts, *reasons) for number in range(1, count + 1)]


CLOSE = replace(GOOD, faces=(Box(0.1, 0.1, 0.5, 0.5),), day=None)
ON_THEIR_OWN_DAYS = replace(GOOD, day=None)


@pytest.mark.parametrize(
    ("photos", "likeness", "suggestion"),
    [
        (many(9, CLOSE), 0.1, Suggestion.MORE_PHOTOS),
        (many(12, GOOD, Reason.SOFT), 0.1, Suggestion.SHARPER),
        (many(12, GOOD, Reason.SMALL), 0.1, Suggestion.LARGER),
        (many(12, GOOD, Reason.SEVERAL_FACES), 0.1, Suggestion.ONE_PERSON),
        (many(12), 0.1, Suggestion.CLOSER),
        (many(12, CLOSE), 0.1, Suggestion.FURTHER),
        (many(12, replace(CLOSE, brightness=50.0)), 0.1, Suggestion.MORE_LIGHT),
        (many(12, CLOSE), 0.8, Suggestion.OTHER_PLACES),
        (many(12), 0.1, Suggestion.OTHER_DAYS),
    ],
)
def test_missing_variety_is_suggested(
    photos: list[PhotoVerdict], likeness: float, suggestion: Suggestion
) -> None:
    assert suggestion in rules.suggest(photos, likeness, 10)


def test_there_are_no_suggestions_for_a_good_set() -> None:
    photos = [*many(6, CLOSE), *many(6, ON_THEIR_OWN_DAYS)]
    assert rules.suggest(photos, 0.1, 10) == ()


def test_without_a_detector_faces_are_reported_as_unchecked() -> None:
    assert UncheckedAspect.FACES in rules.list_unchecked(many(2), faces_available=False)
    assert UncheckedAspect.FACES in rules.list_unchecked(
        many(2, replace(GOOD, faces=None)), faces_available=True
    )
    assert UncheckedAspect.FACES not in rules.list_unchecked(many(2), faces_available=True)
