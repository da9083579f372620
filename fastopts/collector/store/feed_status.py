"""The content of `fastopts:feed`: who writes, how alive it is, which connections deliver."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastopts import keys
from fastopts.collector.limits import CollectorLimits
from fastopts.contract import FeedField
from fastopts.session.clocks import RemoteClock
from fastopts.session.lateness import LATE_MS
from fastopts.session.venue_clock import VenueClock

__all__ = ("FeedStatus", "Skew")


@dataclass(frozen=True, slots=True)
class Skew:
    """The venue's clock minus the Redis server's, in whole ms; off by at most *error_ms*."""

    ms: int
    error_ms: int


@dataclass(slots=True)
class FeedStatus:
    """State of the feed. Times go in as local monotonic seconds, and out as ms of the server.

    Readers judge freshness by it alone, so it must not run ahead of the written records: a
    connection appears here before the first record that it delivered, and counts as delivering only
    once everything that waited during a stall or an outage has been written.
    """

    venue: str
    watchdog_ms: int
    late_ms: int = LATE_MS
    universe: int = 0
    assets: tuple[str, ...] = ()  # those with listed options
    covered: int = 0  # symbols that open connections deliver in time, as last counted
    wanted: int = 0  # instruments of the universe
    never: int = 0  # subscribed more than once, and never delivered
    server: RemoteClock = field(default_factory=RemoteClock)
    exchange: VenueClock = field(default_factory=VenueClock)
    conns: dict[int, float | None] = field(default_factory=dict)
    """When each open connection last delivered; None before the first time."""
    lags_ms: dict[int, int] = field(default_factory=dict)
    is_behind: bool = False
    """Ticks from a stall or an outage are not written yet: nothing counts as delivered."""
    heartbeat_limit_ms: int = CollectorLimits().heartbeat_limit_ms

    def opened(self, conn: int) -> None:
        """Add a connection that has delivered nothing yet."""
        self.conns[conn] = None

    def delivered(self, conn: int, at: float) -> bool:
        """Note a delivery; True if readers must learn of it before anything else is written."""
        is_first = conn in self.conns and self.conns[conn] is None
        self.conns[conn] = at
        return is_first

    def set_lag(self, conn: int, lag_ms: int | None) -> bool:
        """Note how far *conn* lags behind the venue (None if unknown).

        True if that changes whether it is late.
        """
        was_late = self.is_late(conn)
        if lag_ms is None:
            self.lags_ms.pop(conn, None)
        else:
            self.lags_ms[conn] = lag_ms
        return self.is_late(conn) != was_late

    def is_late(self, conn: int) -> bool:
        """Whether readers refuse what *conn* delivered: it lags too much, or its lag is unknown."""
        lag_ms = self.lags_ms.get(conn)
        return lag_ms is None or lag_ms > self.late_ms

    def invalidate(self) -> None:
        """Treat all open connections as if they had delivered nothing yet."""
        self.conns = dict.fromkeys(self.conns)

    def closed(self, conn: int) -> None:
        """Remove a connection."""
        self.conns.pop(conn, None)
        self.lags_ms.pop(conn, None)

    def live(self, covered: int, heartbeat_age_s: float | None) -> int:
        """Return how many of *covered* symbols are live for readers.

        *heartbeat_age_s* is the age of the last heartbeat that the server accepted; None for none.
        """
        if self.is_behind or heartbeat_age_s is None:
            return 0
        return covered if heartbeat_age_s * 1000 <= self.heartbeat_limit_ms else 0

    def skew(self, now: float) -> Skew | None:
        """Return the venue's clock minus the server's; None while either is unknown."""
        if not (self.server.known and self.exchange.known):
            return None
        ms = self.exchange.at(now * 1000) - self.server.at(now * 1000)
        error_ms = self.exchange.error_ms(now * 1000) + self.server.error_ms
        # Half a ms more: the skew is rounded to whole ms.
        return Skew(round(ms), math.ceil(error_ms + 0.5))

    def fields(self, epoch: int, writer: str, now: float) -> Mapping[str, str]:
        """Return the fields of the hash. Raises ValueError unless `server` is known."""
        skew = self.skew(now)
        fields = {
            FeedField.SCHEMA: keys.SCHEMA,
            FeedField.VENUE: self.venue,
            FeedField.EPOCH: str(epoch),
            FeedField.WRITER: writer,
            FeedField.HEARTBEAT_LIMIT_MS: str(self.heartbeat_limit_ms),
            FeedField.WATCHDOG_LIMIT_MS: str(self.watchdog_ms),
            FeedField.HEARTBEAT_MS: str(round(self.server.at(now * 1000))),
            FeedField.UNIVERSE: str(self.universe),
            FeedField.ASSETS: ",".join(self.assets),
            FeedField.SKEW_MS: "" if skew is None else str(skew.ms),
            FeedField.SKEW_ERROR_MS: "" if skew is None else str(skew.error_ms),
            FeedField.LATE_LIMIT_MS: str(self.late_ms),
            FeedField.COVERAGE: f"{self.live(self.covered, 0.0)}/{self.wanted}",
            FeedField.NEVER: str(self.never),
        }
        conns = {
            f"{FeedField.CONN}{conn}": "0" if at is None else self._delivery_ms(at)
            for conn, at in self.conns.items()
        }
        lags = {f"{FeedField.LAG}{conn}": str(lag_ms) for conn, lag_ms in self.lags_ms.items()}
        # A lag means nothing before the venue's clock is known.
        return fields | conns | (lags if self.exchange.known else {})

    def _delivery_ms(self, at: float) -> str:
        return "0" if self.is_behind else str(round(self.server.at(at * 1000)))
