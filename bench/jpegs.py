"""Measure what the size and the quality of a JPEG cost: loss against the original, bytes, and seconds to send 30.

    python -m bench.jpegs FOLDER

The photos are not in the repository. Those of at least 2048 pixels count: smaller ones are not scaled down. Loss is
the PSNR (dB) over all colours and the SSIM of the luminance over blocks of 8 x 8 pixels, both against the original, at
a long side of 2048 pixels, and of 1024, in case that a training scales photos to that.
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray
from PIL import Image

from apiframe_studio.photos import decode
from apiframe_studio.photos.errors import DecodeFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.metrics import encode_jpeg, flatten_to_rgb, shrink

LONG_SIDES = (1024, 1536, 2048)
QUALITIES = (85, 90, 95)
COMPARED_AT = (2048, 1024)
PHOTOS = 30
LINES = {"1 Mbit/s": 125_000, "5 Mbit/s": 625_000}
Pixels = NDArray[numpy.float32]


@dataclass(frozen=True)
class Loss:
    """One photo at one size and quality: its bytes, and PSNR and SSIM at each size of `COMPARED_AT`."""

    size: int
    milliseconds: float
    measured: tuple[tuple[float, float], ...]


def measure_folder(folder: Path) -> None:
    """Print one line for each long side and quality."""
    decode.set_up_process()
    originals = list(_read(folder))
    print(f"{len(originals)} photos; median, and in brackets the worst; bytes: mean and largest")
    columns = "".join(f" | PSNR at {side} | SSIM at {side}" for side in COMPARED_AT)
    print(
        f"| long side | quality{columns} | kB a photo | MB for {PHOTOS} | {' | '.join(LINES)} | ms a photo |"
    )
    for long_side in LONG_SIDES:
        for quality in QUALITIES:
            _print(long_side, quality, [_lose(photo, long_side, quality) for photo in originals])


def _read(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.rglob("*")):
        try:
            photo = decode.decode(path.read_bytes(), Limits(), at_least=100_000).image
        except (DecodeFailed, OSError):
            continue
        if max(photo.size) >= max(COMPARED_AT):
            yield flatten_to_rgb(photo)


def _lose(original: Image.Image, long_side: int, quality: int) -> Loss:
    began = time.process_time()
    jpeg = encode_jpeg(shrink(original.copy(), long_side, Image.Resampling.LANCZOS), quality)
    seconds = time.process_time() - began
    sent = Image.open(io.BytesIO(jpeg))
    measured = tuple(_compare(_scale(original, side), sent) for side in COMPARED_AT)
    return Loss(len(jpeg), seconds * 1e3, measured)


def _scale(image: Image.Image, long_side: int) -> Image.Image:
    factor = long_side / max(image.size)
    size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _compare(original: Image.Image, sent: Image.Image) -> tuple[float, float]:
    same = sent if sent.size == original.size else sent.resize(original.size, Image.Resampling.LANCZOS)
    error = float(numpy.mean((_pixels(original) - _pixels(same)) ** 2))
    greys = _pixels(original.convert("L")), _pixels(same.convert("L"))
    return 10 * math.log10(255**2 / max(error, 1e-9)), _ssim(*greys)


def _pixels(image: Image.Image) -> Pixels:
    return numpy.asarray(image, dtype=numpy.float32)


def _ssim(first: Pixels, second: Pixels) -> float:
    """Return the mean structural similarity (Wang and others, 2004) over blocks of 8 x 8."""
    x, y = _blocks(first), _blocks(second)
    mean_x, mean_y = x.mean(axis=1), y.mean(axis=1)
    covariance = (x * y).mean(axis=1) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + 6.5025) / (mean_x**2 + mean_y**2 + 6.5025)
    structure = (2 * covariance + 58.5225) / (x.var(axis=1) + y.var(axis=1) + 58.5225)
    return float((luminance * structure).mean())


def _blocks(grey: Pixels) -> Pixels:
    rows, columns = grey.shape[0] // 8, grey.shape[1] // 8
    cut = grey[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
    return cut.swapaxes(1, 2).reshape(rows * columns, 64)


def _print(long_side: int, quality: int, losses: list[Loss]) -> None:
    cells: list[str] = [str(long_side), str(quality)]
    for place in range(len(COMPARED_AT)):
        for measure, digits in ((0, 1), (1, 3)):
            values = [loss.measured[place][measure] for loss in losses]
            cells.append(f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f})")
    mean, most = statistics.mean(loss.size for loss in losses), max(loss.size for loss in losses)
    cells += [
        f"{mean / 1e3:.0f} ({most / 1e3:.0f})",
        f"{mean * PHOTOS / 1e6:.1f} ({most * PHOTOS / 1e6:.1f})",
    ]
    cells += [f"{mean * PHOTOS / speed:.0f} s" for speed in LINES.values()]
    cells.append(f"{statistics.mean(loss.milliseconds for loss in losses):.0f}")
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    measure_folder(parser.parse_args().folder)


if __name__ == "__main__":
    main()
