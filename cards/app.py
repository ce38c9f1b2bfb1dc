"""The server under test over HTTP, with the host page on the same port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from apiframe_server.composition import build_server, build_studio
from apiframe_server.settings import Settings


@contextmanager
def serve(folder: Path, photos: Path, page: Path, seconds: float) -> Generator[str]:
    """Serve a sandbox and the page; yields their address. A training takes `seconds`."""
    settings = Settings(
        data_dir=folder / "data",
        photo_folders=(photos,),
        output_folder=folder / "images",
        sandbox_seconds=seconds,
    )
    app = build_server(build_studio(settings, sandbox="")).streamable_http_app()
    app.router.routes.append(Mount("/", StaticFiles(directory=page, html=True)))
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, args=([port],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
