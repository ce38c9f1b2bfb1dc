"""How labelled photos are judged, each on its own, and the CPU it takes; with the aims beside.

    python -m bench.labelled LABELS FOLDER

The label file has the columns `sha256`, `verdict` (use, warn or reject) and `source`; the photos stay outside
the repository and are found by their hash among all files below a folder.
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

from apiframe_studio.photos import Facts, Limits, Verdict, faces, judging, measuring, reading


@dataclass(frozen=True)
class Labelled:
    """One photo: what it was labelled, what it is judged, and the CPU that took."""

    label: Verdict
    verdict: Verdict
    milliseconds: float
    facts: Facts | None

    @property
    def shows_an_upright_face(self) -> bool:
        return self.facts is not None and bool(self.facts.faces) and not self.facts.turn


def judge_labelled(labels: Path, pictures: Path) -> None:
    """Judge every labelled photo that is below `pictures` and print the table with its aims."""
    with labels.open(newline="", encoding="utf-8") as file:
        wanted = {row["sha256"]: Verdict(row["verdict"]) for row in csv.DictReader(file)}
    reading.prepare_process()
    faces.detect(Image.new("RGB", (64, 64)))
    judged = [_judge(data, wanted[digest]) for digest, data in _found(pictures, wanted.keys())]
    print(f"{len(judged)} of {len(wanted)} labelled photos found, faces checked: {faces.available()}")
    if judged:
        _print(judged)


def _found(pictures: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for path in sorted(pictures.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            if digest in wanted and digest not in seen:
                seen.add(digest)
                yield digest, data


def _judge(data: bytes, label: Verdict) -> Labelled:
    started, facts = time.process_time(), None
    try:
        facts, _ = measuring.measure(reading.read(data, Limits(), at_least=measuring.LONG_SIDE))
        found = judging.reasons(facts)
    except reading.Unreadable as unreadable:
        found = (unreadable.reason,)
    return Labelled(label, judging.verdict(found), (time.process_time() - started) * 1e3, facts)


def _print(judged: list[Labelled]) -> None:
    table = Counter((each.label, each.verdict) for each in judged)
    print("labelled   " + "".join(f"{f'judged {verdict}':>15}" for verdict in Verdict))
    for label in Verdict:
        print(f"{label:<11}" + "".join(f"{table[label, verdict]:>15}" for verdict in Verdict))
    use, warn, reject = Verdict
    usable = [(label, reject) for label in (use, warn)]
    _share("labelled reject, judged use or warn", table, [(reject, use), (reject, warn)], "at most 12 %")
    _share("labelled use, judged warn", table, [(use, warn)], "at most 3 %")
    _share("labelled use, judged reject", table, [(use, reject)], "none")
    _share("labelled use or warn, judged reject", table, usable, "at most 4 %")
    upright = [each.milliseconds for each in judged if each.shows_an_upright_face]
    if upright:
        mean, median = statistics.mean(upright), statistics.median(upright)
        print(f"CPU of a photo with an upright face: mean {mean:.0f} ms, median {median:.0f} ms (aim 45)")


def _share(
    words: str, table: Counter[tuple[Verdict, Verdict]], cells: list[tuple[Verdict, Verdict]], aim: str
) -> None:
    labels = {label for label, _ in cells}
    of = sum(count for (label, _), count in table.items() if label in labels)
    share = sum(table[cell] for cell in cells)
    print(f"{words}: {share} of {of} ({share / max(1, of):.1%}, aim {aim})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    judge_labelled(asked.labels, asked.folder)


if __name__ == "__main__":
    main()
