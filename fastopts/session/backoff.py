"""Retry delays: exponential with full jitter, and a budget shared by all connections."""

import random
from dataclasses import dataclass, field

__all__ = ("Backoff", "Budget", "delay_s")


def delay_s(attempt: int, draw: float, base_s: float, cap_s: float) -> float:
    """Return the wait before attempt number *attempt* (from 0), in seconds.

    *draw* is uniform in [0, 1): full jitter below an exponential ceiling that stops at *cap_s*. The
    jitter stays full at the cap, so that the clients of a venue that was down do not come back in
    step. A wait is at least a tenth of *base_s*: a draw near 0 must not become a busy loop.
    """
    # min(): 2.0**1024 raises OverflowError, and an outage can last for that many attempts.
    ceiling = min(cap_s, base_s * 2.0 ** min(attempt, 60))
    least = base_s / 10
    return least + draw * (ceiling - least)


@dataclass(slots=True)
class Backoff:
    """Retry delays of one connection.

    Call `reset` when data flows, not when a socket opens: a peer that accepts connections and ends
    each of them at once would otherwise be tried again without a pause.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    attempt: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def next_s(self) -> float:
        """Return the wait before the next attempt, and count the attempt."""
        wait_s = delay_s(self.attempt, self.rng.random(), self.base_s, self.cap_s)
        self.attempt += 1
        return wait_s

    def reset(self) -> None:
        """Begin with the shortest delays again."""
        self.attempt = 0


@dataclass(slots=True)
class Budget:
    """A token bucket for connection attempts: *burst* at once, and *per_s* on average.

    Bybit allows 500 new connections in 5 minutes and address, and shuts the address out beyond
    that; the default uses a fifth of it, as other programs may share the address.
    """

    burst: int = 40
    per_s: float = 60 / 300
    _spent: float = field(default=0.0, init=False)
    _spent_at: float = field(default=float("-inf"), init=False)

    def spend(self, now: float) -> float:
        """Take one attempt from the budget; return how long to wait before making it."""
        if self._spent_at > float("-inf"):
            self._spent = max(0.0, self._spent - (now - self._spent_at) * self.per_s)
        self._spent_at = now
        self._spent += 1
        return max(0.0, self._spent - self.burst) / self.per_s
