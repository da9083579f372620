"""`OptionReader`: the blocking reader. `AsyncOptionReader` is the same with `await`."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from fastopts.clock import steady_s
from fastopts.model import Instrument
from fastopts.net.redis import address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.uncopied import Uncopied
from fastopts.reader.objects.universe import Series
from fastopts.reader.redis.queries import Queries, Query, check_elapsed
from fastopts.reader.selection.arguments import flag

# What needs numpy, or more, is loaded when it is called.
if TYPE_CHECKING:
    from os import PathLike
    from typing import Unpack

    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.table import Table
    from fastopts.reader.mirrors.listener import MirrorListener
    from fastopts.reader.mirrors.mirror import Mirror
    from fastopts.reader.mirrors.price_moves import Move
    from fastopts.reader.mirrors.watch import Watch
    from fastopts.reader.objects.market import Column
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan
    from fastopts.reader.selection.scope import Scope

__all__ = ("OptionReader",)

T = TypeVar("T")


class OptionReader(Uncopied):
    """Reads one venue's options from the Redis at *url*. Threads may share it.

    Reads are strict: a value that is not live raises a StaleData; `require_live=False` hands over
    what is there, with `live` and `age` telling what it is worth. Every method raises WrongVenue
    for another venue's data, StoreUnavailable when the server does not answer within *timeout_s*,
    and StoreError when it refuses. A process that was forked reads over a connection of its own.
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379",
        venue: str = "bybit",
        *,
        password: str | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        self._address = address.parse(url, password)
        if self._address.tls:
            from fastopts.net import tls

            tls.of(self._address)  # raise for unusable files now, not at the first read
        self._timeout_s = timeout_s
        self._channel = BlockingConnection(self._address, timeout_s)
        self._queries = Queries(venue, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        self._channel.close()

    def get(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Option:
        """Return the option *symbol*, at most *max_age_s* old.

        Raises Unknown, Expired, or a StaleData: FeedDown, ConnectionMuted, ConnectionLate,
        NotYetLive, TooOld.
        """
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.get(symbol, demand))

    def get_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Option | Absent]:
        """Return the options *symbols* in their order, in one round trip.

        What can't be handed over is an Absent with the reason; *strict* raises the first of them.
        A dead feed always raises FeedDown, unless `require_live=False`.
        """
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.options(symbols, demand, strict))

    def chain(
        self,
        asset: str,
        expiry: Expiry | None = None,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Chain:
        """Return the series of *asset* that is delivered at *expiry* (None: the first that is not
        settling) and settled in *settle* (None: the only coin, else USDT), in one round trip.

        Options that can't be handed over are missing from it; `Chain.absent` says why. Raises
        Unknown for a series that is not listed, BadInput for a text that names no expiry, FeedDown.
        """
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.chain(asset, expiry, settle, demand))

    def chains(
        self,
        asset: str,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Chain]:
        """Return every series of *asset* (settled in *settle*) by expiry and settle coin, all as of
        one moment. A series of which nothing can be handed over is there, with no options.

        Raises Unknown for an asset or a coin without options, FeedDown.
        """
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.chains(asset, settle, demand))

    def expiries(self, asset: str) -> list[Series]:
        """Return one row per series of *asset*: expiry, settle coin, how many options are listed.

        Raises Unknown for an asset without options.
        """
        return self._run(self._queries.expiries(asset))

    def instruments(self, asset: str | None = None) -> list[Instrument]:
        """Return the terms of everything that is listed (of *asset*), by expiry, settle coin,
        strike and type."""
        return self._run(self._queries.instruments(asset))

    def feed(self) -> FeedState:
        """Return who writes, how alive the feed is, what it covers; a dead one is no error."""
        return FeedState(self._run(self._queries.feed()))

    def counters(self) -> dict[str, int]:
        """Return what the collector counts, since its start: received, applied, written, ...; empty
        when it left nothing, or another program's key stands there."""
        return self._run(self._queries.counters())

    def text(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> dict[str, str]:
        """Return the venue's own decimal texts of *symbol*, unrounded, under the usual names, and
        `ts_ms`, `rt_ms` and `seq`. What the tick did not have is not there; "0" stays "0".

        Raises what `get` raises.
        """
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.text(symbol, demand))

    def text_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[dict[str, str] | Absent]:
        """Return the `text` of each of *symbols*, as `get_many` does."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.texts(symbols, demand, strict))

    def scan(
        self,
        asset: str | None = None,
        *,
        gate: bool = True,
        sort: str | None = None,
        limit: int | None = None,
        require_live: bool = True,
        **bounds: "Unpack[Bounds]",
    ) -> "Scan":
        """Return the options (of *asset*) that meet the *bounds*, see `Bounds`.

        The *gate* lets through only what is live, trading, quoted on both sides and not crossed,
        with a bid IV above 0, an ask IV below 5 and a mark IV above 0; `Scan.excluded` counts what
        it refused, by reason. `gate=False` is raw: stale values too. *sort* names a column ("-"
        before it: descending, absent values last). Raises BadInput for what can't be meant, and
        FeedDown unless `require_live=False`.
        """
        return self._run(self._queries.scan(asset, bounds, gate, sort, limit, require_live))

    def scan_high_iv(
        self, min_iv: float = 1.0, asset: str | None = None, limit: int | None = None
    ) -> "Scan":
        """Return what passes the gate with a mark IV of at least *min_iv* (1.0 is 100 %), the
        highest first."""
        return self.scan(asset, min_iv=min_iv, sort="-mark_iv", limit=limit)

    def snapshot(self, asset: str | None = None, *, require_live: bool = True) -> "Column":
        """Return every option (of *asset*) that has ticked as one numpy structured array.

        It has a field for each name of the vocabulary; texts are numpy strings, times
        datetime64[ms] in UTC, numbers float64 with NaN for none, `seq` -1 for none; `live` tells
        what each row is worth. Raises FeedDown unless `require_live=False`.
        """
        return self.table(asset, require_live=require_live).to_numpy()

    def table(self, asset: str | None = None, *, require_live: bool = True) -> "Table":
        """Return the same as `snapshot`, to take away as a frame or a file."""
        return self._run(self._queries.table(asset, require_live))

    def to_pandas(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "pandas.DataFrame":
        """Return `table` as a DataFrame. Needs the extra `pandas`."""
        return self.table(asset, require_live=require_live).to_pandas()

    def to_polars(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "polars.DataFrame":
        """Return `table` as a DataFrame. Needs the extra `polars`."""
        return self.table(asset, require_live=require_live).to_polars()

    def to_arrow(self, asset: str | None = None, *, require_live: bool = True) -> "pyarrow.Table":
        """Return `table` as an Arrow table. Needs the extra `arrow`."""
        return self.table(asset, require_live=require_live).to_arrow()

    def export(
        self, path: "str | PathLike[str]", asset: str | None = None, *, require_live: bool = True
    ) -> None:
        """Write `table` to a .json, .csv, .parquet or .arrow file, whole or not at all.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another suffix or a file
        that can't be written.
        """
        self.table(asset, require_live=require_live).export(path)

    def mirror(self, what: str | Iterable[str] | None = None) -> "Mirror":
        """Return a copy within this process of an asset, of symbols or (None) of everything, kept
        current by a thread of its own: its `get` takes microseconds and no round trip.

        It waits until the collector announces its changes, a second or so. Close it. Raises
        BadInput, WrongVenue or StoreUnavailable.
        """
        from fastopts.reader.mirrors.listener import NullListener
        from fastopts.reader.mirrors.mirror import Mirror
        from fastopts.reader.selection.scope import scope_of

        venue, scope = self._queries.venue, scope_of(what)
        self._run(self._queries.check_selection(scope))
        made = Mirror(self._address, venue, scope, self._timeout_s, NullListener())
        made.wait()
        return made

    def follow(self, listener: "MirrorListener") -> "Mirror":
        """Return a mirror of everything before it is current; *listener* hears what happens to
        it, from who keeps it: a thread, or a task.

        It goes on trying, whatever stands in its way: `problem` says what does.
        """
        from fastopts.reader.mirrors.listener import check_listener
        from fastopts.reader.mirrors.mirror import Mirror
        from fastopts.reader.selection.scope import scope_of

        venue, scope = self._queries.venue, scope_of(None)
        return Mirror(self._address, venue, scope, self._timeout_s, check_listener(listener))

    def watch(
        self,
        what: str | Iterable[str] | None = None,
        *,
        initial: bool = False,
        require_live: bool = True,
        **bounds: "Unpack[Bounds]",
    ) -> "Watch[Option]":
        """Return a stream of the options that change: of an asset, of symbols or (None) of
        everything, where they meet the *bounds* (as `scan` takes them, but for `front`).

        A consumer that is slower than the changes gets the newest of each symbol, and a Gap that
        says how many were skipped; so it does when the feed breaks. *initial* begins with what
        there is. Close it. Raises what `mirror` raises.
        """
        from fastopts.reader.selection.bounds import check, picker
        from fastopts.reader.selection.scope import scope_of

        scope = scope_of(what, check(bounds))
        demand = Requirements(require_live).checked()
        return self._watch(scope, picker(bounds), demand, flag("initial", initial))

    def watch_moves(
        self,
        what: str | Iterable[str] | None,
        threshold: float,
        field: str = "mark_price",
    ) -> "Watch[Move]":
        """Return a stream of the moves of *field* by at least *threshold* (0.05 is 5 %), each
        reckoned from the move before it or the first value seen; and of Gaps, as `watch`."""
        from fastopts.reader.mirrors.price_moves import MoveDetector
        from fastopts.reader.selection.scope import scope_of

        return self._watch(
            scope_of(what), MoveDetector(threshold, field).detect, Requirements(), initial=True
        )

    def _watch(
        self,
        scope: "Scope",
        pick: Callable[[Option], T | None],
        demand: Requirements,
        initial: bool,
    ) -> "Watch[T]":
        from fastopts.reader.mirrors.mirror import Mirror
        from fastopts.reader.mirrors.watch import Watch

        self._run(self._queries.check_selection(scope))
        make = partial(Mirror, self._address, self._queries.venue, scope, self._timeout_s)
        return Watch(make, pick, demand, initial)

    def _run(self, query: Query[T]) -> T:
        answered_at = steady_s()
        try:
            request = next(query)
            while True:
                if request.is_anew:
                    self._channel.renew()
                replies = self._channel.exchange(request.payload, request.replies)
                answered_at = steady_s()
                request = query.send(replies)
        except StopIteration as done:
            found: T = done.value
            check_elapsed(answered_at, self._timeout_s)
            return found
