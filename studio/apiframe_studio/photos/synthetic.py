"""Synthetic photos of one drawn person, for demonstrations and tests.

Background, light, framing, tilt and clothes vary as in a good training set. Files are written as a phone does: JPEG
with EXIF data of a camera, so that the removal of metadata can be shown on them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from apiframe_studio.drawn_people import Appearance, Colour, Pose, draw_gradient, draw_person, shift_colour

SIZE: Final = (768, 960)
"""Just large enough to be good without the face checks; a larger one takes longer to draw and to check."""
_PERSON = Appearance(skin=(226, 178, 148), shade=(196, 140, 112), hair=(70, 42, 30), clothes=(178, 58, 72))
_CLOTHES = (_PERSON.clothes, (46, 94, 140), (58, 120, 92), (222, 176, 70), (98, 72, 130), (70, 74, 80))
_BACKGROUNDS: Sequence[tuple[Colour, Colour]] = (
    ((170, 205, 235), (110, 160, 105)),
    ((240, 200, 150), (150, 95, 85)),
    ((205, 210, 215), (120, 125, 132)),
    ((120, 150, 185), (45, 62, 95)),
    ((236, 226, 205), (178, 150, 118)),
    ((160, 190, 160), (60, 95, 70)),
    ((225, 190, 205), (140, 100, 130)),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one synthetic photo shows. `light` multiplies its brightness."""

    seed: int
    background: tuple[Colour, Colour]
    person: Appearance
    pose: Pose
    light: float


def make_scenes(count: int, seed: int = 7) -> list[Scene]:
    """Return `count` scenes, the same ones for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - drawings, not secrets
    return [_make_scene(number, dice) for number in range(count)]


def draw(scene: Scene, size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw a scene: background, person, light, a little grain, and the label SYNTHETIC."""
    dice = random.Random(scene.seed)  # noqa: S311 - drawings, not secrets
    photo = _draw_background(scene, size, dice)
    person = draw_person(size, scene.person, scene.pose)
    photo.paste(person, (0, 0), person)
    photo = ImageEnhance.Brightness(photo).enhance(scene.light)
    grain = Image.frombytes("L", size, dice.randbytes(size[0] * size[1])).convert("RGB")
    photo = Image.blend(photo, grain, 0.03)
    _draw_label(photo)
    return photo


def write_photos(folder: Path, count: int = 24) -> list[Path]:
    """Write `drawn-01.jpg` and so on into an existing folder and return the paths in order."""
    paths: list[Path] = []
    for number, scene in enumerate(make_scenes(count), 1):
        path = folder / f"drawn-{number:02}.jpg"
        draw(scene).save(path, "JPEG", quality=90, exif=_make_exif(number))
        paths.append(path)
    return paths


def _make_scene(number: int, dice: random.Random) -> Scene:
    # The order of these calls decides the photos: a seed must give the same photos in every version.
    seed = dice.randrange(1 << 30)
    head = (0.62, 0.40, 0.26)[number % 3] * dice.uniform(0.92, 1.08)
    x, tilt, light = dice.uniform(0.40, 0.60), dice.uniform(-7, 7), dice.uniform(0.82, 1.15)
    return Scene(
        seed=seed,
        background=_BACKGROUNDS[number % len(_BACKGROUNDS)],
        person=replace(_PERSON, clothes=_CLOTHES[number // 2 % len(_CLOTHES)]),
        pose=Pose(head, x, tilt, smile=dice.uniform(0.2, 1.0)),
        light=light,
    )


def _make_exif(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Apiframe sandbox"
    exif[0x0110] = "Drawn, not photographed"
    exif.get_ifd(0x8769)[0x9003] = f"2026:05:{1 + number % 6:02} 12:{number % 60:02}:00"
    return exif


def _draw_background(scene: Scene, size: tuple[int, int], dice: random.Random) -> Image.Image:
    """Draw a gradient with large soft shapes, like a background out of focus; drawn small for speed."""
    width, height = small = size[0] // 4, size[1] // 4
    background = draw_gradient(small, *scene.background)
    canvas = ImageDraw.Draw(background)
    for _ in range(14):
        x, y, r = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(0.05, 0.22) * width
        colour = shift_colour(dice.choice(scene.background), dice.randint(-45, 45))
        box = (x - r, y - r * dice.uniform(0.4, 1.6), x + r, y + r)
        (canvas.ellipse if dice.random() < 0.6 else canvas.rectangle)(box, colour)
    return background.filter(ImageFilter.GaussianBlur(width / 70)).resize(size, Image.Resampling.BICUBIC)


def _draw_label(photo: Image.Image) -> None:
    canvas, size = ImageDraw.Draw(photo), max(14, photo.height // 55)
    corner = (photo.width - size, photo.height - size)
    font = ImageFont.load_default(size)
    canvas.text(
        corner, "SYNTHETIC", "white", font, anchor="rs", stroke_width=max(1, size // 12), stroke_fill="#333"
    )
