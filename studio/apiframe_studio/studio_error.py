"""The base of every error that the studio raises on purpose. `errors` shows the whole tree."""


class StudioError(Exception):
    """The base class. `str()` is one line with what happened and the facts (a ref, numbers), and holds no secret."""
