"""From photos to saved images in the sandbox: no key, no cost, about ten seconds.

python examples/sandbox.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import anyio

from apiframe_studio import ImageRequest, PhotoSetRequest, Studio, TrainingRequest
from apiframe_studio.photos.synthetic import write_photos


async def main(folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir()
    write_photos(photos, 12)

    async with Studio.sandbox(folder) as studio:
        check = await studio.photo_sets.check([str(photos)])
        print(f"{check.usable} of {len(check.photos)} photos can be used")

        # The subject of real photos has to agree before they are sent; the request says when she did.
        request = PhotoSetRequest(
            [str(photos)], gender="female", ethnicity="white", subject="Anna", consent_at=time.time()
        )
        photo_set = await studio.photo_sets.prepare(request)
        print(f"uploaded; the training costs {photo_set.training_credits:g} credits")

        training = await studio.trainings.start(TrainingRequest(photo_set.row.task_id or ""))
        training = await studio.trainings.wait(training.task_id or "")
        print(f"the trigger word is {training.trigger_word}")

        images = await studio.images.generate(ImageRequest("in a garden, evening light", subject="Anna"))
        print(f"the prompt was {images.prompt!r}")
        for image in images.saved:
            print(image.path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        anyio.run(main, Path(name))
