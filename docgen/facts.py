"""Prices and limits as the pages state them, taken from the code that holds them."""

from __future__ import annotations

from typing import Final

from apiframe_server.settings import Settings
from apiframe_studio.generations import CREDITS_AN_IMAGE, SAME_AGAIN_SECONDS
from apiframe_studio.ledger.reuse import CREDITS_A_PHOTO
from apiframe_studio.photo_sets import UPLOAD_CREDITS
from apiframe_studio.photos import FEWEST, MOST, Reason, judging
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.verdicts import WARNINGS
from apiframe_tools.wording.photos import PHOTO_GUIDE, REASONS
from docgen.tables import table

MEGA: Final = 1_000_000
EXAMPLE_PHOTOS: Final = 15


def prices() -> str:
    """What each paid call costs, and one whole example."""
    example = UPLOAD_CREDITS + CREDITS_A_PHOTO * EXAMPLE_PHOTOS + CREDITS_AN_IMAGE * 3
    return "\n\n".join(
        [
            table(
                ["what", "tool", "price"],
                [
                    ["uploading a photo set, once", "`prepare_photos`", f"{UPLOAD_CREDITS:g} credits"],
                    [
                        "training",
                        "`start_training`",
                        f"{CREDITS_A_PHOTO:g} credits a photo: {_least():g} to {_most():g}",
                    ],
                    ["an image", "`generate_photos`", f"{CREDITS_AN_IMAGE:g} credit"],
                    ["checking photos, status checks, lists, the account", "the others", "free"],
                ],
            ),
            f"A model from {EXAMPLE_PHOTOS} photos and three portraits: {UPLOAD_CREDITS:g} + "
            f"{CREDITS_A_PHOTO * EXAMPLE_PHOTOS:g} + {CREDITS_AN_IMAGE * 3:g} = **{example:g} credits**.",
        ]
    )


def price_line() -> str:
    """The prices in one sentence."""
    return (
        f"**Price**, as Apiframe documents it for v1: {UPLOAD_CREDITS:g} credits to upload a photo set, "
        f"{CREDITS_A_PHOTO:g} a photo to train on it ({FEWEST} to\n{MOST} photos: **{_least():g} to {_most():g}**), "
        f"{CREDITS_AN_IMAGE:g} an image. Everything else is free. Refunds are not documented."
    )


def repeats() -> str:
    """For how long the same request is answered with what was paid for."""
    return table(
        ["the same", "is returned, not paid for again"],
        [
            ["photos, uploaded", "while the set lives, about a day"],
            [
                "photos, trained",
                "always, whatever the trigger word; only a new `idempotency_key` trains again",
            ],
            ["image request with a `seed`", "always"],
            ["image request without one", f"for {SAME_AGAIN_SECONDS / 60:g} minutes"],
        ],
    )


def photo_numbers() -> str:
    """How many photos, and what can be read."""
    limits = Limits()
    return table(
        ["limit", ""],
        [
            [
                "photos in a training",
                f"{FEWEST} to {MOST}",
            ],
            ["formats", "JPEG, PNG, WebP, HEIC, AVIF"],
            ["one photo", f"at most {limits.bytes // MEGA} MB and {limits.pixels // MEGA} megapixels"],
            [
                "short side",
                f"at least {judging.SHORT_SIDE_NEEDED} pixels, better {judging.SHORT_SIDE_WANTED}",
            ],
            [
                "height of the face",
                f"at least {judging.FACE_PIXELS_NEEDED} pixels, better {judging.FACE_PIXELS_WANTED}",
            ],
        ],
    )


def photo_guide() -> str:
    """The advice that the server gives to clients as a resource, without its title."""
    return PHOTO_GUIDE.partition("\n\n")[2].strip()


def photo_reasons() -> str:
    """Everything that a check can say about a photo."""
    return table(
        ["the photo …", "means"],
        [[REASONS[reason], "doubtful" if reason in WARNINGS else "rejected"] for reason in Reason],
    )


def timeouts() -> str:
    """The longest that a paid request and a status check may take."""
    fields = Settings.model_fields
    return (
        f"A paid request is given {fields['paid_seconds'].default:g} seconds, a status check "
        f"{fields['read_seconds'].default:g} (`APIFRAME_PAID_SECONDS`, `APIFRAME_READ_SECONDS`)."
    )


def _least() -> float:
    return CREDITS_A_PHOTO * FEWEST


def _most() -> float:
    return CREDITS_A_PHOTO * MOST
