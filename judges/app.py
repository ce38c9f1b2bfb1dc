"""The server under judgement, over HTTP on this machine: `python -m judges.app [--fixtures]`.

It is what `apiframe-photo-mcp --sandbox` serves; with `--fixtures` the suite's own tools stand beside ours.
The address is printed once the port is open.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
from pathlib import Path
from typing import Any

import uvicorn

from apiframe_server.composition import server_of, studio_of
from apiframe_server.settings import Settings
from judges.fixtures import add_fixtures
from judges.fixtures.happenings import Events


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", action="store_true", help="put the suite's tools beside ours")
    with tempfile.TemporaryDirectory(prefix="apiframe-judges-", ignore_cleanup_errors=True) as folder:
        _serve(app_of(Path(folder), fixtures=parser.parse_args().fixtures))


def app_of(folder: Path, *, fixtures: bool) -> Any:
    """The ASGI app of a server on the sandbox, whose ledger is in `folder`."""
    server = server_of(studio_of(Settings(data_dir=folder), sandbox=""))
    if not fixtures:
        return server.streamable_http_app()
    add_fixtures(server)
    return server.streamable_http_app(event_store=Events(), retry_interval=100)


def _serve(app: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        print(f"http://127.0.0.1:{port.getsockname()[1]}/mcp", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        server.run(sockets=[port])


if __name__ == "__main__":
    main()
