"""The descriptors of stdin and stdout, reserved for the protocol."""

from __future__ import annotations

import os
import sys


def claim_descriptors() -> tuple[int, int]:
    """Reserve stdin and stdout and return new descriptors of them, which stay open until the program exits.

    Other code that reads stdin from now on gets the end of file, and what it prints goes to stderr. Raises OSError
    when one of the two is closed.
    """
    source, output = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(sys.stderr.fileno(), 1)
    if sys.platform == "win32":
        from mcp.os.win32.utilities import rebind_std_handle_to_fd

        for number in (0, 1):
            rebind_std_handle_to_fd(number)
    return source, output
