"""The commands beside the ticks: sets of symbols, terms of contracts, the statistics."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastopts import keys
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.model import Instrument

__all__ = (
    "COUNTS",
    "Command",
    "ListingCommand",
    "census",
    "delisted",
    "hset",
    "listed",
    "statistics",
)

Command = tuple[str, ...]

SET_TTL_S = 24 * 3600
# of the connections to the venue
COUNTS = (
    StatsField.RECONNECTS,
    StatsField.FALSE_ACKS,
    StatsField.REFUSALS,
    StatsField.MOVED,
)


@dataclass(frozen=True, slots=True)
class ListingCommand:
    """A command, and how long its key lives once the command is accepted (None: as before).

    The expiry goes after the answer: where the command is refused, the key is another program's.
    """

    command: Command
    ttl_s: int | None = None

    @property
    def key(self) -> str:
        return self.command[1]


def hset(key: str, fields: Mapping[str, str]) -> Command:
    """Set *fields* of the hash *key*."""
    return ("HSET", key, *(word for pair in fields.items() for word in pair))


def listed(instruments: Iterable[Instrument], now_ms: int) -> list[ListingCommand]:
    """Add *instruments* to their sets, and write their terms."""
    fresh = list(instruments)
    sets = _sets(fresh).items()
    orders = [ListingCommand(("SADD", key, *symbols), SET_TTL_S) for key, symbols in sets]
    return orders + [_terms(instrument, now_ms) for instrument in fresh]


def delisted(instruments: Iterable[Instrument]) -> list[ListingCommand]:
    """Take *instruments* out of their sets; their own keys end by themselves."""
    return [ListingCommand(("SREM", key, *symbols)) for key, symbols in _sets(instruments).items()]


def census(instruments: Iterable[Instrument]) -> list[tuple[Command, int]]:
    """Commands that count what `listed` wrote, each with how many it must find at least."""
    there = list(instruments)
    sets = [(("SCARD", key), len(symbols)) for key, symbols in _sets(there).items()]
    terms = [keys.instrument(instrument.symbol) for instrument in there]
    found: list[tuple[Command, int]] = [*sets]
    if terms:
        found.append((("EXISTS", *terms), len(terms)))
    return found


def statistics(
    table: Table, batches: int, started_at: float, venue: str, counts: Mapping[str, int]
) -> Mapping[str, str]:
    """The fields of `stats`: the old names, the terms of the loss equations, and *counts*."""
    rejected = table.rejected
    return {
        StatsField.VENUE: venue,
        StatsField.MESSAGES: str(table.received),
        StatsField.BATCHES: str(batches),
        StatsField.LAST_UPDATE: f"{time.time():.3f}",
        StatsField.STARTED_AT: f"{started_at:.3f}",
        StatsField.RECEIVED: str(table.received),
        StatsField.APPLIED: str(table.applied),
        StatsField.OLDER: str(table.older),
        StatsField.REJECTED: str(sum(rejected.values())),
        StatsField.WRITTEN: str(table.written),
        StatsField.CONFLATED: str(table.conflated),
        StatsField.PENDING: str(table.pending),
        **{f"{StatsField.REJECTED_BY}{reason}": str(count) for reason, count in rejected.items()},
        StatsField.BAD_FIELDS: str(table.bad_fields),
        StatsField.MISSING_FIELDS: str(table.missing_fields),
        StatsField.UNKNOWN_FIELDS: str(table.unknown_fields),
        StatsField.SUSPECTS: str(table.suspects),
        StatsField.SUSPECTS_NOW: str(table.suspects_now),
        StatsField.DELTAS: str(table.deltas),
        StatsField.UNUSUAL: str(table.general),
        StatsField.VANISHED: str(table.vanished),
        **{name: str(count) for name, count in counts.items()},
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


def _terms(instrument: Instrument, now_ms: int) -> ListingCommand:
    ttl_s = keys.ttl_s(keys.until_ms(instrument.expiry_ms, now_ms), now_ms)
    return ListingCommand(hset(keys.instrument(instrument.symbol), instrument.terms()), ttl_s)
