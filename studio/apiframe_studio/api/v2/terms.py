"""What the second generation charges, allows and can do. Source: the vendor's OpenAPI document and pages of v2.

No HTTP here: every start reads it.
"""

from __future__ import annotations

from typing import Final

from apiframe_studio.api.provider import Kind, Range, Terms, TrainingPrice

V2_TERMS: Final = Terms(
    generation="v2",
    base_url="https://api.apiframe.ai",
    key_page="console.apiframe.ai",
    photos=Range(15, 30),
    # Whether the service means MB or MiB is not documented.
    max_photo_bytes=10_000_000,
    max_upload_bytes=100_000_000,
    # Measured: docs/decisions/0026-size-of-photos.md.
    photo_long_side=2048,
    jpeg_bytes=800_000,
    uploads_before_training=False,
    # Ours: until the training starts, the photos are on this machine only.
    set_lifetime_seconds=86_400.0,
    upload_credits=0.0,
    # 2 when the photos arrive and 255 afterwards, whatever their number.
    training_credits=TrainingPrice(flat=257.0),
    charges_at_once=False,
    image_credits=2.0,
    # The vendor's pages contradict each other about the other 2 credits of a failed training.
    training_refund=255.0,
    genders=("female", "male", "non-binary"),
    ethnicities=None,
    age=str,
    max_attribute_length=40,
    chooses_trigger_word=False,
    reports_percentage=False,
    usual_training_minutes=Range(15, 25),
    trainings_at_once=10,
    aspect_ratios=("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"),
    default_aspect_ratio="1:1",
    custom_size=False,
    images_per_request=Range(1, 4),
    max_prompt=2000,
    idempotent=frozenset({Kind.GENERATION}),
    idempotency_seconds=86_400.0,
    can_find=True,
    can_delete=True,
    image_link_days=90,
    support="support@apiframe.ai",
    webhook_secret=False,
    status_batch=100,
    poll_seconds=10.0,
    image_poll_seconds=2.5,
)
