"""The HTML of a gallery. Pure; the words and the layout are in `gallery.html`.

What is next to an image is untrusted: it may be of any shape, and a prompt may contain markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from string import Template
from typing import Any, Final
from urllib.parse import quote, unquote

from apiframe_studio import __version__
from apiframe_studio.image_files import ImageFile
from apiframe_studio.sanitize import sanitize_text
from apiframe_studio.subjects import visible_name

MARK: Final = "<!doctype html>\n<!-- Made by apiframe-photo-mcp."
"""How every page begins, which a file of the user's does not."""
MAX_PROMPT: Final = 10_000
MAX_ALT: Final = 120
LONG_PROMPT: Final = 220
"""A longer one is cut until it is opened."""
_RATIO: Final = re.compile(r"([1-9]\d{0,3}):([1-9]\d{0,3})")
_LINK: Final = re.compile(r'<a href="([^"]+)"')
_FIGURE: Final = re.compile(r"<figure>\n.*?</figure>\n", re.DOTALL)

Names = tuple[str, ...]
"""The file names of the images of one request."""


class Markup(str):
    """Text that is HTML already and is not escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class Figure:
    """The images of one request with how they were made, as HTML."""

    date: str
    markup: Markup


def render_page(title: str, figures: Sequence[Figure], total: int, shown: int) -> str:
    """Return the page of `figures`, in their order. `total` is the number of images in the folder."""
    days = groupby(figures, key=lambda figure: figure.date)
    return _fill(
        "page",
        title=title,
        version=__version__,
        count=f"{total} image{'' if total == 1 else 's'}" + f", {shown} of them here" * (shown < total),
        days=_join(_fill("day", date=date, figures=_join(one.markup for one in day)) for date, day in days),
    )


def render_figure(images: Sequence[ImageFile], description: Mapping[str, Any]) -> Markup:
    """Return the images of one request. `description` is what a file next to them says, which may be nothing."""
    facts = _Facts(description)
    prompt = facts.text("prompt", MAX_PROMPT)
    part = "long_prompt" if len(prompt) > LONG_PROMPT else "prompt"
    return _fill(
        "figure",
        images=_join(_render_image(image, facts, prompt) for image in images),
        prompt=_fill(part, prompt=prompt) if prompt else Markup(),
        facts=_join(_render_facts(images[0], facts)),
    )


def linked_files(page: str) -> list[str]:
    """Return the names of the images on a page, in their order."""
    return [unquote(html.unescape(link)) for link in _LINK.findall(page)]


def read_figures(page: str) -> Mapping[Names, Markup]:
    """Return the figures of a page that this version wrote, by their files; of another version's page none."""
    if f'content="apiframe-photo-mcp {__version__}"' not in page[:2000]:
        return {}
    return {tuple(linked_files(figure)): Markup(figure) for figure in _FIGURE.findall(page)}


@dataclass(frozen=True)
class _Facts:
    description: Mapping[str, Any]

    def text(self, name: str, limit: int = 100) -> str:
        value = self.description.get(name)
        return sanitize_text(str(value) if isinstance(value, int) else value, limit)

    @property
    def size(self) -> str:
        width, height = self.text("width"), self.text("height")
        return f"{width} x {height} pixels" if width and height else self.text("aspect_ratio")

    @property
    def ratio(self) -> tuple[str, str]:
        pixels = f"{self.text('width')}:{self.text('height')}"
        found = _RATIO.fullmatch(pixels) or _RATIO.fullmatch(self.text("aspect_ratio"))
        return (found[1], found[2]) if found else ("1", "1")


def _render_image(image: ImageFile, facts: _Facts, prompt: str) -> Markup:
    # The place is reserved in this shape: a browser would load a lazy image without one at once.
    width, height = facts.ratio
    subject = visible_name(facts.description.get("subject"))
    name = f"{subject}, image {image.number}" if subject else f"Image {image.number}"
    alt = f"{name}: {sanitize_text(prompt, MAX_ALT)}" if prompt else name
    return _fill("image", href=quote(image.name), alt=alt, width=width, height=height)


def _render_facts(image: ImageFile, facts: _Facts) -> Iterable[Markup]:
    if word := facts.text("trigger_word"):
        yield _fill("trigger_word", value=word)
    if facts.description:
        yield _fill("seed", value=seed) if (seed := facts.text("seed")) else _fill("no_seed")
        yield _fill("size", value=size) if (size := facts.size) else _fill("no_size")
    yield _fill("time", value=image.time_of_day)
    yield _fill("ref", value=image.ref)


@cache
def _parts() -> Mapping[str, Template]:
    text = (files("apiframe_studio") / "gallery.html").read_text(encoding="utf-8")
    page, *parts = re.split(r"<!-- part: (\w+) -->\n", text)
    named = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: Template(part) for name, part in {"page": page, **named}.items()}


def _fill(part: str, **values: str) -> Markup:
    escaped = {name: text if isinstance(text, Markup) else html.escape(text) for name, text in values.items()}
    return Markup(_parts()[part].substitute(escaped))


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))
