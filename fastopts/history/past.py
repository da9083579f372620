"""`PastReader`: the market as it was at a moment, with the methods of a reader."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from fastopts.history.reads import PastReads
from fastopts.history.times import time_text
from fastopts.model import Instrument
from fastopts.reader.freshness.feed import Version
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.local_source import LocalSource
from fastopts.reader.queries import Queries
from fastopts.reader.selection.scope import Scope

if TYPE_CHECKING:
    from fastopts.history.archive import Archive

__all__ = ("PastReader",)


class PastReader(PastReads):
    """The market as it was at one moment. Made by `History.at`.

    It has methods of `OptionReader`, with the same arguments, types, rules and errors: a value that
    was stale then is stale here, and its age is that of then. Threads may share it. It may be used
    as a context manager, as a reader, but holds no connection.
    """

    def __init__(self, archive: "Archive", at_us: int, since_us: int) -> None:
        self._at_us = at_us
        moment, data = archive.moment(at_us), _PastData(archive, at_us, since_us)
        data.version = moment.feed.version
        self._moment = moment
        self._queries = Queries(LocalSource(data, lambda: moment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"<PastReader {self._moment.feed.venue}, {time_text(self._at_us)}>"

    @property
    def at(self) -> datetime:
        """The moment, in UTC."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._at_us)

    def feed(self) -> FeedState:
        """Return the state of the feed then: its writer, heartbeat, connections and coverage."""
        return FeedState(self._moment)


class _PastData:
    """Records and listing at one moment, as `LocalSource` reads them."""

    def __init__(self, archive: "Archive", at_us: int, since_us: int) -> None:
        listing = archive.listing(at_us)
        self.terms: Mapping[str, Instrument] = listing.terms
        self.wanted: Collection[str] = listing.listed
        self.delisted: Collection[str] = listing.terms.keys() - listing.listed
        self.version: Version | None = None
        self.scope = Scope()
        self.records: Mapping[str, bytes] = _PastRecords(archive, at_us, since_us, self.terms)

    @property
    def loaded(self) -> Version | None:
        """The version of the listing."""
        return self.version


class _PastRecords(Mapping[str, bytes]):
    """Records by symbol; those of an asset are read from its file with the first of them."""

    def __init__(
        self, archive: "Archive", at_us: int, since_us: int, terms: Mapping[str, Instrument]
    ) -> None:
        self._archive = archive
        self._times_us = at_us, since_us
        self._terms = terms
        self._by_asset: dict[str, dict[str, bytes]] = {}

    def __getitem__(self, symbol: str) -> bytes:
        return self._of(symbol.partition("-")[0])[symbol]

    def __iter__(self) -> Iterator[str]:
        for asset in sorted({symbol.partition("-")[0] for symbol in self._terms}):
            yield from self._of(asset)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _of(self, asset: str) -> dict[str, bytes]:
        records = self._by_asset.get(asset)
        if records is None:
            records = self._archive.records(asset, *self._times_us, self._terms)
            self._by_asset[asset] = records
        return records
