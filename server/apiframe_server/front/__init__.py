"""Answers what a client asks first from a snapshot, before the SDK is imported (docs/decisions/0030-the-front.md).

Importing the SDK takes most of a second, and what most clients ask first (who the server is, and its lists) is the same
every time. The modules imported for these answers import nothing that takes time: not even `typing`.
"""
