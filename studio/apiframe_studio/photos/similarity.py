"""Find photos that are nearly the same, with Pillow's arithmetic. Runs in a decoder process.

Thumbprints are compared in stacks: images of mode F with the values of one photo in each row, so that one
multiplication compares many pairs.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, cast

from PIL import Image, ImageMath

SIDE = 32
# By how many pixels thumbprints are shifted at full size, and after halving.
_REACH, _HALVED_REACH = 2, 1
# Pairs that are multiplied at once: more do not fit into the processor's caches.
_PAIRS_AT_ONCE = 1024
# More than the error of a mean of 32-bit floats, and too little to matter.
_ROUNDING = 1e-4

Stack = Image.Image
Rows = Sequence[bytes]
Pair = tuple[int, int]
Place = int
"""A pair as a number: the distance of the second photo from the first, times the number of photos, plus the first.

The distance begins again after the last photo, so half of the number is the largest. If the number is even, that
distance has each pair in both orders.
"""


def make_thumbprint(small: Image.Image) -> bytes:
    """Return the 1024 grey levels of a 32 x 32 thumbnail, by which similarity is measured."""
    return small.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()


def compare_thumbprints(thumbprints: Sequence[bytes], alike: float) -> tuple[list[Pair], float | None]:
    """Return the pairs of indexes whose thumbprints correlate by at least `alike`, and the median of all pairs.

    Two thumbprints are also compared mirrored, and shifted by up to two of 32 or one of 16 pixels in each direction
    (6 %), which finds mirrored copies and shots of a burst; the median is that of the unshifted ones. A uniform
    thumbprint correlates with nothing. The median is None for fewer than two thumbprints.
    """
    if len(thumbprints) < 2:
        return [], None
    size = (SIDE, SIDE * len(thumbprints))
    fine = Image.frombytes("L", size, b"".join(thumbprints)).convert("F")
    halved, found = fine.reduce(2), set[Place]()
    for levels, reach in ((halved, _HALVED_REACH), (fine, _REACH)):
        mirrored = levels.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for down, right in product(range(-reach, reach + 1), repeat=2):
            ones = _Cut(levels, down, right)
            for other in (levels, mirrored):
                _add_alike(ones, _Cut(other, -down, -right), alike, found)
    pairs = {(min(pair), max(pair)) for pair in _find_pairs(found, len(thumbprints))}
    return sorted(pairs), round(statistics.median(_correlate_unshifted(halved)), 3)


class _Cut:
    """What a shift leaves of all thumbprints: normalised rows of pixels, and rows that are upper bounds for them."""

    def __init__(self, levels: Image.Image, down: int, right: int) -> None:
        self.count = levels.height // levels.width
        self._width = levels.width - abs(right)
        self._stack = _normalise(_stack_up(levels, down, right))

    @cached_property
    def whole(self) -> Rows:
        return _split(self._stack)

    @cached_property
    def half(self) -> Rows:
        return _split(_bound(self._stack, self._width, 2))

    @cached_property
    def quarter(self) -> bytes:
        return _bound(self._stack, self._width, 4).tobytes()


def _add_alike(ones: _Cut, others: _Cut, alike: float, found: set[Place]) -> None:
    """Add the pairs that are alike. Most are excluded by the bound at a quarter of the size, most others at half."""
    bound = alike - _ROUNDING
    for first, correlations in _correlate_all(ones.quarter, others.quarter, ones.count):
        if max(correlations) >= bound:
            places = enumerate(correlations, first)
            candidates = [place for place, value in places if value >= bound and place not in found]
            possible = _select(candidates, ones.half, others.half, bound)
            found.update(_select(possible, ones.whole, others.whole, alike))


def _select(places: Sequence[Place], ones: Rows, others: Rows, least: float) -> Sequence[Place]:
    """Return those where the rows correlate by at least `least`."""
    if not places:
        return []
    pairs = _find_pairs(places, len(ones))
    picked = _join([ones[one] for one, _ in pairs]), _join([others[other] for _, other in pairs])
    return [place for place, value in zip(places, _read(_correlate(*picked)), strict=True) if value >= least]


def _correlate_all(ones: bytes, others: bytes, count: int) -> Iterator[tuple[Place, Sequence[float]]]:
    """Yield the correlations of all pairs of `count` rows in parts, each with the place of the first one."""
    size, twice = len(ones) // count, others * 2
    step = max(1, _PAIRS_AT_ONCE // count)
    for first in range(1, count // 2 + 1, step):
        distances = range(first, min(first + step, count // 2 + 1))
        after = [twice[distance * size : (distance + count) * size] for distance in distances]
        yield first * count, _read(_correlate(_join([ones] * len(distances), size), _join(after, size)))


def _find_pairs(places: Iterable[Place], count: int) -> Sequence[Pair]:
    return [(place % count, (place % count + place // count) % count) for place in places]


def _correlate_unshifted(levels: Image.Image) -> Sequence[float]:
    cut = _Cut(levels, 0, 0)
    rows = b"".join(cut.whole)
    found = [value for _, part in _correlate_all(rows, rows, cut.count) for value in part]
    return found[: cut.count * (cut.count - 1) // 2]  # Without the pairs in the other order.


def _stack_up(levels: Image.Image, down: int, right: int) -> Stack:
    """Stack photos that are below each other in `levels`, without what a shift moves out of the overlap."""
    side, height = levels.size
    left, top, width = max(0, right), max(0, down), side - abs(right)
    part = levels.crop((left, top, left + width, top + height))
    return _reshape(part, width * side).crop((0, 0, width * (side - abs(down)), height // side))


def _normalise(stack: Stack) -> Stack:
    """Return each row with a mean of 0 and a mean square of 1, or only zeros for a uniform one."""
    centred = _compute(lambda of: of["a"] - of["b"], stack, _spread(_mean(stack), stack))
    deviation = _compute(lambda of: of["a"] ** 0.5, _correlate(centred, centred))
    # Pillow divides by 0 without an error, and the result is 0.
    return _compute(lambda of: of["a"] / of["b"], centred, _spread(deviation, stack))


def _bound(stack: Stack, width: int, factor: int) -> Stack:
    """Return each row at a fraction of its size, and one more value: the length of what that leaves out.

    By the Cauchy-Schwarz inequality, such rows correlate at least as well as whole ones.
    """
    columns, rows = width // factor, stack.width // width // factor
    size = columns * rows + 1
    pixels = _reshape(stack.crop((0, 0, width * rows * factor, stack.height)), width)
    means = _reshape(pixels.reduce(factor, (0, 0, columns * factor, pixels.height)), columns * rows)
    scale = factor * (size / stack.width) ** 0.5
    kept = _compute(lambda of: of["a"] * scale, means)
    squares = zip(_read(_correlate(stack, stack)), _read(_correlate(kept, kept)), strict=True)
    rest = array("f", [max(0.0, size * whole - (size - 1) * part) ** 0.5 for whole, part in squares])
    bound = kept.crop((0, 0, size, kept.height))
    bound.paste(Image.frombytes("F", (1, stack.height), rest.tobytes()), (size - 1, 0))
    return bound


def _correlate(ones: Stack, others: Stack) -> Image.Image:
    """Return a column with the mean product of each two rows."""
    return _mean(_compute(lambda of: of["a"] * of["b"], ones, others))


def _mean(stack: Stack) -> Image.Image:
    return stack.reduce((stack.width, 1))


def _spread(column: Image.Image, stack: Stack) -> Stack:
    return column.resize(stack.size, Image.Resampling.BOX)


def _read(column: Image.Image) -> Sequence[float]:
    return array("f", column.tobytes())


def _split(stack: Stack) -> Rows:
    data = stack.tobytes()
    size = len(data) // stack.height
    return [data[start : start + size] for start in range(0, len(data), size)]


def _join(rows: Rows, size: int | None = None) -> Stack:
    data, size = b"".join(rows), size or len(rows[0])
    return Image.frombytes("F", (size // 4, len(data) // size), data)


def _reshape(image: Image.Image, width: int) -> Image.Image:
    return Image.frombytes("F", (width, image.width * image.height // width), image.tobytes())


def _compute(
    formula: Callable[[dict[str, Any]], Any], a: Image.Image, b: Image.Image | None = None
) -> Image.Image:
    return cast("Image.Image", ImageMath.lambda_eval(formula, a=a, b=b))
