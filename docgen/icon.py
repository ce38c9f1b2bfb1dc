"""`python -m docgen.icon`: the icon of the desktop bundle, a photo of a drawn person."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from apiframe_studio.drawn_people import Appearance, Pose, draw_gradient, draw_person
from docgen.canvas import encode_png

TARGET: Final = Path(__file__).resolve().parent.parent / "docs/bundle/icon.png"
SIDE: Final = 512
OVERSAMPLING: Final = 4
BACKGROUND: Final = (0x2F, 0x6F, 0xED), (0x0B, 0x3A, 0xA8)
PHOTO: Final = (0xFD, 0xE7, 0xC8), (0xF6, 0xC1, 0x8D)
PERSON: Final = Appearance(
    skin=(0xE8, 0xB3, 0x8F), shade=(0xC9, 0x8F, 0x6B), hair=(0x3B, 0x26, 0x20), clothes=(0x1F, 0x7A, 0x6D)
)
FRAME: Final = 92
EDGE: Final = 22


def main() -> None:
    TARGET.write_bytes(encode_png(draw_icon()))
    print(f"{TARGET.name}: {TARGET.stat().st_size // 1024} KB")


def draw_icon() -> Image.Image:
    """Return a white-edged photo on a rounded background, 512 pixels wide, transparent outside it."""
    icon = Image.new("RGBA", (SIDE, SIDE))
    icon.paste(draw_gradient((SIDE, SIDE), *BACKGROUND), mask=_round_mask(SIDE, 112))
    outer, inner = SIDE - 2 * FRAME, SIDE - 2 * (FRAME + EDGE)
    icon.paste((255, 255, 255), (FRAME, FRAME), _round_mask(outer, 36))
    photo = draw_gradient((inner, inner), *PHOTO).convert("RGBA")
    photo.alpha_composite(
        draw_person((inner, inner), PERSON, Pose(head=0.52, x=0.5, smile=0.8), OVERSAMPLING)
    )
    icon.paste(photo, (FRAME + EDGE, FRAME + EDGE), _round_mask(inner, 20))
    return icon


def _round_mask(side: int, radius: int) -> Image.Image:
    mask = Image.new("L", (side * OVERSAMPLING, side * OVERSAMPLING))
    box = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * OVERSAMPLING, 255)
    return mask.resize((side, side), Image.Resampling.BOX)


if __name__ == "__main__":
    main()
