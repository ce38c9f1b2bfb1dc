"""What an assistant may ask for: one module a tool, typed in and out."""
