"""`gallery.html` in a subject's folder: the images that are there now, newest first, with how they were made.

It is made of the files in the folder, not of the ledger: docs/decisions/0032-the-gallery.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, cast

from apiframe_studio.gallery_page import MARK, Figure, linked_files, read_figures, render_figure, render_page
from apiframe_studio.guarded_files import GuardedFolder, OpenRefused, Refusal, drafts_of
from apiframe_studio.image_files import ImageFile
from apiframe_studio.subjects import visible_name

NAME: Final = "gallery.html"
MAX_IMAGES: Final = 10_000
"""The most images on a page, the newest ones."""
MAX_PAGE_BYTES: Final = 100_000_000
MAX_DESCRIPTION_BYTES: Final = 100_000
MAX_WRITES: Final = 5
"""How often a page is written because other processes go on changing the folder: they write it too."""
_DRAFTS: Final = drafts_of(NAME)

Folder = Sequence[str]
"""The parts from the output folder to a subject's folder."""


class Gallery:
    """Writes and removes the pages. A `gallery.html` that this program did not write is never changed.

    Every method raises OSError.
    """

    def __init__(self, files: GuardedFolder) -> None:
        self._files = files

    def update(self, folder: Folder) -> None:
        """Write the page unless it shows the images of the folder; without images remove it, and an empty folder.

        Page and folder are compared again after each change. So after the last of several processes that change them
        at the same time, no image is missing on the page, and none that was removed is on it.
        """
        if self._is_foreign(folder):
            return
        images: Sequence[ImageFile] = ()
        for _ in range(MAX_WRITES):
            images = self._images(folder)
            if self._shown(folder) == ([image.name for image in images[:MAX_IMAGES]] or None):
                break
            self._replace(folder, images)
        if not images:
            self._files.remove_if_empty(folder)

    def is_in(self, folder: Folder) -> bool:
        """Whether a folder has a page that this program wrote."""
        return (self._head(folder) or b"").startswith(MARK.encode())

    def clean(self, folder: Folder) -> None:
        """Update a page after images were removed. A process that is still writing one fails to."""
        for draft in self._drafts(folder):
            self._files.unlink([*folder, draft])
        if self.is_in(folder):
            self.update(folder)

    def shows(self, folder: Folder, refs: Collection[str]) -> bool:
        """Whether the page, or an unfinished one, shows images of the requests `refs`."""
        pages = [self._page(folder), *(self._read(folder, draft) for draft in self._drafts(folder))]
        files = (ImageFile.parse(name) for page in pages for name in linked_files(page))
        return any(file is not None and file.ref in refs for file in files)

    def find_leftovers(self, folder: Folder, refs: Collection[str]) -> Sequence[str]:
        """Return the names of unfinished pages, and of a page that shows images of `refs` or has none to show."""
        is_left = self.is_in(folder) and (self.shows(folder, refs) or not self._images(folder))
        return [*self._drafts(folder), *[NAME] * is_left]

    def _drafts(self, folder: Folder) -> Sequence[str]:
        return [name for name in self._names(folder) if _DRAFTS.fullmatch(name)]

    def _replace(self, folder: Folder, images: Sequence[ImageFile]) -> None:
        if not images:
            self._files.unlink([*folder, NAME])
            return
        page = self._render(folder, images[:MAX_IMAGES], len(images))
        # The folder is not created again: its subject may have been forgotten meanwhile.
        self._files.write([*folder, NAME], page.encode(), make=False)

    def _render(self, folder: Folder, images: Sequence[ImageFile], total: int) -> str:
        """Return the page; what the present page has of it is not made again, since that takes long."""
        groups = [tuple(group) for _, group in groupby(images, key=_request)]
        known = read_figures(self._page(folder))
        figures: list[Figure] = []
        for group in groups:
            markup = known.get(tuple(image.name for image in group))
            if markup is None:
                markup = render_figure(group, self._description(folder, group))
            figures.append(Figure(group[0].date, markup))
        name = visible_name(self._description(folder, groups[0]).get("subject")) or folder[-1]
        return render_page(name, figures, total, len(images))

    def _page(self, folder: Folder) -> str:
        return self._read(folder, NAME) if self.is_in(folder) else ""

    def _read(self, folder: Folder, name: str) -> str:
        return self._files.read([*folder, name], MAX_PAGE_BYTES).decode(errors="replace")

    def _shown(self, folder: Folder) -> Sequence[str] | None:
        """Return the names of the images on the page; None without a page."""
        return linked_files(page) if (page := self._page(folder)) else None

    def _is_foreign(self, folder: Folder) -> bool:
        return self._head(folder) is not None and not self.is_in(folder)

    def _head(self, folder: Folder) -> bytes | None:
        """Return how the page begins: None if there is none, nothing if it cannot be read."""
        try:
            return self._files.read([*folder, NAME], len(MARK))
        except OpenRefused as refused:
            return None if refused.refusal is Refusal.NOT_FOUND else b""

    def _images(self, folder: Folder) -> Sequence[ImageFile]:
        """Return the images of a folder: the newest request first, and the images of each by number."""
        found = [image for name in self._names(folder) if (image := ImageFile.parse(name))]
        found.sort(key=lambda image: image.number)
        return sorted(found, key=_request, reverse=True)

    def _names(self, folder: Folder) -> Sequence[str]:
        try:
            return self._files.file_names(folder)
        except FileNotFoundError:
            return ()

    def _description(self, folder: Folder, images: Sequence[ImageFile]) -> Mapping[str, Any]:
        """Return what the first readable file next to the images of a request says; nothing if there is none."""
        for image in images:
            try:
                text = self._files.read([*folder, image.description_name], MAX_DESCRIPTION_BYTES)
                described = json.loads(text)
            except (OSError, ValueError, RecursionError):
                continue
            if isinstance(described, dict):
                return cast(dict[str, Any], described)
        return {}


def _request(image: ImageFile) -> tuple[str, str]:
    return image.time, image.ref
