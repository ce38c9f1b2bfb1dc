"""A decoder process: reads requests from standard input and replies on standard output, one at a time.

Untrusted bytes are decoded only here. The process has no key in its environment, cannot write files, dumps no core,
has limited memory where the system supports it, and holds one photo at a time.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

from PIL import Image

from apiframe_studio.photos import _frames, contact_sheet, decode, metrics, normalising, similarity
from apiframe_studio.photos.errors import DecodeFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Verdict

PREVIEW = 512

Answer = tuple[dict[str, Any], list[bytes]]


def main() -> None:
    requests, answers = sys.stdin.buffer, _private_output()
    limits = Limits(**_read_head(requests)[0])
    _limit_process(limits)
    decode.set_up_process()
    _send(answers, {"ready": True})
    blobs: list[bytes] = []
    while True:
        head, sizes = _read_head(requests)
        if not head.get("again"):
            blobs = [_exactly(requests, size) for size in sizes]
        _send(answers, *_answer(head, blobs, limits))


def _answer(head: dict[str, Any], blobs: Sequence[bytes], limits: Limits) -> Answer:
    try:
        return _JOBS[head["job"]](head, blobs, limits)
    except DecodeFailed as failure:
        return {"unreadable": failure.reason.value}, []
    except MemoryError:
        return {"unreadable": "too_large"}, []


def _weigh(_head: dict[str, Any], blobs: Sequence[bytes], limits: Limits) -> Answer:
    return {"large": decode.is_large(blobs[0], limits)}, []


def _measure(_head: dict[str, Any], blobs: Sequence[bytes], limits: Limits) -> Answer:
    photo = decode.decode(blobs[0], limits, at_least=metrics.LONG_SIDE)
    facts, small = metrics.measure(photo)
    print_ = similarity.make_thumbprint(small)
    tile = contact_sheet.make_tile(small, facts.faces)
    return {"facts": asdict(facts)}, [print_, metrics.encode_jpeg(tile, 82)]


def _preview(_head: dict[str, Any], blobs: Sequence[bytes], limits: Limits) -> Answer:
    photo = decode.decode(blobs[0], limits, at_least=PREVIEW)
    small = metrics.flatten_to_rgb(metrics.shrink(photo.image, PREVIEW, Image.Resampling.BOX))
    return {}, [metrics.encode_jpeg(small, 78)]


def _compare(head: dict[str, Any], blobs: Sequence[bytes], _limits: Limits) -> Answer:
    pairs, median = similarity.compare_thumbprints(blobs, head["alike"])
    return {"pairs": pairs, "median": median}, []


def _normalise(head: dict[str, Any], blobs: Sequence[bytes], limits: Limits) -> Answer:
    size = {name: head[name] for name in ("long_side", "max_bytes")}
    jpeg, digest = normalising.normalise(blobs[0], limits, head.get("turn", 0), **size)
    return {"digest": digest}, [jpeg]


def _draw(head: dict[str, Any], blobs: Sequence[bytes], _limits: Limits) -> Answer:
    thumbnails = [Image.open(io.BytesIO(blob), formats=("JPEG",)) if blob else None for blob in blobs]
    tiles = [
        contact_sheet.Tile(number, name, Verdict(verdict), note, thumbnail)
        for (number, name, verdict, note), thumbnail in zip(head["tiles"], thumbnails, strict=True)
    ]
    counts = {verdict: int(head["counts"].get(verdict.value, 0)) for verdict in Verdict}
    heading = contact_sheet.Heading(counts, head["code"], head["remark"])
    return {}, [contact_sheet.draw(tiles, heading)]


_JOBS: dict[str, Callable[[dict[str, Any], Sequence[bytes], Limits], Answer]] = {
    "weigh": _weigh,
    "measure": _measure,
    "preview": _preview,
    "compare": _compare,
    "normalise": _normalise,
    "draw": _draw,
}


def _private_output() -> BinaryIO:
    """Return a private descriptor for replies. What libraries print is discarded, since it may quote the file."""
    own = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return os.fdopen(own, "wb")


def _limit_process(limits: Limits) -> None:
    try:
        import resource
    except ImportError:
        return
    for kind, most in (("RLIMIT_AS", limits.memory), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0)):
        try:
            resource.setrlimit(getattr(resource, kind), (most, most))
        except (OSError, ValueError, AttributeError):
            # macOS has some of these names but does not enforce them; the limits on bytes and pixels remain.
            continue


def _read_head(stream: BinaryIO) -> tuple[dict[str, Any], list[int]]:
    size = _frames.parse_head_size(_exactly(stream, _frames.PREFIX))
    return _frames.parse_head(_exactly(stream, size))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, or end the process: the server has closed the pipe."""
    data = stream.read(size)
    if len(data) < size:
        raise SystemExit(0)
    return data


def _send(stream: BinaryIO, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    stream.writelines([_frames.pack_head(head, blobs), *blobs])
    stream.flush()


if __name__ == "__main__":
    main()
