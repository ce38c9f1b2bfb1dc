"""Generated images on this machine: a folder for each subject, file names that sort by time, and a JSON file next to
each image that describes its request."""

from __future__ import annotations

import json
import logging
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio

from apiframe_studio.api.errors import ImageRefused, ImageRefusedReason
from apiframe_studio.api.provider import Image
from apiframe_studio.clock import Clock
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.gallery import NAME, Gallery
from apiframe_studio.guarded_files import GuardedFolder, is_windows_device
from apiframe_studio.image_files import ImageFile, ref_in_name
from apiframe_studio.ledger import SavedImage, Submission
from apiframe_studio.photos.errors import DecodeFailed, DecodersFailed
from apiframe_studio.photos.models import Reason
from apiframe_studio.photos.previews import make_preview, make_previews
from apiframe_studio.sanitize import sanitize_text
from apiframe_studio.subjects import subject_key

if TYPE_CHECKING:
    from apiframe_studio.api.provider import Provider

MAX_NAME_LENGTH: Final = 60
MAX_IMAGE_BYTES: Final = 30_000_000
"""The largest image that is fetched or read back."""
DOWNLOAD_SECONDS: Final = 30.0
MAX_IN_MEMORY: Final = 2
"""How many images, of up to 30 MB each, all calls together fetch at once; as many more are read for previews.

The limits are separate, so that a host that hangs does not delay images that are already on disk.
"""

log = logging.getLogger(__name__)


class ImageStore:
    """The output folder. Everything in it is read, written and removed through a `GuardedFolder`."""

    def __init__(self, folder: Path, hosts: Sequence[str], clock: Clock) -> None:
        self.folder = folder
        self._hosts = tuple(hosts)
        self._clock = clock
        self._files = GuardedFolder(folder)
        self.gallery = Gallery(self._files)
        # Once per process and after each forgetting in it: searching the whole folder takes long.
        self.may_hold_forgotten = True
        self.fetching = anyio.CapacityLimiter(MAX_IN_MEMORY)
        """To be entered while a fetched image is in memory."""
        self._showing = anyio.CapacityLimiter(MAX_IN_MEMORY)

    async def ensure_folder(self, subject: str | None) -> None:
        """Create a subject's folder before anything is paid for. Raises OSError."""
        await in_file_thread(lambda: self._files.make([self._folder_of(subject)]))

    async def download(self, api: Provider, url: str) -> Image:
        """Fetch one image from an allowed host, free. Raises the errors of `Provider.download`."""
        return await api.download(
            url, hosts=self._hosts, deadline_seconds=DOWNLOAD_SECONDS, max_bytes=MAX_IMAGE_BYTES
        )

    async def check(self, image: Image) -> None:
        """Decode a fetched image completely before it is saved.

        If no decoder can be started, the image is saved unchecked: it is paid for, and its link expires.

        Raises:
            ImageRefused: DAMAGED or SIZE.
        """
        try:
            await make_preview(image.data)
        except DecodeFailed as error:
            large = error.reason in (Reason.TOO_LARGE, Reason.TOO_MANY_BYTES)
            why = ImageRefusedReason.SIZE if large else ImageRefusedReason.DAMAGED
            raise ImageRefused(why) from error
        except DecodersFailed:
            log.warning("An image was saved unchecked: no decoder could be started")

    async def save(
        self, row: Submission, number: int, data: bytes, media_type: str, description: Mapping[str, Any]
    ) -> SavedImage:
        """Write an image and a description of its request, each completely or not at all. Raises OSError."""
        now = self._clock.now()
        made_at = datetime.fromtimestamp(row.created_at, UTC).isoformat()
        file = ImageFile.of(row.created_at, row.ref, number, media_type)
        words = json.dumps(
            {**description, "subject": row.subject, "made_at": made_at}, indent=2, ensure_ascii=False
        )

        def write() -> str:
            folder = self._folder_of(row.subject)
            # First, so that a gallery which shows the image has its description.
            self._files.write([folder, file.description_name], words.encode())
            self._files.write([folder, file.name], data)
            return folder

        path = self.folder / await in_file_thread(write) / file.name
        return SavedImage(row.ref, number, str(path), media_type, now)

    async def update_gallery(self, subject: str | None) -> None:
        """Make the gallery show the images in a subject's folder. An error is logged only: the images are paid for."""
        try:
            await in_file_thread(lambda: self.gallery.update([self._folder_of(subject)]))
        except Exception as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            log.warning("A gallery could not be written: %s", why)

    async def find_galleries(self, saved: Sequence[SavedImage]) -> Sequence[Path]:
        """Return the galleries in the folders of `saved`."""

        def find() -> Sequence[Path]:
            places = (self._files.parts_of(Path(image.path)) for image in saved)
            folders = dict.fromkeys(parts[:-1] for parts in places if parts)
            return [self.folder.joinpath(*one, NAME) for one in folders if self.gallery.is_in(one)]

        return await in_file_thread(find)

    async def previews(self, saved: Sequence[SavedImage]) -> Sequence[bytes]:
        """Return small JPEGs of the images that still exist."""
        async with self._showing:
            return await make_previews(partial(self.read, image) for image in saved)

    async def read(self, saved: SavedImage) -> bytes | None:
        """Return a saved image, or None if it is missing, too large or not a regular file of this folder."""
        return await in_file_thread(self._read, saved)

    async def find_on_disk(self, saved: Sequence[SavedImage]) -> Sequence[SavedImage]:
        """Return the images of `saved` whose files exist in this folder."""

        def find() -> Sequence[SavedImage]:
            places = [(image, self._files.parts_of(Path(image.path))) for image in saved]
            return [image for image, parts in places if parts is not None and self._files.is_file(parts)]

        return await in_file_thread(find)

    def remove(self, subject: str, refs: Sequence[str], saved: Sequence[SavedImage]) -> Sequence[Path]:
        """Remove images with their descriptions, and the subject's folder if it is then empty; return what is left.

        `refs` are the refs of the generations: files left by a crashed process are unlisted but carry the ref.
        What was saved in another folder is not removed, and is returned if it exists.
        """
        ours: set[tuple[str, ...]] = set(self._find_files(refs))
        left: list[Path] = []
        for path in (Path(image.path) for image in saved):
            if parts := self._files.parts_of(path):
                ours |= {parts, (*parts[:-1], path.with_suffix(".json").name)}
            else:
                beside = (path, path.with_suffix(".json"), path.with_name(NAME))
                left += [one for one in beside if os.path.lexists(one) and one not in left]
        left += [self.folder.joinpath(*parts) for parts in sorted(ours) if not self._is_gone(parts)]
        emptied = {parts[:-1] for parts in ours} | {
            (name,) for name in (*self._folders_like(folder_name(subject)), *self._folders_showing(refs))
        }
        for folder in emptied - {()}:
            left += self._clean_gallery(folder)
            self._files.remove_if_empty(folder)
        return left

    def find_leftovers(self, subject: str, refs: Sequence[str]) -> Sequence[Path]:
        """Return files of the generations `refs` that are left in a subject's folder, or the folder if it is empty."""
        folders = self._folders_like(folder_name(subject))
        files = [self.folder / folder / name for folder, name in self._find_files(refs) if folder in folders]
        for folder in folders:
            with suppress(OSError):
                files += [self.folder / folder / name for name in self.gallery.find_leftovers([folder], refs)]
        places = [self.folder / folder for folder in folders if not self._names(folder)]
        return [*files, *(place for place in places if place.is_dir())]

    def _folder_of(self, subject: str | None) -> str:
        """Return the existing folder of a subject, in any spelling of its name, or the name of the one to create."""
        wanted = folder_name(subject)
        there = self._folders_like(wanted)
        return wanted if wanted in there else next(iter(there), wanted)

    def _folders_like(self, name: str) -> Sequence[str]:
        return [folder for folder in self._names() if subject_key(folder) == subject_key(name)]

    def _names(self, *folder: str) -> Sequence[str]:
        try:
            return self._files.names(folder)
        except OSError:
            return ()

    def _read(self, saved: SavedImage) -> bytes | None:
        with suppress(OSError):
            parts = self._files.parts_of(Path(saved.path))
            if parts and len(data := self._files.read(parts, MAX_IMAGE_BYTES)) <= MAX_IMAGE_BYTES:
                return data
        return None

    def _find_files(self, refs: Sequence[str]) -> Iterator[tuple[str, str]]:
        wanted = set(refs)
        for folder in self._names() if wanted else ():
            for name in self._names(folder):
                if ref_in_name(name) in wanted:
                    yield folder, name

    def _folders_showing(self, refs: Sequence[str]) -> Iterator[str]:
        """A process that died may have written a gallery after the images were removed."""
        for folder in self._names() if refs else ():
            with suppress(OSError):
                if self.gallery.shows([folder], set(refs)):
                    yield folder

    def _clean_gallery(self, folder: Sequence[str]) -> Sequence[Path]:
        """Update the gallery of a folder after images were removed; return it if that failed."""
        try:
            self.gallery.clean(folder)
        except OSError:
            return [self.folder.joinpath(*folder, NAME)] if self.gallery.is_in(folder) else []
        return []

    def _is_gone(self, parts: Sequence[str]) -> bool:
        try:
            self._files.unlink(parts)
        except OSError:
            return False
        return True


def folder_name(subject: str | None) -> str:
    """Return a folder name for a subject that is valid on every system: letters, digits, spaces, _ and -. Pure."""
    text = unicodedata.normalize("NFC", sanitize_text(subject, 4 * MAX_NAME_LENGTH))
    kept = "".join(letter if letter.isalnum() or letter in " _-" else "_" for letter in text).strip()
    name = kept[:MAX_NAME_LENGTH].rstrip() or "unnamed"
    return f"{name}_" if is_windows_device(name) else name
