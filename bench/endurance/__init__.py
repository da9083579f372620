"""How long it holds: load, soak and chaos over real processes. Results go to `reliability/`."""
