"""Apiframe AI Photos as Python: the work itself, usable without MCP."""

__version__ = "0.1.0"
"""A constant: an archive without its history must install, and `--version` must not look anything up."""
