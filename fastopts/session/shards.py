"""Who listens to what: symbols dealt over connections within the venue's limits.

Bybit takes 2,000 topics a connection, but its 21,000 characters of args may be meant for a
connection or for a frame: 550 topics and 20,000 characters are safe either way. Neighbouring
strikes are dealt to different connections, so that each hears every coin and moneyness and a
silence on one is never just a quiet corner of the market.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from fastopts.model import Instrument

__all__ = ("Change", "Shard", "Shards")

TOPICS_MAX = 550
CHARACTERS_MAX = 20_000
OVERHEAD = len('"tickers.",')


@dataclass(slots=True)
class Shard:
    """The symbols of one connection, in the order in which they were dealt."""

    number: int
    symbols: dict[str, None] = field(default_factory=dict)
    characters: int = 0

    def has_room(self, symbol: str) -> bool:
        return (
            len(self.symbols) < TOPICS_MAX
            and self.characters + len(symbol) + OVERHEAD <= CHARACTERS_MAX
        )

    def add(self, symbol: str) -> None:
        self.symbols[symbol] = None
        self.characters += len(symbol) + OVERHEAD

    def remove(self, symbol: str) -> None:
        del self.symbols[symbol]
        self.characters -= len(symbol) + OVERHEAD


@dataclass(frozen=True, slots=True)
class Change:
    """What one update asks of one shard's connection."""

    shard: Shard
    added: tuple[str, ...]
    removed: tuple[str, ...]


class Shards:
    """The plan. A symbol keeps its shard for life."""

    def __init__(self) -> None:
        self.shards: list[Shard] = []
        self._of: dict[str, Shard] = {}

    def update(self, listed: Iterable[Instrument], gone: Iterable[str]) -> list[Change]:
        """Deal *listed*, drop *gone*; return what changes, shard by shard."""
        added: dict[int, list[str]] = {}
        removed: dict[int, list[str]] = {}
        for symbol in gone:
            shard = self._of.pop(symbol)
            shard.remove(symbol)
            removed.setdefault(shard.number, []).append(symbol)
        fresh = sorted((i for i in listed if i.symbol not in self._of), key=_neighbourhood)
        self._open([instrument.symbol for instrument in fresh])
        for instrument in fresh:
            shard = self._emptiest(instrument.symbol)
            shard.add(instrument.symbol)
            self._of[instrument.symbol] = shard
            added.setdefault(shard.number, []).append(instrument.symbol)
        touched = sorted(added.keys() | removed.keys())
        return [
            Change(self.shards[n], tuple(added.get(n, ())), tuple(removed.get(n, ())))
            for n in touched
        ]

    def _open(self, symbols: list[str]) -> None:
        """Open as many shards as all symbols need together."""
        topics = len(self._of) + len(symbols)
        characters = sum(len(symbol) + OVERHEAD for symbol in (*self._of, *symbols))
        needed = max(ceil(topics / TOPICS_MAX), ceil(characters / CHARACTERS_MAX))
        while len(self.shards) < needed:
            self.shards.append(Shard(len(self.shards)))

    def _emptiest(self, symbol: str) -> Shard:
        open_ones = [shard for shard in self.shards if shard.has_room(symbol)]
        if not open_ones:
            self.shards.append(Shard(len(self.shards)))
            return self.shards[-1]
        return min(open_ones, key=lambda shard: (len(shard.symbols), shard.number))


def _neighbourhood(instrument: Instrument) -> tuple[object, ...]:
    return (
        instrument.asset,
        instrument.expiry_ms,
        instrument.settle,
        instrument.strike,
        instrument.kind,
    )
