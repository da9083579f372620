"""`FeedState`: the state of the feed for users."""

from typing import Final

from fastopts.errors import FastoptsError
from fastopts.reader.freshness.moment import Moment

__all__ = ("FeedState",)


class FeedState:
    """The collector's state at one moment: writer, heartbeat, connections and coverage.

    *venue* and *assets* name the data, *store* identifies the database's contents, *epoch* and
    *writer* the run of the collector that writes it. *covered* of *wanted* symbols have ticked;
    *never* stayed silent although they were subscribed again. *skew_ms* is the venue's clock minus
    the server's, exact to within *skew_error_ms* (None while the venue's clock is unknown).
    Connections may be up to *late_limit_ms* behind the venue.
    """

    def __init__(self, moment: Moment) -> None:
        feed = moment.feed
        self._moment = moment
        self.venue: Final[str] = feed.venue
        self.store: Final[str] = feed.store
        self.epoch: Final[int] = feed.epoch
        self.writer: Final[str] = feed.writer
        self.assets: Final[tuple[str, ...]] = feed.assets
        self.covered: int
        self.wanted: int
        self.covered, self.wanted = feed.coverage
        self.never: Final[int] = feed.never
        self.skew_ms: Final[int] = feed.skew_ms
        self.skew_error_ms: Final[int | None] = feed.skew_error_ms
        self.late_limit_ms: Final[int | None] = feed.late_limit_ms

    def __repr__(self) -> str:
        state = f"down: {self.down}" if self.down else f"{self.heartbeat_age_s:.1f} s old"
        return f"<FeedState {self.venue}, {self.covered} of {self.wanted} symbols, {state}>"

    def _repr_html_(self) -> str:
        from fastopts.reader.export import notebook

        return notebook.feed_html(self, self._moment)

    @property
    def now_ms(self) -> int:
        """Server's clock at the read, ms since 1970 UTC."""
        return self._moment.now_ms

    @property
    def venue_ms(self) -> int:
        """Venue's clock at the read, ms since 1970 UTC."""
        return self._moment.venue_ms

    @property
    def alive(self) -> bool:
        """Whether the collector is running, so that values can be live."""
        return self.down is None

    @property
    def down(self) -> FastoptsError | None:
        """The error that makes every value stale; None while the feed is alive."""
        return self._moment.down

    @property
    def heartbeat_age_s(self) -> float | None:
        """Seconds since the collector's last heartbeat; None if it stopped or never ran."""
        heartbeat_ms = self._moment.feed.heartbeat_ms
        return (self.now_ms - heartbeat_ms) / 1000 if heartbeat_ms else None

    @property
    def silence_s(self) -> dict[int, float]:
        """Seconds since the last data, by open connection; without those that never delivered."""
        delivered_ms = self._moment.feed.delivered_ms
        return {conn: (self.now_ms - at) / 1000 for conn, at in delivered_ms.items() if at}

    @property
    def conns(self) -> tuple[int, ...]:
        """Numbers of the open venue connections, ascending."""
        return tuple(sorted(self._moment.feed.delivered_ms))

    @property
    def lag_s(self) -> dict[int, float]:
        """Seconds behind the venue, by open connection; without those of unknown lag."""
        return {conn: lag_ms / 1000 for conn, lag_ms in sorted(self._moment.feed.lag_ms.items())}

    @property
    def late(self) -> tuple[int, ...]:
        """Connections that deliver, but behind the venue by too much or by an unknown time."""
        feed = self._moment.feed
        return tuple(c for c in self.conns if feed.delivered_ms[c] and feed.is_late(c))

    @property
    def muted(self) -> tuple[int, ...]:
        """Open connections whose values are not live: silent, or late."""
        return tuple(conn for conn in self.conns if conn not in self._moment.live_conns)

    @property
    def skew_is_large(self) -> bool:
        """Whether the clocks of venue and server are more than a second apart."""
        return self._moment.feed.skew_is_large
