"""What a system notification says. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from apiframe_studio.ledger.states import State
from apiframe_studio.sanitize import sanitize_text
from apiframe_studio.training import Training

MAX_NAME: Final = 60
WILL_NOTIFY: Final = "When it ends, a system notification says so, if this server is running then."
"""Only results have it: what is published is the same with all settings."""


class Notification(NamedTuple):
    """A notification: one line as the title, and one as the text."""

    title: str
    text: str


def describe_end(ended: Training, *, sandbox: bool) -> Notification:
    """Describe the end of a training, for a user who may not have asked for it just now."""
    training = "Sandbox training" if sandbox else "Training"
    name = sanitize_text(ended.subject, MAX_NAME)
    title = f"{training} {ended.state}{f': {name}' if name else ''}"
    if ended.state is not State.FINISHED:
        # Not the service's message: it is untrusted text, often technical.
        return Notification(title, "Ask your assistant what happened.")
    if ended.trigger_word is None:
        return Notification(title, "Ask your assistant for the trigger word.")
    return Notification(title, f"Trigger word: {ended.trigger_word}. Ask your assistant for portraits.")
