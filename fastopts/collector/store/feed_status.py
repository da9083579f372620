"""What readers are told of the feed: who writes, how alive it is, which connections deliver."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastopts import keys
from fastopts.contract import FeedField
from fastopts.session.clocks import RemoteClock
from fastopts.session.lateness import LATE_MS
from fastopts.session.venue_clock import VenueClock

__all__ = ("HEARTBEAT_LIMIT_MS", "HEARTBEAT_S", "FeedStatus", "Skew")

HEARTBEAT_S = 1.0
HEARTBEAT_LIMIT_MS = 5000


@dataclass(frozen=True, slots=True)
class Skew:
    """The venue's clock minus the server's, in whole ms, right to within *error_ms*."""

    ms: int
    error_ms: int


@dataclass(slots=True)
class FeedStatus:
    """The contents of `fastopts:feed`. Times go in as our monotonic seconds, out as server ms."""

    venue: str
    watchdog_ms: int
    late_ms: int = LATE_MS
    universe: int = 0
    assets: tuple[str, ...] = ()  # that have listed symbols
    covered: int = 0  # delivered by connections that are open and not late
    wanted: int = 0
    never: int = 0  # asked for more than once, and never came
    server: RemoteClock = field(default_factory=RemoteClock)
    exchange: VenueClock = field(default_factory=VenueClock)
    conns: dict[int, float | None] = field(default_factory=dict)
    lags_ms: dict[int, int] = field(default_factory=dict)
    is_behind: bool = False
    """What came during a stall or an outage is not written yet: nothing counts as delivered."""

    def opened(self, conn: int) -> None:
        self.conns[conn] = None

    def delivered(self, conn: int, at: float) -> bool:
        """Note a delivery; True when readers must hear of it before anything else is written."""
        is_first = conn in self.conns and self.conns[conn] is None
        self.conns[conn] = at
        return is_first

    def lags(self, conn: int, lag_ms: int | None) -> bool:
        """Note how far *conn* is behind the venue (None: not known); True when it is late since, or
        no longer is."""
        was_late = self.is_late(conn)
        if lag_ms is None:
            self.lags_ms.pop(conn, None)
        else:
            self.lags_ms[conn] = lag_ms
        return self.is_late(conn) != was_late

    def is_late(self, conn: int) -> bool:
        """Whether readers refuse what *conn* delivered as too far behind, or of unknown lag."""
        lag_ms = self.lags_ms.get(conn)
        return lag_ms is None or lag_ms > self.late_ms

    def doubt(self) -> None:
        """None of the open connections has delivered anything, as far as readers are concerned."""
        self.conns = dict.fromkeys(self.conns)

    def closed(self, conn: int) -> None:
        self.conns.pop(conn, None)
        self.lags_ms.pop(conn, None)

    def live(self, heartbeat_age_s: float | None) -> int:
        """How many symbols are live to readers when the last heartbeat that the server took is that
        old (None: it took none)."""
        if self.is_behind or heartbeat_age_s is None:
            return 0
        return self.covered if heartbeat_age_s * 1000 <= HEARTBEAT_LIMIT_MS else 0

    def skew(self, now: float) -> Skew | None:
        """The venue's clock minus the server's; None while one of them is not known."""
        if not (self.server.known and self.exchange.known):
            return None
        ms = self.exchange.at(now * 1000) - self.server.at(now * 1000)
        error_ms = self.exchange.error_ms(now * 1000) + self.server.error_ms
        return Skew(round(ms), math.ceil(error_ms + 0.5))

    def fields(self, epoch: int, writer: str, now: float) -> Mapping[str, str]:
        """The hash's fields. Needs `server` to be known."""
        skew = self.skew(now)
        shown = {
            FeedField.SCHEMA: keys.SCHEMA,
            FeedField.VENUE: self.venue,
            FeedField.EPOCH: str(epoch),
            FeedField.WRITER: writer,
            FeedField.HEARTBEAT_LIMIT_MS: str(HEARTBEAT_LIMIT_MS),
            FeedField.WATCHDOG_LIMIT_MS: str(self.watchdog_ms),
            FeedField.HEARTBEAT_MS: str(round(self.server.at(now * 1000))),
            FeedField.UNIVERSE: str(self.universe),
            FeedField.ASSETS: ",".join(self.assets),
            FeedField.SKEW_MS: "" if skew is None else str(skew.ms),
            FeedField.SKEW_ERROR_MS: "" if skew is None else str(skew.error_ms),
            FeedField.LATE_LIMIT_MS: str(self.late_ms),
            FeedField.COVERAGE: f"{self.live(0.0)}/{self.wanted}",
            FeedField.NEVER: str(self.never),
        }
        conns = {
            f"{FeedField.CONN}{conn}": "0" if at is None else self._shown_time(at)
            for conn, at in self.conns.items()
        }
        lags = {f"{FeedField.LAG}{conn}": str(lag_ms) for conn, lag_ms in self.lags_ms.items()}
        return shown | conns | (lags if self.exchange.known else {})

    def _shown_time(self, at: float) -> str:
        return "0" if self.is_behind else str(round(self.server.at(at * 1000)))
