"""How often something may happen: so many a second, a burst of it at once."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ("ADDRESSES_MAX", "Bucket", "Buckets")

ADDRESSES_MAX: Final = 10_000


class Bucket:
    """Lets *rate* a second pass, and *burst* at once."""

    __slots__ = ("_at", "_burst", "_clock", "_left", "_rate")

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = self._left = burst
        self._clock = clock
        self._at = clock()

    def take(self) -> bool:
        """Whether one more may pass; it has then."""
        self._refill()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    @property
    def is_empty(self) -> bool:
        """Whether none may pass now."""
        self._refill()
        return self._left < 1

    @property
    def wait_s(self) -> float:
        """Until the next one may pass."""
        self._refill()
        return max(1 - self._left, 0.0) / self._rate

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now


class Buckets:
    """One for each address; the longest unheard of make room."""

    def __init__(self, make: Callable[[], Bucket]) -> None:
        self._make = make
        self._held: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, address: str) -> Bucket:
        bucket = self._held.get(address)
        if bucket is None:
            bucket = self._held[address] = self._make()
            if len(self._held) > ADDRESSES_MAX:
                self._held.popitem(last=False)
        self._held.move_to_end(address)
        return bucket
