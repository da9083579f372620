"""When a value is live. No clock of the reader's host enters: the server's own `TIME` decides.

A value is live when its epoch is the feed's, the connection that delivered it is among those that
delivered data within the watchdog's time and do not lag behind the venue, and the feed's heartbeat
is fresh.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastopts import keys, model
from fastopts.contract import FeedField
from fastopts.core import Tick
from fastopts.errors import (
    ConnectionLate,
    ConnectionMuted,
    FastoptsError,
    FeedDown,
    NotYetLive,
    StaleData,
    StoreError,
    WrongVenue,
)
from fastopts.model import Instrument
from fastopts.net.redis.resp import parsing_replies

__all__ = (
    "NO_VERSION",
    "SKEW_LIMIT_MS",
    "Feed",
    "Moment",
    "RollbackDetector",
    "Version",
    "feed_from_fields",
    "parse",
    "stale_error",
)

Version = tuple[str, int, int]  # store, epoch, universe
NO_VERSION: Final[Version] = ("", 0, 0)

# fields as the reply to HGETALL has them
_SCHEMA: Final = FeedField.SCHEMA.encode()
_VENUE: Final = FeedField.VENUE.encode()
_WRITER: Final = FeedField.WRITER.encode()
_STORE: Final = FeedField.STORE.encode()
_EPOCH: Final = FeedField.EPOCH.encode()
_UPDATES_REFUSED: Final = FeedField.UPDATES_REFUSED.encode()
_UNIVERSE: Final = FeedField.UNIVERSE.encode()
_ASSETS: Final = FeedField.ASSETS.encode()
_COVERAGE: Final = FeedField.COVERAGE.encode()
_NEVER: Final = FeedField.NEVER.encode()
_SKEW_MS: Final = FeedField.SKEW_MS.encode()
_SKEW_ERROR_MS: Final = FeedField.SKEW_ERROR_MS.encode()
_LATE_LIMIT_MS: Final = FeedField.LATE_LIMIT_MS.encode()
_HEARTBEAT_MS: Final = FeedField.HEARTBEAT_MS.encode()
_HEARTBEAT_LIMIT_MS: Final = FeedField.HEARTBEAT_LIMIT_MS.encode()
_WATCHDOG_LIMIT_MS: Final = FeedField.WATCHDOG_LIMIT_MS.encode()
_CONN: Final = FeedField.CONN.encode()
_LAG: Final = FeedField.LAG.encode()

SKEW_LIMIT_MS: Final = 1000  # more is reported
NEVER_MS: Final = 2**62
NOBODY: Final[frozenset[int]] = frozenset()


class Feed:
    """What `fastopts:feed` says. Times are in ms of the server's clock.

    *store* is the identity of what is in the database, empty where the collector names none;
    *universe* counts the changes of what is listed, anew in each *epoch*; *delivered_ms* has for
    each open connection when it last delivered data, *lag_ms* how far it is behind the venue, which
    may be *late_limit_ms* (None: an older collector measures no lags); *coverage* is how many of
    the wanted symbols have ticked, *never* how many were asked for more than once in vain;
    *updates_refused* is the server's word when it refuses the announcements of changes.

    *skew_ms* is the venue's clock minus the server's, right to within *skew_error_ms* (None while
    the collector does not know the venue's clock).
    """

    __slots__ = (
        "_judged",
        "assets",
        "coverage",
        "delivered_ms",
        "epoch",
        "heartbeat_limit_ms",
        "heartbeat_ms",
        "lag_ms",
        "late_limit_ms",
        "never",
        "skew_error_ms",
        "skew_ms",
        "store",
        "universe",
        "updates_refused",
        "venue",
        "watchdog_limit_ms",
        "writer",
    )

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        self.venue = fields.get(_VENUE, b"").decode()
        self.writer = fields.get(_WRITER, b"").decode()
        self.store = _store(fields.get(_STORE, b""))
        self.epoch = int(fields.get(_EPOCH, b"0"))
        self.updates_refused = fields.get(_UPDATES_REFUSED, b"").decode()[:40]
        self.universe = int(fields.get(_UNIVERSE, b"0"))
        self.assets = tuple(filter(keys.is_coin, fields.get(_ASSETS, b"").decode().split(",")))
        self.coverage = _coverage(fields.get(_COVERAGE, b""))
        self.never = int(fields.get(_NEVER, b"0"))
        self.skew_ms = int(fields.get(_SKEW_MS) or b"0")
        # An older collector publishes no error: there is nothing to add then.
        skew_error = fields.get(_SKEW_ERROR_MS, b"0")
        self.skew_error_ms = int(skew_error) if skew_error else None
        late_limit = fields.get(_LATE_LIMIT_MS)
        self.late_limit_ms = int(late_limit) if late_limit else None
        self.heartbeat_ms = int(fields.get(_HEARTBEAT_MS, b"0"))
        self.heartbeat_limit_ms = int(fields.get(_HEARTBEAT_LIMIT_MS, b"0"))
        self.watchdog_limit_ms = int(fields.get(_WATCHDOG_LIMIT_MS, b"0"))
        self.delivered_ms = {
            int(name[len(_CONN) :]): int(at)
            for name, at in fields.items()
            if name.startswith(_CONN)
        }
        self.lag_ms = {
            int(name[len(_LAG) :]): int(lag)
            for name, lag in fields.items()
            if name.startswith(_LAG)
        }
        self._judged = NEVER_MS, NEVER_MS, NOBODY

    @property
    def version(self) -> Version:
        """While it stays the same, so does what is listed."""
        return self.store, self.epoch, self.universe

    @property
    def skew_is_large(self) -> bool:
        """The venue's clock and the server's are more than a second apart."""
        return abs(self.skew_ms) > SKEW_LIMIT_MS

    def down(self, now_ms: int) -> FeedDown | None:
        """Why nothing of it can be live at *now_ms*; None when something can."""
        if not self.venue:
            return FeedDown("no collector has ever written here: there is no feed")
        if self.heartbeat_ms == 0:
            return FeedDown("the collector has ended")
        silent_ms = now_ms - self.heartbeat_ms
        if silent_ms > self.heartbeat_limit_ms:
            return FeedDown(f"the collector's last sign of life is {silent_ms / 1000:.1f} s old")
        if silent_ms < -self.heartbeat_limit_ms:
            # A clock that was set back must not make a dead collector seem alive until then.
            return FeedDown(f"the collector's last sign of life is {-silent_ms / 1000:.1f} s ahead")
        return None

    def live_conns(self, now_ms: int) -> frozenset[int]:
        """The connections whose deliveries are live at *now_ms*."""
        from_ms, until_ms, conns = self._judged
        return conns if from_ms <= now_ms <= until_ms else self._judge(now_ms)

    def live_until_ms(self, conn: int) -> int:
        """Until when what *conn* delivered is live, should nothing more be heard of either."""
        delivered_ms = self.delivered_ms.get(conn, -NEVER_MS)
        return min(
            self.heartbeat_ms + self.heartbeat_limit_ms, delivered_ms + self.watchdog_limit_ms
        )

    def is_late(self, conn: int) -> bool:
        """Whether *conn* lags behind the venue by more than allowed, or by an unknown time."""
        if self.late_limit_ms is None:
            return False
        lag_ms = self.lag_ms.get(conn)
        return lag_ms is None or lag_ms > self.late_limit_ms

    def _judge(self, now_ms: int) -> frozenset[int]:
        is_down = self.down(now_ms) is not None
        conns = [] if is_down else [c for c in self.delivered_ms if not self.is_late(c)]
        ends = {conn: self.live_until_ms(conn) for conn in conns}
        live = {conn: end for conn, end in ends.items() if end >= now_ms}
        judged = frozenset(live)
        # Threads share a feed: limits and conns change together, or not at all.
        self._judged = now_ms, min(live.values(), default=now_ms), judged
        return judged


class RollbackDetector:
    """Watches that a feed does not go back in time, as it does when the server loads an older copy
    or dump: what stands there then looks live until the collector notices."""

    def __init__(self) -> None:
        # Store and epoch, the highest heartbeat, the clock then, and how many heartbeats above it
        # are waited for.
        self._state: tuple[tuple[str, int], int, int, int] = ("", 0), 0, 0, 0

    def problem(self, feed: Feed, now_ms: int) -> FeedDown | None:
        """Why nothing of *feed*, read at *now_ms*, is live if it went back; None if it did not.

        Once it did, two new heartbeats are waited for, or another epoch: with the first one the
        collector notices, and what it does about it follows at once.
        """
        if feed.down(now_ms) is not None:
            return None  # nothing of it is live anyway
        origin, beat_ms = (feed.store, feed.epoch), feed.heartbeat_ms
        before, highest_ms, seen_ms, awaited = self._state
        # A clock that was set back takes the heartbeats with it.
        if origin != before or now_ms < seen_ms:
            highest_ms, awaited = beat_ms, 0
        elif beat_ms < highest_ms:
            awaited = 2
        elif beat_ms > highest_ms:
            highest_ms, awaited = beat_ms, max(0, awaited - 1)
        self._state = origin, highest_ms, now_ms, awaited
        if not awaited:
            return None
        return FeedDown("the data in Redis went back in time: the collector has to write it again")


class Moment:
    """One look at the server: its clock, its feed, and the terms of the options met so far.

    *problem* is why what was seen is not current, whatever the feed says.
    """

    __slots__ = ("feed", "now_ms", "problem", "terms", "venue_ms")

    def __init__(
        self,
        feed: Feed,
        now_ms: int,
        terms: Mapping[str, Instrument],
        problem: FastoptsError | None = None,
    ) -> None:
        self.feed = feed
        self.now_ms = now_ms
        self.venue_ms = now_ms + feed.skew_ms
        self.terms = terms
        self.problem = problem

    @property
    def down(self) -> FastoptsError | None:
        """Why nothing can be live; None when something can."""
        return self.problem or self.feed.down(self.now_ms)

    @property
    def live_conns(self) -> frozenset[int]:
        return NOBODY if self.problem is not None else self.feed.live_conns(self.now_ms)

    @property
    def error_s(self) -> float:
        """How far off an age may be; infinite while the venue's clock is not known."""
        error_ms = self.feed.skew_error_ms
        return math.inf if error_ms is None else error_ms / 1000

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of the terms: those of a mirror change in its thread.
        return Moment, (self.feed, self.now_ms, dict(self.terms), self.problem)

    def with_terms(self, terms: Mapping[str, Instrument]) -> "Moment":
        """The same moment with no other *terms*, fit to be pickled."""
        return Moment(self.feed, self.now_ms, terms, self.problem)

    def age_s(self, ts_ms: int) -> float:
        """Seconds since *ts_ms* of the venue's clock, right to within `error_s`."""
        return (self.venue_ms - ts_ms) / 1000


def parse(flat: Sequence[bytes], venue: str) -> Feed:
    """Read the answer to HGETALL `fastopts:feed`.

    Raises WrongVenue when it is another venue's, StoreError when it can't be read or is of another
    schema.
    """
    with parsing_replies():
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return feed_from_fields(fields, venue)


def feed_from_fields(fields: Mapping[bytes, bytes], venue: str) -> Feed:
    """The feed that *fields* tell of. Raises what `parse` raises."""
    schema = fields.get(_SCHEMA, keys.SCHEMA.encode())
    if schema != keys.SCHEMA.encode():
        raise StoreError(
            f"{keys.FEED} is of schema {schema[:20].decode(errors='replace')!r}, and this version"
            f" of fastopts reads {keys.SCHEMA!r}: read with the version that the collector has"
        )
    try:
        feed = Feed(fields)
    except ValueError as error:
        raise StoreError(f"{keys.FEED} can't be read: {error}") from error
    if feed.venue and feed.venue != venue:
        raise WrongVenue(f"the server holds the data of {feed.venue}, not of {venue}", feed.venue)
    return feed


def stale_error(tick: Tick) -> StaleData:
    """Why *tick*, which is not live, is not; with symbol and age."""
    moment: Moment = tick.moment
    feed = moment.feed
    age = f"{tick.symbol}, {moment.age_s(tick.ts_ms):.1f} s old"
    down = moment.down
    if down is not None:
        return FeedDown(f"{age}: {down}")
    if tick.flags & model.FLAG_REST:
        return NotYetLive(f"{age}: it came from REST, and has not ticked since")
    if tick.epoch != feed.epoch:
        return NotYetLive(f"{age}: an earlier collector delivered it")
    if tick.conn not in feed.delivered_ms:
        return NotYetLive(f"{age}: the connection that delivered it is gone")
    if tick.flags & model.FLAG_SUSPECT:
        return NotYetLive(f"{age}: the venue's REST answers differ from it, and it does not tick")
    if not feed.delivered_ms[tick.conn]:
        return ConnectionMuted(
            f"{age}: its connection has not delivered anything yet, or the collector is still"
            " writing what came while Redis was away"
        )
    if feed.is_late(tick.conn):
        return ConnectionLate(f"{age}: {_lateness(feed, tick.conn)}")
    silent_ms = moment.now_ms - feed.delivered_ms[tick.conn]
    return ConnectionMuted(f"{age}: its connection is silent for {silent_ms / 1000:.1f} s")


def _store(text: bytes) -> str:
    store = text.decode()
    if store and not keys.is_store(store):
        raise ValueError(f"store: {store[:40]!r} is no identity")
    return store


def _lateness(feed: Feed, conn: int) -> str:
    lag_ms = feed.lag_ms.get(conn)
    if lag_ms is None:
        return "how far its connection is behind the venue is not known yet"
    limit_s = (feed.late_limit_ms or 0) / 1000
    return f"its connection is {lag_ms / 1000:.1f} s behind the venue, more than {limit_s:g} s"


def _coverage(text: bytes) -> tuple[int, int]:
    covered, _, wanted = text.partition(b"/")
    return int(covered or 0), int(wanted or 0)
