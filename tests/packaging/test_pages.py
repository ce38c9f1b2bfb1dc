"""The pages are true: generated blocks are up to date, commands run, and names exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from apiframe_server.settings import PREFIX, Settings
from docgen import __main__ as docgen
from docgen import install

from .conftest import ROOT
from .markdown import Block, read_blocks


def read_yaml(text: str) -> dict[str, str]:
    """Return the fields of the only form on the pages: nested mappings whose values are plain or JSON."""
    return dict(field.split(": ", 1) for line in text.splitlines() if ": " in (field := line.strip()))


PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
MAX_README_LINES = 160
RUNNERS = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
DATA: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": read_yaml}
TIMEOUT_SECONDS = 60
BLOCKS = [block for page in PAGES for block in read_blocks(page)]
PROGRAMS = [block for block in BLOCKS if block.info in RUNNERS]


def read_all_pages() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def test_every_generated_block_is_up_to_date() -> None:
    stale = [
        page.name for page, text in docgen.render_pages().items() if text != page.read_text(encoding="utf-8")
    ]
    assert stale == [], "run `make docs`"


def test_a_block_that_was_edited_by_hand_is_regenerated() -> None:
    edited = docgen.fill_blocks("above\n<!-- tools -->\n| by hand |\n<!-- /tools -->\nbelow")
    assert "| by hand |" not in edited
    assert edited.startswith("above\n<!-- tools -->\n| tool |")


def test_a_block_with_an_unknown_name_raises() -> None:
    with pytest.raises(KeyError):
        docgen.fill_blocks("<!-- toolz -->\n<!-- /toolz -->")


def test_every_block_is_in_a_language_that_these_tests_know() -> None:
    unknown = {block.info for block in BLOCKS} - {*RUNNERS, *DATA, ""}
    assert {info for info in unknown if not info.startswith(("{toctree}", "{include}"))} == set()


@pytest.mark.parametrize("block", [block for block in PROGRAMS if block.not_run is not None], ids=str)
def test_a_program_that_is_not_run_has_a_reason(block: Block) -> None:
    assert re.match(r"\S.{10,}", block.not_run or ""), "write `<!-- not run: the reason -->` above it"


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in PROGRAMS if block.not_run is None], ids=str)
def test_a_program_on_a_page_runs(block: Block, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*RUNNERS[block.info], block.body],
        cwd=tmp_path,
        env=clean | {"PATH": ours, f"{PREFIX}DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info in DATA], ids=str)
def test_a_configuration_example_can_be_parsed(block: Block) -> None:
    assert DATA[block.info](block.body)


@pytest.mark.parametrize("is_released", [True, False])
def test_the_readme_has_at_most_160_lines(monkeypatch: pytest.MonkeyPatch, is_released: bool) -> None:
    monkeypatch.setattr(install, "RELEASED", is_released)
    text = docgen.fill_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(text.splitlines()) <= MAX_README_LINES


def test_every_variable_that_a_page_names_is_a_setting() -> None:
    variables = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", read_all_pages()))
    assert variables <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_every_target_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", read_all_pages(), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in linked if not (page.parent / target).exists()] == []


def test_every_module_that_a_page_names_exists() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = [f"/{line}" for line in tracked.stdout.splitlines()]
    named = set(re.findall(r"`([\w/]+\.py)`", read_all_pages()))
    assert [name for name in sorted(named) if not any(path.endswith(f"/{name}") for path in paths)] == []


def test_the_registry_entry_has_the_name_in_the_readme_and_the_container_image() -> None:
    entry = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    assert f"<!-- mcp-name: {entry['name']} -->" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f'server.name="{entry["name"]}"' in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert {package["version"] for package in entry["packages"]} == {entry["version"]}


def test_the_image_of_the_demo_loads_nothing_and_ends_with_the_trigger_word() -> None:
    image = (ROOT / "docs/demo.svg").read_text(encoding="utf-8")
    assert not re.search(r"href=|src=|url\((?!#)|@import|@font-face", image)
    words = re.sub(r"<[^>]+>", "", image).replace("&#160;", " ")
    assert words.find("get_account") < words.find("start_training") < words.find("trigger word is TOK")


def test_every_dependency_is_documented_with_its_reason_and_bounds() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = settings["optional-dependencies"].values()
    required = {line.partition(" ;")[0] for lines in [settings["dependencies"], *extras] for line in lines}
    page = (ROOT / "docs/decisions/0020-dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)) == required
