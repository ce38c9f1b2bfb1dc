"""A process that puts a link and a file in one place by turns, as fast as it can, until its input ends."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    """Arguments: the place, what to put there (a file or folder, a link), each by a name beside it."""
    place, *beside = map(Path, sys.argv[1:])
    over = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    spare = place.with_name("spare")
    print("swapping", flush=True)
    while not over.is_set():
        for one in beside:
            os.rename(place, spare)
            os.rename(one, place)
            os.rename(spare, one)
    os._exit(0)


if __name__ == "__main__":
    main()
