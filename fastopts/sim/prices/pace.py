"""Which symbols tick when.

Every symbol has a due time in a heap. Its interval is in inverse proportion to its weight, so that
all together make the wanted rate, but never below the venue's floor. What symbols at the floor
can't take is spread over the others.
"""

from collections.abc import Hashable
from heapq import heapify, heapreplace
from typing import Final, Generic, TypeVar

from fastopts.sim.prices.chance import stream

__all__ = ("INTERVAL_MIN_S", "Pace")

# The venue sends a symbol every 100 ms at most. A little more, so that the whole milliseconds of
# two tickers, read at slightly different moments, are never 99 apart.
INTERVAL_MIN_S: Final = 0.1001
# What a key can keep up on average: calls of `due` come late, and intervals sway a little, lest all
# that came in one call come together for ever.
INTERVAL_BUSY_S: Final = 0.106
_SWAY = 0.3  # of an interval
_BACKLOG_MAX_S = 0.25  # after a stall no more than this is made up for

Key = TypeVar("Key", bound=Hashable)


class Pace(Generic[Key]):
    """A timetable for *rate* ticks a second over all keys in it. Times are seconds of any clock."""

    def __init__(self, rate: float, seed: int = 0) -> None:
        self._rate = rate
        self._random = stream(seed, "pace").random
        self._weights: dict[Key, float] = {}
        # A key that is discarded and added again has another serial: its old entry is void.
        self._serials: dict[Key, int] = {}
        self._serial = 0
        self._heap: list[tuple[float, int, Key]] = []
        self._unit_s = 0.0  # the interval of weight 1
        self._is_stale = False

    def __len__(self) -> int:
        return len(self._weights)

    def add(self, key: Key, weight: float) -> None:
        """Let *key* tick, or give it another weight."""
        self._weights[key] = weight
        self._is_stale = True

    def discard(self, key: Key) -> None:
        if self._weights.pop(key, None) is not None:
            self._serials.pop(key, None)
            self._is_stale = True

    def next_due(self) -> float | None:
        """When the next key is due, None if there is none; new keys count after the next `due`."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Key]:
        """Return the keys whose time has come, the longest due first, and plan their next."""
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
            # Symmetric, so that the mean stays, and not below the floor.
            sway = min(interval - INTERVAL_MIN_S, interval * _SWAY)
            following = max(at, earliest) + interval + sway * (2 * random() - 1)
            heapreplace(heap, (max(following, soonest), serial, key))
        return keys

    def _replan(self, now: float) -> None:
        """Stretch or shrink what is planned to the present keys' intervals, and plan new keys."""
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
            # Anywhere in its interval: many keys added at once make no burst.
            left = INTERVAL_MIN_S + self._interval(key, self._unit_s) * self._random()
            heap.append((now + left, self._serial, key))
        heapify(heap)
        self._heap = heap

    def _interval(self, key: Key, unit_s: float) -> float:
        return max(unit_s / self._weights[key], INTERVAL_BUSY_S)


def _solve(weights: list[float], rate: float) -> float:
    """Return the unit for which sum(1 / max(unit / weight, busy)) = rate, or 0 if none is enough.

    *weights* are in descending order.
    """
    free = sum(weights)
    for weight in weights:
        if rate <= 0:
            break
        unit_s = free / rate
        if unit_s / weight >= INTERVAL_BUSY_S:
            return unit_s
        # The heaviest takes what it can; the others share the rest.
        free -= weight
        rate -= 1 / INTERVAL_BUSY_S
    return 0.0
