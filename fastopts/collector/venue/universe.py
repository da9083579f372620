"""The universe over REST: listed, cached, refreshed; and ticker rows for a warm start."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable, Container, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.collector.venue import universe_cache as cache
from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.config import KNOWN_COINS
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.errors import ConfigError, ConnectionLost, FastoptsError, VenueBanned, VenueError
from fastopts.model import Instrument
from fastopts.session.clocks import wall_ms
from fastopts.session.universe_diff import UniverseDiff, diff
from fastopts.venues.bybit import rest, symbols
from fastopts.venues.bybit.rest import RequestRefused, SkippedInstruments, TickerRows

__all__ = ("InstrumentUniverse",)

log = logging.getLogger(__name__)

# Of all that is kept of symbols together, whatever lists and streams name: three times what the
# venue lists. Each costs 2 KB here, and 3 KB in Redis.
SYMBOLS_MAX = 12_000
AFTER_EXPIRY_S = 5.0
LEFT_AFTER_S = 3600.0  # without a place in the list and without a tick: it has left the market

# Called with what came and what went.
Listener = Callable[[Sequence[Instrument], Sequence[Instrument]], None]
# Called with a coin and how many options it has.
Progress = Callable[[str, int], None]


class InstrumentUniverse:
    """The options there are, of *coins* (None: of all that have options)."""

    def __init__(
        self,
        driver: RestDriver,
        venue: str,
        coins: Sequence[str] | None,
        cache_path: Path,
        table: Table,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.driver = driver
        self._venue = venue
        self._named = coins
        self.coins: tuple[str, ...] = tuple(coins or ())
        """Those that were asked for: the named ones, or all that were found so far."""
        self._cache_path = cache_path
        self._table = table
        self.now_ms = now_ms  # of the venue's clock, as far as it is known: options expire by it
        self.distrust: Callable[[Sequence[str]], None] = lambda symbols: None
        """Called with symbols that two lists lack, that the guard keeps, and that did not tick."""
        self._adopted: dict[str, Instrument] = {}
        self._delisted: dict[str, int] = {}  # unexpired: late ticks of theirs are no listing
        self._guard = ConditionLog(logging.WARNING)
        # Symbols that the last list lacked and the guard kept: where their tick came from then, and
        # since when there was no other.
        self._doubted: dict[str, tuple[tuple[int, int, int], float]] = {}
        self._skipped_of: dict[str, SkippedInstruments] = {}
        self._refused = SkippedInstruments()  # by the limit, of the last answers
        self._reported: dict[str, int] = {}  # counts of skipped rows, as last logged

    async def load(self, may_use_cache: bool, progress: Progress) -> list[Instrument]:
        """Fetch the universe; where REST fails, the cache file stands in if it may.

        Raises VenueError, ConnectionLost or ConfigError when there is nothing to track.
        """
        answer, failures = await self._fetch(progress)
        if failures and may_use_cache:
            answer |= self._from_cache(failures)
        if failures and not answer:
            raise next(iter(failures.values()))
        found = diff({}, answer, self.now_ms())
        if not found.listed:
            raise VenueError(f"{self._venue} lists no options on {', '.join(self.coins)}")
        for coin, error in failures.items():
            log.warning("%s: %s", coin, error)
        listed = self._apply(found.listed, ())
        self._save(answer.values(), failures)
        self._report_skipped()
        return listed

    async def keep_fresh(self, duty: Duty, listener: Listener) -> None:
        """Refresh for ever, as often as *duty* is due and right after an expiry."""
        while True:
            next_expiry_ms = min((i.expiry_ms for i in self.instruments.values()), default=None)
            wait_s = duty.every_s
            if next_expiry_ms is not None:
                wait_s = min(wait_s, (next_expiry_ms - self.now_ms()) / 1000 + AFTER_EXPIRY_S)
            await asyncio.sleep(max(1.0, wait_s))
            await duty.attempt(self.refresh(listener))

    async def refresh(self, listener: Listener) -> bool:
        """Bring the universe up to date; what can't be fetched stays as it is.

        True when every coin was answered.
        """
        answer, failures = await self._fetch(lambda coin, count: None)
        for coin, error in failures.items():
            log.warning("%s: its universe stays as it was: %s", coin, error)
            answer |= {s: i for s, i in self.instruments.items() if i.asset == coin}
        found = diff(self.instruments, answer, self.now_ms())
        left = self._confirmed(found, failures)
        gone = [self.instruments[symbol] for symbol in (*found.delisted, *left)]
        listed = self._apply(found.listed, gone)
        if listed or gone:
            log.info("%d options listed or under new terms, %d gone", len(listed), len(gone))
            listener(listed, gone)
        self._forget_expired()
        self._report_skipped()
        self._save(self.instruments.values(), failures)
        return not failures

    async def warm_up(self) -> int:
        """Fill what has not ticked yet from REST; return how many rows were of use."""
        used = 0
        async for _, rows in self.quotes("warm start"):
            if rows is None:
                continue
            now = wall_ms()  # a time of receipt, which is kept as the host's: nothing depends on it
            for symbol, row in rows.by_symbol.items():
                if symbol in self._table:
                    used += self._table.put_rest(symbol, row, rows.time_ms, now)
        return used

    def tracked(self) -> dict[str, Instrument]:
        """What is listed, and what ticked before it was."""
        return {**self._adopted, **self.instruments}

    async def quotes(self, purpose: str) -> AsyncIterator[tuple[str, TickerRows | None]]:
        """Ask REST for the tickers of one coin after the other.

        None stands for an answer that failed, which is logged. A refusal is an answer: no rows.
        """
        for coin in sorted({instrument.asset for instrument in self.tracked().values()}):
            rows: TickerRows | None = None
            try:
                rows = await self.driver.run(rest.tickers(coin))
            except VenueBanned as error:
                log.warning("no %s: %s", purpose, error)
                yield coin, None
                break
            except RequestRefused as error:
                log.warning("%s: no %s: %s", coin, purpose, error)
                rows = TickerRows(self.now_ms(), {})
            except (VenueError, ConnectionLost) as error:
                log.warning("%s: no %s: %s", coin, purpose, error)
            yield coin, rows

    def adopt(self, symbol: str) -> bool:
        """Give an option that the list does not know (yet) its slot; tell whether it has one."""
        if symbol in self._adopted:
            return True
        instrument = symbols.parse(symbol)
        if instrument is None or instrument.expiry_ms <= self.now_ms():
            return False
        if instrument.asset not in self.coins:
            return False
        if symbol in self._delisted or len(self._table) >= SYMBOLS_MAX:
            return False
        log.info("%s ticks before it is listed", symbol)
        self._adopted[symbol] = instrument
        self._add(instrument)
        return True

    def has_expired(self, symbol: str) -> bool:
        """Whether a listed option was delivered, and is about to leave the list."""
        listed = self.instruments.get(symbol)
        return listed is not None and listed.expiry_ms <= self.now_ms()

    async def _fetch(
        self, progress: Progress
    ) -> tuple[dict[str, Instrument], dict[str, FastoptsError]]:
        """Return the options found, and what went wrong for which coin."""
        found: dict[str, Instrument] = {}
        failures: dict[str, FastoptsError] = {}
        seen: set[str] = set()
        try:
            await self._find_coins()
        except (VenueBanned, ConnectionLost) as error:
            return found, dict.fromkeys(self.coins, error)
        for coin in self.coins:
            try:
                listed = await self.driver.run(rest.instruments(coin))
            except RequestRefused as error:
                if self._named is not None or coin in self._assets():
                    failures[coin] = error
                continue  # the venue has no such options, and nobody named them
            except VenueError as error:
                failures[coin] = error
                continue
            except ConnectionLost as error:
                # Nobody is there: the other coins would not be answered either.
                return found, failures | dict.fromkeys(set(self.coins) - seen, error)
            seen.add(coin)
            self._skipped_of[coin] = listed.skipped
            room = SYMBOLS_MAX - len(found)
            for instrument in listed.instruments:
                # what is known stays: it is not missing from the answer
                if instrument.symbol in self.instruments or room > 0:
                    found[instrument.symbol] = instrument
                    room -= 1
                else:
                    listed.skipped.add(rest.LIMIT, instrument.symbol)
            progress(coin, len(listed.instruments))
        return found, failures

    async def _find_coins(self) -> None:
        """Bring `coins` up to date. Raises ConnectionLost or VenueBanned."""
        if self._named is not None:
            return
        before = self.coins
        self.coins = tuple(dict.fromkeys((*KNOWN_COINS, *before, *sorted(self._assets()))))
        try:
            found = await self.driver.run(rest.base_coins())
        except VenueBanned:
            raise
        except VenueError as error:
            found = frozenset()
            if not before:
                log.info("the venue does not name its coins: %s", error)
        self.coins = tuple(dict.fromkeys((*self.coins, *sorted(found))))
        if not before:
            source = f"{len(found)} named by the venue" if found else "a built-in list"
            log.info("coins: %s (%s)", ", ".join(self.coins), source)
        elif fresh := [coin for coin in self.coins if coin not in before]:
            log.info("the venue names new coins: %s", ", ".join(fresh))

    def _assets(self) -> set[str]:
        return {instrument.asset for instrument in self.instruments.values()}

    @property
    def are_all_coins(self) -> bool:
        """Whether all coins were wanted, and none was named."""
        return self._named is None

    @property
    def skipped(self) -> SkippedInstruments:
        """What the venue lists and is not tracked, as of the last answers."""
        together = SkippedInstruments()
        for each in (*self._skipped_of.values(), self._refused):
            together.merge(each)
        return together

    def statistics(self) -> dict[str, str]:
        """The fields of `stats` on the coins, and on what is listed and not tracked."""
        skipped = self.skipped
        return {
            StatsField.COINS: ",".join(self.coins),
            StatsField.COINS_WANTED: "all" if self._named is None else ",".join(self._named),
            StatsField.SKIPPED: str(skipped.total),
            **{
                f"{StatsField.SKIPPED_BY}{reason}": str(skipped.counts.get(reason, 0))
                for reason in rest.REASONS
            },
            StatsField.SKIPPED_EXAMPLE: min(skipped.examples.values(), default=""),
        }

    def _report_skipped(self) -> None:
        skipped = self.skipped
        if skipped.counts != self._reported:
            self._reported = dict(skipped.counts)
            for words in skipped.sentences():
                log.warning("%s", words)

    def _now(self) -> datetime:
        """The venue's time; the host's before the first answer of any kind."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def _from_cache(self, coins: Container[str]) -> dict[str, Instrument]:
        # Without any answer of the venue only the host's clock remains: what it takes for expired
        # is listed again by the first refresh that succeeds.
        now = self._now()
        try:
            held = cache.load(self._cache_path, self._venue, now)
        except ConfigError as error:
            log.warning("%s", error)
            return {}
        if held is None:
            return {}
        # With all coins wanted, what the file has of others was found before.
        found = {
            symbol: instrument
            for symbol, instrument in held.instruments.items()
            if instrument.asset in coins
            or (self._named is None and instrument.asset not in self.coins)
        }
        if found:
            log.warning(
                "REST fails: %d options from %s stand in, %s",
                *(len(found), self._cache_path, held.age(now)),
            )
        return {s: _as_trading(i) for s, i in found.items()}

    def _save(self, instruments: Iterable[Instrument], failures: Container[str]) -> None:
        """Write the file, unless it would lose what it has on a coin that failed."""
        now = self._now()
        try:
            held = cache.load(self._cache_path, self._venue, now)
        except ConfigError:
            held = None  # a broken file is replaced
        if held is not None and any(i.asset in failures for i in held.instruments.values()):
            return
        try:
            cache.save(self._cache_path, self._venue, instruments, now)
        except ConfigError as error:
            log.warning("%s", error)

    def _confirmed(self, found: UniverseDiff, failures: Container[str]) -> list[str]:
        """Hold against the symbols that the guard keeps that they do not tick.

        Those that two answers lack are distrusted; returns those that were lacking for so long that
        they have left the market.
        """
        now = asyncio.get_running_loop().time()
        if found.objections:
            words = f"{'; '.join(found.objections)}: kept, but not live unless they tick"
            self._guard.begin(words, now)
        else:
            self._guard.end("the list is plausible again", now)
        before, self._doubted = self._doubted, {}
        for symbol, (origin, since) in before.items():
            listed = self.instruments.get(symbol)
            if listed is not None and listed.asset in failures:  # not judged this time
                self._doubted[symbol] = origin, since
        for symbol in found.retained:
            origin = self._table.origin_of(symbol)
            last = before.get(symbol)
            is_silent = last is not None and last[0] == origin
            self._doubted[symbol] = (origin, last[1] if last and is_silent else now)
        silent = [s for s in found.retained if s in before and before[s][0] == self._doubted[s][0]]
        left = [s for s in silent if now - self._doubted[s][1] >= LEFT_AFTER_S]
        distrusted = [symbol for symbol in silent if symbol not in left]
        if distrusted:
            self.distrust(distrusted)
        for symbol in left:
            del self._doubted[symbol]
        return left

    def _apply(self, listed: Iterable[Instrument], gone: Iterable[Instrument]) -> list[Instrument]:
        """Drop *gone*, take in *listed*; return those for which there was room."""
        for instrument in gone:
            del self.instruments[instrument.symbol]
            self._delisted[instrument.symbol] = instrument.expiry_ms
            if instrument.expiry_ms > self.now_ms():
                self._table.mark_suspect(instrument.symbol)  # what stands there ticks no more
            self._table.retire(instrument.symbol)
        admitted = self._admitted(listed)
        for instrument in admitted:
            self.instruments[instrument.symbol] = instrument
            self._adopted.pop(instrument.symbol, None)
            self._delisted.pop(instrument.symbol, None)
            self._add(instrument)
        excess = len(self._delisted) + len(self._table) - SYMBOLS_MAX
        for symbol in list(self._delisted)[: max(0, excess)]:  # the oldest
            del self._delisted[symbol]
        return admitted

    def _admitted(self, listed: Iterable[Instrument]) -> list[Instrument]:
        """Those of *listed* for which there is room. What ticked unlisted makes room for them."""
        wanted = list(listed)
        fresh = [i.symbol for i in wanted if i.symbol not in self._table]
        names = {instrument.symbol for instrument in wanted}
        for symbol in [symbol for symbol in self._adopted if symbol not in names]:
            if len(fresh) <= SYMBOLS_MAX - len(self._table):
                break
            del self._adopted[symbol]
            self._table.retire(symbol)
        room = max(0, SYMBOLS_MAX - len(self._table))
        self._refused = SkippedInstruments()
        for symbol in fresh[room:]:
            self._refused.add(rest.LIMIT, symbol)
        refused = set(fresh[room:])
        return [instrument for instrument in wanted if instrument.symbol not in refused]

    def _forget_expired(self) -> None:
        now = self.now_ms()
        self._delisted = {s: end for s, end in self._delisted.items() if end > now}
        for symbol, instrument in list(self._adopted.items()):
            if instrument.expiry_ms <= now:
                del self._adopted[symbol]
                self._table.retire(symbol)

    def _add(self, instrument: Instrument) -> None:
        self._table.add(
            instrument.symbol,
            instrument.expiry_ms,
            instrument.strike,
            instrument.kind,
            instrument.settle,
        )


def _as_trading(instrument: Instrument) -> Instrument:
    """Old files hold symbols only: those of contracts that traded then."""
    if instrument.status:
        return instrument
    return dataclasses.replace(instrument, status="Trading")
