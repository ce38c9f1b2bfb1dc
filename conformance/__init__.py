"""Third-party checks of MCP servers, run on ours: `make conformance`."""
