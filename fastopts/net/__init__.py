"""The wire: bytes, not meaning."""
