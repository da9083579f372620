"""The commands beside the ticks: sets of symbols, terms of contracts, the statistics."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from fastopts import keys
from fastopts.core import Table
from fastopts.model import Instrument

__all__ = ("Command", "delisted", "hset", "listed", "statistics", "universe")

Command = tuple[str, ...]

SET_TTL_S = 24 * 3600
TTL_MIN_S = 60
AFTER_DELIVERY_MS = 4 * 3600 * 1000


def hset(key: str, fields: Mapping[str, str]) -> Command:
    """Set *fields* of the hash *key*."""
    return ("HSET", key, *(word for pair in fields.items() for word in pair))


def universe(instruments: Iterable[Instrument], now_ms: int) -> list[Command]:
    """Write the whole universe: every set exactly, every contract's terms."""
    listed_ones = list(instruments)
    commands: list[Command] = []
    for key, symbols in _sets(listed_ones).items():
        # A reader must meet the old set or the new one, not the gap between them.
        commands += [("MULTI",), ("DEL", key), ("SADD", key, *symbols)]
        commands += [("EXPIRE", key, str(SET_TTL_S)), ("EXEC",)]
    return commands + _terms(listed_ones, now_ms)


def listed(instruments: Iterable[Instrument], now_ms: int) -> list[Command]:
    """Add *instruments* to what is there."""
    fresh = list(instruments)
    commands: list[Command] = []
    for key, symbols in _sets(fresh).items():
        commands += [("SADD", key, *symbols), ("EXPIRE", key, str(SET_TTL_S))]
    return commands + _terms(fresh, now_ms)


def delisted(instruments: Iterable[Instrument]) -> list[Command]:
    """Take *instruments* out of their sets; their own keys end by themselves."""
    return [("SREM", key, *symbols) for key, symbols in _sets(instruments).items()]


def statistics(table: Table, batches: int, started_at: float, venue: str) -> Mapping[str, str]:
    """The fields of `stats`: the old names, and the terms of the loss equations."""
    rejected = {reason: count for reason, count in table.rejected.items() if count}
    return {
        "venue": venue,
        "messages": str(table.received),
        "batches": str(batches),
        "last_update": f"{time.time():.3f}",
        "started_at": f"{started_at:.3f}",
        "received": str(table.received),
        "applied": str(table.applied),
        "older": str(table.older),
        "rejected": str(sum(rejected.values())),
        "written": str(table.written),
        "conflated": str(table.conflated),
        "pending": str(table.pending),
        **{f"rejected:{reason}": str(count) for reason, count in rejected.items()},
    }


def _sets(instruments: Iterable[Instrument]) -> dict[str, list[str]]:
    sets: dict[str, list[str]] = {}
    for instrument in instruments:
        expiry = datetime.fromtimestamp(instrument.expiry_ms / 1000, UTC).strftime("%y%m%d")
        for key in (
            keys.asset(instrument.asset),
            keys.series(instrument.asset, instrument.settle, expiry),
        ):
            sets.setdefault(key, []).append(instrument.symbol)
    return sets


def _terms(instruments: Iterable[Instrument], now_ms: int) -> list[Command]:
    commands: list[Command] = []
    for instrument in instruments:
        key = keys.instrument(instrument.symbol)
        until_ms = min(instrument.expiry_ms + AFTER_DELIVERY_MS - now_ms, SET_TTL_S * 1000)
        ttl_s = max(TTL_MIN_S, until_ms // 1000)
        terms = {
            "base": instrument.asset,
            "quote": instrument.quote,
            "settle": instrument.settle,
            "expiry_ms": str(instrument.expiry_ms),
            "strike": instrument.strike_text,
            "type": instrument.kind,
            "tick_size": instrument.tick_size,
            "lot_size": instrument.lot_size,
            "status": instrument.status,
            "launch_ms": str(instrument.launch_ms),
        }
        commands.append(hset(key, terms))
        commands.append(("EXPIRE", key, str(ttl_s)))
    return commands
