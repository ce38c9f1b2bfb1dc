"""HTTP as every generation of the service needs it: connections, deadlines, retries, redaction, downloads.

Only modules of this package import httpx.
"""
