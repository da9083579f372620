"""Whether recorded ticks were live, by the rule of the reader: `Feed` and `Moment` decide.

A reader asks the Redis server for its time; a capture has the recorder's. The feed's heartbeat is
in the server's time and was recorded when it was written, so the difference of both is known.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastopts.core import Tick, decode
from fastopts.history.schema import LIVE
from fastopts.model import FLAG_REST, FLAG_SUSPECT
from fastopts.reader.freshness.feed import NEVER_MS, Feed, feed_from_fields
from fastopts.reader.freshness.moment import Moment, stale_error

__all__ = ("RecordedFeed", "statuses")

_NS_PER_MS = 1_000_000


class RecordedFeed:
    """The feed as it was written at *logged_ns*, until it was written again.

    Raises WrongVenue if the *fields* are of another venue than *venue*, StoreError if malformed.
    """

    def __init__(self, logged_ns: int, fields: Mapping[str, str], venue: str) -> None:
        self.logged_ns = logged_ns
        encoded = {name.encode(): value.encode() for name, value in fields.items()}
        self.feed: Feed = feed_from_fields(encoded, venue)
        # A collector that has ended writes a heartbeat of 0, and nothing is live then.
        heartbeat_ms = self.feed.heartbeat_ms
        self._offset_ms = heartbeat_ms - logged_ns // _NS_PER_MS if heartbeat_ms else 0

    def now_ms(self, at_ns: int) -> int:
        """Return the server's time at log time *at_ns*."""
        return at_ns // _NS_PER_MS + self._offset_ms

    def moment(self, at_ns: int) -> Moment:
        """Return the moment of a read at log time *at_ns*, without terms."""
        return Moment(self.feed, self.now_ms(at_ns), {})

    def constant_until_ms(self, now_ms: int) -> int:
        """Return until when the same connections are live, if nothing is written from now on."""
        feed = self.feed
        ends = [feed.live_until_ms(conn) for conn in feed.delivered_ms]
        ends.append(feed.heartbeat_ms + feed.heartbeat_limit_ms)
        return min((end for end in ends if end >= now_ms), default=NEVER_MS)


def statuses(
    feed: RecordedFeed, at_ns: NDArray[np.int64], heads: NDArray[Any], records: NDArray[Any]
) -> list[str]:
    """Return `live` or the name of the reader's error for each record at its time.

    *at_ns* ascends; *heads* are the records as an array with fields, *records* the same as bytes.
    """
    results: list[str] = []
    for start, end in _stretches(feed, at_ns):
        results += _judged(feed.moment(int(at_ns[start])), heads[start:end], records[start:end])
    return results


def _stretches(feed: RecordedFeed, at_ns: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the parts of the rows for which no connection changes between live and stale."""
    start = 0
    while start < len(at_ns):
        now_ms = feed.now_ms(int(at_ns[start]))
        ahead_ms = feed.constant_until_ms(now_ms) - now_ms
        last_ns = min((int(at_ns[start]) // _NS_PER_MS + ahead_ms + 1) * _NS_PER_MS - 1, 2**63 - 1)
        end = int(np.searchsorted(at_ns, last_ns, side="right"))
        yield start, end
        start = end


def _judged(moment: Moment, heads: NDArray[Any], records: NDArray[Any]) -> list[str]:
    """Judge one record of each connection, epoch and kind: nothing else makes a difference."""
    flags = heads["flags"].astype(np.int64) & (FLAG_REST | FLAG_SUSPECT)
    # Both numbers have 32 bits, and the flags that matter four.
    origin = heads["epoch"].astype(np.int64) << 4 | flags
    kinds, index, inverse = np.unique(
        np.stack((origin, heads["conn"].astype(np.int64))),
        axis=1,
        return_index=True,
        return_inverse=True,
    )
    del kinds
    names = [_status(moment, bytes(records[each])) for each in index]
    return [names[each] for each in inverse.ravel().tolist()]


def _status(moment: Moment, record: bytes) -> str:
    tick = decode(Tick, "-", record, moment, moment.feed.epoch, moment.live_conns)
    return LIVE if tick.live else type(stale_error(tick)).__name__
