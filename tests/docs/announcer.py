"""Announces a symbol that moves, as the collector announces what it writes."""

import struct
import threading
from typing import Any, Final, Self

from tests.docs import market
from tests.support.store import CHANNEL, EPOCH, Store

__all__ = ("MovingAnnouncer",)

HEAD: Final = "<BxHIQ"
BEAT_S: Final = 0.02


class MovingAnnouncer:
    """While it is entered, `market.MOVING` moves by 8 % to and fro, each change announced."""

    def __init__(self, store: Store, skew_ms: int) -> None:
        self._store = store
        self._skew_ms = skew_ms
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._announce)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _announce(self) -> None:
        number = 0
        while not self._ending.wait(BEAT_S):
            number += 1
            market.tick(self._store, market.MOVING, self._skew_ms, 1 + 0.08 * (number % 2))
            self._store.client.publish(CHANNEL, self._message(number))

    def _message(self, number: int) -> bytes:
        symbol = market.MOVING.encode()
        record: Any = self._store.client.get(b"optrec:" + symbol)
        head = struct.pack(HEAD, 1, 1, EPOCH, number)
        return b"".join((head, bytes([len(symbol)]), symbol, record))
