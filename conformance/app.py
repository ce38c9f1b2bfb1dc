"""The server under test, over HTTP on this machine: `python -m conformance.app [--fixtures]`.

It serves what `apiframe-photo-mcp --sandbox` serves; `--fixtures` adds the tools of the conformance suite. The URL is
printed once the port is open.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
from pathlib import Path
from typing import Any

import uvicorn

from apiframe_server.composition import build_server, build_studio
from apiframe_server.http_server.connections import limited_protocol
from apiframe_server.http_server.limits import Limits
from apiframe_server.settings import Settings
from conformance.fixtures import add_fixtures
from conformance.fixtures.streaming import Events


def main() -> None:
    """Serve until the process is terminated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", action="store_true", help="add the tools of the conformance suite")
    with tempfile.TemporaryDirectory(prefix="apiframe-conformance-", ignore_cleanup_errors=True) as folder:
        _serve(build_app(Path(folder), fixtures=parser.parse_args().fixtures))


def build_app(folder: Path, *, fixtures: bool) -> Any:
    """Build the ASGI app of a server that uses the sandbox, with its ledger in `folder`."""
    server = build_server(build_studio(Settings(data_dir=folder), sandbox=""))
    if not fixtures:
        return server.streamable_http_app()
    add_fixtures(server)
    return server.streamable_http_app(event_store=Events(), retry_interval=100)


def _serve(app: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        print(f"http://127.0.0.1:{port.getsockname()[1]}/mcp", flush=True)
        # The connections of `apiframe-photo-mcp http`, so that they are tested too.
        config = uvicorn.Config(app, http=limited_protocol(Limits()), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[port])


if __name__ == "__main__":
    main()
