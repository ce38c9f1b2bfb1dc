"""The sandbox's pictures: a drawn person, always the same for one training, in a scene that the seed decides.

They say in large letters what they are, so that nobody takes one for a photo.
"""

from __future__ import annotations

import textwrap
from io import BytesIO
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from .tasks import Portrait

Colour = tuple[int, int, int]

SKINS: tuple[Colour, ...] = ((255, 224, 196), (236, 188, 150), (201, 144, 104), (150, 98, 66), (98, 62, 44))
HAIRS: tuple[Colour, ...] = ((38, 30, 28), (88, 54, 34), (160, 104, 50), (214, 176, 104), (168, 66, 42))
CLOTHES: tuple[Colour, ...] = ((46, 92, 138), (150, 52, 70), (58, 122, 92), (196, 140, 48), (102, 74, 140))
SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((255, 214, 170), (196, 108, 120)),
    ((190, 224, 246), (92, 148, 190)),
    ((214, 236, 206), (88, 150, 122)),
    ((226, 214, 244), (112, 98, 168)),
    ((246, 232, 206), (186, 150, 106)),
)
NOBODY: Colour = (150, 154, 160)
INK: Colour = (40, 36, 40)
PAPER: Colour = (252, 250, 246)


class Person(NamedTuple):
    """How somebody looks. Nobody in particular is grey and has no face."""

    skin: Colour
    hair: Colour
    clothes: Colour
    long_hair: bool
    glasses: bool
    has_face: bool = True


def draw_image(portrait: Portrait, number: int) -> bytes:
    """A PNG of the portrait's size; `number` tells the pictures of one generation apart."""
    scene = Random(f"{portrait.prompt} {portrait.seed} {number}")  # noqa: S311  a drawing, not a secret
    picture = _sky(portrait.width, portrait.height, scene)
    pen = ImageDraw.Draw(picture)
    _lights(pen, picture.size, scene)
    _figure(pen, picture.size, appearance_of(portrait.subject), scene)
    _label(pen, picture.size, portrait, number)
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def appearance_of(subject: str | None) -> Person:
    """The looks that belong to a subject, the same every time."""
    if subject is None:
        return Person(NOBODY, NOBODY, NOBODY, long_hair=False, glasses=False, has_face=False)
    chance = Random(subject)  # noqa: S311  a drawing, not a secret
    return Person(
        chance.choice(SKINS),
        chance.choice(HAIRS),
        chance.choice(CLOTHES),
        long_hair=chance.random() < 0.5,
        glasses=chance.random() < 0.3,
    )


def _sky(width: int, height: int, scene: Random) -> Image.Image:
    top, bottom = scene.choice(SKIES)
    slope = Image.linear_gradient("L").resize((width, height))
    sky = Image.new("RGB", (width, height), top)
    sky.paste(Image.new("RGB", (width, height), bottom), mask=slope)
    return sky


def _lights(pen: ImageDraw.ImageDraw, size: tuple[int, int], scene: Random) -> None:
    for _ in range(7):
        x, y = scene.uniform(0, size[0]), scene.uniform(0, size[1] * 0.7)
        _disc(pen, x, y, min(size) * scene.uniform(0.02, 0.07), _lighter(scene.choice(SKIES)[0]))


def _figure(pen: ImageDraw.ImageDraw, size: tuple[int, int], who: Person, scene: Random) -> None:
    width, height = size
    head = min(width * 0.3, height * 0.2)
    x, y = width * scene.uniform(0.42, 0.58), height * 0.4
    if who.long_hair:
        pen.rounded_rectangle(
            (x - head * 1.12, y - head, x + head * 1.12, y + head * 1.7), head * 0.6, who.hair
        )
    shoulders = (x - head * 1.9, y + head * 1.35, x + head * 1.9, height + head * 2)
    pen.rounded_rectangle(shoulders, head * 0.9, who.clothes)
    pen.rounded_rectangle(
        (x - head * 0.36, y + head * 0.6, x + head * 0.36, y + head * 1.6), head * 0.3, who.skin
    )
    _disc(pen, x, y - head * 0.14, head * 1.1, who.hair)
    pen.ellipse((x - head * 0.88, y - head * 0.86, x + head * 0.88, y + head * 1.08), who.skin)
    if who.has_face:
        _face(pen, x, y, head, who, scene)


def _face(pen: ImageDraw.ImageDraw, x: float, y: float, head: float, who: Person, scene: Random) -> None:
    line = max(1, round(head * 0.05))
    glance = head * scene.uniform(-0.05, 0.05)
    for side in (-1, 1):
        eye = x + side * head * 0.34
        _disc(pen, eye, y, head * 0.13, PAPER)
        _disc(pen, eye + glance, y, head * 0.07, INK)
        pen.arc(
            (eye - head * 0.2, y - head * 0.36, eye + head * 0.2, y - head * 0.1), 200, 340, who.hair, line
        )
        if who.glasses:
            _ring(pen, eye, y, head * 0.24, line)
    if who.glasses:
        pen.line((x - head * 0.1, y, x + head * 0.1, y), INK, line)
    pen.arc((x - head * 0.1, y + head * 0.1, x + head * 0.1, y + head * 0.36), 20, 160, INK, line)
    smile = head * scene.uniform(0.22, 0.4)
    pen.arc((x - smile, y + head * 0.3, x + smile, y + head * 0.72), 15, 165, INK, line)


def _label(pen: ImageDraw.ImageDraw, size: tuple[int, int], portrait: Portrait, number: int) -> None:
    width, height = size
    letter = max(9, min(round(width / 30), round(height / 24)))
    fits = max(8, round(width / (letter * 0.56)) - 2)
    who = [] if portrait.subject else ["no trigger word in the prompt: nobody in particular"]
    words = [*textwrap.wrap(" ".join(portrait.prompt.split()), fits, max_lines=2, placeholder=" …"), *who]
    words.append(f"seed {portrait.seed} · picture {number}")
    lines = ["SANDBOX · not a photo", *(line for text in words for line in textwrap.wrap(text, fits))]
    top = height - letter * (1.35 * len(lines) + 0.9)
    pen.rectangle((0, top, width, height), INK)
    for place, line in enumerate(lines):
        spot = (letter * 0.7, top + letter * (0.45 + 1.35 * place))
        pen.text(spot, line, PAPER, ImageFont.load_default(letter))


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour)


def _ring(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, line: int) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=INK, width=line)


def _lighter(colour: Colour) -> Colour:
    red, green, blue = ((part + 2 * 255) // 3 for part in colour)
    return red, green, blue
