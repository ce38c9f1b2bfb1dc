"""Prices and limits in the pages, taken from the code that defines them."""

from __future__ import annotations

from typing import Final

from apiframe_server.settings import Settings
from apiframe_studio.generations import CREDITS_AN_IMAGE, SAME_AGAIN_SECONDS
from apiframe_studio.ledger.reuse import CREDITS_A_PHOTO
from apiframe_studio.photo_sets import UPLOAD_CREDITS
from apiframe_studio.photos import FEWEST, MOST, Reason, rules
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import WARNINGS
from apiframe_tools.wording.photos import PHOTO_GUIDE, REASONS
from docgen.tables import render_table

MEGA: Final = 1_000_000
EXAMPLE_PHOTOS: Final = 15


def render_prices() -> str:
    """Return what each paid call costs, with a complete example."""
    example = UPLOAD_CREDITS + CREDITS_A_PHOTO * EXAMPLE_PHOTOS + CREDITS_AN_IMAGE * 3
    return "\n\n".join(
        [
            render_table(
                ["what", "tool", "price"],
                [
                    ["uploading a photo set, once", "`prepare_photos`", f"{UPLOAD_CREDITS:g} credits"],
                    [
                        "training",
                        "`start_training`",
                        f"{CREDITS_A_PHOTO:g} credits a photo: {_min_training():g} to {_max_training():g}",
                    ],
                    ["an image", "`generate_photos`", f"{CREDITS_AN_IMAGE:g} credit"],
                    ["checking photos, status checks, lists, the account", "the others", "free"],
                ],
            ),
            f"A model from {EXAMPLE_PHOTOS} photos and three portraits: {UPLOAD_CREDITS:g} + "
            f"{CREDITS_A_PHOTO * EXAMPLE_PHOTOS:g} + {CREDITS_AN_IMAGE * 3:g} = **{example:g} credits**.",
        ]
    )


def render_price_line() -> str:
    """Return the prices in a few sentences."""
    return (
        f"**Price**, as Apiframe documents it for v1: {UPLOAD_CREDITS:g} credits to upload a photo set, "
        f"{CREDITS_A_PHOTO:g} a photo to train on it ({FEWEST} to\n{MOST} photos: "
        f"**{_min_training():g} to {_max_training():g}**), {CREDITS_AN_IMAGE:g} an image. "
        "Everything else is free. Refunds are not documented."
    )


def render_repeats() -> str:
    """Return for how long an equal request returns what was already paid for."""
    return render_table(
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


def render_photo_numbers() -> str:
    """Return how many photos a training takes and what can be read."""
    limits = Limits()
    return render_table(
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
                f"at least {rules.SHORT_SIDE_NEEDED} pixels, better {rules.SHORT_SIDE_WANTED}",
            ],
            [
                "height of the face",
                f"at least {rules.FACE_PIXELS_NEEDED} pixels, better {rules.FACE_PIXELS_WANTED}",
            ],
        ],
    )


def render_photo_guide() -> str:
    """Return the advice that the server publishes as a resource, without its title."""
    return PHOTO_GUIDE.partition("\n\n")[2].strip()


def render_photo_reasons() -> str:
    """Return every reason that a check can give for a photo."""
    return render_table(
        ["the photo …", "means"],
        [[REASONS[reason], "doubtful" if reason in WARNINGS else "rejected"] for reason in Reason],
    )


def render_timeouts() -> str:
    """Return how long a paid request and a status check may take."""
    fields = Settings.model_fields
    return (
        f"A paid request is given {fields['paid_seconds'].default:g} seconds, a status check "
        f"{fields['read_seconds'].default:g} (`APIFRAME_PAID_SECONDS`, `APIFRAME_READ_SECONDS`)."
    )


def _min_training() -> float:
    return CREDITS_A_PHOTO * FEWEST


def _max_training() -> float:
    return CREDITS_A_PHOTO * MOST
