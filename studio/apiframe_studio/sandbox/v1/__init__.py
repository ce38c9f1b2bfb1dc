"""The v1 contract of the service.

Its prices, limits and field names are written out here from the service's documentation, independently of `api/`:
tests of the client against the sandbox then compare two separate readings of the contract.
"""
