"""A process that alternates a file and a link at one path as fast as possible until stdin ends."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    """Arguments: the path, and paths in the same folder of what is put there in turn."""
    path, *alternatives = map(Path, sys.argv[1:])
    stopped = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        stopped.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    spare = path.with_name("spare")
    print("swapping", flush=True)
    while not stopped.is_set():
        for alternative in alternatives:
            os.rename(path, spare)
            os.rename(alternative, path)
            os.rename(spare, alternative)
    os._exit(0)


if __name__ == "__main__":
    main()
