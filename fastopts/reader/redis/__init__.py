"""Queries over Redis, without I/O: requests out, replies in."""
