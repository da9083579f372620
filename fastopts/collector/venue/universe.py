"""The instrument universe: listed over REST, cached, refreshed, with options that tick unlisted."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable, Container, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.collector.venue import universe_cache
from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.config import KNOWN_COINS
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.errors import CacheError, ConnectionLost, FastoptsError, VenueBanned, VenueError
from fastopts.model import Instrument
from fastopts.session.clocks import wall_ms
from fastopts.session.universe_diff import UniverseDiff, diff
from fastopts.venues.bybit import rest, symbols
from fastopts.venues.bybit.rest import RequestRefused, SkippedInstruments, TickerRows

__all__ = ("InstrumentUniverse", "OnChange", "OnProgress")

log = logging.getLogger(__name__)

AFTER_EXPIRY_S = 5.0  # the venue lists the next expiry's options by then

# Called with the instruments that were listed, and those that were delisted.
OnChange = Callable[[Sequence[Instrument], Sequence[Instrument]], None]
# Called with a coin, and how many options it has.
OnProgress = Callable[[str, int], None]
# Called with symbols whose values must not count as live any more.
OnDistrust = Callable[[Sequence[str]], None]


class InstrumentUniverse:
    """The options of *coins* (None: of all coins that have options), in the slots of *table*.

    `instruments` has the listed ones by symbol; pass a dict to share it. *now_ms* is the venue's
    time as far as it is known: options expire by it. *on_distrust* is called with symbols that two
    lists in a row lack, that are retained all the same, and that did not tick in between.
    """

    def __init__(
        self,
        driver: RestDriver,
        venue: str,
        coins: Sequence[str] | None,
        cache_path: Path,
        table: Table,
        *,
        instruments: dict[str, Instrument] | None = None,
        now_ms: Callable[[], int] = wall_ms,
        on_distrust: OnDistrust = lambda symbols: None,
        limits: CollectorLimits | None = None,
    ) -> None:
        self.instruments = {} if instruments is None else instruments
        self.driver = driver
        self.now_ms = now_ms
        self.coins: tuple[str, ...] = tuple(coins or ())
        """The coins that are requested: the configured ones, or all that were found so far."""
        self._venue = venue
        self._configured_coins = coins
        self._cache_path = cache_path
        self._table = table
        self._on_distrust = on_distrust
        self._limits = limits = limits or CollectorLimits()
        self._adopted: dict[str, Instrument] = {}  # ticked before they were listed
        self._delisted: dict[str, int] = {}  # expiry in ms: late ticks of these are no new options
        self._retained_log = ConditionLog(logging.WARNING, limits)
        # Symbols that the last list lacked and that were retained: the origin of their tick then,
        # and since when there has been no other.
        self._retained: dict[str, tuple[tuple[int, int, int], float]] = {}
        self._skipped_by_coin: dict[str, SkippedInstruments] = {}
        self._over_limit = SkippedInstruments()  # of the last answers
        self._logged_counts: dict[str, int] = {}  # of skipped rows

    @property
    def tracks_all_coins(self) -> bool:
        """Whether all coins are tracked, rather than configured ones."""
        return self._configured_coins is None

    @property
    def skipped(self) -> SkippedInstruments:
        """Listed instruments that are not tracked, as of the last answers."""
        total = SkippedInstruments()
        for part in (*self._skipped_by_coin.values(), self._over_limit):
            total.merge(part)
        return total

    def statistics(self) -> dict[str, str]:
        """Return the fields of `stats` about coins and skipped instruments."""
        skipped = self.skipped
        configured = self._configured_coins
        return {
            StatsField.COINS: ",".join(self.coins),
            StatsField.COINS_WANTED: "all" if configured is None else ",".join(configured),
            StatsField.SKIPPED: str(skipped.total),
            **{
                f"{StatsField.SKIPPED_BY}{reason}": str(skipped.counts.get(reason, 0))
                for reason in rest.REASONS
            },
            StatsField.SKIPPED_EXAMPLE: min(skipped.examples.values(), default=""),
        }

    def tracked(self) -> dict[str, Instrument]:
        """Return all instruments by symbol: listed ones, and those that ticked before."""
        return {**self._adopted, **self.instruments}

    def has_expired(self, symbol: str) -> bool:
        """Whether a listed option has been delivered, and is about to leave the list."""
        instrument = self.instruments.get(symbol)
        return instrument is not None and instrument.expiry_ms <= self.now_ms()

    async def load(self, may_use_cache: bool, on_progress: OnProgress) -> list[Instrument]:
        """Fetch the universe; the cache file replaces coins for which REST fails, if allowed.

        Raises VenueError or ConnectionLost when there is nothing to track.
        """
        answer, failures = await self._fetch(on_progress)
        if failures and may_use_cache:
            answer |= self._from_cache(failures)
        if failures and not answer:
            raise next(iter(failures.values()))
        change = diff({}, answer, self.now_ms())
        if not change.listed:
            raise VenueError(f"{self._venue} lists no options on {', '.join(self.coins)}")
        for coin, error in failures.items():
            log.warning("%s: %s", coin, error)
        listed = self._apply(change.listed, ())
        self._save(answer.values(), failures)
        self._log_skipped()
        return listed

    async def keep_fresh(self, duty: Duty, on_change: OnChange) -> None:
        """Refresh when *duty* is due and after each expiry; runs until cancelled."""
        while True:
            next_expiry_ms = min((i.expiry_ms for i in self.instruments.values()), default=None)
            wait_s = duty.every_s
            if next_expiry_ms is not None:
                wait_s = min(wait_s, (next_expiry_ms - self.now_ms()) / 1000 + AFTER_EXPIRY_S)
            await asyncio.sleep(max(1.0, wait_s))
            await duty.attempt(self.refresh(on_change))

    async def refresh(self, on_change: OnChange) -> bool:
        """Bring the universe up to date; coins that cannot be fetched stay as they are.

        True when every coin was answered.
        """
        answer, failures = await self._fetch(lambda coin, count: None)
        for coin, error in failures.items():
            log.warning("%s: its universe stays as it was: %s", coin, error)
            answer |= {s: i for s, i in self.instruments.items() if i.asset == coin}
        change = diff(self.instruments, answer, self.now_ms())
        departed = self._judge_retained(change, failures)
        delisted = [self.instruments[symbol] for symbol in (*change.delisted, *departed)]
        listed = self._apply(change.listed, delisted)
        if listed or delisted:
            log.info("%d options listed or changed, %d delisted", len(listed), len(delisted))
            on_change(listed, delisted)
        self._forget_expired()
        self._log_skipped()
        self._save(self.instruments.values(), failures)
        return not failures

    async def warm_up(self) -> int:
        """Fill slots that have no tick yet from REST; return how many rows were used."""
        used = 0
        async for _, rows in self.quotes("warm start"):
            if rows is None:
                continue
            now_ms = wall_ms()  # receive times are this machine's; nothing depends on them
            for symbol, row in rows.by_symbol.items():
                if symbol in self._table:
                    used += self._table.put_rest(symbol, row, rows.time_ms, now_ms)
        return used

    async def quotes(self, purpose: str) -> AsyncIterator[tuple[str, TickerRows | None]]:
        """Request the tickers of one coin after the other from REST; *purpose* is for the log.

        Yields None for a coin whose request failed. A refusal is an answer without rows.
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
        """Give *symbol*, which ticks without being listed (yet), a slot; True if it has one.

        Options tick up to a refresh interval before the list shows them. Delisted ones are not
        adopted: their late ticks are no news.
        """
        if symbol in self._adopted:
            return True
        instrument = symbols.parse(symbol)
        if instrument is None or instrument.expiry_ms <= self.now_ms():
            return False
        if instrument.asset not in self.coins:
            return False
        if symbol in self._delisted or len(self._table) >= self._limits.symbols_max:
            return False
        log.info("%s ticks before it is listed", symbol)
        self._adopted[symbol] = instrument
        self._add_slot(instrument)
        return True

    async def _fetch(
        self, on_progress: OnProgress
    ) -> tuple[dict[str, Instrument], dict[str, FastoptsError]]:
        """Return the listed options by symbol, and the errors by coin."""
        by_symbol: dict[str, Instrument] = {}
        failures: dict[str, FastoptsError] = {}
        fetched: set[str] = set()
        try:
            await self._find_coins()
        except (VenueBanned, ConnectionLost) as error:
            return by_symbol, dict.fromkeys(self.coins, error)
        for coin in self.coins:
            try:
                answer = await self.driver.run(rest.instruments(coin))
            except RequestRefused as error:
                # Of a coin that is only a guess, a refusal means that it has no options.
                if self._configured_coins is not None or coin in self._assets():
                    failures[coin] = error
                continue
            except VenueError as error:
                failures[coin] = error
                continue
            except ConnectionLost as error:
                # The venue is away: the other coins would only wait for their timeouts, too.
                return by_symbol, failures | dict.fromkeys(set(self.coins) - fetched, error)
            fetched.add(coin)
            self._skipped_by_coin[coin] = answer.skipped
            room = self._limits.symbols_max - len(by_symbol)
            for instrument in answer.instruments:
                # A known one always stays: otherwise it would seem to be missing from the answer.
                if instrument.symbol in self.instruments or room > 0:
                    by_symbol[instrument.symbol] = instrument
                    room -= 1
                else:
                    answer.skipped.add(rest.LIMIT, instrument.symbol)
            on_progress(coin, len(answer.instruments))
        return by_symbol, failures

    async def _find_coins(self) -> None:
        """Bring `coins` up to date. Raises ConnectionLost or VenueBanned.

        The venue need not answer the question for its coins, or not completely: known coins, and
        those found earlier, are requested in any case.
        """
        if self._configured_coins is not None:
            return
        before = self.coins
        self.coins = tuple(dict.fromkeys((*KNOWN_COINS, *before, *sorted(self._assets()))))
        try:
            named = await self.driver.run(rest.base_coins())
        except VenueBanned:
            raise
        except VenueError as error:
            named = frozenset()
            if not before:
                log.info("the venue does not name its coins: %s", error)
        self.coins = tuple(dict.fromkeys((*self.coins, *sorted(named))))
        if not before:
            source = f"{len(named)} named by the venue" if named else "the built-in list"
            log.info("coins: %s (%s)", ", ".join(self.coins), source)
        elif new := [coin for coin in self.coins if coin not in before]:
            log.info("the venue names new coins: %s", ", ".join(new))

    def _assets(self) -> set[str]:
        return {instrument.asset for instrument in self.instruments.values()}

    def _log_skipped(self) -> None:
        skipped = self.skipped
        if skipped.counts != self._logged_counts:
            self._logged_counts = dict(skipped.counts)
            for text in skipped.sentences():
                log.warning("%s", text)

    def _now(self) -> datetime:
        """Return the venue's time; this machine's before the first answer."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def _from_cache(self, coins: Container[str]) -> dict[str, Instrument]:
        # Without any answer of the venue only this machine's clock remains: what expired by it is
        # listed again by the first refresh that succeeds.
        now = self._now()
        try:
            cached = universe_cache.load(self._cache_path, self._venue, now)
        except CacheError as error:
            log.warning("%s", error)
            return {}
        if cached is None:
            return {}
        # When all coins are tracked, the other coins in the file were found by an earlier run.
        instruments = {
            symbol: _as_trading(instrument)
            for symbol, instrument in cached.instruments.items()
            if instrument.asset in coins
            or (self.tracks_all_coins and instrument.asset not in self.coins)
        }
        if instruments:
            log.warning(
                "REST fails: using %d options of the cache file %s, %s",
                len(instruments),
                self._cache_path,
                cached.age(now),
            )
        return instruments

    def _save(self, instruments: Iterable[Instrument], failures: Container[str]) -> None:
        """Write the cache file, unless that would lose what it has on a coin that failed."""
        now = self._now()
        try:
            cached = universe_cache.load(self._cache_path, self._venue, now)
        except CacheError:
            cached = None  # an invalid file is replaced
        if cached is not None and any(i.asset in failures for i in cached.instruments.values()):
            return
        try:
            universe_cache.save(self._cache_path, self._venue, instruments, now)
        except CacheError as error:
            log.warning("%s", error)

    def _judge_retained(self, change: UniverseDiff, failures: Container[str]) -> list[str]:
        """Judge the symbols that the list lacks and that are retained, by their ticks.

        Those that two answers lack without a tick in between are distrusted. Returns those that
        have been without both for so long that they have left the market.
        """
        now = asyncio.get_running_loop().time()
        if change.objections:
            text = f"{'; '.join(change.objections)}: retained, but not live unless they tick"
            self._retained_log.begin(text, now)
        else:
            self._retained_log.end("the list is plausible again", now)
        before, self._retained = self._retained, {}
        for symbol, (origin, since) in before.items():
            instrument = self.instruments.get(symbol)
            if instrument is not None and instrument.asset in failures:  # not judged this time
                self._retained[symbol] = origin, since
        for symbol in change.retained:
            origin = self._table.origin_of(symbol)
            last = before.get(symbol)
            is_silent = last is not None and last[0] == origin
            self._retained[symbol] = (origin, last[1] if last and is_silent else now)
        silent = [
            symbol
            for symbol in change.retained
            if symbol in before and before[symbol][0] == self._retained[symbol][0]
        ]
        departed = [
            symbol
            for symbol in silent
            if now - self._retained[symbol][1] >= self._limits.unlisted_max_s
        ]
        distrusted = [symbol for symbol in silent if symbol not in departed]
        if distrusted:
            self._on_distrust(distrusted)
        for symbol in departed:
            del self._retained[symbol]
        return departed

    def _apply(
        self, listed: Iterable[Instrument], delisted: Iterable[Instrument]
    ) -> list[Instrument]:
        """Remove *delisted*, add *listed*; return those of the latter for which there was room."""
        for instrument in delisted:
            del self.instruments[instrument.symbol]
            self._delisted[instrument.symbol] = instrument.expiry_ms
            # Readers would go on taking the value of a delisted option for live.
            if instrument.expiry_ms > self.now_ms():
                self._table.mark_suspect(instrument.symbol)  # its stored value ticks no more
            self._table.retire(instrument.symbol)
        admitted = self._admit(listed)
        for instrument in admitted:
            self.instruments[instrument.symbol] = instrument
            self._adopted.pop(instrument.symbol, None)
            self._delisted.pop(instrument.symbol, None)
            self._add_slot(instrument)
        # Each list is bounded, but ever new options over many lists would not be.
        excess = len(self._delisted) + len(self._table) - self._limits.symbols_max
        for symbol in list(self._delisted)[: max(0, excess)]:  # the oldest
            del self._delisted[symbol]
        return admitted

    def _admit(self, listed: Iterable[Instrument]) -> list[Instrument]:
        """Return those of *listed* for which there is room; adopted options make room for them."""
        instruments = list(listed)
        new = [i.symbol for i in instruments if i.symbol not in self._table]
        names = {instrument.symbol for instrument in instruments}
        # Adopted symbols are unverified names from the stream; the list has precedence.
        for symbol in [symbol for symbol in self._adopted if symbol not in names]:
            if len(new) <= self._limits.symbols_max - len(self._table):
                break
            del self._adopted[symbol]
            self._table.retire(symbol)
        room = max(0, self._limits.symbols_max - len(self._table))
        self._over_limit = SkippedInstruments()
        for symbol in new[room:]:
            self._over_limit.add(rest.LIMIT, symbol)
        refused = set(new[room:])
        return [instrument for instrument in instruments if instrument.symbol not in refused]

    def _forget_expired(self) -> None:
        now_ms = self.now_ms()
        self._delisted = {s: expiry for s, expiry in self._delisted.items() if expiry > now_ms}
        for symbol, instrument in list(self._adopted.items()):
            if instrument.expiry_ms <= now_ms:
                del self._adopted[symbol]
                self._table.retire(symbol)

    def _add_slot(self, instrument: Instrument) -> None:
        self._table.add(
            instrument.symbol,
            instrument.expiry_ms,
            instrument.strike,
            instrument.type,
            instrument.settle,
        )


def _as_trading(instrument: Instrument) -> Instrument:
    """Complete an instrument of an old file, which holds only symbols of trading contracts."""
    if instrument.status:
        return instrument
    return dataclasses.replace(instrument, status="Trading")
