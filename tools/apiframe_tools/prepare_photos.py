"""The tool that sends photos: check, normalise and upload them."""

from __future__ import annotations

import math
from typing import Any, Final

from mcp.server.mcpserver import Context, Elicit
from mcp.server.mcpserver.exceptions import ToolError

from apiframe_studio.ledger import Submission
from apiframe_studio.photo_sets import UPLOAD_CREDITS, PhotosWish
from apiframe_studio.studio import Studio
from apiframe_studio.submission import FINAL, State
from apiframe_tools import photo_reporting
from apiframe_tools.annotations import SPENDS
from apiframe_tools.arguments import Subject
from apiframe_tools.confirming import MAY_PAY, Agreement, Answered, asked_first, can_ask, may_pay
from apiframe_tools.photo_arguments import Age, Consent, Ethnicity, Gender, Paths
from apiframe_tools.picture_results import PhotosPrepared
from apiframe_tools.steps import steps_of
from apiframe_tools.studio_tool import StudioTool

LONGEST_SECONDS: Final = 40.0


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""
    agreed_until: dict[tuple[object, ...], float] = {}

    async def prepare_photos(
        paths: Paths,
        gender: Gender,
        ethnicity: Ethnicity,
        consent: Consent,
        ctx: Context[Any, Any],
        age: Age | None = None,
        subject: Subject | None = None,
        *,
        answered: Answered,
    ) -> PhotosPrepared:
        """Check, clean and upload 10 to 30 photos of one person; gives the training_images_id for start_training.

        Costs 2 credits, once for the same photos while the set lives (about a day). Removes places and other hidden
        data. A slow upload goes on after the call: the same call again reports it. Needs the subject's consent.
        """
        if not consent:
            raise ToolError(
                "Nothing was sent: photos of a person leave this machine only with that person's consent. Ask the "
                "person whether the subject agreed, then call prepare_photos with consent true."
            )
        may_pay(answered)
        asked = _what_is_asked(paths, gender, ethnicity, age)
        agreed_until[asked] = math.inf

        tell = steps_of(ctx, ("checking", "preparing", "uploading", "preparing at the service"))
        wish = PhotosWish(paths, gender, ethnicity, age, subject)
        photo_set = await studio.photo_sets.prepare(wish, tell, LONGEST_SECONDS)
        agreed_until[asked] = _pays_again_from(photo_set.row)
        return photo_reporting.prepared(photo_set, now=studio.clock.now(), sandbox=studio.is_sandbox)

    async def ask(
        ctx: Context[Any, Any], paths: list[str], gender: str, ethnicity: str, consent: bool, age: int | None
    ) -> Agreement | Elicit[Agreement]:
        agreed = agreed_until.get(_what_is_asked(paths, gender, ethnicity, age), 0.0) > studio.clock.now()
        if agreed or not (consent and studio.asks_before_spending and can_ask(ctx)):
            return MAY_PAY
        return Elicit(
            f"Send these photos to Apiframe? It costs {UPLOAD_CREDITS:g} credits; a training of them costs 4 more a "
            "photo. Apiframe then holds pictures of this person's face.",
            Agreement,
        )

    asked_first(prepare_photos, ask)
    return StudioTool.of(prepare_photos, title="Prepare photos", annotations=SPENDS)


def _what_is_asked(paths: list[str], *about_the_person: object) -> tuple[object, ...]:
    return (*paths, *about_the_person)


def _pays_again_from(row: Submission) -> float:
    """When the same call costs money again (seconds since 1970), so that the person is asked again."""
    if row.state is State.FINISHED:
        return math.inf if row.expires_at is None else row.expires_at
    return 0.0 if row.state in FINAL else math.inf
