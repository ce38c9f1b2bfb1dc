"""How the server is installed: what a page shows first works today, and what needs a release waits for it."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from docgen import __main__ as docgen
from docgen import clients, install, links

from .conftest import PACKAGES, ROOT, files_of
from .markdown import PARSER, pages_of_the_repository

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


def started(server: dict[str, Any]) -> list[str]:
    return [server["command"], *server.get("args", [])]


def shown() -> str:
    """Every page, with its blocks made for the present switch."""
    return "\n".join(docgen.filled(page.read_text(encoding="utf-8")) for page in pages_of_the_repository())


@pytest.mark.usefixtures("unreleased")
def test_before_a_release_no_page_installs_by_name() -> None:
    assert BY_NAME.findall(shown()) == []
    assert "first release" in install.one_click()


@pytest.mark.usefixtures("released")
def test_after_a_release_the_pages_install_by_name_first() -> None:
    text = shown()
    assert text.index("cursor.com/en/install-mcp") < text.index("vscode.dev/redirect")
    assert "uvx apiframe-photo-mcp demo" in install.steps()
    assert json.loads(fenced(clients.claude_desktop()))["mcpServers"]["apiframe"].items() > COMMAND.items()
    assert "-- uvx --from 'apiframe-photo-mcp[faces]' apiframe-photo-mcp" in clients.claude_code()
    assert install.ways()[0].command == "uvx"


@pytest.mark.usefixtures("unreleased")
def test_before_a_release_the_manifest_has_no_address_that_leads_nowhere() -> None:
    assert set(json.loads(docgen.manifest())) & set(docgen.ADDRESSES) == set()


@pytest.mark.usefixtures("released")
def test_after_a_release_the_manifest_names_the_project() -> None:
    made = json.loads(docgen.manifest())
    assert [made["repository"]["url"], made["homepage"]] == [f"{links.repository()}.git", links.repository()]


@pytest.mark.parametrize("is_released", [True, False])
def test_every_way_to_install_has_the_face_checks(monkeypatch: pytest.MonkeyPatch, is_released: bool) -> None:
    monkeypatch.setattr(install, "RELEASED", is_released)
    assert [way for way in install.ways() if "faces" not in " ".join((way.first, *way.arguments))] == []


def test_the_bundle_and_the_image_have_the_face_checks() -> None:
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    arguments = manifest["server"]["mcp_config"]["args"]
    assert arguments[arguments.index("--extra") + 1] == "faces"
    assert "-r requirements/faces.txt" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.usefixtures("unreleased")
def test_the_command_of_a_clone_is_the_one_that_make_installs() -> None:
    made = re.findall(
        r"^(?:VENV|BIN) := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert made == [".venv", "$(VENV)/bin"]
    assert install.ways()[0].command == f"{install.CLONE}/.venv/bin/apiframe-photo-mcp"


@pytest.mark.parametrize("make", [clients.claude_desktop, clients.cursor, clients.gemini])
def test_a_configuration_starts_the_first_way_with_the_key(make: Callable[[], str]) -> None:
    server = json.loads(fenced(make()))["mcpServers"]["apiframe"]
    assert (server["command"], server.get("args", [])) == (
        install.ways()[0].command,
        [*install.ways()[0].arguments],
    )
    assert set(server["env"]) == {"APIFRAME_API_KEY"}


def test_vs_code_asks_for_the_key_and_keeps_it_out_of_the_file() -> None:
    made = json.loads(fenced(clients.vscode()))
    (asked,) = made["inputs"]
    assert (asked["type"], asked["password"]) == ("promptString", True)
    assert made["servers"]["apiframe"]["env"] == {"APIFRAME_API_KEY": f"${{input:{asked['id']}}}"}


@pytest.mark.parametrize("is_released", [True, False])
def test_claude_codes_command_is_one_that_a_shell_splits_as_meant(
    monkeypatch: pytest.MonkeyPatch, is_released: bool
) -> None:
    monkeypatch.setattr(install, "RELEASED", is_released)
    words = shlex.split(fenced(clients.claude_code()))
    assert words[words.index("--") + 1 :] == [install.ways()[0].command, *install.ways()[0].arguments]


@pytest.mark.usefixtures("either_way")
def test_codex_is_given_the_command_and_hands_the_key_on() -> None:
    server = tomllib.loads(fenced(clients.codex()))["mcp_servers"]["apiframe"]
    assert started(server) == [install.ways()[0].command, *install.ways()[0].arguments]
    assert server["env_vars"] == ["APIFRAME_API_KEY"]


@pytest.mark.usefixtures("either_way")
def test_zed_is_given_its_arguments_even_where_there_are_none() -> None:
    server = json.loads(fenced(clients.zed()))["context_servers"]["apiframe"]
    assert [server["command"], *server["args"]] == [install.ways()[0].command, *install.ways()[0].arguments]


@pytest.mark.usefixtures("either_way")
def test_goose_is_given_the_command_and_takes_the_key_from_its_secrets() -> None:
    lines = fenced(clients.goose()).splitlines()
    fields = dict(line.strip().split(": ", 1) for line in lines[2:])
    assert lines[:2] == ["extensions:", "  apiframe:"]
    assert [fields["cmd"], *json.loads(fields["args"])] == [
        install.ways()[0].command,
        *install.ways()[0].arguments,
    ]
    assert json.loads(fields["env_keys"]) == ["APIFRAME_API_KEY"]


def test_the_readme_names_every_client_that_the_page_on_installing_does() -> None:
    page = (ROOT / "docs/installing.md").read_text(encoding="utf-8")
    names = [
        name
        for name in re.findall(r"^## (.+)$", page, re.MULTILINE)
        if f"<summary>{name}" in clients.folded()
    ]
    assert {"Claude Desktop", "Claude Code", "Cursor", "VS Code", "Codex", "Zed", "Goose"} <= set(names)
    for name in ("Windsurf", "Gemini CLI", "LM Studio"):
        assert f"## {name}\n" in page
        assert name in clients.folded()


def test_cursors_link_starts_the_command_with_the_key_from_the_environment() -> None:
    query = parse_qs(urlsplit(links.cursor(COMMAND)).query)
    config = json.loads(base64.b64decode(query["config"][0], validate=True))
    assert query["name"] == ["apiframe-photo-mcp"]
    assert config == {**COMMAND, "env": {"APIFRAME_API_KEY": "${env:APIFRAME_API_KEY}"}}


def test_vs_codes_link_asks_for_the_key_as_a_password() -> None:
    query = parse_qs(urlsplit(links.vscode(COMMAND)).query)
    (asked,), config = json.loads(query["inputs"][0]), json.loads(query["config"][0])
    assert (asked["type"], asked["password"]) == ("promptString", True)
    assert config == {**COMMAND, "env": {"APIFRAME_API_KEY": f"${{input:{asked['id']}}}"}}


def test_uv_watches_every_module_of_the_packages() -> None:
    watched = {path.relative_to(ROOT).as_posix() for key in cache_keys() for path in ROOT.glob(key)}
    modules = {
        f"{root}/{package}/{name}"
        for root, package in PACKAGES.items()
        for name in files_of(ROOT / root / package)
        if not name.endswith((".pyc", "py.typed"))
    }
    assert modules <= watched
    assert [name for name in watched if name.endswith(".pyc")] == []


@needs_uv
@pytest.mark.slow
def test_uvx_from_a_clone_runs_what_a_pull_brought(archive: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(archive, clone)
    project = clone / "pyproject.toml"
    # `--version` needs none of the dependencies, and uv does not look at them to know what has changed.
    needed = re.search(
        r"^dependencies = \[.*?^\]", project.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert needed is not None
    alone = project.read_text(encoding="utf-8").replace(needed.group(), "dependencies = []")
    project.write_text(alone, encoding="utf-8")
    module = clone / "server/apiframe_server/cli.py"
    before = version_under_uvx(clone, tmp_path)
    module.write_text(
        module.read_text(encoding="utf-8").replace('f"apiframe-photo-mcp {', 'f"pulled {'), encoding="utf-8"
    )
    assert (before.split()[0], version_under_uvx(clone, tmp_path).split()[0]) == (
        "apiframe-photo-mcp",
        "pulled",
    )


def version_under_uvx(clone: Path, folder: Path) -> str:
    command = [str(UV), "tool", "run", "--from", str(clone), links.NAME, "--version"]
    environment = {**os.environ, "UV_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cache_keys() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'\{ file = "([^"]+)" \}', text)


def fenced(block: str) -> str:
    (fence,) = [token for token in PARSER.parse(block) if token.type == "fence"]
    return fence.content
