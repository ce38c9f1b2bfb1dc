"""Where a program keeps its data. This module imports little, since the front of a server asks too."""

from __future__ import annotations

LEDGER_FILE = "ledger.sqlite3"
SANDBOX_FOLDER = "sandbox"
"""The sandbox's own data folder, in that of the service."""


def default_data_folder() -> str:
    """Return the folder for data on this system."""
    # It takes longer to load than everything that the front answers.
    from platformdirs import user_data_dir

    return user_data_dir("apiframe-photo-mcp", appauthor=False)
