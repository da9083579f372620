"""A live market in Redis: written and announced as by a collector."""

import contextlib
import struct
import threading
from collections.abc import Iterator
from typing import Any, Final, Self

from tests.support.store import CHANNEL, EPOCH, Store

__all__ = ("BTC", "ETH", "FRONT", "SYMBOLS", "LiveMarket")

FRONT, BACK = "27NOV99", "25DEC99"
STRIKES: Final = (80_000, 90_000, 100_000)
BTC: Final = tuple(
    f"BTC-{expiry}-{strike}-{kind}-USDT"
    for expiry in (FRONT, BACK)
    for strike in STRIKES
    for kind in "CP"
)
ETH: Final = (f"ETH-{FRONT}-3500-C-USDT", f"ETH-{FRONT}-3500-P-USDT", f"ETH-{FRONT}-3500-C")
SYMBOLS: Final = (*BTC, *ETH)

BEAT_S: Final = 0.03
_HEAD: Final = "<BxHIQ"


class LiveMarket:
    """A feed with heartbeats and announced ticks, as a context manager.

    Tests stop parts of it through `is_beating`, `is_announcing` and `open`.
    """

    def __init__(self, store: Store, symbols: tuple[str, ...] = SYMBOLS) -> None:
        self.store = store
        self.is_beating = self.is_announcing = True
        self.open = {1}  # connections that deliver
        self._symbols = symbols
        self._number = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._live)

    def __enter__(self) -> Self:
        self.write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def write(self, **fields: Any) -> None:
        """Write the whole market, as a collector does after Redis was emptied."""
        with self._lock:
            for symbol in self._symbols:
                self._put(symbol)
            feed = {"coverage": f"{len(self._symbols)}/{len(self._symbols)}", **fields}
            self.store.feed(dict.fromkeys(self.open, 0.0), **feed)

    def tick(self, symbol: str = BTC[0], **values: Any) -> None:
        """Write and announce a tick of *symbol*."""
        with self._lock:
            self._put(symbol, **values)
            self._announce(symbol)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing while the block runs, neither ticks nor heartbeats."""
        with self._lock:
            yield

    def _put(self, symbol: str, **values: Any) -> None:
        sign = -1 if symbol.split("-")[3] == "P" else 1
        self.store.option(symbol, 0.1, **{"delta": 0.39 * sign} | values)

    def _announce(self, *symbols: str) -> None:
        if not self.is_announcing:
            return
        self._number += 1
        parts = [struct.pack(_HEAD, 1, len(symbols), EPOCH, self._number)]
        for symbol in symbols:
            record: Any = self.store.client.get(f"optrec:{symbol}")
            parts += (bytes([len(symbol)]), symbol.encode(), record)
        self.store.client.publish(CHANNEL, b"".join(parts))

    def _live(self) -> None:
        while not self._ending.wait(BEAT_S):
            with self._lock, contextlib.suppress(ConnectionError, OSError):
                now = self.store.now_ms()
                beats: dict[Any, Any] = {f"conn:{conn}": now for conn in self.open}
                if self.is_beating:
                    beats["heartbeat_ms"] = now
                self.store.client.hset("fastopts:feed", mapping=beats)
                self._announce()
