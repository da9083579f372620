"""Market objects: options, chains, expiries, the universe, the columnar market."""
