"""The desktop bundle. Tests that need the official packer or uv run after `make conformance`, which fetches both."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from PIL import Image

import apiframe_studio
from docgen import install

from .conftest import ROOT
from .markdown import read_fence

PACKER = ROOT / ".cache/mcpb/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"
UV = ROOT / ".cache/uv/bin/uv"
MANIFEST = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
SERVER = MANIFEST["server"]
MAX_IMAGE_BYTES = 250_000

needs_packer = pytest.mark.skipif(
    not PACKER.exists() or shutil.which("node") is None, reason="the packer comes with `make conformance`"
)
needs_uv = pytest.mark.skipif(not UV.exists(), reason="uv comes with `make conformance`")


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, packed by the official packer from a copy of the project and unpacked again."""
    source = tmp_path_factory.mktemp("source") / "project"
    shutil.copytree(archive, source)
    subprocess.run(
        [sys.executable, ".ci/bundle.py", str(PACKER)], cwd=source, check=True, capture_output=True
    )
    (packed,) = (source / "dist").glob("*.mcpb")
    target = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(packed) as opened:
        opened.extractall(target)
    return target


def installed_extras() -> list[str]:
    arguments = SERVER["mcp_config"]["args"]
    return [extra for option, extra in itertools.pairwise(arguments) if option == "--extra"]


def test_what_a_switch_turns_on_is_installed_with_the_bundle() -> None:
    assert installed_extras() == ["faces", "notify"]
    assert MANIFEST["user_config"]["notify"]["default"] is False


def test_the_key_is_stored_as_a_secret_and_every_requested_value_is_used() -> None:
    assert MANIFEST["user_config"]["api_key"]["sensitive"] is True
    used = re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(SERVER["mcp_config"]["env"]))
    assert sorted(used) == sorted(MANIFEST["user_config"])


def test_the_bundle_requires_the_python_versions_of_pyproject() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    allowed = settings["project"]["requires-python"]
    assert MANIFEST["compatibility"]["runtimes"]["python"] == allowed.replace(",", " ")


def test_the_bundle_starts_at_the_entry_point_of_its_manifest() -> None:
    assert SERVER["type"] == "uv"
    assert (ROOT / SERVER["entry_point"]).is_file()
    assert SERVER["mcp_config"]["args"][:3] == ["run", "--directory", "${__dirname}"]
    assert SERVER["mcp_config"]["args"][-1] == SERVER["entry_point"]


def test_the_icon_and_the_screenshots_are_small_png_files() -> None:
    sizes: list[tuple[int, int]] = []
    for name in (MANIFEST["icon"], *MANIFEST["screenshots"]):
        assert (ROOT / name).stat().st_size <= MAX_IMAGE_BYTES, name
        with Image.open(ROOT / name) as image:
            assert image.format == "PNG"
            image.load()
            sizes.append(image.size)
    icon, *screenshots = sizes
    assert icon == (512, 512)
    assert all(width >= 1000 for width, _ in screenshots)


@needs_packer
def test_the_bundle_contains_only_the_program_and_the_images_that_it_shows(unpacked: Path) -> None:
    expected = {
        "manifest.json",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "server",
        "tools",
        "studio",
        "docs",
    }
    assert {path.name for path in unpacked.iterdir()} == expected
    illustrations = re.findall(r'(?:src|srcset)="([^"]+)"', (unpacked / "README.md").read_text("utf-8"))
    shown = {*illustrations, MANIFEST["icon"], *MANIFEST["screenshots"]}
    packed = {path for path in (unpacked / "docs").rglob("*") if path.is_file()}
    assert {path.relative_to(unpacked).as_posix() for path in packed} == shown


@needs_packer
def test_the_bundle_is_pinned_to_the_tested_versions(unpacked: Path) -> None:
    uv_settings = tomllib.loads((unpacked / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    files = [ROOT / f"requirements/{extra}.txt" for extra in installed_extras()]
    tested = "".join(file.read_text(encoding="utf-8") for file in files)
    pins = set(re.findall(r"^[\w.-]+==[^\s]+", tested, re.MULTILINE))
    assert {pin.split(" ;")[0] for pin in uv_settings["constraint-dependencies"]} == pins


@needs_packer
def test_the_bundle_names_no_packages_that_it_does_not_install(unpacked: Path) -> None:
    original, packed = (
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")) for folder in (ROOT, unpacked)
    )
    assert "dependency-groups" not in packed
    extras = original["project"]["optional-dependencies"]
    assert packed["project"]["optional-dependencies"] == {name: extras[name] for name in installed_extras()}
    assert packed["project"]["dependencies"] == original["project"]["dependencies"]
    assert packed["tool"]["hatch"] == original["tool"]["hatch"]


@needs_packer
@needs_uv
@pytest.mark.slow
async def test_after_the_documented_command_the_bundle_starts_without_a_network(
    unpacked: Path, tmp_path: Path
) -> None:
    # A copy, since uv writes into the folder, and the tests run in any order.
    bundle = shutil.copytree(unpacked, tmp_path / "bundle")
    arguments = [argument.replace("${__dirname}", str(bundle)) for argument in SERVER["mcp_config"]["args"]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APIFRAME_")}
    environment |= {"APIFRAME_DATA_DIR": str(tmp_path / "data"), "APIFRAME_SANDBOX": "true"}
    client = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "packaging", "version": "0"},
    }
    (_, *ahead) = shlex.split(read_fence(install.render_bundle_start()))
    await anyio.run_process([UV, *ahead], cwd=bundle, env=environment)
    environment["UV_OFFLINE"] = "1"
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    async with await anyio.open_process([UV, *arguments], env=environment, stderr=None) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        await server.stdin.send("".join(f"{json.dumps(message)}\n" for message in messages).encode())
        responses = BufferedByteReceiveStream(server.stdout)
        with anyio.fail_after(120):
            initialized, listed = [
                json.loads(await responses.receive_until(b"\n", 1_000_000)) for _ in range(2)
            ]
        await server.stdin.aclose()
        with anyio.fail_after(60):
            assert await server.wait() == 0
    assert initialized["result"]["serverInfo"]["version"] == apiframe_studio.__version__
    assert "start_training" in {tool["name"] for tool in listed["result"]["tools"]}
    assert not (bundle / ".venv/bin/pytest").exists()
