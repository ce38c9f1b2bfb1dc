"""Train a model of one subject from a folder of photos, with the settings of the environment. This spends credits.

    APIFRAME_API_KEY=… python examples/train.py ~/Pictures/Anna --subject Anna \\
        --gender female --ethnicity white --consent

Run it again after a crash, a lost connection or Ctrl-C: the ledger has what was paid for, and it is not paid again.
"""

from __future__ import annotations

import argparse
import sys
import time

import anyio

from apiframe_studio import (
    NotEnoughPhotos,
    PhotoSetRequest,
    State,
    Studio,
    StudioError,
    Training,
    TrainingRequest,
)


async def train(photos: PhotoSetRequest) -> Training:
    async with Studio.from_environment() as studio:
        account = await studio.account()
        print(f"{account.credits} credits")
        checked = await studio.photo_sets.check_and_normalise(photos, on_progress=show_photos, seconds=None)
        print(f"{len(checked.prepared.jpegs)} of {checked.found} photos will be sent")
        photo_set = await studio.photo_sets.prepare(photos, on_progress=show_photos, checked=checked)
        request = TrainingRequest(photo_set.row.task_id or photo_set.row.ref)
        if price := await studio.trainings.price(request):
            print(f"the training costs {price.most:g} credits")
        training = await studio.trainings.start(request)
        return await studio.trainings.wait(training.task_id or training.ref or "", on_progress=show_training)


async def show_photos(done: float, of: float, what: str) -> None:
    print(f"{what}: {done:g} of {of:g}")


async def show_training(training: Training) -> None:
    print(f"{training.state.value}: {training.percentage or 0:g} %")


def parse_arguments() -> PhotoSetRequest:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--subject", required=True)
    parser.add_argument("--gender", required=True)
    parser.add_argument("--ethnicity", required=True)
    parser.add_argument(
        "--consent", action="store_true", required=True, help="the subject of the photos agreed"
    )
    arguments = parser.parse_args()
    return PhotoSetRequest(
        [arguments.folder],
        arguments.gender,
        arguments.ethnicity,
        subject=arguments.subject,
        consent_at=time.time(),
    )


def main() -> int:
    try:
        training = anyio.run(train, parse_arguments())
    except NotEnoughPhotos as error:
        for photo in error.check.photos:
            print(f"{photo.photo.name}: {photo.verdict.value} {', '.join(photo.reasons)}", file=sys.stderr)
        print(error, file=sys.stderr)
        return 1
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    if training.state is State.FINISHED:
        print(f"the trigger word is {training.trigger_word}")
        return 0
    print(
        f"{training.state.value}: {training.message or 'see the ledger with list_trainings'}", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
