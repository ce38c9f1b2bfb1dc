"""Real clients through the whole main job on the sandbox, with each generation of the API: `make interop`."""
