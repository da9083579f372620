"""Helpers shared by the tests of several packages; tests/README.md describes them."""
