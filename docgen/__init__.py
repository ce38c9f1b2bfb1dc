"""Documentation that is made from the code and from results of conformance checks and clients: `make docs`."""
