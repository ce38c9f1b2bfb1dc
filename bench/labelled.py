"""Compare the verdicts on labelled photos, each checked alone, with their labels and the aims; and measure the CPU.

    python -m bench.labelled LABELS FOLDER

The label file has the columns `sha256`, `verdict` (use, warn or reject) and `source`. The photos are not in the
repository; they are found by their hash among all files below the folder.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from apiframe_studio.photos import decode, faces, metrics, rules
from apiframe_studio.photos.errors import DecodeFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Facts, Verdict


@dataclass(frozen=True)
class Labelled:
    """One photo: its label, the verdict of the check, and the CPU time that the check took."""

    label: Verdict
    verdict: Verdict
    milliseconds: float
    facts: Facts | None

    @property
    def shows_an_upright_face(self) -> bool:
        return self.facts is not None and bool(self.facts.faces) and not self.facts.turn


def check_labelled(labels: Path, folder: Path) -> None:
    """Check every labelled photo below `folder` and print the table of labels and verdicts with the aims."""
    with labels.open(newline="", encoding="utf-8") as file:
        label_of = {row["sha256"]: Verdict(row["verdict"]) for row in csv.DictReader(file)}
    decode.set_up_process()
    faces.detect(Image.new("RGB", (64, 64)))
    checked = [_check(data, label_of[digest]) for digest, data in _find_photos(folder, label_of.keys())]
    print(f"{len(checked)} of {len(label_of)} labelled photos found, faces checked: {faces.is_available()}")
    if checked:
        _print(checked)


def _find_photos(folder: Path, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            if digest in digests and digest not in seen:
                seen.add(digest)
                yield digest, data


def _check(data: bytes, label: Verdict) -> Labelled:
    started, facts = time.process_time(), None
    try:
        facts, _ = metrics.measure(decode.decode(data, Limits(), at_least=metrics.LONG_SIDE))
        reasons = rules.find_reasons(facts)
    except DecodeFailed as failure:
        reasons = (failure.reason,)
    return Labelled(label, rules.rate(reasons), (time.process_time() - started) * 1e3, facts)


def _print(photos: list[Labelled]) -> None:
    table = Counter((photo.label, photo.verdict) for photo in photos)
    print("labelled   " + "".join(f"{f'verdict {verdict}':>15}" for verdict in Verdict))
    for label in Verdict:
        print(f"{label:<11}" + "".join(f"{table[label, verdict]:>15}" for verdict in Verdict))
    use, warn, reject = Verdict
    usable = [(label, reject) for label in (use, warn)]
    _print_share(
        "labelled reject, verdict use or warn", table, [(reject, use), (reject, warn)], "at most 12 %"
    )
    _print_share("labelled use, verdict warn", table, [(use, warn)], "at most 3 %")
    _print_share("labelled use, verdict reject", table, [(use, reject)], "none")
    _print_share("labelled use or warn, verdict reject", table, usable, "at most 4 %")
    upright = [photo.milliseconds for photo in photos if photo.shows_an_upright_face]
    if upright:
        mean, median = statistics.mean(upright), statistics.median(upright)
        print(f"CPU for a photo with an upright face: mean {mean:.0f} ms, median {median:.0f} ms (aim 45)")


def _print_share(
    title: str, table: Counter[tuple[Verdict, Verdict]], cells: list[tuple[Verdict, Verdict]], aim: str
) -> None:
    labels = {label for label, _ in cells}
    total = sum(count for (label, _), count in table.items() if label in labels)
    part = sum(table[cell] for cell in cells)
    print(f"{title}: {part} of {total} ({part / max(1, total):.1%}, aim {aim})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    check_labelled(arguments.labels, arguments.folder)


if __name__ == "__main__":
    main()
