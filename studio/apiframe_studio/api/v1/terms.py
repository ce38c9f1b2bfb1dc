"""What the first generation charges, allows and can do. Source: the vendor's v1 documentation of AI Photos.

No HTTP here: every start reads it.
"""

from __future__ import annotations

from typing import Final

from apiframe_studio.api.provider import Range, Terms, TrainingPrice

_ASPECT_RATIOS: Final = (
    "1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9", "9:21", "5:4", "4:5", "1:2", "2:1", "1:3", "3:1",
    "1:4", "4:1",
)  # fmt: skip

V1_TERMS: Final = Terms(
    generation="v1",
    base_url="https://api.apiframe.pro",
    key_page="apiframe.ai",
    photos=Range(10, 30),
    max_photo_bytes=None,
    max_upload_bytes=None,
    photo_long_side=1536,
    jpeg_bytes=400_000,
    uploads_before_training=True,
    set_lifetime_seconds=86_400.0,
    upload_credits=2.0,
    training_credits=TrainingPrice(per_photo=4.0),
    charges_at_once=True,
    image_credits=1.0,
    training_refund=None,
    genders=("female", "male"),
    ethnicities=(
        "asian",
        "black",
        "latino",
        "middle eastern",
        "native american",
        "pacific islander",
        "white",
    ),
    age=int,
    max_attribute_length=None,
    chooses_trigger_word=True,
    reports_percentage=True,
    usual_training_minutes=None,
    trainings_at_once=None,
    aspect_ratios=_ASPECT_RATIOS,
    default_aspect_ratio=None,
    custom_size=True,
    images_per_request=Range(1, 4),
    max_prompt=2000,
    idempotent=frozenset(),
    idempotency_seconds=0.0,
    can_find=False,
    can_delete=False,
    image_link_days=None,
    support=None,
    webhook_secret=True,
    status_batch=20,
    poll_seconds=5.0,
    image_poll_seconds=5.0,
)
