"""The terms of v2, as literals: a changed price or limit has to be changed here too, on purpose."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import SecretStr

from apiframe_studio.api.provider import Kind
from apiframe_studio.api.select import select_generation
from apiframe_studio.api.v2.client import ApiframeV2
from apiframe_studio.api.v2.terms import V2_TERMS

LITERALS: dict[str, object] = {
    "generation": "v2",
    "base_url": "https://api.apiframe.ai",
    "key_page": "console.apiframe.ai",
    "photos": {"min": 15, "max": 30},
    "max_photo_bytes": 10_000_000,
    "max_upload_bytes": 100_000_000,
    "photo_long_side": 2048,
    "jpeg_bytes": 800_000,
    "uploads_before_training": False,
    "set_lifetime_seconds": 86_400.0,
    "upload_credits": 0.0,
    "training_credits": {"flat": 257.0, "per_photo": 0.0},
    "charges_at_once": False,
    "image_credits": 2.0,
    "training_refund": 255.0,
    "genders": ("female", "male", "non-binary"),
    "ethnicities": None,
    "age": str,
    "max_attribute_length": 40,
    "chooses_trigger_word": False,
    "reports_percentage": False,
    "usual_training_minutes": {"min": 15, "max": 25},
    "trainings_at_once": 10,
    "aspect_ratios": ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"),
    "default_aspect_ratio": "1:1",
    "custom_size": False,
    "images_per_request": {"min": 1, "max": 4},
    "max_prompt": 2000,
    "idempotent": frozenset({Kind.GENERATION}),
    "idempotency_seconds": 86_400.0,
    "can_find": True,
    "can_delete": True,
    "image_link_days": 90,
    "support": "support@apiframe.ai",
    "webhook_secret": False,
    "status_batch": 100,
    "poll_seconds": 10.0,
    "image_poll_seconds": 2.5,
}


def test_the_terms_of_v2_are_these() -> None:
    assert dataclasses.asdict(V2_TERMS) == LITERALS
    assert ApiframeV2.terms is V2_TERMS


def test_every_training_of_v2_costs_257_credits() -> None:
    assert (V2_TERMS.min_training_credits(), V2_TERMS.max_training_credits()) == (257.0, 257.0)


@pytest.mark.parametrize(
    ("key", "generation"),
    [(None, "v1"), ("", "v1"), ("some-key", "v1"), ("afk_0123", "v2"), (" afk_0123\n", "v2")],
)
def test_a_key_selects_its_generation(key: str | None, generation: str) -> None:
    secret = None if key is None else SecretStr(key)
    assert select_generation(secret) == generation
    assert select_generation(secret, "v1") == "v1"
    assert select_generation(secret, "v2") == "v2"
