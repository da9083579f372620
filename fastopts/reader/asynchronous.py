"""`AsyncOptionReader`: the reader for asyncio; and the source of the blocking one.

`python -m tools.make_readers` writes `reader.py` (without `await`), `mirrors/reads.py` (the methods
of mirrors) and `history/reads.py` from this file: change signatures and docstrings here, and run
it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from fastopts.clock import steady_s
from fastopts.model import Instrument
from fastopts.net.redis import address
from fastopts.net.redis.reconnecting import ReconnectingConnection
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.mirrors.opening import CLOSED, Closed, opening
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.uncopied import Uncopied
from fastopts.reader.objects.universe import Series
from fastopts.reader.queries import Query, check_elapsed
from fastopts.reader.redis.source import RedisQueries
from fastopts.reader.selection.arguments import flag
from fastopts.reader.selection.signatures import lists_bounds

# What needs numpy or the mirrors is imported when it is called: a process that only reads single
# options stays small.
if TYPE_CHECKING:
    from os import PathLike
    from typing import Unpack

    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.table import Table
    from fastopts.reader.mirrors.async_mirror import AsyncMirror
    from fastopts.reader.mirrors.async_watch import AsyncWatch
    from fastopts.reader.mirrors.listener import MirrorListener
    from fastopts.reader.mirrors.price_moves import Move
    from fastopts.reader.objects.market import Column
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan
    from fastopts.reader.selection.scope import Scope

__all__ = ("AsyncOptionReader",)

T = TypeVar("T")


class AsyncOptionReader(Uncopied):
    """Reads one venue's options from the Redis at *url*, for the tasks of one event loop.

    It has the methods of `OptionReader`, with the same arguments, rules and errors, to be awaited.
    `watch`, `watch_moves` and `mirror` may also be entered: `async with reader.watch("BTC") as
    watch`. In another event loop than the first they raise RuntimeError.
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

            tls.of(self._address)  # raises for unusable files now, not at the first read
        self._timeout_s = timeout_s
        self._connection = ReconnectingConnection(self._address, timeout_s)
        self._queries = RedisQueries(venue, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> Closed:
        """Close the connection; the next read opens another. It may be awaited, and need not."""
        self._connection.close()
        return CLOSED

    async def aclose(self) -> None:
        """Close the connection; the next read opens another."""
        self._connection.close()

    async def get(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Option:
        """Return the option *symbol*, at most *max_age_s* seconds old.

        `require_live=False` also returns stale values, `allow_expired=True` also options whose
        expiry has passed. Raises Unknown, Expired, or a StaleData: FeedDown, ConnectionMuted,
        ConnectionLate, NotYetLive, TooOld.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.get(symbol, requirements))

    async def get_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Option | Absent]:
        """Return the options *symbols* in their order.

        In place of an option that does not meet the requirements (see `get`) stands an Absent with
        the error; *strict* raises the first of these errors instead. A dead feed always raises
        FeedDown, unless `require_live=False`.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.get_many(symbols, requirements, strict))

    async def chain(
        self,
        asset: str,
        expiry: Expiry | None = None,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Chain:
        """Return one series of *asset*, strike by strike.

        *expiry* None means the first that is not settling, *settle* None the only settle coin, or
        USDT if there are two. Options that do not meet the requirements (see `get`) are missing;
        `Chain.absent` has their errors. Raises Unknown for a series that is not listed, BadInput
        for a malformed expiry, and FeedDown.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.chain(asset, expiry, settle, requirements))

    async def chains(
        self,
        asset: str,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Chain]:
        """Return every series of *asset* (settled in *settle*) by expiry and settle coin.

        All are of one moment. A series of which no option meets the requirements is there, empty.
        Raises Unknown for an asset or a settle coin without options, and FeedDown.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.chains(asset, settle, requirements))

    async def expiries(self, asset: str) -> list[Series]:
        """Return the series of *asset* with expiry, settle coin and the number of listed options.

        Raises Unknown for an asset without options.
        """
        return await self._run(self._queries.expiries(asset))

    async def instruments(self, asset: str | None = None) -> list[Instrument]:
        """Return the contract terms of all listed options (of *asset*), ordered by expiry, settle
        coin, strike and type."""
        return await self._run(self._queries.instruments(asset))

    async def feed(self) -> FeedState:
        """Return the state of the feed: its writer, heartbeat, connections and coverage.

        A dead feed is no error here: see `FeedState.alive`.
        """
        return FeedState(await self._run(self._queries.feed()))

    async def counters(self) -> dict[str, int]:
        """Return the collector's counters since its start: received, applied, written, ...

        Empty if the collector wrote none, or if the key belongs to another program.
        """
        return await self._run(self._queries.counters())

    async def text(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> dict[str, str]:
        """Return the venue's own decimal strings of *symbol* by field name, unrounded.

        `ts_ms`, `rt_ms` and `seq` are among them. Fields that the venue did not send are missing;
        "0" stays "0". Raises what `get` raises.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.text(symbol, requirements))

    async def text_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[dict[str, str] | Absent]:
        """Return the `text` of each of *symbols*, as `get_many` does."""
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.text_many(symbols, requirements, strict))

    @lists_bounds
    async def scan(
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

        The *gate* passes only options that are live, trading, quoted on both sides and not crossed,
        with a bid IV above 0, an ask IV below 5 and a mark IV above 0; `Scan.excluded` counts the
        others by reason. `gate=False` passes everything, stale values too. *sort* names a column,
        with "-" before it for descending order; absent values come last. Raises BadInput for
        invalid arguments, and FeedDown unless `require_live=False`.
        """
        return await self._run(self._queries.scan(asset, bounds, gate, sort, limit, require_live))

    async def scan_high_iv(
        self, min_iv: float = 1.0, asset: str | None = None, limit: int | None = None
    ) -> "Scan":
        """Return the options that pass the gate of `scan` with a mark IV of at least *min_iv* (1.0
        is 100 %), the highest first."""
        return await self.scan(asset, min_iv=min_iv, sort="-mark_iv", limit=limit)

    async def snapshot(self, asset: str | None = None, *, require_live: bool = True) -> "Column":
        """Return every option (of *asset*) that has ticked as one numpy structured array.

        It has one row per option and a field for each name of the export schema: texts are numpy
        strings, times datetime64[ms] in UTC, numbers float64 with NaN for absent values, `seq` -1
        if absent. Stale rows are included: see the field `live`. Raises FeedDown unless
        `require_live=False`.
        """
        table = await self.table(asset, require_live=require_live)
        return table.to_numpy()

    async def table(self, asset: str | None = None, *, require_live: bool = True) -> "Table":
        """Return every option (of *asset*) that has ticked, to convert to a frame or a file.

        Stale rows are included: see the column `live`. Raises FeedDown unless `require_live=False`.
        """
        return await self._run(self._queries.table(asset, require_live))

    async def to_pandas(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "pandas.DataFrame":
        """Return `table` as a pandas DataFrame. Needs the extra `pandas`."""
        table = await self.table(asset, require_live=require_live)
        return table.to_pandas()

    async def to_polars(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "polars.DataFrame":
        """Return `table` as a polars DataFrame. Needs the extra `polars`."""
        table = await self.table(asset, require_live=require_live)
        return table.to_polars()

    async def to_arrow(
        self,
        asset: str | None = None,
        *,
        require_live: bool = True,
    ) -> "pyarrow.Table":
        """Return `table` as an Arrow table. Needs the extra `arrow`."""
        table = await self.table(asset, require_live=require_live)
        return table.to_arrow()

    async def export(
        self, path: "str | PathLike[str]", asset: str | None = None, *, require_live: bool = True
    ) -> None:
        """Write `table` to a .json, .csv, .parquet or .arrow file, whole or not at all.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another suffix,
        MissingPackage without the extra, and FileError for a file that can't be written.
        """
        table = await self.table(asset, require_live=require_live)
        table.export(path)

    @opening
    async def mirror(self, what: str | Iterable[str] | None = None) -> "AsyncMirror":
        """Return a local copy of an asset, of symbols or (None) of everything, kept current by a
        task of its own: its `get` takes microseconds and no round trip.

        Waits until the collector's next announcement, about a second. Close it after use. Raises
        BadInput, Unknown or Expired for a selection that can't match, WrongVenue and
        StoreUnavailable.
        """
        from fastopts.reader.mirrors.async_mirror import AsyncMirror
        from fastopts.reader.mirrors.listener import NullListener
        from fastopts.reader.selection.scope import scope_of

        venue, scope = self._queries.venue, scope_of(what)
        await self._run(self._queries.check_selection(scope))
        mirror = AsyncMirror(self._address, venue, scope, self._timeout_s, NullListener())
        await mirror.wait()
        return mirror

    def follow(self, listener: "MirrorListener") -> "AsyncMirror":
        """Return a mirror of everything, without waiting until it is current.

        The task that keeps it current calls *listener* after each change. While Redis is
        unreachable it retries without limit: see `Mirror.problem`. Raises BadInput for a listener
        that lacks a method.
        """
        from fastopts.reader.mirrors.async_mirror import AsyncMirror
        from fastopts.reader.mirrors.listener import check_listener
        from fastopts.reader.selection.scope import scope_of

        # Not a coroutine: a server can start while Redis is down, and report that.
        venue, scope = self._queries.venue, scope_of(None)
        check_listener(listener)
        return AsyncMirror(self._address, venue, scope, self._timeout_s, listener)

    @opening
    @lists_bounds
    async def watch(
        self,
        what: str | Iterable[str] | None = None,
        *,
        initial: bool = False,
        require_live: bool = True,
        **bounds: "Unpack[Bounds]",
    ) -> "AsyncWatch[Option]":
        """Return a stream of the options that change and meet the *bounds*: of an asset, of symbols
        or (None) of everything.

        The bounds are those of `scan`, except `front`. A consumer slower than the changes gets the
        newest of each symbol, and a Gap with the number of those skipped; a Gap also reports a feed
        that breaks. *initial* begins with the present values. Close it after use. Raises what
        `mirror` raises.
        """
        from fastopts.reader.selection.bounds import bound_filter, check
        from fastopts.reader.selection.scope import scope_of

        scope = scope_of(what, check(bounds))
        requirements = Requirements(require_live).checked()
        pick = bound_filter(bounds)
        return await self._watch(scope, pick, requirements, flag("initial", initial))

    @opening
    async def watch_moves(
        self,
        what: str | Iterable[str] | None,
        threshold: float,
        field: str = "mark_price",
    ) -> "AsyncWatch[Move]":
        """Return a stream of the moves of *field* by at least *threshold* (0.05 is 5 %).

        It has Gaps as `watch` has. A move is measured from the previous move of its symbol, or from
        the first value seen.
        """
        from fastopts.reader.mirrors.price_moves import MoveDetector
        from fastopts.reader.selection.scope import scope_of

        scope, detector = scope_of(what), MoveDetector(threshold, field)
        return await self._watch(scope, detector.detect, Requirements(), initial=True)

    async def _watch(
        self,
        scope: "Scope",
        pick: Callable[[Option], T | None],
        requirements: Requirements,
        initial: bool,
    ) -> "AsyncWatch[T]":
        from fastopts.reader.mirrors.async_mirror import AsyncMirror
        from fastopts.reader.mirrors.async_watch import AsyncWatch

        # A selection that can never match is refused before another connection is opened.
        await self._run(self._queries.check_selection(scope))
        make = partial(AsyncMirror, self._address, self._queries.venue, scope, self._timeout_s)
        watch = AsyncWatch(make, pick, requirements)
        await watch.start(initial)
        return watch

    async def _run(self, query: Query[T]) -> T:
        """Drive *query* over the connection."""
        replied_s = steady_s()
        try:
            request = next(query)
            while True:
                if request.on_new_connection:
                    await self._connection.renew()
                replies = await self._connection.exchange(request.payload, request.replies)
                replied_s = steady_s()
                request = query.send(replies)
        except StopIteration as end:
            result: T = end.value
            # Parsing and sifting come after the last reply: the process may have been suspended.
            check_elapsed(replied_s, self._timeout_s)
            return result
