"""The terms of v1, as literals: a changed price or limit has to be changed here too, on purpose."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.api.provider import Kind, Range, Terms
from apiframe_studio.api.select import Version, require_valid_key, select_terms
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS

LITERALS: dict[str, object] = {
    "generation": "v1",
    "base_url": "https://api.apiframe.pro",
    "key_page": "apiframe.ai",
    "photos": {"min": 10, "max": 30},
    "max_photo_bytes": None,
    "max_upload_bytes": None,
    "photo_long_side": 1536,
    "jpeg_bytes": 400_000,
    "uploads_before_training": True,
    "set_lifetime_seconds": 86_400.0,
    "upload_credits": 2.0,
    "training_credits": {"flat": 0.0, "per_photo": 4.0},
    "charges_at_once": True,
    "image_credits": 1.0,
    "training_refund": None,
    "genders": ("female", "male"),
    "ethnicities": (
        "asian",
        "black",
        "latino",
        "middle eastern",
        "native american",
        "pacific islander",
        "white",
    ),
    "age": int,
    "max_attribute_length": None,
    "chooses_trigger_word": True,
    "reports_percentage": True,
    "usual_training_minutes": None,
    "trainings_at_once": None,
    "aspect_ratios": (
        *("1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9", "9:21"),
        *("5:4", "4:5", "1:2", "2:1", "1:3", "3:1", "1:4", "4:1"),
    ),
    "default_aspect_ratio": None,
    "custom_size": True,
    "images_per_request": {"min": 1, "max": 4},
    "max_prompt": 2000,
    "idempotent": frozenset(),
    "idempotency_seconds": 0.0,
    "can_find": False,
    "can_delete": False,
    "image_link_days": None,
    "support": None,
    "webhook_secret": True,
    "status_batch": 20,
    "poll_seconds": 5.0,
    "image_poll_seconds": 5.0,
}


def test_the_terms_of_v1_are_these() -> None:
    assert dataclasses.asdict(V1_TERMS) == LITERALS


def test_the_smallest_and_the_largest_training_of_v1_cost_40_and_120_credits() -> None:
    assert (V1_TERMS.min_training_credits(), V1_TERMS.max_training_credits()) == (40.0, 120.0)


def test_a_flat_price_is_the_same_for_every_number_of_photos() -> None:
    flat = dataclasses.replace(V1_TERMS.training_credits, flat=257.0, per_photo=0.0)
    assert (flat.of(15), flat.of(30)) == (257.0, 257.0)


def test_a_range_contains_its_ends() -> None:
    assert [number for number in (9, 10, 30, 31) if number in Range(10, 30)] == [10, 30]
    assert str(Range(10, 30)) == "10 to 30"


@pytest.mark.parametrize("key", [None, SecretStr(""), SecretStr("some-key")])
def test_v1_terms_hold_without_a_key_and_for_a_key_of_v1(key: SecretStr | None) -> None:
    assert select_terms(key) is V1_TERMS
    assert select_terms(key, "v2") is V2_TERMS


def test_v2_terms_hold_for_a_key_of_v2() -> None:
    assert select_terms(SecretStr("afk_0123")) is V2_TERMS
    assert select_terms(SecretStr("afk_0123"), "v1") is V1_TERMS


V1_HOST, V2_HOST, UNKNOWN_HOST = (
    "https://api.apiframe.pro",
    "https://api.apiframe.ai",
    "https://apiframe.pro.example",
)


@pytest.mark.parametrize(
    ("key", "version", "base_url", "problem"),
    [
        ("afk_0123", "auto", V2_HOST, None),
        ("afk_0123", "auto", UNKNOWN_HOST, None),
        ("afk_0123", "auto", V1_HOST, KeyProblem.V2),
        ("afk_0123", "auto", "https://APIFRAME.pro/", KeyProblem.V2),
        ("afk_0123", "v1", V1_HOST, KeyProblem.V2),
        ("some-key", "auto", V1_HOST, None),
        ("some-key", "auto", UNKNOWN_HOST, None),
        ("some-key", "auto", "no address [", None),
        ("some-key", "v2", V1_HOST, KeyProblem.V1),
        ("some-key", "v2", V2_HOST, KeyProblem.V1),
        ("some-key", "v2", UNKNOWN_HOST, None),
    ],
)
def test_a_key_of_another_generation_is_refused_before_anything_is_sent(
    key: str, version: Version, base_url: str, problem: KeyProblem | None
) -> None:
    with pytest.raises(InvalidKey) if problem else nullcontext() as caught:
        require_valid_key(SecretStr(key), version, base_url)
    assert caught is None or caught.value.reason is problem


def test_no_paid_request_of_v1_takes_an_idempotency_key() -> None:
    assert not set(Kind) & V1_TERMS.idempotent
    assert isinstance(V1_TERMS, Terms)
