"""A collector's life: everything is started here, in order, and ended in reverse."""

import asyncio
import contextlib
import itertools
import logging
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.progress import ProgressBars
from fastopts.collector.operation.status import log_status
from fastopts.collector.store import database
from fastopts.collector.venue.universe import InstrumentUniverse, OnProgress
from fastopts.collector.wiring import Parts, build_metrics_server, build_universe, wire
from fastopts.config import Settings
from fastopts.core import IMPLEMENTATION
from fastopts.errors import ConnectionLost, FastoptsError, UnknownHost, VenueBanned
from fastopts.model import Instrument
from fastopts.net import forks
from fastopts.net.redis.address import Address
from fastopts.session.backoff import Backoff
from fastopts.venues.bybit import hosts, rest
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.rest import TemporaryFailure
from fastopts.venues.bybit.session import Timing

__all__ = ("Collector", "collect", "fetch")

log = logging.getLogger(__name__)
T = TypeVar("T")


async def fetch(settings: Settings, user_agent: str) -> list[Instrument]:
    """List the universe into the cache file, and return it."""
    endpoints = hosts.resolve(settings.venue, settings.testnet, settings.rest_url, settings.ws_url)
    universe = build_universe(settings, endpoints, user_agent)
    bars = ProgressBars(settings.log_format == "text")
    try:
        return await universe.load(False, _coin_progress(bars, universe))
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
    """Collects one venue's options into one Redis: `run` it once; set `stop` to end it."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        address: Address,
        user_agent: str,
        timing: Timing | None = None,
        limits: CollectorLimits | None = None,
    ) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._address = address
        self._limits = limits = limits or CollectorLimits()
        self.parts: Parts = wire(settings, endpoints, address, user_agent, timing, limits)
        self.metrics = build_metrics_server(settings, endpoints, user_agent, self.parts, limits)
        self.stop = self.parts.tasks.stop
        self.table = self.parts.table
        self.universe = self.parts.universe
        self.writer = self.parts.writer
        self.feed = self.writer.feed
        self.cycle = self.parts.cycle
        self.connections = self.parts.connections
        self.rest_check = self.parts.rest_check
        self.monitor = self.parts.monitor
        self.duties = self.parts.duties
        self.recorder = self.parts.recorder
        self._tasks = self.parts.tasks
        self._bars = ProgressBars(settings.log_format == "text")

    def stop_on_signals(self) -> None:
        """Stop in order on SIGINT and SIGTERM; a second one ends the process at once."""
        loop = asyncio.get_running_loop()

        def from_any_code(number: int, _: object) -> None:
            loop.call_soon_threadsafe(self._on_signal, signal.Signals(number))

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._on_signal, number)
            except NotImplementedError:  # Windows
                signal.signal(number, from_any_code)

    def _on_signal(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        log.info("%s: stopping", number.name)
        self.stop.set()

    async def run(self, may_use_cache: bool) -> None:
        """Run to the end. Raises the FastoptsError that makes it impossible to go on."""
        asyncio.get_running_loop().set_exception_handler(self._tasks.callback_failed)
        try:
            serving: AbstractAsyncContextManager[Any] = self.metrics or contextlib.nullcontext()
            recording: AbstractAsyncContextManager[Any] = self.recorder or contextlib.nullcontext()
            # A forked child (multiprocessing in the same program) inherits every socket. Were it to
            # go on in this loop, it would take bytes from the parent's streams.
            with forks.guarded():
                async with recording, serving:
                    await self._run(may_use_cache)
        except* FastoptsError as group:
            raise _first(group) from None
        finally:
            self._bars.close()

    async def _run(self, may_use_cache: bool) -> None:
        endpoints = self._endpoints
        log.info(
            "%s -> %s, %s core; %s, %s",
            endpoints.venue,
            self._address,
            IMPLEMENTATION,
            endpoints.rest_url,
            endpoints.ws_url,
        )
        if endpoints.venue == "sim":
            log.warning("SIMULATED data: not the market")
        listed = await self._unless_stopped(self._start_up(may_use_cache))
        if listed is None:
            log.info("stopped during the start")
            self._tasks.raise_bug()
            return
        async with self._tasks:
            writing = self._tasks.start("writer", self.writer.run())
            helpers = self._start_helpers()
            self._universe_changed(listed, ())
            await self._until_stopped()
            await self._wind_up(helpers, writing)
        self._tasks.raise_bug()

    def _start_helpers(self) -> list[asyncio.Task[None]]:
        """Start all tasks but the writer and the connections."""
        parts, start = self.parts, self._tasks.start
        refreshing = self.universe.keep_fresh(parts.refresh_duty, self._universe_changed)
        helpers = [
            start("warm start", self._warm_up(), may_return=True),
            start("universe", refreshing),
            start("monitor", self.monitor.run(self._bars)),
            start("resubscriber", parts.resubscriber.run()),
            start("duties", self.duties.run()),
            start("venue clock", parts.venue_time.keep(self._request_time)),
        ]
        if self._settings.reconcile_s > 0:
            checking = self.rest_check.run(parts.rest_check_duty)
            helpers.append(start("rest check", checking))
        return helpers

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of *work*; None when `stop` is set first, which cancels it."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()  # no-op if already done
        try:
            return await working
        except asyncio.CancelledError:
            if not self.stop.is_set():
                raise
            return None

    async def _start_up(self, may_use_cache: bool) -> list[Instrument]:
        await self.writer.preflight()
        on_progress = _coin_progress(self._bars, self.universe)
        listed = await self._load_universe(may_use_cache, on_progress)
        log.info("%d options on %s", len(listed), ", ".join(sorted({i.asset for i in listed})))
        return listed

    async def _load_universe(
        self, may_use_cache: bool, on_progress: OnProgress
    ) -> list[Instrument]:
        """Load the universe; while the venue is down, wait for it."""
        deadline = asyncio.get_running_loop().time() + self._settings.venue_wait_s
        backoff = Backoff(base_s=1.0, cap_s=30.0)
        while True:
            try:
                return await self.universe.load(may_use_cache, on_progress)
            except UnknownHost:
                raise
            except (ConnectionLost, TemporaryFailure, VenueBanned) as error:
                remaining_s = deadline - asyncio.get_running_loop().time()
                if remaining_s <= 0:
                    raise
                log.warning("%s; waiting for the venue, for at most %.0f s", error, remaining_s)
                banned_s = error.retry_after_s if isinstance(error, VenueBanned) else 0.0
                wait_s = max(backoff.next_s(), banned_s)
            await asyncio.sleep(min(wait_s, remaining_s))

    async def _until_stopped(self) -> None:
        try:
            async with asyncio.timeout(self._settings.duration_s):
                await self.stop.wait()
        except TimeoutError:
            log.info("--duration is over: stopping")

    async def _wind_up(
        self, helpers: list[asyncio.Task[None]], writing: asyncio.Task[None]
    ) -> None:
        """Close the connections to the venue, then write what is pending."""
        self._tasks.wind_up()
        self.cycle.stop()
        # First the input: ticks that came later than the final flush would be lost anyway.
        tasks = [*helpers, *(c.task for c in self.connections if c.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self.writer.end()
        _, unfinished = await asyncio.wait([writing], timeout=self._limits.final_flush_s)
        if unfinished:
            pending = self.table.pending
            loss = f"{pending} ticks are lost" if pending else "no tick is lost"
            log.warning("the end of the feed could not be written to Redis; %s", loss)
            writing.cancel()
        log_status(self.monitor.status())

    def _universe_changed(
        self, listed: Sequence[Instrument], delisted: Sequence[Instrument]
    ) -> None:
        if self.recorder is not None:
            self.recorder.universe_changed(listed, delisted)
        self.parts.plan.update(listed, delisted)
        self.writer.universe_changed(listed, delisted)

    async def _warm_up(self) -> None:
        used = await self.universe.warm_up()
        self.writer.flusher.wake()
        log.info("warm start: %d quotes from REST", used)

    async def _request_time(self) -> None:
        await self.universe.driver.run(rest.server_time())


def _coin_progress(bars: ProgressBars, universe: InstrumentUniverse) -> OnProgress:
    completed = itertools.count(1)

    def on_progress(coin: str, count: int) -> None:
        if count:
            log.info("%s: %d options", coin, count)
        elif not universe.tracks_all_coins:
            log.warning("%s: the venue lists no options on it", coin)
        bars.show("universe", next(completed), len(universe.coins))

    return on_progress


def _first(group: BaseExceptionGroup[FastoptsError]) -> FastoptsError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
