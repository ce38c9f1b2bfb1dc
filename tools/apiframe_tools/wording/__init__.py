"""Every sentence that is not part of a single result or tool."""
