"""What is said when a subject is forgotten. Pure."""

from __future__ import annotations

from apiframe_studio.api.provider import Terms


def describe_what_remains(terms: Terms) -> str:
    """Return what the service keeps of a training that was deleted there, and who removes it."""
    return (
        "Apiframe keeps a record of each training, with gender, ethnicity and age, and generated images stay on "
        f"public links for up to {terms.image_link_days} days. For complete erasure, write to {terms.support}."
    )
