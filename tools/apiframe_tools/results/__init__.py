"""What tools return."""
