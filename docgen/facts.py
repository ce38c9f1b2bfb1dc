"""Prices and limits in the pages, taken from the code that defines them."""

from __future__ import annotations

from typing import Final

from apiframe_server.settings import Settings
from apiframe_studio.api.select import DEFAULT_TERMS as TERMS
from apiframe_studio.images import DEDUP_WINDOW_SECONDS
from apiframe_studio.photos import rules
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import WARNINGS, Reason
from apiframe_tools.wording.photos import REASONS, describe_good_photos
from apiframe_tools.wording.prices import Prices
from docgen.tables import render_table

PRICES: Final = Prices(TERMS)
MEGA: Final = 1_000_000
EXAMPLE_PHOTOS: Final = 15


def render_prices() -> str:
    """Return what each paid call costs, with a complete example."""
    training, images = TERMS.training_credits.of(EXAMPLE_PHOTOS), TERMS.image_credits * 3
    return "\n\n".join(
        [
            render_table(
                ["what", "tool", "price"],
                [
                    ["uploading a photo set, once", "`prepare_photos`", PRICES.upload],
                    [
                        "training",
                        "`start_training`",
                        f"{PRICES.training}: {PRICES.training_range}",
                    ],
                    ["an image", "`generate_photos`", PRICES.image],
                    ["checking photos, status checks, lists, the account", "the others", "free"],
                ],
            ),
            f"A model from {EXAMPLE_PHOTOS} photos and three portraits: {TERMS.upload_credits:g} + "
            f"{training:g} + {images:g} = **{TERMS.upload_credits + training + images:g} credits**.",
        ]
    )


def render_price_line() -> str:
    """Return the prices in a few sentences."""
    takes = TERMS.photos
    return (
        f"**Price**, as Apiframe documents it for {TERMS.generation}: {PRICES.upload} to upload a photo set, "
        f"{TERMS.training_credits.per_photo:g} a photo to train on it ({takes.min} to\n{takes.max} photos: "
        f"**{PRICES.training_range}**), {TERMS.image_credits:g} an image. "
        "Everything else is free. Refunds are not documented."
    )


def render_repeats() -> str:
    """Return for how long an equal request returns what was already paid for."""
    return render_table(
        ["the same", "is returned, not paid for again"],
        [
            ["photos, uploaded", f"while the set lives, {PRICES.lifetime}"],
            [
                "photos, trained",
                "always, whatever the trigger word; only a new `idempotency_key` trains again",
            ],
            ["image request with a `seed`", "always"],
            ["image request without one", f"for {DEDUP_WINDOW_SECONDS / 60:g} minutes"],
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
                str(TERMS.photos),
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
    return describe_good_photos(TERMS).partition("\n\n")[2].strip()


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
