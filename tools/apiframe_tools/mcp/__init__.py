"""Our subclass of the SDK's tool, and what a call needs around it: schema, errors, confirmation, progress."""
