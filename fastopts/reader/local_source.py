"""`LocalSource`: what queries read from data in this process: a replica, or recorded history."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from fastopts.clock import steady_s
from fastopts.core import Records
from fastopts.model import Instrument
from fastopts.reader.freshness.feed import NO_VERSION, Version
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.objects.universe import Universe, asset_name, no_asset
from fastopts.reader.queries import Query, Ready, check_elapsed
from fastopts.reader.selection.scope import Scope

__all__ = ("LocalData", "LocalSource", "run_local")

T = TypeVar("T")


def run_local(query: Query[T], elapsed_max_s: float = math.inf) -> T:
    """Return the result of a *query* over a LocalSource.

    Raises StoreUnavailable if it took more than *elapsed_max_s*: this process was suspended, and
    values that were live when the query began may be stale.
    """
    began_s = steady_s()
    try:
        next(query)
    except StopIteration as end:
        result: T = end.value
        check_elapsed(began_s, elapsed_max_s)
        return result
    raise AssertionError("a query over local data sends no request")


class LocalData(Protocol):
    """Records and listing in this process: those of a `Replica`, or of a moment of the past."""

    @property
    def records(self) -> Mapping[str, bytes]:
        """The packed record of each symbol that has ticked."""

    @property
    def terms(self) -> Mapping[str, Instrument]:
        """The contract terms of each symbol of which they are known."""

    @property
    def wanted(self) -> Collection[str]:
        """The symbols that are listed, as far as they are in `scope`."""

    @property
    def delisted(self) -> Collection[str]:
        """The symbols of the scope that are known to have left the listing."""

    @property
    def loaded(self) -> Version | None:
        """The version of the listing; None before there is one."""

    @property
    def scope(self) -> Scope:
        """What part of the market this is."""


class LocalSource:
    """Reads of *data*; *now* returns the moment of a read.

    A mirror's thread changes its replica during reads. Each record is replaced as a whole, and a
    moment is taken after the records: as with the server, the state of the feed is never older
    than a record that is judged by it.
    """

    def __init__(self, data: LocalData, now: Callable[[], Moment]) -> None:
        self._data = data
        self._now = now
        self._version: Version = NO_VERSION
        self._universes: dict[str, Universe] = {}

    def feed(self) -> Query[Moment]:
        """Return the moment of this read."""
        return Ready(self._now())

    def read(self, symbols: Sequence[str]) -> Query[tuple[Records, Moment]]:
        """Copy the records of *symbols*."""
        records = Records.of(list(map(self._data.records.get, symbols)))
        return Ready((records, self._now()))

    def existing(self, symbols: Sequence[str]) -> Query[Sequence[str]]:
        """Return those of *symbols* with a record or terms."""
        data = self._data
        return Ready([name for name in symbols if name in data.records or name in data.terms])

    def delisted(self, symbols: Sequence[str]) -> Sequence[str]:
        """Return those of *symbols* that were not listed at the last snapshot."""
        return [name for name in symbols if name in self._data.delisted]

    def assets(self, asset: str | None) -> Query[tuple[str, ...]]:
        """Return the checked name, or the assets of the feed. Raises the problem of the
        moment if no feed was ever read."""
        if asset is not None:
            return Ready((asset_name(asset),))
        moment = self._now()
        if moment.problem is not None and not moment.feed.assets:
            raise moment.problem.with_traceback(None)
        return Ready(moment.feed.assets)

    def universe(self, asset: str) -> Query[Universe]:
        """Return what the last snapshot found listed of *asset*.

        Raises the problem of the moment, or Unknown, if that is nothing.
        """
        name = asset_name(asset)
        version = self._data.loaded or NO_VERSION
        if version != self._version:
            self._version = version
            self._universes.clear()
        universe = self._universes.get(name)
        if universe is None:
            universe = self._collect(name)
            # an empty one is not kept: names that no venue has would fill the memory
            if universe.instruments or universe.unplaced:
                self._universes[name] = universe
        if not (universe.instruments or universe.unplaced):
            moment = self._now()
            if moment.problem is not None:
                raise moment.problem.with_traceback(None)
            if name not in moment.feed.assets:
                raise no_asset(name, moment.feed)
        return Ready(universe)

    def current_universe(self, asset: str) -> Query[Universe]:
        """Return the same: a newer listing than that of the last snapshot is not known here."""
        return self.universe(asset)

    def is_current(self, universe: Universe, moment: Moment) -> bool:
        """Whether *universe* is of the last snapshot.

        The feed may name a newer version: until its snapshot is complete, the records here are
        those of the old listing, and they are live.
        """
        return universe.version == self._version

    def discard(self, assets: Iterable[str]) -> None:
        """Forget the universes of *assets*."""
        for name in assets:
            self._universes.pop(name, None)

    def approximate_ms(self) -> int:
        """Return the venue's time."""
        return self._now().venue_ms

    def holds_asset(self, asset: str) -> bool:
        """Whether the data has all options of *asset*."""
        scope = self._data.scope
        return scope.is_everything or scope.asset == asset

    def _collect(self, asset: str) -> Universe:
        prefix = f"{asset}-"
        symbols = [symbol for symbol in self._data.wanted if symbol.startswith(prefix)]
        terms = self._data.terms
        instruments = [each for name in symbols if (each := terms.get(name)) is not None]
        without_terms = sorted(name for name in symbols if name not in terms)
        return Universe(asset, self._version, instruments, without_terms)
