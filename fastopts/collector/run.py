"""The collector's life: everything is started here, in order, and ended in reverse."""

import asyncio
import contextlib
import itertools
import logging
import signal
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastopts.clock import steady_s
from fastopts.collector.cycle import Cycle
from fastopts.collector.operation.duties import Duties, Duty
from fastopts.collector.operation.monitor import Monitor
from fastopts.collector.operation.progress import ProgressBars
from fastopts.collector.operation.status import log_status
from fastopts.collector.store import database
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.writer import Writer
from fastopts.collector.venue import universe_cache as cache
from fastopts.collector.venue.connection import ConnectionContext, VenueConnection
from fastopts.collector.venue.rest_check import RestCheck
from fastopts.collector.venue.rest_driver import Answered, RestDriver
from fastopts.collector.venue.resubscriber import Resubscriber
from fastopts.collector.venue.universe import InstrumentUniverse, Progress
from fastopts.collector.venue.venue_time import MOVED_MS, VenueTime
from fastopts.config import Settings
from fastopts.contract import StatsField
from fastopts.core import IMPLEMENTATION, Grammar, Table
from fastopts.errors import (
    ConfigError,
    ConnectionLost,
    FastoptsError,
    UnknownHost,
    VenueBanned,
    extra_missing,
)
from fastopts.model import Instrument
from fastopts.net import forks, tls
from fastopts.net.http import HttpClient
from fastopts.net.redis.address import Address
from fastopts.session.backoff import Backoff
from fastopts.session.ban import Ban
from fastopts.session.clocks import HostClock, wall_ms
from fastopts.session.shards import Change, Shards
from fastopts.venues.bybit import hosts, rest
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.rest import TemporaryFailure
from fastopts.venues.bybit.session import Timing

if TYPE_CHECKING:
    from fastopts.collector.operation.metrics_server import MetricsServer

__all__ = ("Collector", "collect", "fetch")

log = logging.getLogger(__name__)
T = TypeVar("T")

FINAL_FLUSH_S = 3.0
REFRESH_WITHIN_S = 120.0
RECONCILE_WITHIN_S = 60.0


def market_of(
    settings: Settings,
    endpoints: Endpoints,
    user_agent: str,
    table: Table,
    ban: Ban,
    now_ms: Callable[[], int] = wall_ms,
    answered: Answered = lambda *_: None,
) -> InstrumentUniverse:
    """What knows the universe, from REST."""
    http = HttpClient(endpoints.rest_url, user_agent, settings.insecure)
    path = Path(settings.cache_file) if settings.cache_file else cache.default_path(endpoints.venue)
    driver = RestDriver(http, ban, answered)
    return InstrumentUniverse(driver, endpoints.venue, settings.coins, path, table, now_ms)


def new_table() -> Table:
    return Table(Grammar(TOPIC_PREFIX, TICKER_FIELDS))


async def fetch(settings: Settings, user_agent: str) -> list[Instrument]:
    """List the universe into the cache file, and return it."""
    endpoints = hosts.resolve(settings.venue, settings.testnet, settings.rest_url, settings.ws_url)
    market = market_of(settings, endpoints, user_agent, new_table(), Ban())
    bars = ProgressBars(settings.log_format == "text")
    try:
        return await market.load(False, _coin_progress(bars, market))
    finally:
        bars.close()


async def collect(settings: Settings, user_agent: str, may_use_cache: bool = True) -> None:
    """Run a collector until SIGINT, SIGTERM or the end of its duration."""
    endpoints = hosts.resolve(settings.venue, settings.testnet, settings.rest_url, settings.ws_url)
    address, server = database.choose(settings, endpoints.venue)
    try:
        collector = Collector(settings, endpoints, address, user_agent)
        collector.stop_on_signals()
        await collector.run(may_use_cache)
    finally:
        if server is not None:
            server.stop()


class Collector:
    """One venue's options into one Redis."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        address: Address,
        user_agent: str,
        timing: Timing | None = None,
    ) -> None:
        timing, rest_ban = timing or Timing(), Ban()
        self.stop = asyncio.Event()
        self.table = new_table()
        self.feed = FeedStatus(
            endpoints.venue, round(timing.watchdog * 1000) + 2000, round(settings.late_ms)
        )
        self.clock = HostClock(lambda: steady_s() * 1000, self._clock_stepped)
        self.venue_time = VenueTime(self.feed.exchange, self.clock.observe_ms, self._skew_corrected)
        self.universe = market_of(
            *(settings, endpoints, user_agent, self.table, rest_ban),
            now_ms=self._venue_ms,
            answered=self.venue_time.answered,
        )
        self.writer = Writer(
            self.table,
            self.feed,
            address,
            tls.of(address, settings.insecure),
            settings.flush_ms / 1000,
            self.universe.instruments.values,
            settings.standby,
            self._clock_jumped,
        )
        self.cycle = Cycle(
            self.table,
            self.writer.flusher,
            settings.flush_ms / 1000,
            None if settings.latency_ms is None else settings.latency_ms / 1000,
        )
        self.connections: list[VenueConnection] = []
        self._settings = settings
        self._endpoints = endpoints
        self._address = address
        self._shards = Shards()
        self._shared = ConnectionContext(
            endpoints.ws_url,
            _venue_tls(endpoints, settings.insecure),
            {"User-Agent": user_agent},
            self.table,
            self.universe,
            self.writer,
            self.cycle.arrived,
            itertools.count(1).__next__,
            self.cycle,
            timing,
            rest_ban=rest_ban,
            now_ms=self.clock.observe_ms,
            venue_time=self.venue_time,
            late_ms=settings.late_ms,
        )
        self.rest_check = RestCheck(
            self.universe, self.table, self.connections, self.writer.flusher.wake
        )
        self.universe.distrust = self.rest_check.distrust
        self._refresh = Duty("refresh", settings.refresh_s, REFRESH_WITHIN_S)
        self._reconcile = Duty("reconciliation", settings.reconcile_s, RECONCILE_WITHIN_S)
        self.duties = Duties(
            self._refresh,
            *([self._reconcile] if settings.reconcile_s > 0 else []),
            *self.writer.duties,
        )
        self.writer.facts = self._facts
        self._group: asyncio.TaskGroup | None = None
        self._bug: BaseException | None = None
        self._is_winding_up = False
        self._bars = ProgressBars(settings.log_format == "text")
        self._resubscriber = Resubscriber(
            self.connections, self._shards, self.table, timing, self._deal
        )
        self.monitor = Monitor(
            *(endpoints.venue, self.table, self.universe, self.connections, self.writer),
            self._resubscriber.moves,
            settings.status_s,
        )
        self.metrics = (
            None if settings.metrics_address is None else self._metrics_server(user_agent)
        )

    def _facts(self) -> Mapping[str, str]:
        """The fields of `stats` beside the counters."""
        return {
            **self.universe.statistics(),
            StatsField.MISSING: str(len(self.rest_check.missing)),
            StatsField.ABSENT_FIELDS: ",".join(self.monitor.absent_fields),
            **self.duties.statistics(),
        }

    def stop_on_signals(self) -> None:
        """SIGINT and SIGTERM stop in order; the second one ends the process at once."""
        loop = asyncio.get_running_loop()

        def from_any_code(number: int, _: object) -> None:
            loop.call_soon_threadsafe(self._signalled, signal.Signals(number))

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._signalled, number)
            except NotImplementedError:  # Windows
                signal.signal(number, from_any_code)

    def _signalled(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        log.info("%s: stopping", number.name)
        self.stop.set()

    def _callback_failed(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """A callback of ours that raised would never be called again, and nobody would notice."""
        loop.default_exception_handler(dict(context))
        if "handle" in context:
            self._bug = context["exception"]
            self.stop.set()

    def _venue_ms(self) -> int:
        """The venue's clock, or ours before it is known."""
        venue = self.feed.exchange
        if not venue.known:
            return self.clock.observe_ms()
        return round(venue.at(asyncio.get_running_loop().time() * 1000))

    def _clock_stepped(self, step_ms: float) -> None:
        log.warning(
            "this machine's clock was set %+.1f s: only the receive times that are kept follow it",
            step_ms / 1000,
        )
        self.venue_time.our_clock_stepped()

    def _skew_corrected(self, skew_ms: int, change_ms: int) -> None:
        self.table.skew_ms = skew_ms
        if change_ms:
            for line in self.connections:
                line.clock_moved(change_ms)
        if abs(change_ms) > MOVED_MS:
            self.writer.skew_changed()

    def _clock_jumped(self) -> None:
        log.warning(
            "the Redis server's clock was set, or this machine slept: nothing is live until its"
            " connection delivers again"
        )
        self.feed.exchange.clear()
        self.writer.doubt()
        for line in self.connections:
            line.doubt()

    async def run(self, may_use_cache: bool) -> None:
        """Run to the end. Raises the FastoptsError that makes it impossible to go on."""
        asyncio.get_running_loop().set_exception_handler(self._callback_failed)
        try:
            serving: AbstractAsyncContextManager[Any] = self.metrics or contextlib.nullcontext()
            with forks.guarded():
                async with serving:
                    await self._run(may_use_cache)
        except* FastoptsError as group:
            raise _first(group) from None
        finally:
            self._bars.close()

    async def _run(self, may_use_cache: bool) -> None:
        found = self._endpoints
        log.info(
            "%s -> %s, %s core; %s, %s",
            *(found.venue, self._address, IMPLEMENTATION, found.rest_url, found.ws_url),
        )
        if self._endpoints.venue == "sim":
            log.warning("SIMULATED data: not the market")
        listed = await self._started(self._start_up(may_use_cache))
        if listed is None:
            log.info("stopped before it began")
            self._raise_bug()
            return
        async with asyncio.TaskGroup() as group:
            self._group = group
            refreshing = self.universe.keep_fresh(self._refresh, self._universe_changed)
            writing = self._begin("writer", self.writer.run())
            helpers = [
                self._begin("warm start", self._warm_up(), may_return=True),
                self._begin("universe", refreshing),
                self._begin("monitor", self.monitor.run(self._bars)),
                self._begin("resubscriber", self._resubscriber.run()),
                self._begin("duties", self.duties.run()),
                self._begin("venue clock", self.venue_time.keep(self._ask_time)),
            ]
            if self._settings.reconcile_s > 0:
                reconciling = self.rest_check.run(self._reconcile)
                helpers.append(self._begin("rest check", reconciling))
            self._universe_changed(listed, ())
            await self._until_stopped()
            await self._wind_up(helpers, writing)
        self._raise_bug()

    def _metrics_server(self, user_agent: str) -> "MetricsServer":
        """What Prometheus asks. Raises ConfigError where its library is not installed."""
        assert self._settings.metrics_address is not None
        try:
            from fastopts.collector.operation.exposition import Exposition
            from fastopts.collector.operation.metrics_server import MetricsServer
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"--metrics-port: {extra_missing(error.name or 'prometheus_client', 'serve')}"
            ) from error
        build = {
            "version": user_agent.rpartition("/")[2],
            "venue": self._endpoints.venue,
        }
        exposition = Exposition(
            *(build, self.table, self.connections, self.writer, self.monitor, self.universe),
            self.rest_check,
            self.duties,
        )
        return MetricsServer(*self._settings.metrics_address, exposition.render)

    def _begin(
        self, name: str, work: Coroutine[Any, Any, None], may_return: bool = False
    ) -> asyncio.Task[None]:
        assert self._group is not None
        task = self._group.create_task(work, name=name)
        task.add_done_callback(partial(self._task_ended, may_return))
        return task

    def _task_ended(self, may_return: bool, task: asyncio.Task[None]) -> None:
        """The group hears of a failure; one that was cancelled or returned, nobody would miss."""
        is_failure = not task.cancelled() and task.exception() is not None
        if self._is_winding_up or is_failure or (may_return and not task.cancelled()):
            return
        self._bug = self._bug or RuntimeError(f"the task {task.get_name()!r} has ended: a bug")
        self.stop.set()

    def _raise_bug(self) -> None:
        if self._bug is not None:
            raise self._bug

    async def _started(self, start_up: Coroutine[Any, Any, T]) -> T | None:
        """The result of *start_up*; None when it was told to stop first."""
        starting = asyncio.create_task(start_up)
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            starting.cancel()  # no more than a word when it is done
        try:
            return await starting
        except asyncio.CancelledError:
            if not self.stop.is_set():
                raise
            return None

    async def _start_up(self, may_use_cache: bool) -> list[Instrument]:
        await self.writer.look()
        progress = _coin_progress(self._bars, self.universe)
        listed = await self._listed(may_use_cache, progress)
        log.info("%d options on %s", len(listed), ", ".join(sorted({i.asset for i in listed})))
        return listed

    async def _listed(self, may_use_cache: bool, progress: Progress) -> list[Instrument]:
        """The universe; while the venue is down, wait for it."""
        deadline = asyncio.get_running_loop().time() + self._settings.venue_wait_s
        backoff = Backoff(base_s=1.0, cap_s=30.0)
        while True:
            try:
                return await self.universe.load(may_use_cache, progress)
            except UnknownHost:
                raise
            except (ConnectionLost, TemporaryFailure, VenueBanned) as error:
                left_s = deadline - asyncio.get_running_loop().time()
                if left_s <= 0:
                    raise
                log.warning("%s; waiting for the venue, %.0f s at most", error, left_s)
                wait_s = max(backoff.next_s(), getattr(error, "retry_after_s", 0.0))
            await asyncio.sleep(min(wait_s, left_s))

    async def _until_stopped(self) -> None:
        try:
            async with asyncio.timeout(self._settings.duration_s):
                await self.stop.wait()
        except TimeoutError:
            log.info("the time is up: stopping")

    async def _wind_up(
        self, helpers: list[asyncio.Task[None]], writing: asyncio.Task[None]
    ) -> None:
        """Stop listening, then write what is left."""
        self._is_winding_up = True
        self.cycle.stop()
        tasks = [*helpers, *self._line_tasks]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self.writer.end()
        _, unfinished = await asyncio.wait([writing], timeout=FINAL_FLUSH_S)
        if unfinished:
            lost = (
                f"{self.table.pending} ticks are lost" if self.table.pending else "no tick is lost"
            )
            log.warning("Redis does not hear that the feed ends; %s", lost)
            writing.cancel()
        log_status(self.monitor.status())

    @property
    def _line_tasks(self) -> list[asyncio.Task[None]]:
        return [line.task for line in self.connections if line.task is not None]

    def _universe_changed(self, listed: Sequence[Instrument], gone: Sequence[Instrument]) -> None:
        self._deal(self._shards.update(listed, [instrument.symbol for instrument in gone]))
        self.writer.universe_changed(listed, gone)

    def _deal(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.shard.number == len(self.connections):
                line = VenueConnection(change.shard, self._shared)
                self.connections.append(line)
                line.task = self._begin(f"connection {change.shard.number}", line.run())
            else:
                self.connections[change.shard.number].change(change.added, change.removed)

    async def _warm_up(self) -> None:
        used = await self.universe.warm_up()
        self.writer.flusher.wake()
        log.info("%d quotes from REST to begin with", used)

    async def _ask_time(self) -> None:
        await self.universe.driver.run(rest.server_time())


def _venue_tls(endpoints: Endpoints, insecure: bool) -> ssl.SSLContext | None:
    if not endpoints.ws_url.startswith("wss://"):
        return None
    return tls.context(endpoints.host, insecure)


def _coin_progress(bars: ProgressBars, market: InstrumentUniverse) -> Progress:
    done = itertools.count(1)

    def progress(coin: str, count: int) -> None:
        if count:
            log.info("%s: %d options", coin, count)
        elif not market.are_all_coins:
            log.warning("%s: the venue lists no options on it", coin)
        bars.show("universe", next(done), len(market.coins))

    return progress


def _first(group: BaseExceptionGroup[FastoptsError]) -> FastoptsError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
