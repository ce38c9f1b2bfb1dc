"""Every sentence that does not belong to one result or one tool."""
