"""Apiframe AI Photos as Python: the work itself, usable without MCP."""
