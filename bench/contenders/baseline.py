"""The baseline: pybit's WebSocket, float() of 14 fields, a deque, redis-py pipelines of 200.

A small model of the public tracker options-simple-ws-bybit, with the same libraries doing the same
work: pybit receives in its thread, checks UTF-8, decodes by json, deep-copies, and calls the
callback; that converts texts to floats and back; batches of 200 are written with an HSET of 15
fields and an EXPIRE each, and three counters.

Faster than the original, which writes at most 200 records every 2 s from a second thread and so
discards most: here the callback itself flushes as soon as 200 are queued, so everything received is
written and no two threads compete for the interpreter. No performance log, no FLUSHDB, no sleep in
the event loop.
"""

import os
import threading
import time
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import redis
from pybit import unified_trading  # type: ignore[import-untyped]

from bench.contenders import common
from bench.frames import PATH

# These limits, the fields and their names are the original's.
BATCH = 200
QUEUE_MAX = 10_000
CHUNK = 100
TTL_S = 86400
FIELDS = {
    "biv": "bidIv",
    "aiv": "askIv",
    "lp": "lastPrice",
    "mp": "markPrice",
    "ip": "indexPrice",
    "miv": "markPriceIv",
    "up": "underlyingPrice",
    "oi": "openInterest",
    "d": "delta",
    "g": "gamma",
    "v": "vega",
    "t": "theta",
    "v24": "volume24h",
    "t24": "turnover24h",
}


class Tracker:
    """The callback, the queue, and the flush of the original."""

    def __init__(self, redis_url: str) -> None:
        self.received = self.written = 0
        self._client = redis.Redis.from_url(redis_url, decode_responses=True)
        self._queue: deque[tuple[str, dict[str, str]]] = deque(maxlen=QUEUE_MAX)
        self._lock = threading.Lock()

    def take(self, message: dict[str, Any]) -> None:
        """Queue the fields of a ticker; flush when the queue has a batch."""
        data = message.get("data")
        if not data:
            return
        values = {short: number(data.get(name)) for short, name in FIELDS.items()}
        record = {short: str(value) for short, value in values.items() if value is not None}
        record["ts"] = str(int(time.time()))
        with self._lock:
            self._queue.append((data["symbol"], record))
        self.received += 1
        if len(self._queue) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            batch = [self._queue.popleft() for _ in range(BATCH)]
        pipe = self._client.pipeline(transaction=False)
        for symbol, record in batch:
            pipe.hset(f"option:{symbol}", mapping=dict[Any, Any](record))
            pipe.expire(f"option:{symbol}", TTL_S)
        pipe.hincrby("stats", "messages", len(batch))
        pipe.hset("stats", "last_update", str(time.time()))
        pipe.hincrby("stats", "batches", 1)
        pipe.execute()
        self.written += len(batch)


def number(text: str | None) -> float | None:
    """Return the value of *text*; None for an empty or invalid one."""
    if text is None or text == "":
        return None
    try:
        return float(text)
    except (ValueError, TypeError):
        return None


def main() -> None:
    """Track all symbols until the process is killed."""
    arguments = common.arguments()
    if arguments.certificate is not None:
        os.environ["WEBSOCKET_CLIENT_CA_BUNDLE"] = str(arguments.certificate)
    parts = urlsplit(arguments.ws_url)
    # pybit has no option for another host.
    unified_trading.PUBLIC_WSS = f"{parts.scheme}://{parts.netloc}{PATH}"
    listed = common.symbols(arguments)
    tracker = Tracker(arguments.redis_url)
    websocket = unified_trading.WebSocket(
        testnet=False, channel_type="option", ping_interval=45, ping_timeout=15
    )
    for start in range(0, len(listed), CHUNK):
        websocket.ticker_stream(symbol=listed[start : start + CHUNK], callback=tracker.take)
    while True:
        time.sleep(1.0)
        common.report_status(received=tracker.received, written=tracker.written)


if __name__ == "__main__":
    main()
