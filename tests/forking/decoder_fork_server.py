"""A process that has measured a photo, and forks for every decoder.

Runs as `python -m`. Reads requests from the socket whose descriptor is its argument.
"""

from __future__ import annotations

import socket
import sys

from apiframe_studio.photos import _decoder, decode, metrics
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.synthetic import draw, make_scenes

from .loop import open_stream, serve_forks


def main() -> int:
    """Serve until the socket ends. In a fork, decode."""
    decode.set_up_process()
    drawn = metrics.encode_jpeg(draw(make_scenes(1)[0], (320, 400)), 80)
    metrics.measure(decode.decode(drawn, Limits(), at_least=metrics.LONG_SIDE))
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = serve_forks(requests)
    if request is not None:
        sys.stdin, sys.stdout, sys.stderr = open_stream(0, "rb"), open_stream(1, "wb"), open_stream(2, "wb")
        _decoder.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
