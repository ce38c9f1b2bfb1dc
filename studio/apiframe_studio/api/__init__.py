"""Apiframe's AI Photos API. Importing this package costs next to nothing: only `http` and the clients import httpx.

`provider` is the interface that the studio works with, `select` finds the provider of a key, `v1` is the first
generation of the service.
"""
