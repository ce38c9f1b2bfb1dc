"""Photos that are nearly the same are found, whatever an exact but slow calculation would find."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator
from itertools import combinations, product
from operator import mul

import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from apiframe_studio.photos.rules import DUPLICATE_CORRELATION
from apiframe_studio.photos.similarity import compare_thumbprints, make_thumbprint
from apiframe_studio.photos.synthetic import draw, make_scenes

Rows = list[list[float]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("smaller", lambda image: image.resize((image.width // 3, image.height // 3))),
        ("brighter", lambda image: ImageEnhance.Brightness(image).enhance(1.15)),
        ("softer", lambda image: image.filter(ImageFilter.GaussianBlur(4))),
        ("grey", lambda image: image.convert("L").convert("RGB")),
        ("a hair's breadth aside", lambda image: image.crop((6, 6, image.width, image.height))),
        ("mirrored", ImageOps.mirror),
        ("mirrored and aside", lambda image: ImageOps.mirror(image).crop((13, 0, *image.size))),
    ],
)
def test_the_same_photo_is_recognised(name: str, change: Callable[[Image.Image], Image.Image]) -> None:
    image = draw(make_scenes(1)[0], (512, 640))
    prints = [make_thumbprint(image), make_thumbprint(change(image))]
    assert compare_thumbprints(prints, DUPLICATE_CORRELATION)[0] == [(0, 1)], name


@pytest.mark.parametrize(("aside", "down"), [(0.05, 0), (0, 0.05), (0.025, 0), (0.03, 0.02), (0.05, 0.05)])
def test_two_photos_of_a_burst_are_near_duplicates(aside: float, down: float) -> None:
    width, height = 512, 640
    scene = draw(make_scenes(1)[0], (width, height))
    right, below = round(width * aside), round(height * down)
    one = scene.crop((0, 0, width - right, height - below))
    other = ImageEnhance.Brightness(scene.crop((right, below, width, height))).enhance(1.05)
    prints = [make_thumbprint(one), make_thumbprint(other)]
    assert compare_thumbprints(prints, DUPLICATE_CORRELATION)[0] == [(0, 1)]


@pytest.mark.slow
def test_different_photos_of_one_person_are_not_near_duplicates() -> None:
    prints = [make_thumbprint(draw(scene, (256, 320))) for scene in make_scenes(24)]
    assert compare_thumbprints(prints, DUPLICATE_CORRELATION)[0] == []


def test_plain_grey_photos_are_not_similar_to_any() -> None:
    prints = [bytes([level]) * 1024 for level in (0, 128, 255)]
    assert compare_thumbprints(prints, 0.5) == ([], 0.0)


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_photo_has_no_similarity(count: int) -> None:
    assert compare_thumbprints([bytes(range(256)) * 4] * count, 0.5) == ([], None)


def vary(seed: int) -> Image.Image:
    """Return one of a series: the same background, something else in front, moved, mirrored, or with grain."""
    dice = random.Random(seed)  # noqa: S311 - drawings, not secrets
    image = Image.radial_gradient("L").resize((128, 128))
    for _ in range(1 + seed % 3):
        left, top = dice.randrange(90), dice.randrange(90)
        image.paste(
            dice.randrange(256), (left, top, left + 10 + dice.randrange(30), top + 10 + dice.randrange(30))
        )
    if seed % 2:
        image = ImageOps.mirror(image)
    grain = Image.effect_noise(image.size, 20 * (seed % 4))
    moved = Image.blend(image, grain, 0.2).crop((seed % 5, seed % 7, 120, 120))
    return moved.convert("RGB")


def halve(rows: Rows) -> Rows:
    pairs = range(0, len(rows), 2)
    return [
        [statistics.fmean(rows[y + i][x + j] for i in (0, 1) for j in (0, 1)) for x in pairs] for y in pairs
    ]


def correlate(one: Rows, other: Rows, down: int, right: int) -> float:
    """Correlate what overlaps of two images of the same size when the other one is shifted."""
    rows, columns = (range(max(0, by), len(one) + min(0, by)) for by in (down, right))
    ones = [one[y][x] for y in rows for x in columns]
    others = [other[y - down][x - right] for y in rows for x in columns]
    mean, other_mean = sum(ones) / len(ones), sum(others) / len(others)
    ones, others = [level - mean for level in ones], [level - other_mean for level in others]
    covariance: float = sum(map(mul, ones, others))
    return covariance / math.hypot(*ones) / math.hypot(*others)


def correlate_everywhere(one: Rows, other: Rows) -> Iterator[float]:
    for ones, others, reach in ((halve(one), halve(other), 1), (one, other, 2)):
        for mirrored in (others, [row[::-1] for row in others]):
            for down, right in product(range(-reach, reach + 1), repeat=2):
                yield correlate(ones, mirrored, down, right)


@pytest.mark.parametrize("count", [2, 4, 5])
def test_a_comparison_finds_exactly_the_pairs_that_correlate_somewhere(count: int) -> None:
    thumbprints = [make_thumbprint(vary(seed)) for seed in range(count)]
    images = [
        [[float(level) for level in each[start : start + 32]] for start in range(0, 1024, 32)]
        for each in thumbprints
    ]
    pairs = list(combinations(range(count), 2))
    highest = {(i, j): max(correlate_everywhere(images[i], images[j])) for i, j in pairs}
    halved = [halve(image) for image in images]
    median = statistics.median(correlate(halved[i], halved[j], 0, 0) for i, j in pairs)
    for alike in [0.1, *(value + aside for value in list(highest.values())[::3] for aside in (-1e-5, 1e-5))]:
        expected = [pair for pair, value in highest.items() if value >= alike]
        assert compare_thumbprints(thumbprints, alike) == (expected, round(median, 3))
