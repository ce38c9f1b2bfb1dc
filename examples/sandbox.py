"""From photos to saved images on the sandbox: no key, no cost, about ten seconds.

python examples/sandbox.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import anyio

from apiframe_studio import PhotosWish, PicturesWish, Studio, TrainingWish
from apiframe_studio.photos.synthetic import write_photos


async def main(folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir()
    write_photos(photos, 12)

    async with Studio.sandbox(folder) as studio:
        check = await studio.photo_sets.check([str(photos)])
        print(f"{check.usable} of {len(check.photos)} photos can be used")

        # Before real photos are sent, the person in them has to agree: the request says when.
        wish = PhotosWish(
            [str(photos)], gender="female", ethnicity="white", subject="Anna", consent_at=time.time()
        )
        photo_set = await studio.photo_sets.prepare(wish)
        print(f"uploaded; the training will cost {photo_set.training_credits:g} credits")

        training = await studio.trainings.start(TrainingWish(photo_set.row.task_id or ""))
        training = await studio.trainings.wait(training.task_id or "")
        print(f"the trigger word is {training.trigger_word}")

        images = await studio.generations.generate(PicturesWish("in a garden, evening light", subject="Anna"))
        print(f"sent as {images.prompt!r}")
        for saved in images.saved:
            print(saved.path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        anyio.run(main, Path(name))
