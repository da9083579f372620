"""One seed: a world, its plan of faults, and a collector that is restarted as by a supervisor."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from unittest import mock

from fastopts import keys
from fastopts.collector.run import Collector
from fastopts.config import Settings
from fastopts.errors import FastoptsError
from fastopts.net.redis.address import Address
from fastopts.session.backoff import Backoff
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import StreamSession, Timing
from tests.simulation.clock import Agenda, AgendaLoop
from tests.simulation.faults import FAULTS, Planned, plan
from tests.simulation.network import Network
from tests.simulation.promises import Broken, Promises
from tests.simulation.redis import RedisServer
from tests.simulation.venue import VirtualVenue

__all__ = ("SeedOutcome", "SimulatedSystem", "run")

T = TypeVar("T")

T0_MS = 1_795_000_000_000
TOPICS_MAX = 4  # a connection, so that there are several
TIMING = Timing(
    ping_every=2.0,
    ack_within=1.5,
    first_data_within=2.0,
    refused_again_after=5.0,
    silence=1.5,
    probe_within=1.5,
    stall=1.5,
    catch_up=0.5,
)
LATENCIES_MS = (None, 0.0, 100.0)  # each way to read
FAULTS_MAX = 7
FAULTS_WITHIN_S = 11.0
TICK_S = 0.8  # at most, from one round of ticks to the next
LOOK_S = 0.5
RESTART_S = 1.0
CONVERGED_WITHIN_S = 160.0  # an unhurried topic is asked for again after a minute
BAN_S = 600.0
LEASE_S = 3.0
USURPER = b"another:1"
# After these a late tick may pass for the newest, and dropped ticks are not sent again.
WRONG_TIMES = {"times_ahead", "wall_clock_steps"}


@dataclass
class SeedOutcome:
    """What became of one seed. *broken* says which promise was, and when."""

    seed: int
    plan: list[Planned]
    steps: int = 0
    virtual_s: float = 0.0
    broken: str = ""
    digest: str = ""
    reached: Counter[str] = field(default_factory=Counter)


def run(seed: int, faults: list[Planned] | None = None) -> SeedOutcome:
    """Run the world of *seed*; *faults* instead of those that it draws."""
    system = SimulatedSystem(seed, faults)
    outcome = SeedOutcome(seed, system.plan)
    try:
        with system.patched():
            system.loop.run_until_complete(system.live())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the seed's outcome
        outcome.broken = f"{type(error).__name__} at {system.agenda.now:.2f} s: {error}"
        system.error = error
    finally:
        with system.patched():
            system.loop.wind_up(asyncio.all_tasks(system.loop))
    outcome.steps = system.agenda.steps + system.loop.steps
    outcome.virtual_s = system.agenda.now
    outcome.reached = system.reached
    outcome.digest = system.digest()
    return outcome


class SimulatedSystem:
    """Everything there is."""

    def __init__(self, seed: int, faults: list[Planned] | None = None) -> None:
        self.rng = random.Random(seed)
        self._latency_ms = random.Random(f"latency {seed}").choice(LATENCIES_MS)
        self.agenda = Agenda()
        self.loop = AgendaLoop(self.agenda, self._after_step)
        self.wall_offset_ms = 0
        self.collector: Collector | None = None
        self.reached: Counter[str] = Counter()
        self.error: Exception | None = None
        self.promises = Promises(self)
        self.redis = RedisServer(
            self.agenda, self.rng, T0_MS + self.rng.uniform(-5000, 5000), self.promises.written
        )
        self.venue = VirtualVenue(self.agenda, self.rng, T0_MS + self.rng.uniform(-1000, 1000))
        self.network = Network(self.agenda, self.loop, self.rng)
        self.network.hosts = {"venue": self.venue.host, "redis": self.redis.host}
        drawn = plan(seed, self.rng, FAULTS_MAX, FAULTS_WITHIN_S)
        self.plan = drawn if faults is None else faults
        self._running: asyncio.Task[None] | None = None
        self._finished = asyncio.Event()
        self._healed_at = 0.0
        self.at_last: list[Callable[[], None]] = []  # what ends with the last fault
        for strike in range(8):
            self.venue.list_option(f"BTC-25DEC37-{strike + 1}000-C-USDT", 30)
        for strike in range(3):
            self.venue.list_option(f"ETH-25DEC37-{strike + 1}00-P-USDT", 30)

    async def live(self) -> None:
        """Let it all happen, to the end in order. Raises Broken, or whatever a bug raises."""
        self._tick()
        self._look()
        for fault in self.plan:
            self.agenda.at(fault.at, self._begin, fault)
        healed_at = max((fault.at + fault.lasts_s for fault in self.plan), default=1.0)
        self.agenda.at(healed_at + 0.1, self._heal)
        finished = self.loop.create_task(self._finished.wait())
        while not finished.done():
            await self._one_life(finished)
            await asyncio.sleep(0 if finished.done() else RESTART_S)
        if self.error is not None:
            raise self.error

    async def _one_life(self, finished: asyncio.Task[Any]) -> None:
        """Run a collector until it ends, or until everything has been seen."""
        collector = self._new_collector()
        self._running = self.loop.create_task(collector.run(may_use_cache=False))
        self.collector = collector
        await asyncio.wait((self._running, finished), return_when=asyncio.FIRST_COMPLETED)
        collector.stop.set()
        try:
            await self._running
        except (FastoptsError, asyncio.CancelledError) as error:
            self.reached[f"ended by {type(error).__name__}"] += 1
        finally:
            self._count(collector)
            self.collector = self._running = None

    def kill(self) -> None:
        """End the process at once: nothing that it still does reaches anyone."""
        for host in self.network.hosts.values():
            for wire in list(host.wires):
                wire.orphan()
        if self._running is not None:
            self._running.cancel()

    def usurp(self) -> None:
        """Let another collector take a lease that is free, as `Lease` does, and never renew it."""
        feed = self.redis.keys.get(keys.FEED)
        if self.redis.holds(keys.LEASE) or not isinstance(feed, dict) or b"writer" not in feed:
            return
        if feed[b"writer"] == USURPER or self.redis.is_hung:
            return
        epoch = int(feed[b"epoch"]) + 1
        self.redis.kill(int(feed[b"writer"].split(b":")[1]))
        self.redis.keys[keys.LEASE] = b"%d:1:another" % epoch
        self.redis.ends[keys.LEASE] = self.agenda.now + LEASE_S
        feed |= {b"epoch": b"%d" % epoch, b"writer": USURPER, b"heartbeat_ms": b"0"}

    @property
    def has_wrong_times(self) -> bool:
        return bool(WRONG_TIMES & {fault.kind for fault in self.plan})

    def digest(self) -> str:
        """A fingerprint of everything that was written in the end."""
        held = {name: value for name, value in self.redis.keys.items() if name != keys.STATS}
        text = repr((sorted(held.items()), self.agenda.steps, self.agenda.now))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Put this world in the place of the real one."""
        with ExitStack() as stack:
            for name, value in self._substitutes().items():
                stack.enter_context(mock.patch(name, value))
            yield

    def _substitutes(self) -> dict[str, Any]:
        begin_backoff, take_events = Backoff.__init__, StreamSession.take_events

        def seeded_backoff(backoff: Backoff, *args: Any, **options: Any) -> None:
            begin_backoff(backoff, *args, **options)
            backoff.rng = self.rng

        def counted_events(session: StreamSession) -> list[Any]:
            events = take_events(session)
            self.reached.update(_name(event) for event in events)
            return events

        return {
            "time.time": lambda: self._wall_ms() / 1000,
            "time.time_ns": lambda: round(self._wall_ms() * 1_000_000),
            "time.monotonic": self.loop.time,
            "time.clock_gettime": lambda clock: self.loop.time(),
            "secrets.token_hex": lambda size: f"{self.rng.getrandbits(8 * size):0{2 * size}x}",
            "secrets.randbelow": self.rng.randrange,
            "fastopts.net.proxy.reach": self.network.reach,
            "fastopts.net.manual_transport.connect": self.network.connect_polled,
            "fastopts.net.redis.pipeline.dial": self.network.dial,
            "fastopts.collector.wiring.HttpClient": lambda *args: self,
            "fastopts.collector.venue.rest_driver.in_daemon_thread": _soon,
            "fastopts.session.shards.TOPICS_MAX": TOPICS_MAX,
            "fastopts.session.backoff.Backoff.__init__": seeded_backoff,
            "fastopts.venues.bybit.session.StreamSession.take_events": counted_events,
        }

    def get(self, path: str, params: dict[str, str]) -> Any:
        """Stand in for the HTTP client."""
        now = self.agenda.now
        return replace(self.venue.answer_rest(path, params), sent_at=now, received_at=now)

    def _wall_ms(self) -> float:
        return T0_MS + self.agenda.now * 1000 + self.wall_offset_ms

    def _new_collector(self) -> Collector:
        settings = Settings(
            venue="sim",
            coins=("BTC", "ETH"),
            cache_file="/dev/null",
            flush_ms=50,
            latency_ms=self._latency_ms,
            refresh_s=5.0,
            status_s=3600,
        )
        endpoints = Endpoints("sim", "http://venue", "ws://venue:80/v5/public/option")
        return Collector(settings, endpoints, Address("redis"), "fastopts", TIMING)

    def _tick(self) -> None:
        if self.venue.is_ticking:
            for listing in self.venue.trading():
                if self.rng.random() < 0.25:
                    self.venue.tick(listing.symbol)
        for conn in list(self.venue.conns):
            conn.look()
        self.agenda.after(self.rng.uniform(0.05, TICK_S), self._tick)

    def _look(self) -> None:
        try:
            self.promises.look()
            if self._healed_at:
                self._check_healed()
        except Broken as broken:
            self._give_up(broken)
        self.agenda.after(LOOK_S, self._look)

    def _after_step(self) -> None:
        try:
            self.promises.step()
        except Broken as broken:
            self._give_up(broken)

    def _give_up(self, broken: Broken) -> None:
        if self.error is None:
            self.error = broken
        self._finished.set()

    def _begin(self, fault: Planned) -> None:
        self.reached[f"fault {fault.kind}"] += 1
        end = FAULTS[fault.kind](self)
        if end is not None:
            self.agenda.at(fault.at + fault.lasts_s, end)

    def _heal(self) -> None:
        """End all faults: everything that the venue sent must now reach Redis."""
        self._healed_at = self.agenda.now
        self.venue.is_ticking = False
        for end in self.at_last:
            end()
        self.agenda.after(TIMING.catch_up + 1.5, self._tell_again)

    def _tell_again(self) -> None:
        if self.has_wrong_times:
            for listing in self.venue.trading():
                self.venue.tick(listing.symbol)

    def _check_healed(self) -> None:
        differences = self.promises.differences()
        waited_s = self.agenda.now - self._healed_at
        is_banned = "handshakes_forbidden" in {fault.kind for fault in self.plan}
        if not differences and waited_s > 2 + TIMING.catch_up:
            self._finished.set()
        elif waited_s > CONVERGED_WITHIN_S + BAN_S * is_banned:
            raise Broken(f"after {waited_s:.0f} s: {differences[0]}")

    def _count(self, collector: Collector) -> None:
        table = collector.table
        for name in ("older", "conflated", "vanished", "deltas", "bad_fields", "written"):
            self.reached[name] += getattr(table, name)
        self.reached.update({f"rejected {why}": n for why, n in table.rejected.items() if n})


async def _soon(work: Callable[[], T]) -> T:
    await asyncio.sleep(0.05)
    return work()


def _name(event: object) -> str:
    words = type(event).__name__
    reason = getattr(event, "reason", "")
    return f"{words} {'silent' if 'data' in reason else 'pings'}" if reason else words
