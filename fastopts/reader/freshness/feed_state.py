"""`FeedState`: the feed as a user sees it."""

from typing import Final

from fastopts.errors import FastoptsError
from fastopts.reader.freshness.feed import Moment

__all__ = ("FeedState",)


class FeedState:
    """Who writes, how alive that is, and what it covers, at one moment of the server's clock.

    *venue* and *assets* say whose data it is, *store* is the identity of what the database holds,
    *epoch* and *writer* which run of which collector writes it; *covered* of *wanted* symbols have
    ticked, *never* were asked for more than once and did not come; *skew_ms* is the venue's clock
    minus the server's, right to within *skew_error_ms* (None while the venue's clock is not known);
    a connection may lag by *late_limit_ms*.
    """

    def __init__(self, moment: Moment) -> None:
        feed = moment.feed
        self._moment = moment
        self.venue: Final = feed.venue
        self.store: Final = feed.store
        self.epoch: Final = feed.epoch
        self.writer: Final = feed.writer
        self.assets: Final = feed.assets
        self.covered, self.wanted = feed.coverage
        self.never: Final = feed.never
        self.skew_ms: Final = feed.skew_ms
        self.skew_error_ms: Final = feed.skew_error_ms
        self.late_limit_ms: Final = feed.late_limit_ms

    def __repr__(self) -> str:
        state = f"down: {self.down}" if self.down else f"{self.heartbeat_age_s:.1f} s old"
        return f"<FeedState {self.venue}, {self.covered} of {self.wanted} symbols, {state}>"

    @property
    def now_ms(self) -> int:
        """The server's clock at the read, in ms since 1970 UTC."""
        return self._moment.now_ms

    @property
    def venue_ms(self) -> int:
        """The venue's clock at the read, in ms since 1970 UTC."""
        return self._moment.venue_ms

    @property
    def alive(self) -> bool:
        """Whether its collector lives: something of it can be live then."""
        return self.down is None

    @property
    def down(self) -> FastoptsError | None:
        """Why nothing of it is live; None while it is alive."""
        return self._moment.down

    @property
    def heartbeat_age_s(self) -> float | None:
        """Seconds since the collector's last sign of life; None when there is none."""
        heartbeat_ms = self._moment.feed.heartbeat_ms
        return (self.now_ms - heartbeat_ms) / 1000 if heartbeat_ms else None

    @property
    def silence_s(self) -> dict[int, float]:
        """For each open connection the seconds since it last delivered data."""
        delivered_ms = self._moment.feed.delivered_ms
        return {conn: (self.now_ms - at) / 1000 for conn, at in delivered_ms.items() if at}

    @property
    def conns(self) -> tuple[int, ...]:
        """The connections that are open."""
        return tuple(sorted(self._moment.feed.delivered_ms))

    @property
    def lag_s(self) -> dict[int, float]:
        """For each open connection how many seconds it is behind the venue, where that is known."""
        return {conn: lag_ms / 1000 for conn, lag_ms in sorted(self._moment.feed.lag_ms.items())}

    @property
    def late(self) -> tuple[int, ...]:
        """The connections that deliver, but are too far behind the venue or by an unknown time."""
        feed = self._moment.feed
        return tuple(c for c in self.conns if feed.delivered_ms[c] and feed.is_late(c))

    @property
    def muted(self) -> tuple[int, ...]:
        """The open connections that deliver nothing, or late: what came over them is not live."""
        return tuple(conn for conn in self.conns if conn not in self._moment.live_conns)

    @property
    def skew_is_large(self) -> bool:
        """The venue's clock and the server's are more than a second apart."""
        return self._moment.feed.skew_is_large
