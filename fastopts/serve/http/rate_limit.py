"""Rate limits: a token bucket, and one bucket for each client."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ("CLIENTS_MAX", "RateLimiter", "TokenBucket")

# A bucket is about 200 bytes, so a scan of addresses costs 2 MB at most.
CLIENTS_MAX: Final = 10_000


class TokenBucket:
    """Allows *rate* events per second on average, and *burst* events at once.

    *clock* returns seconds and never goes back.
    """

    __slots__ = ("_burst", "_clock", "_rate", "_tokens", "_updated_at")

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = self._tokens = burst
        self._clock = clock
        self._updated_at = clock()

    def take(self) -> bool:
        """Take a token. Return False, and take nothing, when the bucket is empty."""
        now = self._clock()
        self._tokens = self._available(now)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    @property
    def is_empty(self) -> bool:
        """Whether `take` would return False now."""
        return self._available(self._clock()) < 1

    @property
    def wait_s(self) -> float:
        """Seconds until `take` can succeed; 0 when it can now."""
        return max(1 - self._available(self._clock()), 0.0) / self._rate

    def _available(self, now: float) -> float:
        return min(self._burst, self._tokens + (now - self._updated_at) * self._rate)


class RateLimiter:
    """One token bucket per client, made by *make_bucket*; the least recently used are dropped.

    A dropped bucket comes back full, so a client behind more than `CLIENTS_MAX` addresses escapes
    its limit. The limits on connections still hold then.
    """

    def __init__(self, make_bucket: Callable[[], TokenBucket]) -> None:
        self._make_bucket = make_bucket
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def bucket_of(self, client: str) -> TokenBucket:
        """Return the bucket of *client*, a new and full one at its first request."""
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = self._make_bucket()
            if len(self._buckets) > CLIENTS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(client)
        return bucket
