"""How the server is installed: the first way on a page works today, and ways that need a release come after it."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bench.index import Line, serve_wheels
from docgen import __main__ as docgen
from docgen import clients, install, links

from .conftest import PACKAGES, ROOT, build, list_files
from .markdown import list_pages, read_fence

BY_NAME = re.compile(rf"(?:uvx|pip install|--from)[\s\"',]+{links.NAME}\b|cursor\.com/|vscode\.dev/redirect")
COMMAND = {"command": "uvx", "args": ["--from", "apiframe-photo-mcp[faces]", "apiframe-photo-mcp"]}
UV = ROOT / ".cache/uv/bin/uv"
needs_uv = pytest.mark.skipif(not UV.exists(), reason="uv comes with `make conformance`")


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "RELEASED", True)


@pytest.fixture
def unreleased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "RELEASED", False)


@pytest.fixture(params=[True, False], ids=["released", "unreleased"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "RELEASED", request.param)


def command_line(server: dict[str, Any]) -> list[str]:
    return [server["command"], *server.get("args", [])]


def render_all_pages() -> str:
    """Return every page with its blocks regenerated, for the current value of RELEASED."""
    return "\n".join(docgen.fill_blocks(page.read_text(encoding="utf-8")) for page in list_pages())


@pytest.mark.usefixtures("unreleased")
def test_before_a_release_no_page_installs_by_name() -> None:
    assert BY_NAME.findall(render_all_pages()) == []
    assert "first release" in install.render_one_click()


@pytest.mark.usefixtures("released")
def test_after_a_release_the_pages_install_by_name_first() -> None:
    text = render_all_pages()
    assert text.index("cursor.com/en/install-mcp") < text.index("vscode.dev/redirect")
    assert "uvx apiframe-photo-mcp demo" in install.render_steps()
    assert (
        json.loads(read_fence(clients.render_claude_desktop()))["mcpServers"]["apiframe"].items()
        > COMMAND.items()
    )
    assert "-- uvx --from 'apiframe-photo-mcp[faces]' apiframe-photo-mcp" in clients.render_claude_code()
    assert install.list_ways()[0].command == "uvx"


@pytest.mark.usefixtures("unreleased")
def test_before_a_release_the_manifest_has_no_addresses() -> None:
    assert set(json.loads(docgen.render_manifest())) & set(docgen.ADDRESSES) == set()


@pytest.mark.usefixtures("released")
def test_after_a_release_the_manifest_names_the_project() -> None:
    manifest = json.loads(docgen.render_manifest())
    assert [manifest["repository"]["url"], manifest["homepage"]] == [
        f"{links.read_repository_url()}.git",
        links.read_repository_url(),
    ]


@pytest.mark.parametrize("is_released", [True, False])
def test_every_way_to_install_includes_the_face_checks(
    monkeypatch: pytest.MonkeyPatch, is_released: bool
) -> None:
    monkeypatch.setattr(install, "RELEASED", is_released)
    assert [way for way in install.list_ways() if "faces" not in " ".join((way.setup, *way.arguments))] == []


def test_the_bundle_and_the_container_image_include_the_face_checks() -> None:
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    arguments = manifest["server"]["mcp_config"]["args"]
    assert arguments[arguments.index("--extra") + 1] == "faces"
    assert "-r requirements/faces.txt" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.usefixtures("unreleased")
def test_the_command_in_a_clone_is_the_one_that_make_installs() -> None:
    variables = re.findall(
        r"^(?:VENV|BIN) := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert variables == [".venv", "$(VENV)/bin"]
    assert install.list_ways()[0].command == f"{install.CLONE}/.venv/bin/apiframe-photo-mcp"


@pytest.mark.parametrize(
    "make", [clients.render_claude_desktop, clients.render_cursor, clients.render_gemini]
)
def test_a_configuration_starts_the_first_way_with_the_key(make: Callable[[], str]) -> None:
    server = json.loads(read_fence(make()))["mcpServers"]["apiframe"]
    assert (server["command"], server.get("args", [])) == (
        install.list_ways()[0].command,
        [*install.list_ways()[0].arguments],
    )
    assert set(server["env"]) == {"APIFRAME_API_KEY"}


def test_vs_code_asks_for_the_key_and_keeps_it_out_of_the_file() -> None:
    config = json.loads(read_fence(clients.render_vscode()))
    (key,) = config["inputs"]
    assert (key["type"], key["password"]) == ("promptString", True)
    assert config["servers"]["apiframe"]["env"] == {"APIFRAME_API_KEY": f"${{input:{key['id']}}}"}


@pytest.mark.parametrize("is_released", [True, False])
def test_a_shell_splits_the_command_for_claude_code_as_intended(
    monkeypatch: pytest.MonkeyPatch, is_released: bool
) -> None:
    monkeypatch.setattr(install, "RELEASED", is_released)
    words = shlex.split(read_fence(clients.render_claude_code()))
    assert words[words.index("--") + 1 :] == [
        install.list_ways()[0].command,
        *install.list_ways()[0].arguments,
    ]


@pytest.mark.usefixtures("either_way")
def test_codex_gets_the_command_and_passes_the_key_on() -> None:
    server = tomllib.loads(read_fence(clients.render_codex()))["mcp_servers"]["apiframe"]
    assert command_line(server) == [install.list_ways()[0].command, *install.list_ways()[0].arguments]
    assert server["env_vars"] == ["APIFRAME_API_KEY"]


@pytest.mark.usefixtures("either_way")
def test_zed_gets_arguments_even_if_there_are_none() -> None:
    server = json.loads(read_fence(clients.render_zed()))["context_servers"]["apiframe"]
    assert [server["command"], *server["args"]] == [
        install.list_ways()[0].command,
        *install.list_ways()[0].arguments,
    ]


@pytest.mark.usefixtures("either_way")
def test_goose_gets_the_command_and_takes_the_key_from_its_secrets() -> None:
    lines = read_fence(clients.render_goose()).splitlines()
    fields = dict(line.strip().split(": ", 1) for line in lines[2:])
    assert lines[:2] == ["extensions:", "  apiframe:"]
    assert [fields["cmd"], *json.loads(fields["args"])] == [
        install.list_ways()[0].command,
        *install.list_ways()[0].arguments,
    ]
    assert json.loads(fields["env_keys"]) == ["APIFRAME_API_KEY"]


def test_the_readme_names_every_client_of_the_installation_page() -> None:
    page = (ROOT / "docs/installing.md").read_text(encoding="utf-8")
    names = [
        name
        for name in re.findall(r"^## (.+)$", page, re.MULTILINE)
        if f"<summary>{name}" in clients.render_all()
    ]
    assert {"Claude Desktop", "Claude Code", "Cursor", "VS Code", "Codex", "Zed", "Goose"} <= set(names)
    for name in ("Windsurf", "Gemini CLI", "LM Studio"):
        assert f"## {name}\n" in page
        assert name in clients.render_all()


def test_the_link_for_cursor_starts_the_command_with_the_key_from_the_environment() -> None:
    query = parse_qs(urlsplit(links.build_cursor_url(COMMAND)).query)
    config = json.loads(base64.b64decode(query["config"][0], validate=True))
    assert query["name"] == ["apiframe-photo-mcp"]
    assert config == {**COMMAND, "env": {"APIFRAME_API_KEY": "${env:APIFRAME_API_KEY}"}}


def test_the_link_for_vs_code_asks_for_the_key_as_a_password() -> None:
    query = parse_qs(urlsplit(links.build_vscode_url(COMMAND)).query)
    (key,), config = json.loads(query["inputs"][0]), json.loads(query["config"][0])
    assert (key["type"], key["password"]) == ("promptString", True)
    assert config == {**COMMAND, "env": {"APIFRAME_API_KEY": f"${{input:{key['id']}}}"}}


def test_uv_watches_every_module_of_the_packages() -> None:
    watched = {path.relative_to(ROOT).as_posix() for key in read_cache_keys() for path in ROOT.glob(key)}
    modules = {
        f"{root}/{package}/{name}"
        for root, package in PACKAGES.items()
        for name in list_files(ROOT / root / package)
        if not name.endswith((".pyc", "py.typed"))
    }
    assert modules <= watched
    assert [name for name in watched if name.endswith(".pyc")] == []


@needs_uv
@pytest.mark.slow
def test_uvx_from_a_clone_runs_the_code_after_a_pull(archive: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(archive, clone)
    remove_dependencies(clone / "pyproject.toml")
    module = clone / "server/apiframe_server/cli.py"
    before = run_version_with_uvx(clone, tmp_path)
    module.write_text(
        module.read_text(encoding="utf-8").replace('f"apiframe-photo-mcp {', 'f"pulled {'), encoding="utf-8"
    )
    assert (before.split()[0], run_version_with_uvx(clone, tmp_path).split()[0]) == (
        "apiframe-photo-mcp",
        "pulled",
    )


@needs_uv
@pytest.mark.slow
@pytest.mark.usefixtures("released")
def test_after_the_documented_command_a_client_starts_the_server_without_a_network(
    archive: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(archive, project)
    remove_dependencies(project / "pyproject.toml")
    build("wheel", project, tmp_path / "wheels")
    folders = {f"UV_{name}": str(tmp_path / name) for name in ("CACHE_DIR", "TOOL_DIR", "TOOL_BIN_DIR")}
    # A page of the index is stale at once, as it would be after ten minutes.
    with serve_wheels(tmp_path / "wheels", Line(1e9), kept_seconds=0) as index:
        folders["UV_DEFAULT_INDEX"] = index
        run_uv(read_fence(install.render_first_start()), tmp_path, folders)
    way = install.list_ways()[0]
    assert run_uv(f"{way.line} --version", tmp_path, folders).startswith("apiframe-photo-mcp ")


def run_uv(line: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command line that begins with `uv` or `uvx`, and return what it prints."""
    program, *arguments = shlex.split(line)
    command = [str(UV), *{"uv": [], "uvx": ["tool", "run"]}[program], *arguments]
    settings = {**os.environ, "UV_PYTHON": sys.executable, "UV_HTTP_RETRIES": "0", **environment}
    done = subprocess.run(command, env=settings, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def remove_dependencies(project: Path) -> None:
    """Leave out what `--version` does not need. uv does not use it to detect changes either."""
    text = project.read_text(encoding="utf-8")
    for name in ("dependencies", "faces"):
        text, count = re.subn(rf"^{name} = \[.*?^\]", f"{name} = []", text, flags=re.MULTILINE | re.DOTALL)
        assert count == 1
    project.write_text(text, encoding="utf-8")


def run_version_with_uvx(clone: Path, folder: Path) -> str:
    line = f"uvx --from {clone} {links.NAME} --version"
    return run_uv(line, folder, {"UV_CACHE_DIR": str(folder / "cache")})


def read_cache_keys() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'\{ file = "([^"]+)" \}', text)
