"""Frames that differ from a good one in one thing."""

from typing import Any

from tests.support import payloads
from tests.support.oracle import FIELDS, expected_hash
from tests.support.payloads import dump
from tests.support.scripted_venue import ScriptedVenue

__all__ = ("NAMES", "expected_without", "names", "spoiled", "with_raw")

NAMES = tuple(payloads.NUMBERS)


def names(count: int) -> list[str]:
    """So many options."""
    return [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1000, 1000 + count)]


def with_raw(frame: dict[str, Any], name: str, raw: bytes) -> bytes:
    """*frame* in which the value of the data field *name* is *raw* JSON."""
    data = {**frame["data"], name: "@@"}
    return dump({**frame, "data": data}).replace(b'"@@"', raw)


def expected_without(frame: dict[str, Any], name: str) -> dict[str, str]:
    """The hash of *frame* if *name* were not in it."""
    return {k: text for k, text in expected_hash(frame).items() if k != FIELDS[name]}


def spoiled(venue: ScriptedVenue, symbols: list[str], raw: bytes) -> list[bytes]:
    """One ticker for each field, in which it is *raw* JSON."""
    pairs = zip(symbols, NAMES, strict=True)
    return [with_raw(venue.ticker(symbol), name, raw) for symbol, name in pairs]
