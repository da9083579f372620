"""Queries of a reader, written once for Redis and for the replica of a mirror.

A query is a generator without I/O: it yields a `RedisRequest`, is sent the replies, and returns its
result. `OptionReader` and `AsyncOptionReader` drive it over their connections. Here are the rules:
what to read, when to read again, which errors to raise. The data comes from a `QuerySource`. A
source that has everything in memory answers with `Ready`, so that the same query runs to its end
without a request.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar, cast

from fastopts.clock import steady_s
from fastopts.core import Records
from fastopts.errors import FastoptsError, StoreError, StoreUnavailable, Unknown, clipped
from fastopts.model import Instrument
from fastopts.net.redis.resp import Replies
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.freshness.requirements import (
    Requirements,
    expired_error,
    raise_if_down,
    read_options,
)
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Members, Series, Universe, no_asset, settle_coin
from fastopts.reader.selection import arguments, matching

if TYPE_CHECKING:
    from fastopts.reader.export.table import Table
    from fastopts.reader.objects.market import Listing, Market
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan
    from fastopts.reader.selection.scope import Scope

__all__ = (
    "ATTEMPTS",
    "Queries",
    "Query",
    "QuerySource",
    "Ready",
    "RedisRequest",
    "check_elapsed",
    "late_reply",
    "raise_absent",
    "relisted_too_often",
    "respelled",
    "single",
)

T = TypeVar("T")

# Reads that span several round trips are repeated if the listing changed in between. The collector
# changes it a few times a day: a second attempt is rare, a fifth means that something is broken.
ATTEMPTS: Final = 5


class RedisRequest(NamedTuple):
    """Commands for the server, and the factory of the object that parses the replies."""

    payload: bytes
    replies: Callable[[], Replies]
    # Open a new connection first, for which the server's name is resolved again.
    on_new_connection: bool = False


Query = Generator[RedisRequest, Any, T]
Check = Callable[[Moment, Requirements], None]


class Ready(Generator[RedisRequest, Any, T], Generic[T]):
    """A query that has its result already: it yields nothing and returns *value*."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def send(self, _: Any) -> RedisRequest:
        """Return the value, as a generator returns: by StopIteration."""
        raise StopIteration(self._value)

    def throw(self, *error: Any) -> RedisRequest:
        """Raise *error*: there is nothing that could handle it."""
        raise error[0]


class QuerySource(Protocol):
    """Where queries read from: the server, or a replica in this process."""

    def feed(self) -> Query[Moment]:
        """Return the feed at this moment."""

    def read(self, symbols: Sequence[str]) -> Query[tuple[Records, Moment]]:
        """Return the records of *symbols* (at least one) and the moment at which they were read."""

    def existing(self, symbols: Sequence[str]) -> Query[Sequence[str]]:
        """Return those of *symbols* that are listed or have ticked."""

    def delisted(self, symbols: Sequence[str]) -> Sequence[str]:
        """Return those of *symbols* that are known to have left the listing."""

    def assets(self, asset: str | None) -> Query[tuple[str, ...]]:
        """Return the name of *asset*, or (None) of all that are listed. Raises BadInput."""

    def universe(self, asset: str) -> Query[Universe]:
        """Return what is listed of *asset*; it may be out of date, see `is_current`.

        Raises Unknown if nothing is.
        """

    def current_universe(self, asset: str) -> Query[Universe]:
        """Return what is listed of *asset* now. Raises Unknown if nothing is."""

    def is_current(self, universe: Universe, moment: Moment) -> bool:
        """Whether *universe* is what was listed at *moment*."""

    def discard(self, assets: Iterable[str]) -> None:
        """Forget the universes of *assets*, which are out of date."""

    def approximate_ms(self) -> int:
        """Return the venue's time without asking for it: good enough for a first choice."""

    def holds_asset(self, asset: str) -> bool:
        """Whether `universe` has everything that is listed of *asset*, not a selection of it."""


class Queries:
    """The queries of one reader or mirror over its *source*."""

    def __init__(self, source: QuerySource) -> None:
        self._source = source
        self._listings: dict[tuple[str, ...], Listing] = {}

    def get(self, symbol: str, requirements: Requirements) -> Query[Option]:
        """Return one option, or raise why not."""
        # A dead feed is not raised as such: the error of a single option has its symbol and age.
        results = yield from self.results([arguments.symbol(symbol)], requirements)
        return single(results)

    def get_many(
        self, symbols: Iterable[str], requirements: Requirements, strict: bool
    ) -> Query[list[Option | Absent]]:
        """Return an Option or Absent for each symbol. *strict*: raise the first error."""
        names = arguments.symbols(symbols)
        if not names:
            return []
        results = yield from self.results(names, requirements, raise_if_down)
        return raise_absent(results) if strict else results

    def expiries(self, asset: str) -> Query[list[Series]]:
        """Return the series of *asset*."""
        universe = yield from self._source.current_universe(asset)
        return universe.series()

    def universe(self, asset: str) -> Query[Universe]:
        """Return what is listed of *asset* now."""
        return self._source.current_universe(asset)

    def instruments(self, asset: str | None) -> Query[list[Instrument]]:
        """Return the contract terms of everything that is listed (of *asset*)."""
        instruments: list[Instrument] = []
        for name in (yield from self._source.assets(asset)):
            universe = yield from self._source.current_universe(name)
            instruments += universe.instruments
        return instruments

    def chain(
        self, asset: str, expiry: Expiry | None, settle: str | None, requirements: Requirements
    ) -> Query[Chain]:
        """Return the series that *expiry* and *settle* name."""
        coin = settle_coin(settle)
        for _ in range(ATTEMPTS):
            universe, members = yield from self._series(asset, expiry, coin)
            records, moment = yield from self._source.read(members.symbols)
            if not self._source.is_current(universe, moment):
                self._source.discard([universe.asset])
            # The series was chosen by an approximate time: near a change of the front it may be
            # another by the server's.
            elif universe.choose(expiry, coin, moment.venue_ms) is members:
                raise_if_down(moment, requirements)
                results = read_options(members.symbols, records, moment, requirements)
                return Chain(members, results, moment)
        raise relisted_too_often()

    def chains(
        self, asset: str, settle: str | None, requirements: Requirements
    ) -> Query[list[Chain]]:
        """Return every series of *asset* (settled in *settle*), all read at one moment."""
        coin = settle_coin(settle)
        for _ in range(ATTEMPTS):
            universe = yield from self._source.current_universe(asset)
            members = [each for each in universe.members if coin in (None, each.series.settle)]
            if not members:
                raise _no_such_coin(universe, coin)
            symbols = [symbol for each in members for symbol in each.symbols]
            records, moment = yield from self._source.read(symbols)
            if self._source.is_current(universe, moment):
                raise_if_down(moment, requirements)
                results = iter(read_options(symbols, records, moment, requirements))
                return [
                    Chain(each, list(islice(results, len(each.symbols))), moment)
                    for each in members
                ]
        raise relisted_too_often()

    def scan(
        self,
        asset: str | None,
        bounds: "Bounds",
        gate: bool,
        sort: str | None,
        limit: int | None,
        require_live: bool,
    ) -> "Query[Scan]":
        """Return the options that meet the *bounds*."""
        from fastopts.reader.selection import scan

        checked, limit = scan.check(bounds, gate, sort, limit)
        market = yield from self._market(asset, require_live)
        matching.check_bounds(
            market.listing.universes, checked, market.moment.venue_ms, is_raw=not gate
        )
        return scan.scan(market, checked, gate, sort, limit)

    def table(self, asset: str | None, require_live: bool) -> "Query[Table]":
        """Return every option that has ticked."""
        from fastopts.reader.export.table import Table

        market = yield from self._market(asset, require_live)
        return Table(market, market.held.nonzero()[0])

    def check_selection(self, scope: "Scope", is_raw: bool = False) -> Query[None]:
        """Raise Unknown, Expired or BadInput if nothing, or not all, of *scope* can ever match.

        *is_raw*: options that are delivered and still listed match, too. While the feed is down the
        listing is unknown, and only the spelling of symbols is checked.
        """
        moment = yield from self._source.feed()
        if moment.down is not None:
            matching.check_forms(scope.symbols)
            return
        absent = yield from self.absent(scope, is_raw)
        if absent:
            raise matching.refusal(absent, len(scope.symbols))
        if scope.asset is not None and scope.asset not in moment.feed.assets:
            raise no_asset(scope.asset, moment.feed)
        if scope.bounds:
            yield from self._check_bounds(scope, moment, is_raw)

    def absent(self, scope: "Scope", is_raw: bool = False) -> Query[list[Absent]]:
        """Return the symbols of *scope* that do not exist or left the listing, with the reason."""
        if not scope.symbols:
            return []
        # Stale options exist: only the errors of a missing record matter here.
        requirements = Requirements(require_live=False, allow_expired=is_raw)
        results = yield from self.results(scope.symbols, requirements)
        absent = matching.lacking(results)
        known = {each.symbol for each in absent}
        delisted = [name for name in self._source.delisted(scope.symbols) if name not in known]
        return absent + [Absent(name, _delisted(name)) for name in delisted]

    def results(
        self, symbols: Sequence[str], requirements: Requirements, check: Check = lambda *_: None
    ) -> Query[list[Option | Absent]]:
        """Return an Option or Absent for each of *symbols*, after a *check* of the moment."""
        names: Sequence[str] | None = symbols
        while names is not None:
            records, moment = yield from self._source.read(names)
            check(moment, requirements)
            results = read_options(names, records, moment, requirements)
            if all(results):  # an Absent is false
                return results
            names = respelled(results)
        return (yield from self.with_suggestions(symbols, results, moment))

    def with_suggestions(
        self, symbols: Sequence[str], results: list[Option | Absent], moment: Moment
    ) -> Query[list[Option | Absent]]:
        """Improve the errors of unknown *symbols* in *results*, in place; *symbols* are as written.

        If another spelling exists, the error suggests it; if the name is of an expiry before
        *moment*, the error is Expired; else it names the nearest strikes or expiries.
        """
        unknown = [index for index, result in enumerate(results) if _is_unknown(result)]
        if not unknown:
            return results
        from fastopts.reader.selection.spelling import spellings

        candidates = {index: spellings(symbols[index]) for index in unknown}
        # One more round trip for all unknown symbols together; other reads pay nothing.
        names = [name for spelt in candidates.values() for name in spelt]
        existing = set((yield from self._source.existing(names))) if names else set()
        universes: dict[str, Universe | None] = {}  # read once for all symbols of an asset
        for index, spelt in candidates.items():
            symbol, error = symbols[index], cast("Absent", results[index]).reason
            suggestion = next((name for name in spelt if name in existing), None)
            if suggestion is None and (expired := expired_error(symbol, moment.venue_ms)):
                results[index] = Absent(symbol, expired)
                continue
            remedy = f"did you mean {suggestion}?" if suggestion else ""
            remedy = remedy or (yield from self._hint(symbol, moment, universes))
            if remedy:
                fault = f"there is no option {clipped(repr(symbol))} here"
                error = Unknown(f"{fault}: {remedy}")
            results[index] = Absent(symbol, error)
        return results

    def _hint(
        self, symbol: str, moment: Moment, universes: dict[str, Universe | None]
    ) -> Query[str]:
        """Return what is listed near *symbol*, or that nothing of its asset is; "" if unknown.

        *universes* are those that this query has read for hints; None for one that failed.
        """
        from fastopts.reader.selection import suggestions
        from fastopts.reader.selection.spelling import parts_of

        parts = parts_of(symbol)
        if parts is None or not self._source.holds_asset(parts.asset):
            return ""
        asset = parts.asset
        if asset not in moment.feed.assets:
            return str(no_asset(asset, moment.feed))
        if asset not in universes:
            # A hint must not cost the result: the options beside the unknown symbol are read.
            try:
                universes[asset] = yield from self._universe_at(asset, moment)
            except FastoptsError:
                universes[asset] = None
        universe = universes[asset]
        return "" if universe is None else suggestions.hint(parts, universe, moment.venue_ms)

    def _universe_at(self, asset: str, moment: Moment) -> Query[Universe]:
        """Return the universe of *asset*, read again if *moment* has a newer listing."""
        universe = yield from self._source.universe(asset)
        if not self._source.is_current(universe, moment):
            self._source.discard([asset])
            universe = yield from self._source.universe(asset)
        return universe

    def _market(self, asset: str | None, require_live: bool) -> "Query[Market]":
        from fastopts.reader.objects.market import Market

        requirements = Requirements(require_live).checked()
        for _ in range(ATTEMPTS):
            names = yield from self._source.assets(asset)
            listing = yield from self._listing(names)
            records = None
            # MGET needs at least one key.
            if listing.symbols:
                records, moment = yield from self._source.read(listing.symbols)
            else:
                moment = yield from self._source.feed()
            if all(self._source.is_current(each, moment) for each in listing.universes):
                raise_if_down(moment, requirements)
                return Market(listing, records, moment)
            self._source.discard(names)
        raise relisted_too_often()

    def _listing(self, assets: tuple[str, ...]) -> "Query[Listing]":
        """Return the columns of the listing: built once for each version of the universes."""
        from fastopts.reader.objects.market import Listing

        universes: list[Universe] = []
        for name in assets:
            universes += [(yield from self._source.universe(name))]
        listing = self._listings.get(assets)
        if listing is None or listing.universes != universes:
            listing = self._listings[assets] = Listing(universes)
        return listing

    def _series(
        self, asset: str, expiry: Expiry | None, coin: str | None
    ) -> Query[tuple[Universe, Members]]:
        now_ms = self._source.approximate_ms()
        universe = yield from self._source.universe(asset)
        try:
            return universe, universe.choose(expiry, coin, now_ms)
        except Unknown:  # it may have been listed since
            universe = yield from self._source.current_universe(asset)
            return universe, universe.choose(expiry, coin, self._source.approximate_ms())

    def _check_bounds(self, scope: "Scope", moment: Moment, is_raw: bool) -> Query[None]:
        symbols = set(scope.symbols)
        named = sorted({symbol.partition("-")[0] for symbol in symbols})
        universes: list[Universe] = []
        for name in named or scope.assets(moment.feed):
            universe = yield from self._source.current_universe(name)
            own = [each for each in universe.instruments if not symbols or each.symbol in symbols]
            universes.append(Universe(name, universe.version, own, ()))
        matching.check_bounds(universes, scope.bounds, moment.venue_ms, is_raw)
        instruments = [instrument for each in universes for instrument in each.instruments]
        matching.check_terms(instruments, scope.bounds, moment.venue_ms, is_raw)


def respelled(results: Sequence[Option | Absent]) -> list[str] | None:
    """Return the symbols of *results*, unknown ones as the venue spells them.

    None if no unknown symbol has another spelling: there is nothing to read again.
    """
    if not any(map(_is_unknown, results)):
        return None
    from fastopts.reader.selection.spelling import canonical

    names = [(_is_unknown(each) and canonical(each.symbol)) or each.symbol for each in results]
    return None if names == [each.symbol for each in results] else names


def _is_unknown(result: Option | Absent) -> bool:
    return isinstance(result, Absent) and isinstance(result.reason, Unknown)


def check_elapsed(since_s: float, limit_s: float) -> None:
    """Raise StoreUnavailable if more than *limit_s* have passed since *since_s* (`steady_s`).

    A process that was suspended (SIGSTOP, a frozen cgroup, a paused VM) between read and return
    would otherwise return values as old as the pause as live.
    """
    elapsed_s = steady_s() - since_s
    if elapsed_s > limit_s:
        raise late_reply(elapsed_s)


def late_reply(elapsed_s: float) -> StoreUnavailable:
    """Return the error for a reply that was processed *elapsed_s* after its request."""
    return StoreUnavailable(
        f"the reply was processed {elapsed_s:.1f} s late: this process was suspended or busy;"
        " read again"
    )


def single(results: list[T | Absent]) -> T:
    """Return the only one of *results*, or raise its error."""
    [result] = raise_absent(results)
    assert not isinstance(result, Absent)
    return result


def raise_absent(results: list[T | Absent]) -> list[T | Absent]:
    """Return *results*. Raises the error of the first that is absent."""
    for result in results:
        if isinstance(result, Absent):
            raise result.reason
    return results


def relisted_too_often() -> StoreError:
    """Return the error for a listing that changed during every attempt to read it."""
    return StoreError("the listing changed during each attempt to read it; read again")


def _delisted(symbol: str) -> Unknown:
    return Unknown(f"{symbol} is not listed any more")


def _no_such_coin(universe: Universe, settle: str | None) -> Unknown:
    coins = sorted({series.settle for series in universe.series()})
    options = f"options of {universe.asset}" + (f" settled in {settle}" if settle else "")
    return Unknown(f"no {options}; there are: {', '.join(coins) or 'none'}")
