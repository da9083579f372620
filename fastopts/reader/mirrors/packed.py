"""Packed records that are in memory already, for the queries that read replies."""

from collections.abc import Iterable

from fastopts.core import Records

__all__ = ("records_of",)


def records_of(packed: Iterable[bytes | None]) -> Records:
    """The records of an answer with one element for each of *packed*; None: there is none."""
    return Records.of(packed)
