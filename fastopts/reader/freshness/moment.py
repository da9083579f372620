"""`Moment`: the feed at one instant of the Redis server's clock; why a tick is not live then."""

import math
from collections.abc import Mapping
from typing import Any

from fastopts import model
from fastopts.core import Tick
from fastopts.errors import (
    ConnectionLate,
    ConnectionMuted,
    FastoptsError,
    FeedDown,
    NotYetLive,
    StaleData,
)
from fastopts.model import Instrument
from fastopts.reader.freshness.feed import NO_CONNS, Feed

__all__ = ("Moment", "stale_error")


class Moment:
    """The feed as it was read at *now_ms* of the server's clock, and the contract terms known then.

    *terms* holds at least the terms of the options that were read; those of a mirror are shared
    with it and change. *problem* is an error that makes everything stale whatever the feed says:
    a mirror that lost its connection, a database that was rolled back.
    """

    __slots__ = ("feed", "now_ms", "problem", "terms", "venue_ms")

    def __init__(
        self,
        feed: Feed,
        now_ms: int,
        terms: Mapping[str, Instrument],
        problem: FastoptsError | None = None,
    ) -> None:
        self.feed: Feed = feed
        self.now_ms: int = now_ms
        # Ages and expiries compare with times of the venue, so they need its clock.
        self.venue_ms: int = now_ms + feed.skew_ms
        self.terms: Mapping[str, Instrument] = terms
        self.problem: FastoptsError | None = problem

    @property
    def down(self) -> FastoptsError | None:
        """The error that makes everything stale; None if something can be live."""
        return self.problem or self.feed.down(self.now_ms)

    @property
    def live_conns(self) -> frozenset[int]:
        """The numbers of the venue connections whose values are live."""
        return NO_CONNS if self.problem is not None else self.feed.live_conns(self.now_ms)

    @property
    def error_s(self) -> float:
        """The error bound of `age_s` in seconds; infinite while the venue's clock is unknown."""
        error_ms = self.feed.skew_error_ms
        return math.inf if error_ms is None else error_ms / 1000

    def __reduce__(self) -> tuple[Any, ...]:
        # A mirror's thread changes its terms: pickling them directly can meet a dictionary that
        # changes its size during iteration.
        return Moment, (self.feed, self.now_ms, dict(self.terms), self.problem)

    def with_terms(self, terms: Mapping[str, Instrument]) -> "Moment":
        """Return the same moment with only *terms*: a pickled option need not carry the market."""
        return Moment(self.feed, self.now_ms, terms, self.problem)

    def age_s(self, ts_ms: int) -> float:
        """Return the seconds since *ts_ms* of the venue's clock, exact to within `error_s`."""
        return (self.venue_ms - ts_ms) / 1000


def stale_error(tick: Tick) -> StaleData:
    """Return the error for *tick*, which is not live, with its symbol, age and the reason."""
    moment: Moment = tick.moment
    feed = moment.feed
    age = f"{tick.symbol}, {moment.age_s(tick.ts_ms):.1f} s old"
    down = moment.down
    if down is not None:
        return FeedDown(f"{age}: {down}")
    if tick.flags & model.FLAG_REST:
        return NotYetLive(f"{age}: read over REST, and no tick since")
    if tick.epoch != feed.epoch:
        return NotYetLive(f"{age}: written by an earlier collector")
    if tick.conn not in feed.delivered_ms:
        return NotYetLive(f"{age}: the connection that delivered it is closed")
    if tick.flags & model.FLAG_SUSPECT:
        return NotYetLive(f"{age}: the venue's REST answers differ from it, and it does not tick")
    if not feed.delivered_ms[tick.conn]:
        return ConnectionMuted(
            f"{age}: its connection has not delivered anything yet, or the collector is still"
            " writing the backlog of a Redis outage"
        )
    if feed.is_late(tick.conn):
        return ConnectionLate(f"{age}: {_lateness(feed, tick.conn)}")
    silent_ms = moment.now_ms - feed.delivered_ms[tick.conn]
    return ConnectionMuted(f"{age}: its connection is silent for {silent_ms / 1000:.1f} s")


def _lateness(feed: Feed, conn: int) -> str:
    lag_ms = feed.lag_ms.get(conn)
    if lag_ms is None:
        return "the lag of its connection behind the venue is not known yet"
    limit_s = (feed.late_limit_ms or 0) / 1000
    return f"its connection is {lag_ms / 1000:.1f} s behind the venue, more than {limit_s:g} s"
