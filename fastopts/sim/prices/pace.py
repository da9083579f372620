"""Schedule of ticks for a given total rate.

Each symbol has a due time in a heap. Its interval is inversely proportional to its weight, but not
below the venue's minimum; the rate that symbols at the minimum can't use goes to the others.
"""

from collections.abc import Hashable
from heapq import heapify, heapreplace
from typing import Final, Generic, TypeVar

from fastopts.sim.prices.chance import stream

__all__ = ("INTERVAL_MIN_S", "Pace")

# The venue pushes a symbol at most every 100 ms. Slightly more, so that two timestamps in whole
# milliseconds are never 99 apart.
INTERVAL_MIN_S: Final = 0.1001
# Shortest mean interval: calls of `due` come late, and intervals are randomised, since keys that
# became due in one call would stay synchronised otherwise.
INTERVAL_BUSY_S: Final = 0.106
_JITTER = 0.3  # of an interval
_BACKLOG_MAX_S = 0.25  # after a stall, at most this much is caught up

Key = TypeVar("Key", bound=Hashable)


class Pace(Generic[Key]):
    """Schedule of *rate* ticks per second over all keys. Times are seconds of any one clock."""

    def __init__(self, rate: float, seed: int = 0) -> None:
        self._rate = rate
        self._random = stream(seed, "pace").random
        self._weights: dict[Key, float] = {}
        # A key that is added again gets a new serial, which invalidates its old heap entry.
        self._serials: dict[Key, int] = {}
        self._serial = 0
        self._heap: list[tuple[float, int, Key]] = []
        self._unit_s = 0.0  # the interval of weight 1
        self._is_stale = False

    def __len__(self) -> int:
        return len(self._weights)

    def add(self, key: Key, weight: float) -> None:
        """Schedule *key*, or change its weight."""
        self._weights[key] = weight
        self._is_stale = True

    def discard(self, key: Key) -> None:
        """Remove *key*. No-op if absent."""
        if self._weights.pop(key, None) is not None:
            self._serials.pop(key, None)
            self._is_stale = True

    def next_due(self) -> float | None:
        """Time of the next key, None if there is none; new keys count after the next `due`."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Key]:
        """Return the keys that are due, earliest first, and reschedule them."""
        if self._is_stale:
            self._replan(now)
        heap, weights = self._heap, self._weights
        unit_s, random = self._unit_s, self._random
        earliest, soonest = now - _BACKLOG_MAX_S, now + INTERVAL_MIN_S
        keys = []
        while heap and heap[0][0] <= now:
            at, serial, key = heap[0]
            keys.append(key)
            interval = max(unit_s / weights[key], INTERVAL_BUSY_S)
            # Symmetric, so that the mean is unchanged, and never below the minimum.
            jitter = min(interval - INTERVAL_MIN_S, interval * _JITTER)
            following = max(at, earliest) + interval + jitter * (2 * random() - 1)
            heapreplace(heap, (max(following, soonest), serial, key))
        return keys

    def _replan(self, now: float) -> None:
        """Rescale scheduled times to the new intervals, and schedule new keys."""
        before_s = self._unit_s
        self._unit_s = _solve(sorted(self._weights.values(), reverse=True), self._rate)
        self._is_stale = False
        heap = []
        for at, serial, key in self._heap:
            if self._serials.get(key) == serial:
                left = at - now
                ratio = self._interval(key, self._unit_s) / self._interval(key, before_s)
                heap.append((now + max(left * ratio, min(left, INTERVAL_MIN_S)), serial, key))
        for key in [key for key in self._weights if key not in self._serials]:
            self._serial += 1
            self._serials[key] = self._serial
            # At a random point of its interval, so that many new keys make no burst.
            left = INTERVAL_MIN_S + self._interval(key, self._unit_s) * self._random()
            heap.append((now + left, self._serial, key))
        heapify(heap)
        self._heap = heap

    def _interval(self, key: Key, unit_s: float) -> float:
        return max(unit_s / self._weights[key], INTERVAL_BUSY_S)


def _solve(weights: list[float], rate: float) -> float:
    """Return the unit for which sum(1 / max(unit / weight, busy)) = rate, or 0 if there is none.

    *weights* are in descending order.
    """
    free = sum(weights)
    for weight in weights:
        if rate <= 0:
            break
        unit_s = free / rate
        if unit_s / weight >= INTERVAL_BUSY_S:
            return unit_s
        # The heaviest key runs at the minimum interval; the others share the remaining rate.
        free -= weight
        rate -= 1 / INTERVAL_BUSY_S
    return 0.0
