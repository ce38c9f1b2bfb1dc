"""Reading, judging and normalising photos from disk: a library without MCP, HTTP, settings or environment.

    allowed = AllowedFolders([Path.home() / "Pictures"])
    judged = await check(["sister"], allowed)
    prepared = await prepare(judged)

Pictures are decoded in processes of their own; importing this package loads neither Pillow nor numpy.
`synthetic` (drawn photos for demonstrations) is imported by its own name.
"""

from __future__ import annotations

from apiframe_studio.photos.cache import PhotoCache
from apiframe_studio.photos.checking import check
from apiframe_studio.photos.choosing import AS_JUDGED, Choice, choose, number_to_send
from apiframe_studio.photos.errors import (
    ChoiceProblem,
    ChoiceRefused,
    DecodersFailed,
    NothingToPrepare,
    PathRefused,
    PhotoError,
    Refusal,
)
from apiframe_studio.photos.folders import MOST_PICTURES, AllowedFolders, FileIdentity, Photo
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.preparing import PreparedPhotos, fingerprint, prepare
from apiframe_studio.photos.verdicts import (
    FEWEST,
    MOST,
    Aspect,
    Box,
    Facts,
    LeftOut,
    PhotoCheck,
    PhotoVerdict,
    Reason,
    Variety,
    Verdict,
    Wish,
)

__all__ = [
    "AS_JUDGED",
    "FEWEST",
    "MOST",
    "MOST_PICTURES",
    "AllowedFolders",
    "Aspect",
    "Box",
    "Choice",
    "ChoiceProblem",
    "ChoiceRefused",
    "DecodersFailed",
    "Facts",
    "FileIdentity",
    "LeftOut",
    "Limits",
    "NothingToPrepare",
    "PathRefused",
    "Photo",
    "PhotoCache",
    "PhotoCheck",
    "PhotoError",
    "PhotoVerdict",
    "PreparedPhotos",
    "Reason",
    "Refusal",
    "Variety",
    "Verdict",
    "Wish",
    "check",
    "choose",
    "fingerprint",
    "number_to_send",
    "prepare",
]
