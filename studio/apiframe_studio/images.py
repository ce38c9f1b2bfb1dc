"""Images of a trained subject: generate them, and save them on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from apiframe_studio.api.errors import ApiframeError, ImageRefused, Refused
from apiframe_studio.api.provider import ImageCall, Kind, check_status
from apiframe_studio.api.urls import keep_web_urls
from apiframe_studio.core import Core
from apiframe_studio.errors import (
    AtAnotherService,
    FolderUnusable,
    NotFetched,
    NotTrained,
    PromptTooLong,
    UnknownImages,
)
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.image_sender import ImageSender
from apiframe_studio.ledger import NewImages, Observation, SavedImage, Submission
from apiframe_studio.ledger.errors import SubjectForgotten
from apiframe_studio.ledger.states import OPEN, UNDER_WAY, State
from apiframe_studio.photos.decoders import open_decoders
from apiframe_studio.photos.errors import DecodersFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.tracker import Checked
from apiframe_studio.training import Note, Training
from apiframe_studio.trainings import Trainings

Details = Mapping[str, Any]
"""What is saved next to each image: how it was made."""

_SIZE: Final = ("aspect_ratio", "width", "height")
DEDUP_WINDOW_SECONDS: Final = 600.0
"""For this long the same request without a seed counts as a repeated call."""


@dataclass(frozen=True)
class ImageRequest:
    """Which images to generate. Only fields that are not None are sent; the service's default is one square image."""

    prompt: str
    task_id: str | None = None
    subject: str | None = None
    aspect_ratio: str | None = None
    width: int | None = None
    height: int | None = None
    number_of_images: int | None = None
    seed: int | None = None
    max_credits: float | None = None
    """The most that was agreed to be paid for it. Not a part of what makes it the same request."""
    like: str | None = None
    """The ref of earlier images, of the same training and size unless another one is named."""

    def parameters(self) -> dict[str, Any]:
        """What the service is asked for besides training and prompt."""
        names = ("aspect_ratio", "width", "height", "number_of_images", "seed")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class GeneratedImages:
    """Generated images, and the prompt that was sent."""

    row: Submission
    training: Training
    prompt: str
    word_added: bool
    saved: Sequence[SavedImage] = ()
    previews: Sequence[bytes] = field(default=(), repr=False)
    missing: int = 0
    """How many of the images ordered were not delivered."""
    gone: int = 0
    """How many saved images are no longer on this machine and cannot be fetched again now."""
    gallery: Path | None = None
    """The page with all images in the subject's folder."""
    deduplicated: bool = False


@dataclass(frozen=True)
class ImagePrice:
    """What generating images would cost in credits, and of whom, as far as the ledger knows.

    `request` asks for the same with the training's id in it, so that a newer training of the subject changes nothing.
    """

    credits: float
    request: ImageRequest
    subject: str | None = None


class Images:
    """Generates images, once for the same request, and saves them."""

    def __init__(self, core: Core, trainings: Trainings) -> None:
        self._core = core
        self._trainings = trainings
        self._ledger = core.ledger
        self._clock = core.clock
        self._image_store = core.image_store
        self._sender = ImageSender(core)

    async def price(self, request: ImageRequest) -> ImagePrice | None:
        """What generating these images would cost; None if they are already paid for. Raises as `generate`."""
        await self._core.provider()
        request = await self._complete(request)
        training = await self._trained(request)
        prompt, _ = insert_trigger_word(request.prompt, training.trigger_word or "")
        new = self._submission(request, training, prompt)
        known = await self._ledger.find_duplicate(new, self._clock.now())
        if known is not None and known.state is not State.INTENT:
            return None
        of_training = replace(request, task_id=training.task_id, subject=None, like=None)
        return ImagePrice(new.estimated_credits or 0.0, of_training, training.subject)

    async def generate(
        self, request: ImageRequest, seconds: float = math.inf, *, may_pay: bool = True
    ) -> GeneratedImages:
        """Generate images and save them; return when they are saved or `seconds` are over.

        The trigger word is put in front of a prompt that lacks it. The same request again returns the same
        images: always with a seed, for ten minutes without one. Files that are gone are fetched again, free,
        while their links live.

        Raises:
            UnknownTraining, UnknownSubject, UnknownImages, NotTrained, AtAnotherService, SubjectForgotten,
                PromptTooLong: nothing was sent.
            PaymentNotApproved, PriceAboveLimit: they would have to be paid for; nothing was sent.
            FolderUnusable, NotFetched: see there.
            As `Trainings.start`.
        """
        await self._core.provider()
        request = await self._complete(request)
        training = await self._trained(request)
        await self._remove_forgotten()
        # Where the service would put the word in itself, it is put in here too: what is reported is what was sent.
        prompt, added = insert_trigger_word(request.prompt, training.trigger_word or "")
        self._check_length(prompt)
        with self._folder():
            await self._image_store.ensure_folder(training.subject)
        new = self._submission(request, training, prompt)
        try:
            row, is_new = await self._core.submitter.get_or_create(
                new, may_send=may_pay, max_credits=request.max_credits
            )
        except SubjectForgotten:
            await in_file_thread(self._image_store.remove, training.subject or "", [], [])
            raise
        can_be_sent = row.state is State.INTENT or (
            row.state is State.UNCONFIRMED and self._sender.can_repeat
        )
        is_sent_now = is_new or (can_be_sent and not self._core.jobs.is_running(row.ref))

        details = {
            "prompt": prompt,
            "trigger_word": training.trigger_word,
            "training": training.task_id,
            "task_id": None,
            # The service does not report the seed that it chose: then this is null.
            "seed": None,
            **self._parameters(request),
        }
        call = ImageCall(training.task_id or "", prompt, **self._parameters(request))
        if row.state is not State.UNCONFIRMED or self._sender.can_repeat:
            await self._core.jobs.run(
                row.ref, partial(self._make, row, call, details, request.max_credits), seconds
            )
        row = await self._core.tracker.reload(row)
        kept = await self._ledger.images_of(row.ref)
        saved = await self._image_store.find_on_disk(kept)
        galleries = await self._image_store.find_galleries(saved)
        previews: Sequence[bytes] = ()
        # The images are on disk and paid for: a missing preview must not fail the call.
        with contextlib.suppress(DecodersFailed):
            previews = await self._image_store.previews(saved)
        finished = row.state is State.FINISHED and row.forgotten_at is None
        missing = max((row.image_count or 0) - len(kept), 0) if finished else 0
        lost = len(kept) - len(saved) if finished else 0
        return GeneratedImages(
            row,
            training,
            prompt,
            added,
            saved,
            previews,
            missing,
            lost,
            galleries[0] if galleries else None,
            deduplicated=not is_sent_now,
        )

    async def _complete(self, request: ImageRequest) -> ImageRequest:
        """The request with the training and the size of the images that it is to be like. Not their seed: with it the
        same prompt would give the same images."""
        if request.like is None:
            return request
        row = await self._ledger.find(request.like, self._clock.now())
        if row is None or row.kind is not Kind.GENERATION or row.forgotten_at is not None:
            raise UnknownImages
        sized = request.aspect_ratio is not None or request.width is not None
        size: dict[str, Any] = {} if sized else {name: (row.parameters or {}).get(name) for name in _SIZE}
        named = request.task_id or request.subject
        return replace(request, task_id=request.task_id if named else row.parent_task_id, **size)

    def _parameters(self, request: ImageRequest) -> dict[str, Any]:
        """What the service is asked for. Where its default shape is not documented, a square is asked for by name."""
        given = request.parameters()
        default = self._core.terms.default_aspect_ratio
        return given if default is None else {"aspect_ratio": default, **given}

    def _check_length(self, prompt: str) -> None:
        # The service counts as JavaScript does: a letter beyond the basic plane counts twice.
        length = len(prompt.encode("utf-16-le")) // 2
        if length > self._core.terms.max_prompt:
            raise PromptTooLong(length, self._core.terms.max_prompt)

    async def _remove_forgotten(self) -> None:
        """Remove images of forgotten subjects that a program wrote after the removal, before it was killed."""
        if not self._image_store.may_hold_forgotten:
            return
        if refs := await self._ledger.forgotten_generations():
            await in_file_thread(self._image_store.remove, "", refs, [])
        self._image_store.may_hold_forgotten = False

    async def _trained(self, request: ImageRequest) -> Training:
        training = await self._named(request)
        if training.team_id is not None and self._ledger.team_id is None:
            await self._core.account()
            training = await self._named(request)
        if Note.AT_ANOTHER_SERVICE in training.notes:
            raise AtAnotherService(training)
        if not training.can_make_images or not training.task_id:
            raise NotTrained(training)
        return training

    async def _named(self, request: ImageRequest) -> Training:
        if request.task_id:
            return await self._trainings.check(request.task_id)
        found = await self._trainings.find_by_subject(request.subject or "")
        newest = next((one for one in found if one.can_make_images), found[0])
        newer = [one for one in found[: found.index(newest)] if one.state in OPEN | {State.FINISHED}]
        older = [one for one in found[found.index(newest) + 1 :] if one.can_make_images]
        return replace(newest, others=(*newer, *older))

    def _submission(self, request: ImageRequest, training: Training, prompt: str) -> NewImages:
        parameters = self._parameters(request)
        wanted = json.dumps([prompt, parameters], sort_keys=True)
        return NewImages(
            training.task_id or "",
            hashlib.sha256(wanted.encode()).hexdigest(),
            subject=training.subject,
            estimated_credits=self._core.terms.image_credits * (request.number_of_images or 1),
            image_count=request.number_of_images or 1,
            prompt=prompt,
            parameters=parameters or None,
        )

    async def _make(
        self, row: Submission, call: ImageCall, details: Details, max_credits: float | None
    ) -> None:
        """Take a generation from its present state to images on disk, and to the gallery of their folder."""
        try:
            await self._deliver(row, call, details, max_credits)
        finally:
            # Also when a part of the images came.
            await self._image_store.update_gallery(row.subject)

    async def _deliver(
        self, row: Submission, call: ImageCall, details: Details, max_credits: float | None
    ) -> None:
        if row.state in (State.INTENT, State.UNCONFIRMED):
            row = await self._sender.send(row, call, max_credits)
        elif row.state is State.SENDING:
            row = (await self._core.submitter.wait_for_sender(row)).row
        if row.state is State.FINISHED:
            await self._fetch_again(row, details)
        if row.state not in UNDER_WAY:
            return
        try:
            with self._folder(row):
                if not await self._save_by_kept_links(row, details):
                    urls = await self._wait_for_urls(row)
                    await self._save(row, details, urls)
        except ApiframeError as error:
            raise NotFetched(await self._core.tracker.reload(row), error) from error

    async def _fetch_again(self, row: Submission, details: Details) -> None:
        """Fetch images whose files are gone while their links work; the result counts those that stay missing."""
        kept = await self._ledger.images_of(row.ref)
        if row.task_id is None or len(await self._image_store.find_on_disk(kept)) == len(kept):
            return
        with contextlib.suppress(ApiframeError), self._folder(row):
            provider = await self._core.provider()
            urls = (await check_status(provider, Kind.GENERATION, row.task_id)).image_urls
            await self._save(row, details, urls)

    async def _save_by_kept_links(self, row: Submission, details: Details) -> bool:
        """Save the images by the links of the response; False if these have expired: a check may return new ones."""
        if not (urls := _kept_urls(row)):
            return False
        try:
            await self._save(row, details, urls)
        except Refused:
            if row.task_id is None:
                raise
            return False
        return True

    @contextlib.contextmanager
    def _folder(self, row: Submission | None = None) -> Generator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or "it cannot be written"
            raise FolderUnusable(self._image_store.folder, why, row) from error

    async def _wait_for_urls(self, row: Submission) -> Sequence[str]:
        tracker = self._core.tracker

        async def check() -> Checked:
            checked = await tracker.check(await tracker.reload(row))
            if error := checked.unknown or checked.not_recorded:
                raise error
            return checked

        def is_done(checked: Checked) -> bool:
            has_images = checked.task is not None and checked.task.image_urls
            return bool(has_images) or checked.row.state not in UNDER_WAY or checked.row.task_id is None

        checked = await tracker.wait_until(
            row.ref, check, is_done, poll_seconds=self._core.image_poll_seconds
        )
        return checked.task.image_urls if checked and checked.task else ()

    async def _save(self, row: Submission, details: Details, urls: Sequence[str]) -> None:
        kept = await self._ledger.images_of(row.ref)
        known = {image.number for image in await self._image_store.find_on_disk(kept)}
        row = await self._core.tracker.reload(row)
        refused: ImageRefused | None = None
        # The checks of the images share their decoder process.
        async with open_decoders(Limits(), 1):
            # Links beyond the number ordered, and those of a forgotten subject, are not fetched.
            wanted = 0 if row.forgotten_at is not None else row.image_count or 1
            for number, url in enumerate(urls[:wanted], 1):
                try:
                    if number not in known:
                        await self._fetch(row, number, url, details)
                except ImageRefused as error:
                    refused = refused or error
        if refused is not None:
            raise refused
        if urls and row.state in UNDER_WAY:
            # Finished only when the images are on disk: until then a status check must return their links.
            now = self._clock.now()
            expires_at = now + DEDUP_WINDOW_SECONDS if details["seed"] is None else None
            await self._ledger.record_status(row.ref, Observation(now, State.FINISHED, expires_at=expires_at))

    async def _fetch(self, row: Submission, number: int, url: str, details: Details) -> None:
        async with self._image_store.fetching:
            try:
                image = await self._image_store.download(await self._core.provider(), url)
            except Refused:
                # Its link has expired. A status check may return a new one; saving the image removes the mark.
                await self._ledger.mark_missing(row.ref, self._clock.now())
                raise
            await self._image_store.check(image)
            row = await self._core.tracker.reload(row)
            if row.forgotten_at is not None:
                return
            details = {**details, "task_id": row.task_id}
            saved = await self._image_store.save(row, number, image.data, image.media_type, details)
        if await self._ledger.save_images([saved]):
            # The subject was forgotten meanwhile.
            await in_file_thread(self._image_store.remove, row.subject or "", [], [saved])


def _kept_urls(row: Submission) -> Sequence[str]:
    """The links of the response to the paid request, kept in case the program died before it fetched them."""
    try:
        raw = row.provider_facts.raw_response or "{}"
        return keep_web_urls(json.loads(raw)["image_urls"])
    except (ValueError, TypeError, KeyError):
        return ()


def insert_trigger_word(prompt: str, word: str) -> tuple[str, bool]:
    """The prompt with the trigger word in it, and whether it had to be put there. Pure."""
    tokens = "".join(letter if letter.isalnum() or letter in "_-" else " " for letter in prompt).split()
    return (prompt, False) if f" {word} " in f" {' '.join(tokens)} " else (f"{word} {prompt}", True)
