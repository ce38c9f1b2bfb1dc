"""The command `http`: the server over Streamable HTTP, on a loopback address."""
