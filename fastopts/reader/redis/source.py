"""`RedisSource`: what queries read from the server, as requests and replies without I/O."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar

from fastopts import keys
from fastopts.clock import steady_s
from fastopts.core import Records, mget, value
from fastopts.errors import StoreError
from fastopts.model import Instrument
from fastopts.net.redis.resp import Replies, ReplyList, checked, pack, parsing_replies
from fastopts.reader.freshness.feed import NO_VERSION, Feed, RollbackDetector, Version, parse_feed
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.freshness.requirements import Requirements, raise_if_down, read_options
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.universe import (
    Universe,
    ask_terms,
    asset_name,
    no_asset,
    read_terms,
)
from fastopts.reader.queries import (
    ATTEMPTS,
    Check,
    Queries,
    Query,
    RedisRequest,
    late_reply,
    raise_absent,
    relisted_too_often,
    respelled,
    single,
)
from fastopts.reader.redis.failover import ASK_ROLE, FailoverTimer, master_of, with_master
from fastopts.reader.redis.raw_fields import raw_fields
from fastopts.reader.selection import arguments

__all__ = ("RedisQueries", "RedisSource")

R = TypeVar("R", bound=Replies)

# Records are read before the feed: the feed a record is judged by is never older than the record,
# so that a connection that broke in between is known to be broken.
_FEED_AND_TIME: Final = pack("HGETALL", keys.FEED) + pack("TIME")
_SENDS_MAX: Final = 3  # of a request whose reply was processed too late
# A reply that took longer counts as read when it was processed: how much of the delay came after
# TIME is unknown, and no age may be understated.
_SLOW_MS: Final = 100


class RedisSource:
    """Reads of one server, and the state kept between them.

    Threads share a reader without a lock: values that belong together are kept in one tuple, which
    is replaced as a whole.
    """

    def __init__(self, venue: str, timeout_s: float) -> None:
        self.venue = venue
        self._timeout_s = timeout_s
        self._feed: tuple[bytes, Feed] = (b"", Feed({}))
        self._terms: tuple[Version, dict[str, Instrument]] = NO_VERSION, {}
        self._universes: dict[str, Universe] = {}
        self._prepared: tuple[Sequence[str], dict[str, Instrument], bytes] = (), {}, b""
        self._clock = (0, 0.0)  # the venue's time at the last read, and our own then
        self._rollbacks = RollbackDetector()
        self._failover = FailoverTimer()
        self._failover.begin(steady_s())
        self._master: str | None = None  # set while the server is a replica

    def feed(self) -> Query[Moment]:
        """Read the feed."""
        parser = partial(ReplyList, 2, is_raw=True)
        while True:
            replies, sent_s = yield from self._ask(_FEED_AND_TIME, parser)
            flat, now = checked(replies.values)
            moment = self._moment(parse_feed(flat, self.venue), now, {}, sent_s)
            if moment.live_conns or not (yield from self._reconnected(moment)):
                return moment

    def counters(self) -> Query[dict[str, int]]:
        """Read the collector's counters; empty if there are none or another program's."""
        # Without the feed: counters of a dead collector are still of interest.
        replies, _ = yield from self._ask(pack("HGETALL", keys.STATS), partial(ReplyList, 1))
        return _counters(replies.values[0])

    def read(self, symbols: Sequence[str]) -> Query[tuple[Records, Moment]]:
        """Read records, feed and server time."""
        records, moment, _ = yield from self._read_with(symbols, b"", 0)
        return records, moment

    def read_hashes(
        self, symbols: Sequence[str]
    ) -> Query[tuple[Records, Moment, list[list[bytes] | StoreError]]]:
        """Read records and hashes of *symbols*, feed and server time."""
        # The collector writes an option's record after its hash, and they are read in the opposite
        # order: the hash is never older than the record by which its freshness is judged.
        names = [symbol if keys.is_symbol(symbol) else "" for symbol in symbols]
        commands = b"".join([pack("HGETALL", keys.option(name)) for name in names])
        records, moment, replies = yield from self._read_with(symbols, commands, len(names))
        return records, moment, [value(reply) for reply in replies]

    def existing(self, symbols: Sequence[str]) -> Query[Sequence[str]]:
        """Ask which of *symbols* have a record or terms."""
        payload = b"".join(
            [pack("EXISTS", keys.record(name), keys.instrument(name)) for name in symbols]
        )
        replies, _ = yield from self._ask(payload, partial(ReplyList, len(symbols)))
        pairs = zip(symbols, checked(replies.values), strict=True)
        return [symbol for symbol, count in pairs if count]

    def delisted(self, symbols: Sequence[str]) -> Sequence[str]:
        """Return nothing: a reader does not follow the listing."""
        return ()

    def assets(self, asset: str | None) -> Query[tuple[str, ...]]:
        """Return the checked name, or the assets of the feed: the last one read, if all of its
        universes are known, since reading the records compares its version anyway."""
        if asset is not None:
            return (asset_name(asset),)
        _, feed = self._feed
        if not feed.assets or not self._universes.keys() >= set(feed.assets):
            moment = yield from self.feed()
            feed = moment.feed
        return feed.assets

    def universe(self, asset: str) -> Query[Universe]:
        """Return the universe as it was last read, else read it."""
        name = asset_name(asset)
        universe = self._universes.get(name)
        return universe if universe is not None else (yield from self._read_universe(name))

    def current_universe(self, asset: str) -> Query[Universe]:
        """Read the universe, unless the feed says that the known one is current."""
        moment = yield from self.feed()
        universe = self._universes.get(asset_name(asset))
        if universe is not None and not self.is_current(universe, moment):
            self.discard([universe.asset])
        return (yield from self.universe(asset))

    def is_current(self, universe: Universe, moment: Moment) -> bool:
        """Whether the feed still has the universe's version."""
        return universe.version == moment.feed.version

    def discard(self, assets: Iterable[str]) -> None:
        """Forget the universes of *assets*."""
        for name in assets:
            self._universes.pop(name, None)

    def approximate_ms(self) -> int:
        """Return the venue's time, extrapolated from the last read."""
        venue_ms, read_s = self._clock
        return venue_ms + round((steady_s() - read_s) * 1000)

    def holds_asset(self, asset: str) -> bool:
        """Return True: the server has every listing."""
        return True

    def _read_with(
        self, symbols: Sequence[str], commands: bytes, count: int
    ) -> Query[tuple[Records, Moment, list[bytes]]]:
        """Read records, the replies to *count* other *commands*, feed and time, in this order.

        One round trip; another one if terms or the listing changed, or the server was replaced.
        """
        for _ in range(ATTEMPTS):
            version, terms = self._terms
            without_terms, command = self._prepare(symbols, terms)
            payload = command + commands + _FEED_AND_TIME + ask_terms(without_terms)
            replies_behind = count + 2 + len(without_terms)
            parser = partial(Records, len(symbols), replies_behind)
            records, sent_s = yield from self._ask(payload, parser)
            if records.error is not None:
                raise records.error
            replies = records.others[:count]
            raw_feed, raw_now, *raw_terms = records.others[count:]
            feed = self._parse_feed(raw_feed)
            if feed.version != version:
                # All known terms are of another listing. Terms that were read just now may be kept.
                version, terms = self._terms = feed.version, {}
                if len(without_terms) < len(symbols):
                    continue
            terms |= _instruments(without_terms, raw_terms)
            moment = self._moment(feed, value(raw_now), terms, sent_s)
            if moment.live_conns or not (yield from self._reconnected(moment)):
                return records, moment, replies
        raise relisted_too_often()

    def _reconnected(self, moment: Moment) -> Query[bool]:
        """Open a new connection if the feed has been down for too long over this one.

        The server's name is resolved again for it, which may lead to the new master.
        """
        now = steady_s()
        if moment.down is None or not self._failover.is_over(now):
            return False
        self._failover.given_up(now)
        replies = yield RedisRequest(ASK_ROLE, partial(ReplyList, 1), on_new_connection=True)
        self._master = master_of(replies.values[0])
        return True

    def _prepare(
        self, symbols: Sequence[str], terms: dict[str, Instrument]
    ) -> tuple[list[str], bytes]:
        """Return the symbols whose terms are to be read, and the command for the records.

        The last command is kept: programs read the same symbols again and again, and preparing
        that for 100 symbols takes 15 of 118 µs.
        """
        prepared, known, command = self._prepared
        if prepared == symbols and known is terms:
            return [], command
        command = mget(symbols)
        without_terms = [name for name in symbols if name not in terms and keys.is_symbol(name)]
        if not without_terms:
            self._prepared = symbols[:], terms, command
        return without_terms, command

    def _parse_feed(self, raw: bytes) -> Feed:
        """Parse a raw reply; between two heartbeats it is the same, and so is the feed."""
        last, feed = self._feed
        if raw != last:
            [flat] = checked([value(raw)])
            parsed = parse_feed(flat, self.venue)
            if parsed.skew_is_large and not feed.skew_is_large:
                _log_skew(parsed.skew_ms)
            feed = parsed
            self._feed = raw, parsed
        return feed

    def _ask(self, payload: bytes, make: Callable[[], R]) -> Query[tuple[R, float]]:
        """Return the replies, and the time at which the request was sent.

        Replies that are processed after the timeout are as old as that, because this process was
        suspended or busy meanwhile: the request is sent again.
        """
        for _ in range(_SENDS_MAX):
            sent = _Sent(make)
            replies: R = yield RedisRequest(payload, sent)
            elapsed_s = steady_s() - sent.at_s
            if elapsed_s <= self._timeout_s:
                return replies, sent.at_s
        raise late_reply(elapsed_s)

    def _moment(
        self, feed: Feed, now: Any, terms: Mapping[str, Instrument], sent_s: float
    ) -> Moment:
        with parsing_replies():
            [(seconds, micros)] = checked([now])
            now_ms = int(seconds) * 1000 + int(micros) // 1000
        problem = self._rollbacks.problem(feed, now_ms)
        elapsed_ms = round((steady_s() - sent_s) * 1000)
        if elapsed_ms > _SLOW_MS:
            now_ms += elapsed_ms
        moment = Moment(feed, now_ms, terms, problem)
        self._clock = moment.venue_ms, steady_s()
        if feed.live_conns(now_ms):
            self._failover.alive(sent_s)
        elif self._master is not None and (down := feed.down(now_ms)) is not None:
            moment.problem = with_master(down, self._master)
        return moment

    def _read_universe(self, name: str) -> Query[Universe]:
        """Read members, feed and terms until all are of one version. Raises Unknown if empty."""
        for _ in range(ATTEMPTS):
            payload = pack("SMEMBERS", keys.asset(name)) + _FEED_AND_TIME
            replies, _ = yield from self._ask(payload, partial(ReplyList, 3, is_raw=True))
            members, flat, _ = checked(replies.values)
            before = parse_feed(flat, self.venue)
            # The feed names the asset, so it is not unknown: its set is still to be written, or
            # another program deleted it.
            if not members and name in before.assets:
                return Universe(name, before.version, (), ())
            if not members:
                raise no_asset(name, before)
            symbols = sorted(keys.symbols_of(members))
            if not symbols:
                raise StoreError(f"{keys.asset(name)} holds no symbol: another program wrote it")
            _, after = yield from self.read(symbols)
            if before.version == after.feed.version:
                return self._keep(name, after, symbols)
        raise relisted_too_often()

    def _keep(self, name: str, moment: Moment, symbols: Sequence[str]) -> Universe:
        listed = {symbol: moment.terms.get(symbol) for symbol in symbols}
        instruments = [each for each in listed.values() if each is not None]
        without_terms = [symbol for symbol, each in listed.items() if each is None]
        universe = Universe(name, moment.feed.version, instruments, without_terms)
        # Terms that are still being written appear without a new version: read again next time.
        if not without_terms:
            self._universes[name] = universe
        return universe


class RedisQueries(Queries):
    """The queries of a reader: those of any source, and those that only the server can answer."""

    def __init__(self, venue: str, timeout_s: float) -> None:
        self.venue = venue
        self._redis = RedisSource(venue, timeout_s)
        super().__init__(self._redis)

    def feed(self) -> Query[Moment]:
        """Return the feed."""
        return self._redis.feed()

    def counters(self) -> Query[dict[str, int]]:
        """Return the collector's counters."""
        return self._redis.counters()

    def text(self, symbol: str, requirements: Requirements) -> Query[dict[str, str]]:
        """Return the raw fields of one option, or raise why not."""
        results = yield from self._texts([arguments.symbol(symbol)], requirements)
        return single(results)

    def text_many(
        self, symbols: Iterable[str], requirements: Requirements, strict: bool
    ) -> Query[list[dict[str, str] | Absent]]:
        """Return raw fields or Absent for each symbol. *strict*: raise the first error."""
        names = arguments.symbols(symbols)
        if not names:
            return []
        results = yield from self._texts(names, requirements, raise_if_down)
        return raise_absent(results) if strict else results

    def _texts(
        self, symbols: Sequence[str], requirements: Requirements, check: Check = lambda *_: None
    ) -> Query[list[dict[str, str] | Absent]]:
        names: Sequence[str] | None = symbols
        while names is not None:
            records, moment, hashes = yield from self._redis.read_hashes(names)
            check(moment, requirements)
            options = read_options(names, records, moment, requirements)
            names = respelled(options)
        options = yield from self.with_suggestions(symbols, options, moment)
        return [
            option
            if isinstance(option, Absent)
            else raw_fields(option, records.record(index), flat)
            for index, (option, flat) in enumerate(zip(options, hashes, strict=True))
        ]


class _Sent(Generic[R]):
    """Makes the parser of a request's replies, and keeps the time at which it was sent.

    The connection asks for the parser right before it sends, after it has waited for its turn.
    """

    def __init__(self, make: Callable[[], R]) -> None:
        self.at_s = steady_s()
        self._make = make

    def __call__(self) -> R:
        self.at_s = steady_s()
        return self._make()


def _instruments(symbols: Sequence[str], raw_terms: Sequence[bytes]) -> dict[str, Instrument]:
    pairs = zip(symbols, raw_terms, strict=True)
    instruments = (read_terms(symbol, value(raw)) for symbol, raw in pairs)
    return {each.symbol: each for each in instruments if each is not None}


def _counters(flat: Any) -> dict[str, int]:
    """The fields of `stats` that are whole numbers; none of another program's key."""
    if not isinstance(flat, list):
        return {}
    pairs = zip(flat[::2], flat[1::2], strict=False)
    return {name: int(text) for name, text in pairs if text.isdecimal()}


def _log_skew(skew_ms: int) -> None:
    import logging  # a tenth of a reader's memory, and rarely needed

    logging.getLogger(__name__).warning(
        "the venue's clock is %+.1f s off the Redis server's; ages are corrected by it",
        skew_ms / 1000,
    )
