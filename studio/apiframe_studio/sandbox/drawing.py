"""The sandbox's images: a drawn person, always the same for one training, in a setting that depends on the seed.

A label in large letters says that the image is not a photo.
"""

from __future__ import annotations

import textwrap
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageFont

from apiframe_studio.drawn_people import Appearance, Colour, Pose, draw_gradient, draw_person, shift_colour

from .tasks import Portrait

SKINS: tuple[Colour, ...] = ((255, 224, 196), (236, 188, 150), (201, 144, 104), (150, 98, 66), (98, 62, 44))
HAIRS: tuple[Colour, ...] = ((38, 30, 28), (88, 54, 34), (160, 104, 50), (214, 176, 104), (168, 66, 42))
CLOTHES: tuple[Colour, ...] = ((46, 92, 138), (150, 52, 70), (58, 122, 92), (196, 140, 48), (102, 74, 140))
BACKGROUNDS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 214, 170), (196, 108, 120)),
    ((190, 224, 246), (92, 148, 190)),
    ((214, 236, 206), (88, 150, 122)),
    ((226, 214, 244), (112, 98, 168)),
    ((246, 232, 206), (186, 150, 106)),
)
GREY: Colour = (150, 154, 160)
INK: Colour = (40, 36, 40)
PAPER: Colour = (252, 250, 246)


def draw_image(portrait: Portrait, number: int, image_format: str = "PNG") -> bytes:
    """Return an image of the portrait's size. `number` distinguishes the images of one generation."""
    rng = Random(f"{portrait.prompt} {portrait.seed} {number}")  # noqa: S311  a drawing, not a secret
    size = (portrait.width, portrait.height)
    image = _draw_background(size, rng)
    head = min(0.62 * portrait.width / portrait.height, 0.4)
    pose = Pose(head, x=rng.uniform(0.42, 0.58), tilt=rng.uniform(-5, 5), smile=rng.uniform(0.2, 1.0))
    person = draw_person(size, choose_appearance(portrait.subject), pose, oversampling=1)
    image.paste(person, mask=person)
    _draw_label(image, portrait, number)
    content = BytesIO()
    image.save(content, image_format)
    return content.getvalue()


def choose_appearance(subject: str | None) -> Appearance:
    """Return the appearance of a subject, the same every time; without a subject, a grey figure without a face."""
    if subject is None:
        return Appearance(GREY, GREY, GREY, GREY, long_hair=False, has_face=False)
    rng = Random(subject)  # noqa: S311  a drawing, not a secret
    skin = rng.choice(SKINS)
    return Appearance(
        skin,
        shift_colour(skin, -30),
        rng.choice(HAIRS),
        rng.choice(CLOTHES),
        long_hair=rng.random() < 0.5,
        glasses=rng.random() < 0.3,
    )


def _draw_background(size: tuple[int, int], rng: Random) -> Image.Image:
    background = draw_gradient(size, *rng.choice(BACKGROUNDS))
    canvas = ImageDraw.Draw(background)
    for _ in range(7):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1] * 0.7)
        r = min(size) * rng.uniform(0.02, 0.07)
        canvas.ellipse((x - r, y - r, x + r, y + r), shift_colour(rng.choice(BACKGROUNDS)[0], 30))
    return background


def _draw_label(image: Image.Image, portrait: Portrait, number: int) -> None:
    canvas, (width, height) = ImageDraw.Draw(image), image.size
    letter = max(9, min(round(width / 30), round(height / 24)))
    columns = max(8, round(width / (letter * 0.56)) - 2)
    prompt = textwrap.wrap(" ".join(portrait.prompt.split()), columns, max_lines=2, placeholder=" …")
    note = [] if portrait.subject else ["no trigger word in the prompt: no subject"]
    texts = ["SANDBOX · not a photo", *prompt, *note, f"seed {portrait.seed} · image {number}"]
    lines = [line for text in texts for line in textwrap.wrap(text, columns)]
    top = height - letter * (1.35 * len(lines) + 0.9)
    canvas.rectangle((0, top, width, height), INK)
    for index, line in enumerate(lines):
        corner = (letter * 0.7, top + letter * (0.45 + 1.35 * index))
        canvas.text(corner, line, PAPER, ImageFont.load_default(letter))
