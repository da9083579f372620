"""The hash `fastopts:feed`: which venue connections are live, and at what time.

A value is live when its epoch is the feed's, the feed's heartbeat is fresh, and the connection that
delivered it has delivered something (not necessarily this symbol) within the watchdog's time and
does not lag behind the venue.

All times are compared with the reply of the server's own `TIME`, read in the same round trip. The
reader's clock is never used: hosts' clocks differ by seconds, and a limit of 5 s judged by a clock
that is 10 s slow makes a dead collector look alive.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fastopts import keys
from fastopts.contract import FeedField
from fastopts.errors import FeedDown, StoreError, WrongVenue
from fastopts.net.redis.resp import parsing_replies

__all__ = (
    "NEVER_MS",
    "NO_CONNS",
    "NO_VERSION",
    "SKEW_LIMIT_MS",
    "Feed",
    "RollbackDetector",
    "Version",
    "feed_from_fields",
    "parse_feed",
)

Version = tuple[str, int, int]  # store, epoch, universe
NO_VERSION: Final[Version] = ("", 0, 0)

# Field names as bytes, as they come in the reply to HGETALL.
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

SKEW_LIMIT_MS: Final = 1000  # a larger skew is logged and shown by `fastopts status`
NEVER_MS: Final = 2**62  # later than every time of a record
_REFUSAL_MAX: Final = 40  # characters of the server's refusal
NO_CONNS: Final[frozenset[int]] = frozenset()


class Feed:
    """The fields of `fastopts:feed`, parsed. Times are ms of the Redis server's clock.

    *store* identifies the database's contents, empty if the collector names none; *universe* counts
    the changes of the listing within an *epoch*. For each open venue connection, *delivered_ms* is
    the time at which it last delivered data and *lag_ms* how far it is behind the venue; more than
    *late_limit_ms* is late (None: an older collector measures no lags). *coverage* is the number of
    symbols that have ticked and the number subscribed, *never* the number that stayed silent
    although they were subscribed again. *updates_refused* is the server's error if it refuses the
    collector's announcements.

    *skew_ms* is the venue's clock minus the server's, exact to within *skew_error_ms* (None while
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
        self.venue: str = fields.get(_VENUE, b"").decode()
        self.writer: str = fields.get(_WRITER, b"").decode()
        self.store: str = _store(fields.get(_STORE, b""))
        self.epoch: int = int(fields.get(_EPOCH, b"0"))
        self.updates_refused: str = fields.get(_UPDATES_REFUSED, b"").decode()[:_REFUSAL_MAX]
        self.universe: int = int(fields.get(_UNIVERSE, b"0"))
        self.assets: tuple[str, ...] = tuple(
            filter(keys.is_coin, fields.get(_ASSETS, b"").decode().split(","))
        )
        self.coverage: tuple[int, int] = _coverage(fields.get(_COVERAGE, b""))
        self.never: int = int(fields.get(_NEVER, b"0"))
        self.skew_ms: int = int(fields.get(_SKEW_MS) or b"0")
        # Older collectors publish no error bound. Empty means that the clock is not known.
        skew_error = fields.get(_SKEW_ERROR_MS, b"0")
        self.skew_error_ms: int | None = int(skew_error) if skew_error else None
        late_limit = fields.get(_LATE_LIMIT_MS)
        self.late_limit_ms: int | None = int(late_limit) if late_limit else None
        self.heartbeat_ms: int = int(fields.get(_HEARTBEAT_MS, b"0"))
        self.heartbeat_limit_ms: int = int(fields.get(_HEARTBEAT_LIMIT_MS, b"0"))
        self.watchdog_limit_ms: int = int(fields.get(_WATCHDOG_LIMIT_MS, b"0"))
        self.delivered_ms: dict[int, int] = {
            int(name[len(_CONN) :]): int(at)
            for name, at in fields.items()
            if name.startswith(_CONN)
        }
        self.lag_ms: dict[int, int] = {
            int(name[len(_LAG) :]): int(lag)
            for name, lag in fields.items()
            if name.startswith(_LAG)
        }
        self._judged = NEVER_MS, NEVER_MS, NO_CONNS

    @property
    def version(self) -> Version:
        """Identifies the listing: it changes whenever an option is listed or delisted."""
        return self.store, self.epoch, self.universe

    @property
    def skew_is_large(self) -> bool:
        """Whether the clocks of venue and server are more than a second apart."""
        return abs(self.skew_ms) > SKEW_LIMIT_MS

    def down(self, now_ms: int) -> FeedDown | None:
        """Return the error if nothing can be live at *now_ms*, or None."""
        if not self.venue:
            return FeedDown("no collector has ever written to this database: there is no feed")
        if self.heartbeat_ms == 0:
            return FeedDown("the collector has ended")
        silent_ms = now_ms - self.heartbeat_ms
        if silent_ms > self.heartbeat_limit_ms:
            return FeedDown(f"the collector's last heartbeat is {silent_ms / 1000:.1f} s old")
        if silent_ms < -self.heartbeat_limit_ms:
            # If the server's clock was set back, a dead collector would look alive until the clock
            # has caught up.
            ahead_s = -silent_ms / 1000
            return FeedDown(f"the collector's last heartbeat is {ahead_s:.1f} s in the future")
        return None

    def live_conns(self, now_ms: int) -> frozenset[int]:
        """Return the connections whose values are live at *now_ms*."""
        from_ms, until_ms, conns = self._judged
        return conns if from_ms <= now_ms <= until_ms else self._judge(now_ms)

    def live_until_ms(self, conn: int) -> int:
        """Return until when values of *conn* are live if nothing is received from now on."""
        delivered_ms = self.delivered_ms.get(conn, -NEVER_MS)
        return min(
            self.heartbeat_ms + self.heartbeat_limit_ms, delivered_ms + self.watchdog_limit_ms
        )

    def is_late(self, conn: int) -> bool:
        """Whether *conn* is behind the venue by more than the limit, or by an unknown time."""
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
        # The result holds until the first of these connections expires, so that reads within that
        # time reuse one frozenset. Threads share a feed: one tuple keeps limits and set consistent.
        self._judged = now_ms, min(live.values(), default=now_ms), judged
        return judged


class RollbackDetector:
    """Detects a feed that goes back in time.

    A server that loads an older dump or replica without a restart holds records that look live: of
    the current epoch, by connections that deliver. The collector notices at its next heartbeat and
    rewrites everything under a new epoch; until then a reader must not trust the data.
    """

    def __init__(self) -> None:
        # Store and epoch, the highest heartbeat seen, the server's clock then, and the number of
        # higher heartbeats to wait for.
        self._state: tuple[tuple[str, int], int, int, int] = ("", 0), 0, 0, 0

    def problem(self, feed: Feed, now_ms: int) -> FeedDown | None:
        """Return the error if *feed*, read at *now_ms*, went back, or None.

        After a rollback, two newer heartbeats or another epoch clear it: the collector notices with
        the first, and the second proves that it has acted.
        """
        if feed.down(now_ms) is not None:
            return None  # not live anyway
        origin, beat_ms = (feed.store, feed.epoch), feed.heartbeat_ms
        before, highest_ms, seen_ms, awaited = self._state
        # A server clock that was set back lowers the heartbeats, too: that is no rollback.
        if origin != before or now_ms < seen_ms:
            highest_ms, awaited = beat_ms, 0
        elif beat_ms < highest_ms:
            awaited = 2
        elif beat_ms > highest_ms:
            highest_ms, awaited = beat_ms, max(0, awaited - 1)
        self._state = origin, highest_ms, now_ms, awaited
        if not awaited:
            return None
        return FeedDown(
            "the data in Redis went back in time: the collector has not rewritten it yet"
        )


def parse_feed(flat: Sequence[bytes], venue: str) -> Feed:
    """Parse the reply to HGETALL `fastopts:feed` (names and values alternate).

    Raises WrongVenue if it belongs to another venue than *venue*, StoreError if a field is
    malformed or the schema is another.
    """
    with parsing_replies():
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return feed_from_fields(fields, venue)


def feed_from_fields(fields: Mapping[bytes, bytes], venue: str) -> Feed:
    """Return the feed with these *fields*. Raises what `parse_feed` raises."""
    schema = fields.get(_SCHEMA, keys.SCHEMA.encode())
    if schema != keys.SCHEMA.encode():
        raise StoreError(
            f"{keys.FEED} has schema {schema[:20].decode(errors='replace')!r}; this version of"
            f" fastopts reads {keys.SCHEMA!r}: use the collector's version"
        )
    try:
        feed = Feed(fields)
    except ValueError as error:
        raise StoreError(f"{keys.FEED} can't be read: {error}") from error
    if feed.venue and feed.venue != venue:
        raise WrongVenue(f"the server holds the data of {feed.venue}, not of {venue}", feed.venue)
    return feed


def _store(text: bytes) -> str:
    store = text.decode()
    # It becomes part of a channel name.
    if store and not keys.is_store(store):
        raise ValueError(f"store: malformed identity {store[:40]!r}")
    return store


def _coverage(text: bytes) -> tuple[int, int]:
    covered, _, subscribed = text.partition(b"/")
    return int(covered or 0), int(subscribed or 0)
