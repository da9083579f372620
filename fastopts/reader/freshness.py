"""When a value is live. No clock of the reader's host enters: the server's own `TIME` decides.

A value is live when its epoch is the feed's, the connection that delivered it is among those that
delivered data within the watchdog's time, and the feed's heartbeat is fresh.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastopts import model
from fastopts.errors import ConnectionMuted, FeedDown, NotYetLive, StaleData, WrongVenue

__all__ = ("FeedState", "judge", "parse")


@dataclass(frozen=True, slots=True)
class FeedState:
    """The feed at one moment of the server's clock. `error` is set when nothing can be live."""

    epoch: int
    skew_ms: int
    now_ms: int
    watchdog_limit_ms: int
    delivered_ms: Mapping[int, int]
    error: StaleData | None = None

    def age_s(self, record_tm: int) -> float:
        return (self.now_ms + self.skew_ms - record_tm) / 1000


def parse(fields: Mapping[bytes, bytes], now_ms: int, venue: str) -> FeedState:
    """Read `fastopts:feed`. Raises WrongVenue when it is another venue's."""
    if not fields:
        error = FeedDown("no collector has ever written here: there is no feed")
        return FeedState(0, 0, now_ms, 0, {}, error)
    held = fields.get(b"venue", b"").decode()
    if held != venue:
        raise WrongVenue(f"the server holds the data of {held}, not of {venue}")
    heartbeat_ms = int(fields.get(b"heartbeat_ms", b"0"))
    limit_ms = int(fields.get(b"heartbeat_limit_ms", b"0"))
    delivered = {int(name[5:]): int(at) for name, at in fields.items() if name.startswith(b"conn:")}
    return FeedState(
        int(fields.get(b"epoch", b"0")),
        int(fields.get(b"skew_ms") or b"0"),
        now_ms,
        int(fields.get(b"watchdog_limit_ms", b"0")),
        delivered,
        _feed_error(heartbeat_ms, limit_ms, now_ms),
    )


def _feed_error(heartbeat_ms: int, limit_ms: int, now_ms: int) -> FeedDown | None:
    if heartbeat_ms == 0:
        return FeedDown("the collector has ended")
    if now_ms - heartbeat_ms > limit_ms:
        silent_s = (now_ms - heartbeat_ms) / 1000
        return FeedDown(f"the collector's last sign of life is {silent_s:.1f} s old")
    return None


def judge(
    symbol: str, epoch: int, conn: int, flags: int, tm: int, feed: FeedState
) -> StaleData | None:
    """Why the value of *symbol* is not live; None when it is."""
    age = f"{symbol}, {feed.age_s(tm):.1f} s old"
    if feed.error is not None:
        return FeedDown(f"{age}: {feed.error}")
    if flags & model.FLAG_REST:
        return NotYetLive(f"{age}: it came from REST, and has not ticked since")
    if epoch != feed.epoch:
        return NotYetLive(f"{age}: an earlier collector delivered it")
    if conn not in feed.delivered_ms:
        return NotYetLive(f"{age}: the connection that delivered it is gone")
    silent_ms = feed.now_ms - feed.delivered_ms[conn]
    if silent_ms > feed.watchdog_limit_ms:
        return ConnectionMuted(f"{age}: its connection is silent for {silent_ms / 1000:.1f} s")
    return None
