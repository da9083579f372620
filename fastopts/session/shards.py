"""Who listens to what: symbols dealt over connections within the venue's limits.

Bybit takes 2,000 topics a connection, but its 21,000 characters of args may be meant for a
connection or for a frame: 550 topics and 20,000 characters are safe either way. Neighbouring
strikes are dealt to different connections, so that each hears every coin and moneyness and a
silence on one is never just a quiet corner of the market.

What the venue says it takes and what it delivers may differ: symbols that don't come over one
connection are moved to another, which is then filled no further than the first was seen to deliver.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from fastopts.model import Instrument

__all__ = ("Change", "Shard", "Shards")

SHARDS_MAX: Final = 64  # that moves may open: the venue takes 1,000 connections of an address
TOPICS_MAX = 550
CHARACTERS_MAX = 20_000
OVERHEAD = len('"tickers.",')


@dataclass(slots=True)
class Shard:
    """The symbols of one connection, in the order in which they were dealt."""

    number: int
    symbols: dict[str, None] = field(default_factory=dict)
    characters: int = 0
    topics_max: int = TOPICS_MAX
    """As far as it was seen to deliver."""

    def has_room(self, symbol: str, topics_max: int) -> bool:
        return (
            len(self.symbols) < topics_max
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


@dataclass(slots=True)
class _Changes:
    """Symbols by the number of their shard."""

    added: dict[int, list[str]] = field(default_factory=dict)
    removed: dict[int, list[str]] = field(default_factory=dict)


class Shards:
    """The plan. A symbol keeps its shard for life, unless it is moved."""

    def __init__(self) -> None:
        self.shards: list[Shard] = []
        self._of: dict[str, Shard] = {}

    def update(self, listed: Iterable[Instrument], gone: Iterable[str]) -> list[Change]:
        """Deal *listed*, drop *gone*; return what changes, shard by shard."""
        changes = _Changes()
        for symbol in gone:
            self._take(symbol, changes)
        fresh = sorted((i for i in listed if i.symbol not in self._of), key=_neighbourhood)
        self._open([instrument.symbol for instrument in fresh])
        for instrument in fresh:
            shard = self._emptiest(instrument.symbol, TOPICS_MAX) or self._opened(TOPICS_MAX)
            self._give(instrument.symbol, shard, changes)
        return self._told(changes)

    def move(self, symbols: Iterable[str]) -> list[Change]:
        """Deal *symbols* to other connections, as theirs don't bring them; return what changes.

        Where none of a connection's symbols comes there is nothing to learn: they go `home`.
        """
        changes = _Changes()
        sources = {symbol: self._take(symbol, changes) for symbol in symbols}
        losers = {shard.number: len(shard.symbols) for shard in sources.values()}
        intact = max((len(s.symbols) for s in self.shards if s.number not in losers), default=0)
        for number, delivered in losers.items():
            if delivered >= intact:  # it may be a limit: no other connection delivers more
                self.shards[number].topics_max = delivered or TOPICS_MAX
        for symbol, source in sources.items():
            is_alone = not losers[source.number]
            shard = self._fullest(symbol) if is_alone else self._another(symbol, source)
            self._give(symbol, shard, changes)
        return self._told(changes)

    def home(self, symbols: Iterable[str]) -> list[Change]:
        """Put *symbols*, which nobody brings, last in line where most others are.

        A connection of nothing else would never deliver, and be replaced again and again.
        """
        changes = _Changes()
        for symbol in symbols:
            self._take(symbol, changes)
            self._give(symbol, self._fullest(symbol), changes)
        return self._told(changes)

    def _take(self, symbol: str, changes: _Changes) -> Shard:
        shard = self._of.pop(symbol)
        shard.remove(symbol)
        changes.removed.setdefault(shard.number, []).append(symbol)
        return shard

    def _give(self, symbol: str, shard: Shard, changes: _Changes) -> None:
        shard.add(symbol)
        self._of[symbol] = shard
        removed = changes.removed.get(shard.number, [])
        if symbol in removed:
            removed.remove(symbol)
        else:
            changes.added.setdefault(shard.number, []).append(symbol)

    def _told(self, changes: _Changes) -> list[Change]:
        told = [
            Change(
                shard,
                tuple(changes.added.get(shard.number, ())),
                tuple(changes.removed.get(shard.number, ())),
            )
            for shard in self.shards
        ]
        return [change for change in told if change.added or change.removed]

    def _another(self, symbol: str, source: Shard) -> Shard:
        found = self._emptiest(symbol, source.topics_max, but=source)
        if found is None and len(self.shards) < SHARDS_MAX:
            return self._opened(source.topics_max)
        return found or self._fullest(symbol)

    def _open(self, symbols: list[str]) -> None:
        """Open as many shards as all symbols need together."""
        topics = len(self._of) + len(symbols)
        characters = sum(len(symbol) + OVERHEAD for symbol in (*self._of, *symbols))
        needed = max(ceil(topics / TOPICS_MAX), ceil(characters / CHARACTERS_MAX))
        while len(self.shards) < needed:
            self.shards.append(Shard(len(self.shards)))

    def _opened(self, topics_max: int) -> Shard:
        self.shards.append(Shard(len(self.shards), topics_max=topics_max))
        return self.shards[-1]

    def _emptiest(self, symbol: str, topics_max: int, but: Shard | None = None) -> Shard | None:
        found = [
            shard
            for shard in self.shards
            if shard is not but and shard.has_room(symbol, min(topics_max, shard.topics_max))
        ]
        return min(found, key=lambda shard: (len(shard.symbols), shard.number), default=None)

    def _fullest(self, symbol: str) -> Shard:
        found = [shard for shard in self.shards if shard.has_room(symbol, TOPICS_MAX)]
        if not found:
            return self._opened(TOPICS_MAX)
        return max(found, key=lambda shard: (len(shard.symbols), -shard.number))


def _neighbourhood(instrument: Instrument) -> tuple[object, ...]:
    return (
        instrument.asset,
        instrument.expiry_ms,
        instrument.settle,
        instrument.strike,
        instrument.kind,
    )
