"""Pages that are made from the code and from the results of conformance checks and clients: `make docs`."""
