"""Chance, seeded."""

import random

__all__ = ("stream",)


def stream(*path: object) -> random.Random:
    """Return the random numbers that belong to *path*: the same path, the same numbers."""
    return random.Random("/".join(map(str, path)))  # noqa: S311 - a market, no secret
