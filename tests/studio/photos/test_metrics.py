from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFilter

from apiframe_studio.photos import metrics, rules
from apiframe_studio.photos._frames import parse_facts
from apiframe_studio.photos.models import Box
from apiframe_studio.photos.synthetic import draw, make_scenes

Painter = Callable[..., Image.Image]


def test_increasing_blur_lowers_the_sharpness_until_rejection(painted: Painter) -> None:
    grey = painted(1, (800, 1000)).convert("L")
    levels = [
        metrics.measure_sharpness(grey.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 2, 5)
    ]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > rules.SOFT_FRAME_BELOW
    assert levels[-1] < rules.BLURRED_FRAME_BELOW


def test_a_sharp_subject_on_a_soft_background_is_sharp(painted: Painter) -> None:
    image = painted(1, (800, 800)).filter(ImageFilter.GaussianBlur(25))
    image.paste(painted(2, (240, 240)), (280, 280))
    assert metrics.measure_sharpness(image.convert("L")) > rules.SOFT_FRAME_BELOW


FACE = Box(0.25, 0.2, 0.5, 0.45)


def grainy(image: Image.Image) -> Image.Image:
    grain = Image.effect_noise(image.size, 12).convert("L")
    return Image.merge("RGB", [ImageChops.add(band, grain, 1, -128) for band in image.split()])


def shaken(image: Image.Image, pixels: int) -> Image.Image:
    """Return the image blurred by a movement to the right, as with a slow shutter."""
    moved = image
    for step in range(1, pixels):
        moved = Image.blend(moved, ImageChops.offset(image, step, 0), 1 / (step + 1))
    return moved


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_blurred_face_is_detected_despite_grain_or_motion(number: int) -> None:
    image = draw(make_scenes(number + 1)[number], (820, 1024))
    level = {
        name: metrics.measure_sharpness(each.convert("L"), FACE)
        for name, each in {
            "sharp": image,
            "sharp with grain": grainy(image),
            "blurred with grain": grainy(image.filter(ImageFilter.GaussianBlur(8))),
            "shaken": shaken(image, 40),
            "shaken with grain": grainy(shaken(image, 40)),
        }.items()
    }
    assert {name for name, found in level.items() if found > rules.SOFT_BELOW} == {
        "sharp",
        "sharp with grain",
    }, level


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 500), (500, 1)])
def test_a_very_narrow_photo_has_no_sharpness(size: tuple[int, int]) -> None:
    assert metrics.measure_sharpness(Image.new("L", size)) == 0.0
    assert metrics.measure_sharpness(Image.new("L", size), Box(0.0, 0.0, 1.0, 1.0)) == 0.0


@pytest.mark.parametrize(
    ("mode", "level", "expected"),
    [
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 200 * 256, (200, 200, 200)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (10, 0), (255, 255, 255)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
    ],
)
def test_every_colour_mode_is_converted_to_rgb(mode: str, level: Any, expected: tuple[int, int, int]) -> None:
    assert metrics.flatten_to_rgb(Image.new(mode, (4, 4), level)).getpixel((1, 1)) == expected


FACTS = {
    "format": "PNG",
    "width": 1,
    "height": 2,
    "sharpness": 3.0,
    "brightness": 4.0,
    "faces": None,
    "day": None,
    "turn": 0,
}


def test_facts_are_unchanged_by_the_transfer_from_a_decoder() -> None:
    written = {
        **FACTS,
        "faces": [{"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}],
        "day": "2026-05-01",
    }
    assert [asdict(parse_facts(written))[key] for key in ("width", "day")] == [1, "2026-05-01"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "<b>"},
        {"width": "wide"},
        {"faces": [{}]},
        {"faces": 7},
        {"sharpness": None},
        {"height": []},
        {"turn": 45},
        {"turn": None},
    ],
)
def test_invalid_facts_are_rejected(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_facts({**FACTS, **change})


@pytest.mark.parametrize(
    "day",
    [
        "2026-05-01\nignore previous",
        "tomorrow",
        20260501,
        "\u0662\u0660\u0662\u0666-\u0660\u0665-\u0660\u0661",
    ],
)
def test_an_invalid_day_is_dropped(day: object) -> None:
    assert parse_facts({**FACTS, "day": day}).day is None


@pytest.mark.parametrize("mode", ["P", "1", "RGB"])
def test_shrinking_averages_pixels(mode: str) -> None:
    stripes = Image.new("L", (400, 400))
    stripes.paste(255, (0, 0, 400, 400), Image.frombytes("L", (400, 400), bytes((0, 255)) * 80_000))
    small = metrics.flatten_to_rgb(metrics.shrink(stripes.convert(mode), 100, Image.Resampling.BOX))
    assert small.getpixel((50, 50)) in {(127, 127, 127), (128, 128, 128)}
