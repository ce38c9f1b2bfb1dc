"""The v2 contract of the service.

Its prices, limits and field names are written out here from the service's documentation, independently of `api/`:
tests of the client against the sandbox then compare two separate readings of the contract. In comments, [D] means
documented, [C] seen in client code, and [?] documented nowhere: there the sandbox makes a choice.
"""
