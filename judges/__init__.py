"""Judges of MCP servers that others wrote, run on ours: `make judges`."""
