"""What goes wrong: each fault is a block that holds it, or an event at the block's beginning."""

import contextlib
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import redis

from tests.chaos.system import System
from tests.support.broken_valkey import REFUSING
from tests.support.fault_proxy import Ending, FaultProxy, Passage, Way

__all__ = ("FAULTS", "Fault")

Fault = Callable[[System, random.Random], AbstractContextManager[Any]]


def _way(name: str, **fields: Any) -> Fault:
    """A fault of the network: `to_venue.down` and the like become a `Way` of *fields*."""
    proxy_name, direction = name.split(".")

    @contextmanager
    def hold(system: System, luck: random.Random) -> Iterator[None]:
        proxy: FaultProxy = getattr(system, proxy_name)
        setattr(proxy, direction, Way(**fields))
        try:
            yield
        finally:
            setattr(proxy, direction, Way())

    return hold


def _venue(name: str, value: Any, usual: Any) -> Fault:
    """A fault of the simulated venue's own."""

    @contextmanager
    def hold(system: System, luck: random.Random) -> Iterator[None]:
        system.venue.do(lambda sim: setattr(sim.faults, name, value))
        try:
            yield
        finally:
            system.venue.do(lambda sim: setattr(sim.faults, name, usual))

    return hold


def _event(work: Callable[[System, random.Random], object]) -> Fault:
    @contextmanager
    def hold(system: System, luck: random.Random) -> Iterator[None]:
        with contextlib.suppress(redis.RedisError):  # another fault has Redis already
            work(system, luck)
        yield

    return hold


def _refusing(word: str) -> Fault:
    @contextmanager
    def hold(system: System, luck: random.Random) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(redis.RedisError, TimeoutError):
                stack.enter_context(REFUSING[word](system.valkey))
            yield
            with contextlib.suppress(redis.RedisError):  # it was restarted meanwhile: as usual
                stack.close()

    return hold


@contextmanager
def _stopped(system: System, luck: random.Random) -> Iterator[None]:
    collector = luck.choice(system.collectors)
    collector.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        collector.signal(signal.SIGCONT)


def _kill(system: System, luck: random.Random) -> None:
    luck.choice(system.collectors).signal(signal.SIGKILL)


def _terminate(system: System, luck: random.Random) -> None:
    luck.choice(system.collectors).signal(signal.SIGTERM)


def _end_connections(system: System, luck: random.Random) -> None:
    system.valkey.client.client_kill_filter(_type="normal")


def _evict(system: System, luck: random.Random) -> None:
    """Take some of our keys away, of any kind but the feed and the lease."""
    client = system.valkey.client
    found = [key for key in client.scan_iter(count=1000) if not key.startswith("fastopts:")]
    if found:
        client.delete(*luck.sample(sorted(found), min(20, len(found))))


FAULTS: Final[Mapping[str, Fault]] = {
    "venue drops all connections": _event(lambda system, luck: system.venue.drop()),
    "network to the venue is reset": _event(lambda system, luck: system.to_venue.drop(Ending.RST)),
    "network to the venue loses all": _way("to_venue.down", passage=Passage.LOST),
    "network from us to the venue loses all": _way("to_venue.up", passage=Passage.LOST),
    "network to the venue holds back": _way("to_venue.down", passage=Passage.HELD),
    "network to the venue brings crumbs": _way("to_venue.down", slice_bytes=61),
    "network to the venue is slow": _way("to_venue.down", latency_s=0.1, jitter_s=0.2),
    "venue is mute": _venue("mute", True, False),
    "venue withholds acks": _venue("withhold_acks", True, False),
    "venue withholds pongs": _venue("withhold_pongs", True, False),
    "venue refuses connections": _venue("refuse_status", 502, None),
    "next two connections are mute": _event(
        lambda system, luck: system.venue.do(lambda sim: setattr(sim.faults, "mute_next", 2))
    ),
    "venue's REST fails": _venue(
        "rest", {"/v5/market/instruments-info": (500, ""), "/v5/market/tickers": (500, "")}, {}
    ),
    "network to Redis is reset": _event(lambda system, luck: system.to_redis.drop(Ending.RST)),
    "network to Redis loses all": _way("to_redis.up", passage=Passage.LOST),
    "network from Redis loses all": _way("to_redis.down", passage=Passage.LOST),
    "network from Redis holds back": _way("to_redis.down", passage=Passage.HELD),
    "network from Redis brings crumbs": _way("to_redis.down", slice_bytes=7),
    "network to Redis is slow": _way("to_redis.up", latency_s=0.05, jitter_s=0.05),
    "Redis is killed and comes back empty": _event(lambda system, luck: system.valkey.restart()),
    "Redis is emptied": _event(lambda system, luck: system.valkey.client.flushall()),
    "Redis loses some keys": _event(_evict),
    "Redis ends all connections": _event(_end_connections),
    "Redis hangs": lambda system, luck: system.valkey.frozen(),
    **{f"Redis refuses: {word}": _refusing(word) for word in REFUSING},
    "a collector is killed": _event(_kill),
    "a collector is told to end": _event(_terminate),
    "a collector is suspended": _stopped,
}
