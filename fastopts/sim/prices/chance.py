"""Seeded random streams."""

import random

__all__ = ("stream",)


def stream(*path: object) -> random.Random:
    """Return a generator seeded by *path*: equal paths give equal numbers."""
    return random.Random("/".join(map(str, path)))  # noqa: S311 - not for secrets
