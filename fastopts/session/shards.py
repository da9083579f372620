"""Distribution of symbols over connections, within the venue's limits.

Bybit accepts 2,000 topics per connection; whether its limit of 21,000 characters of args holds per
connection or per frame is not documented: 550 topics and 20,000 characters are safe either way.
Adjacent strikes go to different connections, so that each connection carries every coin and
moneyness: silence of a connection is then never just a quiet part of the market.

A venue may deliver less than it acknowledges, such as only the first topics of a connection.
Symbols that one connection does not deliver are moved to another, which is then filled no further
than the first was seen to deliver.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from fastopts.model import Instrument

__all__ = ("Change", "Shard", "Shards")

SHARDS_MAX: Final = 64  # that moves may open; the venue accepts 1,000 connections per address
TOPICS_MAX = 550
CHARACTERS_MAX = 20_000
OVERHEAD = len('"tickers.",')


@dataclass(slots=True)
class Shard:
    """The symbols of one connection, in the order in which they were assigned."""

    number: int
    symbols: dict[str, None] = field(default_factory=dict)
    characters: int = 0
    topics_max: int = TOPICS_MAX
    """How many topics it was seen to deliver, or TOPICS_MAX."""

    def has_room(self, symbol: str, topics_max: int) -> bool:
        """Whether *symbol* fits, with at most *topics_max* topics in the shard."""
        return (
            len(self.symbols) < topics_max
            and self.characters + len(symbol) + OVERHEAD <= CHARACTERS_MAX
        )

    def add(self, symbol: str) -> None:
        """Append *symbol*."""
        self.symbols[symbol] = None
        self.characters += len(symbol) + OVERHEAD

    def remove(self, symbol: str) -> None:
        """Remove *symbol*. Raises KeyError if it is not in the shard."""
        del self.symbols[symbol]
        self.characters -= len(symbol) + OVERHEAD


@dataclass(frozen=True, slots=True)
class Change:
    """Symbols to subscribe and to unsubscribe on the connection of one shard."""

    shard: Shard
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(slots=True)
class _Changes:
    """Symbols by shard number."""

    added: dict[int, list[str]] = field(default_factory=dict)
    removed: dict[int, list[str]] = field(default_factory=dict)


class Shards:
    """The assignment of symbols to connections. A symbol keeps its shard unless it is moved."""

    def __init__(self) -> None:
        self.shards: list[Shard] = []
        self._shard_of: dict[str, Shard] = {}

    def update(self, listed: Iterable[Instrument], delisted: Iterable[str]) -> list[Change]:
        """Assign *listed*, drop *delisted*; return the changes by shard."""
        changes = _Changes()
        for symbol in delisted:
            self._unassign(symbol, changes)
        unassigned = (i for i in listed if i.symbol not in self._shard_of)
        # Sorted, so that neighbours in the market come one after the other and go to different
        # shards: each is assigned to the emptiest one.
        instruments = sorted(unassigned, key=_market_order)
        self._open_for([instrument.symbol for instrument in instruments])
        for instrument in instruments:
            shard = self._emptiest(instrument.symbol, TOPICS_MAX) or self._open(TOPICS_MAX)
            self._assign(instrument.symbol, shard, changes)
        return self._as_list(changes)

    def move(self, symbols: Iterable[str]) -> list[Change]:
        """Assign *symbols* to other connections, as theirs do not deliver them.

        Where none of a connection's symbols is delivered nothing can be learnt from moving them:
        they move back, as by `move_back`. Returns the changes by shard.
        """
        changes = _Changes()
        sources = {symbol: self._unassign(symbol, changes) for symbol in symbols}
        losers = {shard.number: len(shard.symbols) for shard in sources.values()}
        intact = max((len(s.symbols) for s in self.shards if s.number not in losers), default=0)
        for number, delivered in losers.items():
            if delivered >= intact:  # it may be a limit: no other connection delivers more
                self.shards[number].topics_max = delivered or TOPICS_MAX
        for symbol, source in sources.items():
            is_alone = not losers[source.number]
            shard = self._fullest(symbol) if is_alone else self._other_than(source, symbol)
            self._assign(symbol, shard, changes)
        return self._as_list(changes)

    def move_back(self, symbols: Iterable[str]) -> list[Change]:
        """Append *symbols*, which no connection delivers, to the fullest shard.

        A connection of nothing else would never deliver, and be replaced again and again. Returns
        the changes by shard.
        """
        changes = _Changes()
        for symbol in symbols:
            self._unassign(symbol, changes)
            self._assign(symbol, self._fullest(symbol), changes)
        return self._as_list(changes)

    def _unassign(self, symbol: str, changes: _Changes) -> Shard:
        shard = self._shard_of.pop(symbol)
        shard.remove(symbol)
        changes.removed.setdefault(shard.number, []).append(symbol)
        return shard

    def _assign(self, symbol: str, shard: Shard, changes: _Changes) -> None:
        shard.add(symbol)
        self._shard_of[symbol] = shard
        removed = changes.removed.get(shard.number, [])
        if symbol in removed:
            removed.remove(symbol)
        else:
            changes.added.setdefault(shard.number, []).append(symbol)

    def _as_list(self, changes: _Changes) -> list[Change]:
        all_changes = [
            Change(
                shard,
                tuple(changes.added.get(shard.number, ())),
                tuple(changes.removed.get(shard.number, ())),
            )
            for shard in self.shards
        ]
        return [change for change in all_changes if change.added or change.removed]

    def _other_than(self, source: Shard, symbol: str) -> Shard:
        shard = self._emptiest(symbol, source.topics_max, excluded=source)
        if shard is None and len(self.shards) < SHARDS_MAX:
            return self._open(source.topics_max)
        return shard or self._fullest(symbol)

    def _open_for(self, symbols: list[str]) -> None:
        """Open as many shards as all symbols need together.

        All at once: symbols are then spread evenly, rather than one shard after the other filled.
        """
        topics = len(self._shard_of) + len(symbols)
        characters = sum(len(symbol) + OVERHEAD for symbol in (*self._shard_of, *symbols))
        needed = max(ceil(topics / TOPICS_MAX), ceil(characters / CHARACTERS_MAX))
        while len(self.shards) < needed:
            self.shards.append(Shard(len(self.shards)))

    def _open(self, topics_max: int) -> Shard:
        self.shards.append(Shard(len(self.shards), topics_max=topics_max))
        return self.shards[-1]

    def _emptiest(
        self, symbol: str, topics_max: int, excluded: Shard | None = None
    ) -> Shard | None:
        candidates = [
            shard
            for shard in self.shards
            if shard is not excluded and shard.has_room(symbol, min(topics_max, shard.topics_max))
        ]
        return min(candidates, key=lambda shard: (len(shard.symbols), shard.number), default=None)

    def _fullest(self, symbol: str) -> Shard:
        candidates = [shard for shard in self.shards if shard.has_room(symbol, TOPICS_MAX)]
        if not candidates:
            return self._open(TOPICS_MAX)
        return max(candidates, key=lambda shard: (len(shard.symbols), -shard.number))


def _market_order(instrument: Instrument) -> tuple[object, ...]:
    """Sort key that makes options with similar prices neighbours."""
    return (
        instrument.asset,
        instrument.expiry_ms,
        instrument.settle,
        instrument.strike,
        instrument.type,
    )
