"""The rules of reading, without a wire: each query is a generator of requests.

A query yields a `Request`, is sent the replies that came, and returns what was asked for. The
readers drive it: one by blocking, one by awaiting.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from fastopts import keys
from fastopts.clock import steady_s
from fastopts.core import Records, mget, value
from fastopts.errors import (
    StoreError,
    StoreUnavailable,
    Unknown,
    clipped,
)
from fastopts.model import Instrument
from fastopts.net.redis.resp import Replies, ReplyList, checked, pack, parsing_replies
from fastopts.reader.freshness.feed import NO_VERSION, Feed, RollbackDetector, Version, parse_feed
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.freshness.requirements import (
    Requirements,
    expired_error,
    raise_if_down,
    read_options,
)
from fastopts.reader.objects import universe
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Members, Series, Universe, asset_name, no_asset
from fastopts.reader.redis.counters import counters_of
from fastopts.reader.redis.failover import ASK_ROLE, FailoverTimer, master_of, with_master
from fastopts.reader.redis.raw_fields import raw_fields
from fastopts.reader.selection import arguments as checks
from fastopts.reader.selection import matching as selection

if TYPE_CHECKING:
    from fastopts.reader.export.table import Table
    from fastopts.reader.objects.market import Listing, Market
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan
    from fastopts.reader.selection.scope import Scope

__all__ = ("Queries", "Query", "Request", "check_elapsed")

T = TypeVar("T")
R = TypeVar("R", bound=Replies)

# The order matters: a record that is read before the feed is never newer than what the feed says.
_FEED_AND_TIME: Final = pack("HGETALL", keys.FEED) + pack("TIME")
_ATTEMPTS: Final = 5  # at a universe that changes while it is read
_ASKED_MAX: Final = 3  # times for a reply that was taken too late
_SLOW_MS: Final = 100  # a reply that took longer counts as read when it was taken


class Request(NamedTuple):
    """Bytes for the server, and what reads the answer."""

    payload: bytes
    replies: Callable[[], Replies]
    is_anew: bool = False  # over a new connection, the name of the server being resolved anew


class _Sent(Generic[R]):
    """Makes the replies of a request, and keeps the time at which it was sent."""

    def __init__(self, make: Callable[[], R]) -> None:
        self.at_s = steady_s()
        self._make = make

    def __call__(self) -> R:
        self.at_s = steady_s()
        return self._make()


Query = Generator[Request, Any, T]
Check = Callable[[Moment, Requirements], None]


class Queries:
    """The queries of one reader, and what it may keep between them."""

    def __init__(self, venue: str, timeout_s: float) -> None:
        self.venue = venue
        self._timeout_s = timeout_s
        self._feed: tuple[bytes, Feed] = (b"", Feed({}))
        # Threads share a reader: what belongs together is replaced together.
        self._terms: tuple[Version, dict[str, Instrument]] = NO_VERSION, {}
        self._universes: dict[str, Universe] = {}
        self._listings: dict[tuple[str, ...], Listing] = {}
        self._prepared: tuple[Sequence[str], dict[str, Instrument], bytes] = (), {}, b""
        self._seen = (0, 0.0)
        self._progress = RollbackDetector()
        self._failover = FailoverTimer()
        self._failover.begin(steady_s())
        self._master: str | None = None  # of which the server is a replica

    def get(self, symbol: str, demand: Requirements) -> Query[Option]:
        # No check of the feed before: what is refused is told of with its symbol and age.
        found = yield from self._options([checks.symbol(symbol)], demand)
        return _only(found)

    def options(
        self, symbols: Iterable[str], demand: Requirements, strict: bool
    ) -> Query[list[Option | Absent]]:
        """A dead feed raises; *strict*: so does whatever is absent."""
        names = checks.symbols(symbols)
        if not names:
            return []
        found = yield from self._options(names, demand, raise_if_down)
        return _checked(found) if strict else found

    def feed(self) -> Query[Moment]:
        make = partial(ReplyList, 2, is_raw=True)
        while True:
            replies, sent_s = yield from self._ask(_FEED_AND_TIME, make)
            flat, now = checked(replies.values)
            moment = self._moment(parse_feed(flat, self.venue), now, {}, sent_s)
            if moment.live_conns or not (yield from self._reconnect(moment)):
                return moment

    def counters(self) -> Query[dict[str, int]]:
        replies, _ = yield from self._ask(pack("HGETALL", keys.STATS), partial(ReplyList, 1))
        return counters_of(replies.values[0])

    def expiries(self, asset: str) -> Query[list[Series]]:
        listed = yield from self.listed(asset)
        return listed.series()

    def instruments(self, asset: str | None) -> Query[list[Instrument]]:
        found: list[Instrument] = []
        for name in (yield from self._assets(asset)):
            listed = yield from self.listed(name)
            found += listed.instruments
        return found

    def chain(
        self, asset: str, expiry: Expiry | None, settle: str | None, demand: Requirements
    ) -> Query[Chain]:
        coin = universe.settle_coin(settle)
        for _ in range(_ATTEMPTS):
            listed, members = yield from self._series(asset, expiry, coin)
            records, moment, _ = yield from self._look(members.symbols)
            if not self._stands(listed, moment):
                self._universes.pop(listed.asset, None)
            elif listed.choose(expiry, coin, moment.venue_ms) is members:
                raise_if_down(moment, demand)
                found = read_options(members.symbols, records, moment, demand)
                return Chain(members, found, moment)
        raise _restless()

    def chains(self, asset: str, settle: str | None, demand: Requirements) -> Query[list[Chain]]:
        coin = universe.settle_coin(settle)
        for _ in range(_ATTEMPTS):
            listed = yield from self.listed(asset)
            chosen = [each for each in listed.members if coin in (None, each.series.settle)]
            if not chosen:
                raise _no_coin(listed, coin)
            symbols = [symbol for each in chosen for symbol in each.symbols]
            records, moment, _ = yield from self._look(symbols)
            if self._stands(listed, moment):
                raise_if_down(moment, demand)
                found = iter(read_options(symbols, records, moment, demand))
                return [
                    Chain(each, list(islice(found, len(each.symbols))), moment) for each in chosen
                ]
        raise _restless()

    def scan(
        self,
        asset: str | None,
        bounds: "Bounds",
        gate: bool,
        sort: str | None,
        limit: int | None,
        require_live: bool,
    ) -> "Query[Scan]":
        from fastopts.reader.selection import scan

        checked, most = scan.check(bounds, gate, sort, limit)
        market = yield from self._market(asset, require_live)
        selection.check_bounds(
            market.listing.universes, checked, market.moment.venue_ms, is_raw=not gate
        )
        return scan.scan(market, checked, gate, sort, most)

    def table(self, asset: str | None, require_live: bool) -> "Query[Table]":
        """Every option that has ticked. A dead feed raises."""
        from fastopts.reader.export.table import Table

        market = yield from self._market(asset, require_live)
        return Table(market, market.held.nonzero()[0])

    def _market(self, asset: str | None, require_live: bool) -> "Query[Market]":
        from fastopts.reader.objects.market import Listing, Market

        demand = Requirements(require_live).checked()
        for _ in range(_ATTEMPTS):
            names = yield from self._assets(asset)
            listed: list[Universe] = []
            for name in names:
                listed += [(yield from self._universe(name))]
            listing = self._listings.get(names)
            if listing is None or listing.universes != listed:
                listing = self._listings[names] = Listing(listed)
            records = None
            if listing.symbols:
                records, moment, _ = yield from self._look(listing.symbols)
            else:
                moment = yield from self.feed()
            if all(self._stands(one, moment) for one in listed):
                raise_if_down(moment, demand)
                return Market(listing, records, moment)
            self._universes.clear()
        raise _restless()

    def text(self, symbol: str, demand: Requirements) -> Query[dict[str, str]]:
        found = yield from self._texts([checks.symbol(symbol)], demand)
        return _only(found)

    def texts(
        self, symbols: Iterable[str], demand: Requirements, strict: bool
    ) -> Query[list[dict[str, str] | Absent]]:
        """The hashes of *symbols*; as `options`."""
        names = checks.symbols(symbols)
        if not names:
            return []
        found = yield from self._texts(names, demand, raise_if_down)
        return _checked(found) if strict else found

    def _stands(self, listed: Universe, moment: Moment) -> bool:
        """Whether *listed* is what was listed at the *moment*."""
        return listed.version == moment.feed.version

    def _options(
        self, symbols: Sequence[str], demand: Requirements, check: Check = lambda *_: None
    ) -> Query[list[Option | Absent]]:
        records, moment, _ = yield from self._look(symbols)
        check(moment, demand)
        found = read_options(symbols, records, moment, demand)
        return (yield from self.suggested(found, moment.venue_ms))

    def _texts(
        self, symbols: Sequence[str], demand: Requirements, check: Check = lambda *_: None
    ) -> Query[list[dict[str, str] | Absent]]:
        names = [symbol if keys.is_symbol(symbol) else "" for symbol in symbols]
        # The hashes are read after the records, which are written after them: never older.
        hashes = b"".join([pack("HGETALL", keys.option(name)) for name in names])
        records, moment, answers = yield from self._look(symbols, hashes, len(names))
        check(moment, demand)
        found = read_options(symbols, records, moment, demand)
        found = yield from self.suggested(found, moment.venue_ms)
        return [
            one
            if isinstance(one, Absent)
            else raw_fields(one, records.record(place), value(answer))
            for place, (one, answer) in enumerate(zip(found, answers, strict=True))
        ]

    def _look(
        self, symbols: Sequence[str], extra: bytes = b"", extra_count: int = 0
    ) -> Query[tuple[Records, Moment, list[bytes]]]:
        """The records of *symbols*, the moment at which they were read, and the replies to the
        *extra* commands between them: in one round trip, and a few more where terms are not known.
        """
        for _ in range(_ATTEMPTS):
            version, terms = self._terms
            unmet, command = self._prepare(symbols, terms)
            payload = command + extra + _FEED_AND_TIME + universe.ask_terms(unmet)
            others = extra_count + 2 + len(unmet)
            records, sent_s = yield from self._ask(payload, partial(Records, len(symbols), others))
            if records.error is not None:
                raise records.error
            answers = records.others[:extra_count]
            raw_feed, raw_now, *raw_terms = records.others[extra_count:]
            feed = self._read_feed(raw_feed)
            if feed.version != version:
                version, terms = self._terms = feed.version, {}
                if len(unmet) < len(symbols):
                    continue
            terms |= _known(unmet, raw_terms)
            moment = self._moment(feed, value(raw_now), terms, sent_s)
            if moment.live_conns or not (yield from self._reconnect(moment)):
                return records, moment, answers
        raise _restless()

    def _reconnect(self, moment: Moment) -> Query[bool]:
        """Whether there is a new connection now, as the feed has been down over the last one for
        too long: the name may lead to another server, after a failover."""
        now = steady_s()
        if moment.down is None or not self._failover.is_over(now):
            return False
        self._failover.given_up(now)
        replies = yield Request(ASK_ROLE, partial(ReplyList, 1), is_anew=True)
        self._master = master_of(replies.values[0])
        return True

    def _prepare(
        self, symbols: Sequence[str], terms: dict[str, Instrument]
    ) -> tuple[list[str], bytes]:
        """The symbols of unknown terms, and the command for the records: kept for the next time."""
        asked, known, command = self._prepared
        if asked == symbols and known is terms:
            return [], command
        command = mget(symbols)
        unmet = [name for name in symbols if name not in terms and keys.is_symbol(name)]
        if not unmet:
            self._prepared = symbols[:], terms, command
        return unmet, command

    def _read_feed(self, raw: bytes) -> Feed:
        held, feed = self._feed
        if raw != held:
            [flat] = checked([value(raw)])
            fresh = parse_feed(flat, self.venue)
            if fresh.skew_is_large and not feed.skew_is_large:
                _tell_of_skew(fresh.skew_ms)
            feed = fresh
            self._feed = raw, fresh
        return feed

    def _ask(self, payload: bytes, make: Callable[[], R]) -> Query[tuple[R, float]]:
        """The replies, and when they were asked for. A reply that is taken after the timeout is as
        old as that, since the process stood still or was busy: it is asked for again."""
        for _ in range(_ASKED_MAX):
            sent = _Sent(make)
            replies: R = yield Request(payload, sent)
            elapsed_s = steady_s() - sent.at_s
            if elapsed_s <= self._timeout_s:
                return replies, sent.at_s
        raise _stood_still(elapsed_s)

    def _moment(
        self, feed: Feed, now: Any, terms: Mapping[str, Instrument], sent_s: float
    ) -> Moment:
        with parsing_replies():
            [(seconds, micros)] = checked([now])
            now_ms = int(seconds) * 1000 + int(micros) // 1000
        problem = self._progress.problem(feed, now_ms)
        elapsed_ms = round((steady_s() - sent_s) * 1000)
        if elapsed_ms > _SLOW_MS:  # how much of it came after TIME is not known: all of it
            now_ms += elapsed_ms
        moment = Moment(feed, now_ms, terms, problem)
        self._seen = moment.venue_ms, steady_s()
        if feed.live_conns(now_ms):
            self._failover.alive(sent_s)
        elif self._master is not None and (down := feed.down(now_ms)) is not None:
            moment.problem = with_master(down, self._master)
        return moment

    def _about_ms(self) -> int:
        """The venue's time, about: what is chosen by it is chosen again by the server's."""
        venue_ms, seen_at = self._seen
        return venue_ms + round((steady_s() - seen_at) * 1000)

    def _assets(self, asset: str | None) -> Query[tuple[str, ...]]:
        if asset is not None:
            return (asset_name(asset),)
        _, feed = self._feed
        if not feed.assets or not self._universes.keys() >= set(feed.assets):
            moment = yield from self.feed()
            feed = moment.feed
        return feed.assets

    def _series(
        self, asset: str, expiry: Expiry | None, coin: str | None
    ) -> Query[tuple[Universe, Members]]:
        listed = yield from self._universe(asset)
        try:
            return listed, listed.choose(expiry, coin, self._about_ms())
        except Unknown:  # it may have been listed since
            listed = yield from self.listed(asset)
            return listed, listed.choose(expiry, coin, self._about_ms())

    def listed(self, asset: str) -> Query[Universe]:
        """The universe as it is now."""
        moment = yield from self.feed()
        held = self._universes.get(asset_name(asset))
        if held is not None and not self._stands(held, moment):
            self._universes.pop(held.asset, None)
        return (yield from self._universe(asset))

    def _universe(self, asset: str) -> Query[Universe]:
        """The universe as it was last known, or as it is now. Raises Unknown for an empty one."""
        name = asset_name(asset)
        held = self._universes.get(name)
        if held is not None:
            return held
        for _ in range(_ATTEMPTS):
            ask = pack("SMEMBERS", keys.asset(name))
            make = partial(ReplyList, 3, is_raw=True)
            replies, _ = yield from self._ask(ask + _FEED_AND_TIME, make)
            members, flat, _ = checked(replies.values)
            before = parse_feed(flat, self.venue)
            if not members and name in before.assets:
                return Universe(name, before.version, (), ())
            if not members:
                raise no_asset(name, before)
            symbols = sorted(keys.symbols_of(members))
            if not symbols:
                raise StoreError(f"{keys.asset(name)} holds no symbol: another program wrote it")
            _, after, _ = yield from self._look(symbols)
            if before.version == after.feed.version:
                placed = {s: one for s in symbols if (one := after.terms.get(s)) is not None}
                unplaced = [symbol for symbol in symbols if symbol not in placed]
                made = Universe(name, after.feed.version, placed.values(), unplaced)
                if not unplaced:  # terms that are being written do not raise the version again
                    self._universes[name] = made
                return made
        raise _restless()

    def check_selection(self, scope: "Scope", is_raw: bool = False) -> Query[None]:
        """Raise why *scope* can never match, or not all of it: Unknown, Expired or BadInput.

        *is_raw*: what was delivered, and still is listed, matches.
        While the feed is down it is not known what is listed, and nothing is raised.
        """
        moment = yield from self.feed()
        if moment.down is not None:
            selection.check_forms(scope.symbols)
            return
        absent = yield from self.lacking(scope, is_raw)
        if absent:
            raise selection.refusal(absent, len(scope.symbols))
        if scope.asset is not None and scope.asset not in moment.feed.assets:
            raise no_asset(scope.asset, moment.feed)
        if not scope.bounds:
            return
        wanted = set(scope.symbols)
        assets = sorted({symbol.partition("-")[0] for symbol in wanted})
        listed: list[Universe] = []
        for name in assets or scope.assets(moment.feed):
            whole = yield from self.listed(name)
            own = [one for one in whole.instruments if not wanted or one.symbol in wanted]
            listed.append(Universe(name, whole.version, own, ()))
        selection.check_bounds(listed, scope.bounds, moment.venue_ms, is_raw)
        instruments = [one for each in listed for one in each.instruments]
        selection.check_terms(instruments, scope.bounds, moment.venue_ms, is_raw)

    def lacking(self, scope: "Scope", is_raw: bool = False) -> Query[list[Absent]]:
        """Those symbols of *scope* that do not exist, or not any more; *is_raw* as above."""
        if not scope.symbols:
            return []
        demand = Requirements(require_live=False, allow_expired=is_raw)
        found = yield from self._options(scope.symbols, demand)
        return selection.lacking(found)

    def suggested(self, found: list[Any], venue_ms: int) -> Query[list[Any]]:
        """*found* with more about what is Unknown: the name under which it does exist, or that by
        its name it was delivered before *venue_ms*."""
        if all(found):
            return found
        from fastopts.reader.selection import spelling as naming

        unknown = {
            place: naming.spellings(one.symbol)
            for place, one in enumerate(found)
            if isinstance(one, Absent) and isinstance(one.reason, Unknown)
        }
        asked = [name for names in unknown.values() for name in names]
        known = set((yield from self._existing(asked))) if asked else set()
        for place, names in unknown.items():
            symbol = found[place].symbol
            meant = next((name for name in names if name in known), None)
            expired = expired_error(symbol, venue_ms)
            if meant is not None:
                fault = f"there is no option {clipped(repr(symbol))} here: did you mean {meant}?"
                found[place] = Absent(symbol, Unknown(fault))
            elif expired is not None:
                found[place] = Absent(symbol, expired)
        return found

    def _existing(self, symbols: Sequence[str]) -> Query[list[str]]:
        """Those of *symbols* that are listed or have ticked."""
        payload = b"".join(
            [pack("EXISTS", keys.record(one), keys.instrument(one)) for one in symbols]
        )
        replies, _ = yield from self._ask(payload, partial(ReplyList, len(symbols)))
        pairs = zip(symbols, checked(replies.values), strict=True)
        return [symbol for symbol, count in pairs if count]


def check_elapsed(since_s: float, limit_s: float) -> None:
    """Raise StoreUnavailable when more than *limit_s* have passed since: what was read then is too
    old to be returned as current."""
    elapsed_s = steady_s() - since_s
    if elapsed_s > limit_s:
        raise _stood_still(elapsed_s)


def _only(found: list[T | Absent]) -> T:
    [one] = _checked(found)
    assert not isinstance(one, Absent)
    return one


def _checked(found: list[T | Absent]) -> list[T | Absent]:
    """Raises why the first that is absent is."""
    for one in found:
        if isinstance(one, Absent):
            raise one.reason
    return found


def _known(symbols: Sequence[str], raw_terms: Sequence[bytes]) -> dict[str, Instrument]:
    pairs = zip(symbols, raw_terms, strict=True)
    found = (universe.read_terms(symbol, value(raw)) for symbol, raw in pairs)
    return {one.symbol: one for one in found if one is not None}


def _no_coin(listed: Universe, settle: str | None) -> Unknown:
    coins = sorted({one.settle for one in listed.series()})
    what = f"options of {listed.asset}" + (f" settled in {settle}" if settle else "")
    return Unknown(f"no {what}; there are: {', '.join(coins) or 'none'}")


def _tell_of_skew(skew_ms: int) -> None:
    import logging  # not before it is needed: it would be a tenth of a reader's memory

    logging.getLogger(__name__).warning(
        "the venue's clock is %+.1f s off the Redis server's: ages are corrected by it",
        skew_ms / 1000,
    )


def _stood_still(elapsed_s: float) -> StoreUnavailable:
    return StoreUnavailable(
        f"this process took the answer {elapsed_s:.1f} s late: it was suspended or busy; read again"
    )


def _restless() -> StoreError:
    return StoreError("what is listed changes faster than it can be read")
