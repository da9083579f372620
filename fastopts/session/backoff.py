"""When to try again: full jitter under a cap, and a budget over all connections together."""

import random
from dataclasses import dataclass, field

__all__ = ("Backoff", "Budget", "delay_s")


def delay_s(attempt: int, draw: float, base_s: float, cap_s: float) -> float:
    """The wait before attempt number *attempt* (from 0); *draw* is uniform in [0, 1).

    Full jitter over an exponential ceiling, never shorter than a tenth of *base_s*: the ceiling
    stops at *cap_s*, the jitter does not.
    """
    ceiling = min(cap_s, base_s * 2.0 ** min(attempt, 60))
    least = base_s / 10
    return least + draw * (ceiling - least)


@dataclass(slots=True)
class Backoff:
    """The waits of one connection. Reset it when data flows, not when a socket opens."""

    base_s: float = 0.5
    cap_s: float = 30.0
    attempt: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def next_s(self) -> float:
        wait = delay_s(self.attempt, self.rng.random(), self.base_s, self.cap_s)
        self.attempt += 1
        return wait

    def reset(self) -> None:
        self.attempt = 0


@dataclass(slots=True)
class Budget:
    """At most *burst* attempts at once, and *per_s* in the long run.

    Bybit allows 500 new connections in 5 minutes; the default keeps to a fifth of that.
    """

    burst: int = 40
    per_s: float = 60 / 300
    _spent: float = 0.0
    _at: float = float("-inf")

    def wait_s(self, now: float) -> float:
        """Take one attempt; return how long to wait before it is made."""
        if self._at > float("-inf"):
            self._spent = max(0.0, self._spent - (now - self._at) * self.per_s)
        self._at = now
        self._spent += 1
        return max(0.0, self._spent - self.burst) / self.per_s
