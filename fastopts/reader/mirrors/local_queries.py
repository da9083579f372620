"""The rules of reading over what a replica holds: nothing is asked, no answer awaited."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastopts.clock import steady_s
from fastopts.core import Records
from fastopts.errors import Unknown
from fastopts.reader.freshness.feed import NO_VERSION, Version
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.mirrors.packed import records_of
from fastopts.reader.mirrors.replica import UNSEEN_S, Replica
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.universe import Universe, asset_name, no_asset
from fastopts.reader.redis.queries import Queries, Query, check_elapsed
from fastopts.reader.selection.scope import Scope

__all__ = ("LocalQueries", "answered")

T = TypeVar("T")


def answered(query: Query[T]) -> T:
    """What a *query* of LocalQueries returns. It has nothing to ask."""
    began_at = steady_s()
    try:
        next(query)
    except StopIteration as done:
        found: T = done.value
        check_elapsed(began_at, UNSEEN_S)
        return found
    raise AssertionError("there is nobody to ask")


class LocalQueries(Queries):
    """The queries of one mirror; *now* is the moment of a read."""

    def __init__(self, venue: str, replica: Replica, now: Callable[[], Moment]) -> None:
        super().__init__(venue, UNSEEN_S)
        self._replica = replica
        self._now = now
        self._version: Version | None = None

    def feed(self) -> Query[Moment]:
        yield from ()
        return self._now()

    def _look(
        self, symbols: Sequence[str], extra: bytes = b"", extra_count: int = 0
    ) -> Query[tuple[Records, Moment, list[bytes]]]:
        yield from ()
        records = records_of(map(self._replica.records.get, symbols))
        return records, self._now(), []

    def _existing(self, symbols: Sequence[str]) -> Query[list[str]]:
        yield from ()
        replica = self._replica
        return [one for one in symbols if one in replica.records or one in replica.terms]

    def lacking(self, scope: Scope, is_raw: bool = False) -> Query[list[Absent]]:
        absent = yield from super().lacking(scope, is_raw)
        known = {one.symbol for one in absent}
        gone = [
            Absent(symbol, Unknown(f"{symbol} is not listed any more"))
            for symbol in scope.symbols
            if symbol in self._replica.delisted and symbol not in known
        ]
        return [*absent, *gone]

    def _assets(self, asset: str | None) -> Query[tuple[str, ...]]:
        yield from ()
        if asset is not None:
            return (asset_name(asset),)
        moment = self._now()
        if moment.problem is not None and not moment.feed.assets:
            raise moment.problem.with_traceback(None)
        return moment.feed.assets

    def _universe(self, asset: str) -> Query[Universe]:
        yield from ()
        name = asset_name(asset)
        if self._version != self._replica.loaded:
            self._version = self._replica.loaded
            self._universes.clear()
        found = self._universes.get(name)
        if found is None:
            found = self._universes[name] = self._collect(name)
        moment = self._now()
        is_empty = not (found.instruments or found.unplaced)
        if is_empty and moment.problem is not None:
            raise moment.problem.with_traceback(None)
        if is_empty and name not in moment.feed.assets:
            raise no_asset(name, moment.feed)
        return found

    def _collect(self, asset: str) -> Universe:
        prefix = f"{asset}-"
        listed = [one for one in self._replica.wanted if one.startswith(prefix)]
        terms = self._replica.terms
        placed = [one for symbol in listed if (one := terms.get(symbol)) is not None]
        unplaced = sorted(symbol for symbol in listed if symbol not in terms)
        return Universe(asset, self._version or NO_VERSION, placed, unplaced)

    def _stands(self, listed: Universe, moment: Moment) -> bool:
        """One that has changed since is on its way: until it is here, this is what is held."""
        return listed.version == (self._version or NO_VERSION)

    def _about_ms(self) -> int:
        return self._now().venue_ms
