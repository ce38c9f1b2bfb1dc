"""Real clients through the whole main job on the sandbox: `make interop`."""
