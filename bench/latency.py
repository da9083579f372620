"""How long a tick takes from the venue to a subscriber of Redis, by the way sockets are read.

Times are from the tick's own `ts`, which the load source stamps in whole ms as it sends: a figure
is up to 1 ms too large, in each way alike. A receive time would leave out what a tick waits before
it is read.
"""

import time
from dataclasses import dataclass
from typing import Any

import redis

from bench.session import Contender, Session
from fastopts import keys, model
from fastopts.metrics import quantile

__all__ = ("RATE", "SYMBOLS", "Delays", "delays_ms", "run")

SYMBOLS = 1500
RATE = 2600.0
WARM_UP_S = 2.0
SUBSCRIBED_WITHIN_S = 10.0
TS_AT = 8  # in a record


@dataclass(frozen=True, slots=True)
class Delays:
    """In ms, of *count* ticks."""

    p50_ms: float
    p99_ms: float
    count: int


def run(contenders: tuple[Contender, ...], seconds: float) -> dict[str, Delays]:
    """Let each of *contenders* write RATE ticks a second for *seconds*, and follow its updates."""
    found: dict[str, Delays] = {}
    for contender in contenders:
        with Session(contender, SYMBOLS, None) as session:
            session.start(RATE)
            found[contender.name] = _followed(session.valkey.url, seconds)
    return found


def delays_ms(message: bytes, now_ms: float) -> list[float]:
    """How long before *now_ms* each record of *message* was sent."""
    found = []
    at = model.UPDATE_HEAD.size
    while at < len(message):
        record_at = at + 1 + message[at]
        ts_at = record_at + TS_AT
        found.append(now_ms - int.from_bytes(message[ts_at : ts_at + 8], "little"))
        at = record_at + model.RECORD.size
    return found


def _followed(url: str, seconds: float) -> Delays:
    with redis.Redis.from_url(url, protocol=2) as client:
        store: Any = client.hget(keys.FEED, "store")
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(keys.updates(store.decode()))
        _heard(pubsub, SUBSCRIBED_WITHIN_S, only_first=True)
        _heard(pubsub, WARM_UP_S)
        ordered = sorted(_heard(pubsub, seconds))
    p50_ms, p99_ms = quantile(ordered, 0.5), quantile(ordered, 0.99)
    assert p50_ms is not None
    assert p99_ms is not None
    return Delays(p50_ms, p99_ms, len(ordered))


def _heard(pubsub: Any, seconds: float, only_first: bool = False) -> list[float]:
    found: list[float] = []
    deadline = time.monotonic() + seconds
    while (left_s := deadline - time.monotonic()) > 0 and not (found and only_first):
        message = pubsub.get_message(timeout=left_s)
        if message is not None:
            found += delays_ms(message["data"], time.time() * 1000)
    return found
