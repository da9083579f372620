"""The delay of ticks from the venue to a subscriber of Redis, for each way to read sockets.

Delays begin at the tick's own `ts`, which the load source stamps in whole ms as it sends: a figure
is up to 1 ms too large, for all contenders alike. The collector's receive time would leave out the
wait of a tick before it is read.
"""

import time
from dataclasses import dataclass
from typing import Any

import redis

from bench.session import Contender, Session
from fastopts import keys, model
from fastopts.metrics import quantile

__all__ = ("RATE", "SYMBOLS", "Delays", "delays_ms", "run")

# The paced load of bench.plan.
SYMBOLS = 1500
RATE = 2600.0
WARM_UP_S = 2.0
SUBSCRIBED_WITHIN_S = 10.0
TS_AT = 8  # offset of `ts` in a record


@dataclass(frozen=True, slots=True)
class Delays:
    """Percentiles of the delays of *count* ticks, in ms."""

    p50_ms: float
    p99_ms: float
    count: int


def run(contenders: tuple[Contender, ...], seconds: float) -> dict[str, Delays]:
    """Have each of *contenders* write RATE ticks/s for *seconds*, and measure its updates."""
    delays: dict[str, Delays] = {}
    for contender in contenders:
        with Session(contender, SYMBOLS, None) as session:
            session.start(RATE)
            delays[contender.name] = _measure(session.valkey.url, seconds)
    return delays


def delays_ms(message: bytes, now_ms: float) -> list[float]:
    """Return the age of each record of *message*, since the venue sent it, at *now_ms*."""
    delays = []
    position = model.UPDATE_HEAD.size
    while position < len(message):
        record_at = position + 1 + message[position]  # after the symbol and its length
        ts_at = record_at + TS_AT
        delays.append(now_ms - int.from_bytes(message[ts_at : ts_at + 8], "little"))
        position = record_at + model.RECORD.size
    return delays


def _measure(url: str, seconds: float) -> Delays:
    with redis.Redis.from_url(url, protocol=2) as client:
        store: Any = client.hget(keys.FEED, "store")
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(keys.updates(store.decode()))
        # The warm-up begins with the first message: the subscription itself takes a while.
        _receive(pubsub, SUBSCRIBED_WITHIN_S, only_first=True)
        _receive(pubsub, WARM_UP_S)
        ordered = sorted(_receive(pubsub, seconds))
    p50_ms, p99_ms = quantile(ordered, 0.5), quantile(ordered, 0.99)
    assert p50_ms is not None
    assert p99_ms is not None
    return Delays(p50_ms, p99_ms, len(ordered))


def _receive(pubsub: Any, seconds: float, only_first: bool = False) -> list[float]:
    """The delays of the ticks of *seconds*; *only_first*: of the first message with any."""
    delays: list[float] = []
    deadline = time.monotonic() + seconds
    while (remaining_s := deadline - time.monotonic()) > 0 and not (delays and only_first):
        message = pubsub.get_message(timeout=remaining_s)
        if message is not None:
            delays += delays_ms(message["data"], time.time() * 1000)
    return delays
