"""Generates the parts of README and docs that are made from code and results: `make docs`."""
