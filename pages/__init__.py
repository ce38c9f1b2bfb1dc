"""Pages that are made from the code and from what the judges and clients said: `make docs`."""
