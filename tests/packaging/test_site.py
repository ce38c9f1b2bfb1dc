"""The check of the built documentation finds broken links and anchors, and resources loaded from other sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from docgen.site import find_faults

PAGE = '<html><head><link rel="stylesheet" href="style.css"></head><body id="top">{}</body></html>'
VALID = (
    '<a href="other.html#there">x</a> <a href="#top">x</a> <a href="https://elsewhere.example">x</a> '
    '<a href="folder/">x</a> <img src="image.png"> <img src="data:image/png;base64,AA">'
)
BROKEN = {
    "a remote script": '<script src="https://elsewhere.example/x.js"></script>',
    "a remote image": '<img src="//elsewhere.example/x.png">',
    "a remote stylesheet": '<link rel="preload stylesheet" href="http://elsewhere.example/x.css">',
    "a missing image": '<img src="gone.png">',
    "a missing page": '<a href="gone.html">x</a>',
    "a missing anchor": '<a href="other.html#gone">x</a>',
    "a missing anchor on the same page": '<a href="#gone">x</a>',
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(VALID))
    (tmp_path / "other.html").write_text(PAGE.format('<h2 id="there">x</h2>'))
    (tmp_path / "folder/index.html").write_text(PAGE.replace("style.css", "../style.css").format(""))
    (tmp_path / "style.css").write_text("body { color: black }")
    (tmp_path / "image.png").write_bytes(b"")
    return tmp_path


def test_a_valid_site_has_no_faults(site: Path) -> None:
    assert list(find_faults(site)) == []


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_address_or_a_remote_resource_is_a_fault(site: Path, broken: str) -> None:
    (site / "index.html").write_text(PAGE.format(VALID + broken))
    assert len(list(find_faults(site))) == 1


@pytest.mark.parametrize("address", ["https://elsewhere.example/x.woff2", "'//elsewhere.example/x.png'"])
def test_a_stylesheet_that_loads_a_remote_resource_is_a_fault(site: Path, address: str) -> None:
    (site / "style.css").write_text(f"@font-face {{ src: url( {address} ) }}")
    assert len(list(find_faults(site))) == 1
