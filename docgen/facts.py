"""Prices and limits in the pages, taken from the code that defines them."""

from __future__ import annotations

from typing import Final

from apiframe_server.settings import Settings
from apiframe_studio.api.provider import Terms
from apiframe_studio.api.select import DEFAULT_TERMS as TERMS
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.images import DEDUP_WINDOW_SECONDS
from apiframe_studio.photos import rules
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import WARNINGS, Reason
from apiframe_tools.wording.erasure import describe_what_remains
from apiframe_tools.wording.photos import REASONS, describe_good_photos
from apiframe_tools.wording.prices import Prices
from docgen.tables import render_table

BOTH: Final = (V2_TERMS, V1_TERMS)
"""The generations in the order in which pages name them: new users have keys of v2."""
MEGA: Final = 1_000_000
EXAMPLE_PHOTOS: Final = 15


def render_prices() -> str:
    """Return what each paid call costs with either kind of key."""
    prices = [Prices(terms) for terms in BOTH]
    return render_table(
        ["what", "tool", *(terms.generation for terms in BOTH)],
        [
            ["preparing a photo set, once", "`prepare_photos`", *(price.upload for price in prices)],
            ["training", "`start_training`", *(price.training_total for price in prices)],
            ["an image", "`generate_photos`", *(price.image for price in prices)],
            [
                f"a model from {EXAMPLE_PHOTOS} photos and three portraits",
                "all of them",
                *(f"**{_whole_job(terms):g} credits**" for terms in BOTH),
            ],
            ["a failed training gives back", "", *(_refund(terms) for terms in BOTH)],
            ["checking photos, status checks, lists, the account", "the others", *("free" for _ in BOTH)],
        ],
    )


def _whole_job(terms: Terms) -> float:
    return terms.upload_credits + terms.training_credits.of(EXAMPLE_PHOTOS) + terms.image_credits * 3


def _refund(terms: Terms) -> str:
    back = terms.training_refund
    return "not documented" if back is None else f"{back:g} credits"


def render_price_line() -> str:
    """Return the prices in a few sentences."""
    flat, by_photo = (Prices(terms) for terms in BOTH)
    return (
        f"**Price**, as Apiframe documents it: a training of {flat.terms.photos} photos **{flat.training}**, an image "
        f"{flat.image}; with a key of {by_photo.terms.generation}\n{by_photo.upload} to upload a photo set, "
        f"{by_photo.training_total} to train on it, {by_photo.image} an image. Everything else is free."
    )


def render_repeats() -> str:
    """Return for how long an equal request returns what was already paid for."""
    return render_table(
        ["the same", "is returned, not paid for again"],
        [
            ["photos, prepared", f"while the set lives, {Prices(TERMS).lifetime}"],
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
                " or ".join(f"{terms.photos} ({terms.generation})" for terms in BOTH),
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


def render_remains() -> str:
    """Return what Apiframe keeps of a forgotten subject where trainings can be deleted."""
    return describe_what_remains(V2_TERMS)


def render_timeouts() -> str:
    """Return how long a paid request and a status check may take."""
    fields = Settings.model_fields
    return (
        f"A paid request is given {fields['paid_seconds'].default:g} seconds, a status check "
        f"{fields['read_seconds'].default:g} (`APIFRAME_PAID_SECONDS`, `APIFRAME_READ_SECONDS`)."
    )
