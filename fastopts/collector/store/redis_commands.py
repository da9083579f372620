"""Builders of the Redis commands beside the ticks: sets of symbols and contract terms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastopts import keys
from fastopts.model import Instrument

__all__ = ("Command", "ListingCommand", "census", "delist", "enlist", "hset")

Command = tuple[str, ...]

SET_TTL_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class ListingCommand:
    """A command, and the expiry that its key gets once the command was accepted (None: as before).

    EXPIRE is sent only after the reply: where the command is refused the key belongs to another
    program, whose expiry must not change.
    """

    command: Command
    ttl_s: int | None = None

    @property
    def key(self) -> str:
        """The key that the command writes."""
        return self.command[1]


def hset(key: str, fields: Mapping[str, str]) -> Command:
    """Return the command that sets *fields* of the hash *key*."""
    return ("HSET", key, *(text for pair in fields.items() for text in pair))


def enlist(instruments: Iterable[Instrument], now_ms: int) -> list[ListingCommand]:
    """Return commands that add *instruments* to their sets, and write their terms."""
    listed = list(instruments)
    sets = _sets(listed).items()
    commands = [ListingCommand(("SADD", key, *symbols), SET_TTL_S) for key, symbols in sets]
    return commands + [_terms(instrument, now_ms) for instrument in listed]


def delist(instruments: Iterable[Instrument]) -> list[ListingCommand]:
    """Return commands that remove *instruments* from their sets; their own keys expire."""
    return [ListingCommand(("SREM", key, *symbols)) for key, symbols in _sets(instruments).items()]


def census(instruments: Iterable[Instrument]) -> list[tuple[Command, int]]:
    """Return commands that count what `enlist` wrote, each with the least expected count."""
    listed = list(instruments)
    counts: list[tuple[Command, int]] = [
        (("SCARD", key), len(symbols)) for key, symbols in _sets(listed).items()
    ]
    terms = [keys.instrument(instrument.symbol) for instrument in listed]
    if terms:
        counts.append((("EXISTS", *terms), len(terms)))
    return counts


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
