"""The gallery of a subject's folder: what it shows, that hostile text stays text, and several processes at once."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apiframe_studio import gallery as gallery_module
from apiframe_studio import gallery_page
from apiframe_studio.gallery import Gallery
from apiframe_studio.gallery_page import MARK, render_figure
from apiframe_studio.guarded_files import GuardedFolder
from apiframe_studio.image_files import ImageFile

ANNA = ["Anna"]
NOON, LATER, NEXT_DAY = 1_790_000_000.0, 1_790_003_600.0, 1_790_086_400.0
DESCRIBED = {"prompt": "TOKABC by the sea", "trigger_word": "TOKABC", "seed": 7, "subject": "Anna"}


class Page(HTMLParser):
    """What a browser makes of a page: tags with their attributes, and the visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "

    def values(self, tag: str, attribute: str) -> list[str]:
        return [attributes.get(attribute) or "" for name, attributes in self.tags if name == tag]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "Anna"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(GuardedFolder(tmp_path))


def _save(folder: Path, at: float, ref: str = "ge-1234567", number: int = 1, **described: Any) -> Path:
    """Put an image and its description into a folder."""
    file = ImageFile.of(at, ref, number, "image/png")
    (folder / file.description_name).write_text(json.dumps({**DESCRIBED, **described}), encoding="utf-8")
    (folder / file.name).write_bytes(b"image")
    return folder / file.name


def _page(folder: Path) -> Page:
    return Page((folder / "gallery.html").read_text(encoding="utf-8"))


def _shown(folder: Path) -> list[str]:
    return _page(folder).values("img", "src")


def test_images_are_shown_newest_request_first_with_how_they_were_made(
    gallery: Gallery, folder: Path
) -> None:
    old = _save(folder, NOON, "ge-aaaaaaa", subject="anna", aspect_ratio="9:16")
    new = [_save(folder, NEXT_DAY, "ge-0000000", number, seed=None) for number in (1, 2, 10)]
    pixels: dict[str, Any] = {"aspect_ratio": "custom", "width": "640", "height": "960"}
    middle = _save(folder, LATER, "ge-bbbbbbb", prompt="at home", **pixels)
    gallery.update(ANNA)
    page = _page(folder)
    expected = [path.name for path in (*new, middle, old)]
    assert page.values("img", "src") == page.values("a", "href") == expected
    assert page.values("time", "datetime") == ["2026-09-22", "2026-09-21"]
    text = " ".join(page.text.split())
    assert "Anna 5 images, newest first 2026-09-22 TOKABC by the sea Trigger word TOKABC" in text
    assert "Seed chosen by the service Size square Time 14:13 UTC Ref ge-0000000" in text
    assert "at home Trigger word TOKABC Seed 7 Size 640 x 960 pixels" in text
    assert "Size 9:16" in text
    assert page.values("img", "alt")[1] == "Anna, image 2: TOKABC by the sea"
    assert page.values("img", "height") == ["1", "1", "1", "960", "16"]


def test_a_page_loads_nothing_but_the_images_next_to_it_and_runs_nothing(
    gallery: Gallery, folder: Path
) -> None:
    _save(folder, NOON)
    gallery.update(ANNA)
    page = _page(folder)
    [policy] = [one["content"] for tag, one in page.tags if "http-equiv" in one]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline';")
    assert not {"script", "link", "iframe", "form", "object"} & {tag for tag, _ in page.tags}
    assert all((folder / name).is_file() for name in (*page.values("a", "href"), *page.values("img", "src")))
    assert "url(" not in (folder / "gallery.html").read_text(encoding="utf-8")


def test_a_page_names_its_language_and_has_headings_and_lazy_images(gallery: Gallery, folder: Path) -> None:
    _save(folder, NOON)
    gallery.update(ANNA)
    page = _page(folder)
    assert page.values("html", "lang") == ["en"]
    assert [tag for tag, _ in page.tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2"]
    assert page.values("img", "loading") == ["lazy"]


HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> ' onload='x",
    "</figure></main></html><!-- x",
    "$page ${title} $days %s {}",
    "&lt;b&gt; &amp; &#60;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_prompt_or_a_name_is_shown_as_text(gallery: Gallery, folder: Path, text: str) -> None:
    _save(folder, NOON)
    gallery.update(ANNA)
    harmless = [tag for tag, _ in _page(folder).tags]
    _save(folder, NOON, prompt=text, subject=text, trigger_word=text, aspect_ratio=text)
    (folder / "gallery.html").unlink()
    gallery.update(ANNA)
    page = _page(folder)
    assert [tag for tag, _ in page.tags] == harmless
    assert page.text.count(text) >= 4
    assert page.values("img", "alt") == [f"{text}, image 1: {text}"]


def test_characters_that_hide_or_reorder_text_are_left_out(gallery: Gallery, folder: Path) -> None:
    _save(folder, NOON, prompt="a\u202egnp.exe\u2066b\U000e0041\u200bc", subject="A\u202enna")
    gallery.update(ANNA)
    text = (folder / "gallery.html").read_text(encoding="utf-8")
    assert "agnp.exebc" in text
    assert not set("\u202e\u2066\U000e0041\u200b") & set(text)


def test_a_long_prompt_is_complete_and_can_be_opened(gallery: Gallery, folder: Path) -> None:
    prompt = "soft light, " * 200 + "the end"
    _save(folder, NOON, prompt=prompt)
    gallery.update(ANNA)
    page = _page(folder)
    assert prompt in page.text
    assert [tag for tag, _ in page.tags if tag in ("details", "summary")] == ["details", "summary"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ELEMENTS = frozenset(
    ("figure", "div", "a", "img", "figcaption", "p", "details", "summary", "span", "dl", "dt", "dd", "code")
)
ATTRIBUTES = frozenset(("class", "dir", "href", "src", "alt", "width", "height", "loading", "decoding"))
FIELDS = ["prompt", "trigger_word", "seed", "subject", "aspect_ratio", "width", "height"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_description_of_any_shape_makes_the_same_elements(described: dict[str, Any]) -> None:
    file = ImageFile.of(NOON, "ge-1234567", 1, "image/png")
    page = Page(render_figure([file], described))
    assert page.values("img", "src") == [file.name]
    assert {tag for tag, _ in page.tags} <= ELEMENTS
    assert {name for _, attributes in page.tags for name in attributes} <= ATTRIBUTES


def _put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


NOT_READABLE: dict[str, Callable[[Path], object]] = {
    "none": Path.unlink,
    "broken": lambda path: path.write_text('{"prompt": "by'),
    "not UTF-8": lambda path: path.write_bytes(b'{"prompt": "\xff"}'),
    "a list": lambda path: path.write_text('["prompt"]'),
    "deeply nested": lambda path: path.write_text("[" * 90_000),
    "very large": lambda path: path.write_text(json.dumps({"prompt": "x" * 200_000})),
    "lone surrogates": lambda path: path.write_text(r'{"prompt": "\ud800", "subject": "\udc00"}'),
    "a folder": _put_a_folder,
}


@pytest.mark.parametrize("kind", NOT_READABLE)
def test_an_image_without_a_readable_description_is_shown_with_what_its_name_says(
    gallery: Gallery, folder: Path, kind: str
) -> None:
    image = _save(folder, NOON)
    NOT_READABLE[kind](image.with_suffix(".json"))
    gallery.update(ANNA)
    page = _page(folder)
    assert page.values("img", "src") == [image.name]
    assert page.values("img", "alt") == ["Image 1"]
    assert "Ref ge-1234567" in " ".join(page.text.split())
    assert "Anna" in page.text


def test_the_description_of_another_image_of_the_same_request_is_used(gallery: Gallery, folder: Path) -> None:
    _save(folder, NOON, number=1).with_suffix(".json").unlink()
    _save(folder, NOON, number=2)
    gallery.update(ANNA)
    assert _page(folder).values("img", "alt")[0] == "Anna, image 1: TOKABC by the sea"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_only_the_owner_can_read_it(gallery: Gallery, folder: Path) -> None:
    _save(folder, NOON)
    gallery.update(ANNA)
    assert (folder / "gallery.html").stat().st_mode & 0o777 == 0o600


def test_files_that_are_not_ours_are_not_shown(gallery: Gallery, folder: Path) -> None:
    image = _save(folder, NOON)
    for name in ("mine.png", "20260921-131320-ge-1234567-01.png", "20260921-131320-ge-1234567-2.gif"):
        (folder / name).write_bytes(b"mine")
    if sys.platform != "win32":
        (folder / "20260921-131320-ge-1234567-3.png").symlink_to(image)
    gallery.update(ANNA)
    assert _shown(folder) == [image.name]


def test_an_image_that_the_user_removed_is_gone_from_the_page_and_with_the_last_one_the_page(
    gallery: Gallery, folder: Path
) -> None:
    first, second = _save(folder, NOON), _save(folder, LATER, "ge-7654321")
    gallery.update(ANNA)
    second.unlink()
    gallery.update(ANNA)
    assert _shown(folder) == [first.name]
    first.unlink()
    gallery.update(ANNA)
    assert not (folder / "gallery.html").exists()
    assert len(list(folder.iterdir())) == 2


def test_a_page_that_is_up_to_date_is_not_written_again(gallery: Gallery, folder: Path) -> None:
    _save(folder, NOON)
    gallery.update(ANNA)
    before = (folder / "gallery.html").stat()
    gallery.update(ANNA)
    assert os.path.samestat((folder / "gallery.html").stat(), before)


def test_what_the_page_shows_already_is_taken_from_it_unless_another_version_wrote_it(
    gallery: Gallery, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading thousands of descriptions and making HTML of them takes seconds."""
    _save(folder, NOON, prompt="the first").with_suffix(".json").unlink()
    first = _save(folder, NOON, prompt="the first")
    gallery.update(ANNA)
    first.with_suffix(".json").unlink()
    _save(folder, LATER, "ge-bbbbbbb")
    gallery.update(ANNA)
    assert "the first" in _page(folder).text
    monkeypatch.setattr(gallery_page, "__version__", "99.0")
    _save(folder, NEXT_DAY, "ge-ccccccc")
    gallery.update(ANNA)
    assert "the first" not in _page(folder).text
    assert len(_shown(folder)) == 3


def test_a_very_full_folder_is_shown_in_part_and_the_page_says_so(
    gallery: Gallery, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_module, "MAX_IMAGES", 2)
    names = [_save(folder, NOON + hour, f"ge-{hour}").name for hour in range(3)]
    gallery.update(ANNA)
    assert _shown(folder) == names[:0:-1]
    assert "3 images, 2 of them here, newest first" in _page(folder).text


def _write(path: Path) -> None:
    path.write_text("<!doctype html>\n<p>mine")


def _link(path: Path) -> None:
    path.with_name("mine").write_text(MARK)
    path.symlink_to(path.with_name("mine"))


@pytest.mark.parametrize("make", [_write, Path.mkdir, _link])
def test_a_file_of_that_name_that_this_program_did_not_write_is_left_alone(
    gallery: Gallery, folder: Path, make: Callable[[Path], None]
) -> None:
    if make is _link and sys.platform == "win32":
        pytest.skip("makes links the POSIX way")
    page = folder / "gallery.html"
    make(page)
    before = page.lstat()
    image = _save(folder, NOON)
    gallery.update(ANNA)
    image.unlink()
    gallery.clean(ANNA)
    gallery.update(ANNA)
    assert os.path.samestat(page.lstat(), before)
    assert page.lstat().st_mtime_ns == before.st_mtime_ns
    assert not gallery.is_in(ANNA)


class Interrupted(GuardedFolder):
    """Another process acts once, before or after a page is written."""

    def __init__(self, folder: Path, act: Callable[[], None], when: str) -> None:
        super().__init__(folder)
        self._acts = [act]
        self._when = when

    def write(self, parts: Sequence[str], data: bytes, *, make: bool = True) -> None:
        if self._when == "before":
            self._act()
        super().write(parts, data, make=make)
        if self._when == "after":
            self._act()

    def _act(self) -> None:
        if self._acts:
            self._acts.pop()()


MOMENTS = pytest.mark.parametrize("when", ["before", "after"])


@MOMENTS
def test_of_two_processes_that_save_at_the_same_time_neither_image_is_missing(
    gallery: Gallery, folder: Path, when: str
) -> None:
    def save_another() -> None:
        _save(folder, LATER, "ge-bbbbbbb")
        gallery.update(ANNA)

    _save(folder, NOON)
    Gallery(Interrupted(folder.parent, save_another, when)).update(ANNA)
    assert len(_shown(folder)) == 2


@MOMENTS
def test_a_page_that_is_being_written_while_the_subject_is_forgotten_does_not_come_back(
    gallery: Gallery, folder: Path, when: str
) -> None:
    image = _save(folder, NOON)

    def forget() -> None:
        image.unlink()
        image.with_suffix(".json").unlink()
        gallery.clean(ANNA)
        with suppress(FileNotFoundError):
            folder.rmdir()

    writing = Gallery(Interrupted(folder.parent, forget, when))
    if when == "before":
        with pytest.raises(FileNotFoundError):
            writing.update(ANNA)
    else:
        writing.update(ANNA)
    assert not folder.exists()


def test_an_image_saved_while_the_page_of_the_last_one_is_removed_gets_a_page(
    gallery: Gallery, folder: Path
) -> None:
    image = _save(folder, NOON)
    gallery.update(ANNA)
    image.unlink()

    class Slow(GuardedFolder):
        def unlink(self, parts: Sequence[str]) -> bool:
            _save(folder, LATER, "ge-bbbbbbb")
            gallery.update(ANNA)
            return super().unlink(parts)

    Gallery(Slow(folder.parent)).update(ANNA)
    assert len(_shown(folder)) == 1
