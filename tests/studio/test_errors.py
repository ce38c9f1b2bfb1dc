"""Every error of the studio is one of a tree, and its text says what happened."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import apiframe_studio
from apiframe_studio import errors
from apiframe_studio.api.errors import ApiframeError, NotSent, NotSentReason, OutcomeUnknown
from apiframe_studio.errors import NeedsTaskId, SettingsError, UnknownTraining
from apiframe_studio.ledger.errors import LedgerBusy, LedgerError, SpendingCapReached
from apiframe_studio.photos.errors import PhotoError
from apiframe_studio.studio_error import StudioError

# What only its own package catches, or what answers for the service: none of it leaves the studio.
INTERNAL = {
    "apiframe_studio.guarded_files.OpenRefused",
    "apiframe_studio.photos.decoders.DecodeFailed",
    "apiframe_studio.private_files.NotPrivate",
    "apiframe_studio.photos.previews.Undecodable",
    "apiframe_studio.photos.decode.Unreadable",
    "apiframe_studio.sandbox.errors.ErrorResponse",
    "apiframe_studio.sandbox.store.NotEnoughCredits",
}


def classes() -> Iterator[type]:
    """Every class that a module of the studio defines."""
    for module in pkgutil.walk_packages(apiframe_studio.__path__, "apiframe_studio."):
        if module.name != "apiframe_studio.photos._decoder":
            for value in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(value) and value.__module__ == module.name:
                    yield value


SETTINGS = "apiframe_studio.errors.SettingsError"
EXCEPTIONS = {f"{one.__module__}.{one.__name__}": one for one in classes() if issubclass(one, Exception)}
DATACLASSES = [one for one in classes() if dataclasses.is_dataclass(one)]


def test_every_error_that_leaves_the_studio_is_a_studio_error() -> None:
    others = {name for name, error in EXCEPTIONS.items() if not issubclass(error, StudioError)}
    assert others == INTERNAL


def test_the_tree_in_the_docstring_names_every_branch() -> None:
    parts = (ApiframeError, LedgerError, PhotoError)
    branches = {
        error.__name__
        for error in EXCEPTIONS.values()
        if issubclass(error, StudioError) and not (issubclass(error, parts) and error not in parts)
    }
    named = set(inspect.cleandoc(errors.__doc__ or "").replace(",", " ").split())
    assert branches <= named


def test_a_program_can_name_every_branch_of_the_tree_at_the_top() -> None:
    branches = {
        error.__name__
        for name, error in EXCEPTIONS.items()
        if not name.startswith(("apiframe_studio.api.", "apiframe_studio.ledger."))
        or error is SpendingCapReached
    }
    internal = {name.rpartition(".")[2] for name in INTERNAL}
    assert branches - internal - {"DecodersFailed", "NothingToPrepare"} <= set(apiframe_studio.__all__)


@pytest.mark.parametrize("name", sorted(set(EXCEPTIONS) - INTERNAL - {SETTINGS}))
def test_an_error_without_facts_has_a_readable_text(name: str) -> None:
    error = EXCEPTIONS[name]
    bare = error.__new__(error)
    bare.__dict__.update(message="", status=None, request_id=None, _detail=lambda: "")
    meaning = " ".join((inspect.getdoc(error) or "").partition("\n\n")[0].split())
    assert str(bare) == meaning
    assert len(meaning) > 10
    assert meaning != inspect.getdoc(StudioError) or error is StudioError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            NotSent(NotSentReason.DNS),
            "Provably no byte of the request left: name not found, refused, or no connection in time. (dns)",
        ),
        (UnknownTraining(is_ref=True), "Neither this ledger nor the service knows a training by this name."),
        (NeedsTaskId(), "`accepted` was said without the id of the training that was accepted."),
        (
            LedgerBusy(Path("l.sqlite3")),
            "Another process held the ledger for longer than we wait. (l.sqlite3)",
        ),
        (SettingsError({"x": "APIFRAME_X must be a number."}), "APIFRAME_X must be a number."),
    ],
)
def test_the_text_of_an_error_says_what_happened_and_what_is_known(error: StudioError, text: str) -> None:
    assert str(error) == text


def test_the_text_of_a_reached_cap_has_its_numbers() -> None:
    said = str(SpendingCapReached(Path("l.sqlite3"), cap=100, spent=70, needed=40))
    assert "70 of 100 credits are spent, 40 more are needed" in said


def test_the_representation_of_an_error_is_short() -> None:
    assert repr(OutcomeUnknown("hm", status=502)) == "<OutcomeUnknown: cut_off; HTTP 502; hm>"


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_representation_holds_the_bytes_of_a_photo(kind: type) -> None:
    shown = [field.name for field in dataclasses.fields(kind) if field.repr and "bytes" in str(field.type)]
    assert [name for name in shown if "bytes" not in name.split("_")] == [], "give it `field(repr=False)`"
