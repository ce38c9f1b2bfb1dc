"""The check of the built documentation notices what a reader would: addresses that lead nowhere or elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from docgen.site import find_faults

PAGE = '<html><head><link rel="stylesheet" href="style.css"></head><body id="top">{}</body></html>'
SOUND = (
    '<a href="other.html#there">x</a> <a href="#top">x</a> <a href="https://elsewhere.example">x</a> '
    '<a href="folder/">x</a> <img src="image.png"> <img src="data:image/png;base64,AA">'
)
BROKEN = {
    "a script from elsewhere": '<script src="https://elsewhere.example/x.js"></script>',
    "an image from elsewhere": '<img src="//elsewhere.example/x.png">',
    "a stylesheet from elsewhere": '<link rel="preload stylesheet" href="http://elsewhere.example/x.css">',
    "an image that is not there": '<img src="gone.png">',
    "a page that is not there": '<a href="gone.html">x</a>',
    "an anchor that is not there": '<a href="other.html#gone">x</a>',
    "an anchor of its own that is not there": '<a href="#gone">x</a>',
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(SOUND))
    (tmp_path / "other.html").write_text(PAGE.format('<h2 id="there">x</h2>'))
    (tmp_path / "folder/index.html").write_text(PAGE.replace("style.css", "../style.css").format(""))
    (tmp_path / "style.css").write_text("body { color: black }")
    (tmp_path / "image.png").write_bytes(b"")
    return tmp_path


def test_a_sound_site_has_no_faults(site: Path) -> None:
    assert list(find_faults(site)) == []


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_what_leads_nowhere_or_loads_from_elsewhere_is_a_fault(site: Path, broken: str) -> None:
    (site / "index.html").write_text(PAGE.format(SOUND + broken))
    assert len(list(find_faults(site))) == 1


@pytest.mark.parametrize("address", ["https://elsewhere.example/x.woff2", "'//elsewhere.example/x.png'"])
def test_a_stylesheet_that_loads_from_elsewhere_is_a_fault(site: Path, address: str) -> None:
    (site / "style.css").write_text(f"@font-face {{ src: url( {address} ) }}")
    assert len(list(find_faults(site))) == 1
