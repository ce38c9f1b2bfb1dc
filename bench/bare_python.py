"""A loop on CPython that parses and writes JSON: the least that an answer of a Python program takes."""

from __future__ import annotations

import json
import sys

if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        if "id" in request:
            print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": {}}), flush=True)
