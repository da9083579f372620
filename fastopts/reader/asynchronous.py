"""`AsyncOptionReader`: the reader for asyncio. `OptionReader` is the same without `await`."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from fastopts.clock import steady_s
from fastopts.model import Instrument
from fastopts.net.redis import address
from fastopts.net.redis.reconnecting import ReconnectingConnection
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
    In another loop than the first they raise RuntimeError.
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
        self._channel = ReconnectingConnection(self._address, timeout_s)
        self._queries = Queries(venue, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        self._channel.close()

    async def get(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Option:
        """As `OptionReader.get`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.get(symbol, demand))

    async def get_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Option | Absent]:
        """As `OptionReader.get_many`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.options(symbols, demand, strict))

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
        """As `OptionReader.chain`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.chain(asset, expiry, settle, demand))

    async def chains(
        self,
        asset: str,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Chain]:
        """As `OptionReader.chains`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.chains(asset, settle, demand))

    async def expiries(self, asset: str) -> list[Series]:
        """As `OptionReader.expiries`."""
        return await self._run(self._queries.expiries(asset))

    async def instruments(self, asset: str | None = None) -> list[Instrument]:
        """As `OptionReader.instruments`."""
        return await self._run(self._queries.instruments(asset))

    async def feed(self) -> FeedState:
        """As `OptionReader.feed`."""
        return FeedState(await self._run(self._queries.feed()))

    async def counters(self) -> dict[str, int]:
        """As `OptionReader.counters`."""
        return await self._run(self._queries.counters())

    async def text(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> dict[str, str]:
        """As `OptionReader.text`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.text(symbol, demand))

    async def text_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[dict[str, str] | Absent]:
        """As `OptionReader.text_many`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return await self._run(self._queries.texts(symbols, demand, strict))

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
        """As `OptionReader.scan`."""
        return await self._run(self._queries.scan(asset, bounds, gate, sort, limit, require_live))

    async def scan_high_iv(
        self, min_iv: float = 1.0, asset: str | None = None, limit: int | None = None
    ) -> "Scan":
        """As `OptionReader.scan_high_iv`."""
        return await self.scan(asset, min_iv=min_iv, sort="-mark_iv", limit=limit)

    async def snapshot(self, asset: str | None = None, *, require_live: bool = True) -> "Column":
        """As `OptionReader.snapshot`."""
        return (await self.table(asset, require_live=require_live)).to_numpy()

    async def table(self, asset: str | None = None, *, require_live: bool = True) -> "Table":
        """As `OptionReader.table`."""
        return await self._run(self._queries.table(asset, require_live))

    async def to_pandas(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "pandas.DataFrame":
        """As `OptionReader.to_pandas`."""
        return (await self.table(asset, require_live=require_live)).to_pandas()

    async def to_polars(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "polars.DataFrame":
        """As `OptionReader.to_polars`."""
        return (await self.table(asset, require_live=require_live)).to_polars()

    async def to_arrow(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "pyarrow.Table":
        """As `OptionReader.to_arrow`."""
        return (await self.table(asset, require_live=require_live)).to_arrow()

    async def export(
        self, path: "str | PathLike[str]", asset: str | None = None, *, require_live: bool = True
    ) -> None:
        """As `OptionReader.export`."""
        (await self.table(asset, require_live=require_live)).export(path)

    async def mirror(self, what: str | Iterable[str] | None = None) -> "AsyncMirror":
        """As `OptionReader.mirror`."""
        from fastopts.reader.mirrors.async_mirror import AsyncMirror
        from fastopts.reader.mirrors.listener import NullListener
        from fastopts.reader.selection.scope import scope_of

        venue, scope = self._queries.venue, scope_of(what)
        await self._run(self._queries.check_selection(scope))
        made = AsyncMirror(self._address, venue, scope, self._timeout_s, NullListener())
        await made.wait()
        return made

    def follow(self, listener: "MirrorListener") -> "AsyncMirror":
        """As `OptionReader.follow`."""
        from fastopts.reader.mirrors.async_mirror import AsyncMirror
        from fastopts.reader.mirrors.listener import check_listener
        from fastopts.reader.selection.scope import scope_of

        venue, scope = self._queries.venue, scope_of(None)
        return AsyncMirror(self._address, venue, scope, self._timeout_s, check_listener(listener))

    async def watch(
        self,
        what: str | Iterable[str] | None = None,
        *,
        initial: bool = False,
        require_live: bool = True,
        **bounds: "Unpack[Bounds]",
    ) -> "AsyncWatch[Option]":
        """As `OptionReader.watch`."""
        from fastopts.reader.selection.bounds import check, picker
        from fastopts.reader.selection.scope import scope_of

        scope = scope_of(what, check(bounds))
        demand = Requirements(require_live).checked()
        return await self._watch(scope, picker(bounds), demand, flag("initial", initial))

    async def watch_moves(
        self,
        what: str | Iterable[str] | None,
        threshold: float,
        field: str = "mark_price",
    ) -> "AsyncWatch[Move]":
        """As `OptionReader.watch_moves`."""
        from fastopts.reader.mirrors.price_moves import MoveDetector
        from fastopts.reader.selection.scope import scope_of

        return await self._watch(
            scope_of(what), MoveDetector(threshold, field).detect, Requirements(), initial=True
        )

    async def _watch(
        self,
        scope: "Scope",
        pick: Callable[[Option], T | None],
        demand: Requirements,
        initial: bool,
    ) -> "AsyncWatch[T]":
        from fastopts.reader.mirrors.async_mirror import AsyncMirror
        from fastopts.reader.mirrors.async_watch import AsyncWatch

        await self._run(self._queries.check_selection(scope))
        make = partial(AsyncMirror, self._address, self._queries.venue, scope, self._timeout_s)
        return await AsyncWatch(make, pick, demand).start(initial)

    async def _run(self, query: Query[T]) -> T:
        answered_at = steady_s()
        try:
            request = next(query)
            while True:
                if request.is_anew:
                    await self._channel.renew()
                replies = await self._channel.exchange(request.payload, request.replies)
                answered_at = steady_s()
                request = query.send(replies)
        except StopIteration as done:
            found: T = done.value
            check_elapsed(answered_at, self._timeout_s)
            return found
