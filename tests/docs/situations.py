"""The situations in the table of docs/reading.md, and how to bring a store into each."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fastopts import model
from tests.support.store import CALL, EPOCH, Store

__all__ = ("SITUATIONS", "Situation")

MINUTE_MS: Final = 60_000


class Situation(NamedTuple):
    """How to change a store in which CALL is live, and the arguments of `get` then."""

    arrange: Callable[[Store], object] = lambda _: None
    arguments: Mapping[str, Any] = {}


def _delivered(store: Store) -> None:
    store.tick(expiry=store.now_ms() - 1)


def _settling(store: Store) -> None:
    store.tick(expiry=store.now_ms() + 29 * MINUTE_MS)


def _ahead(store: Store) -> None:
    store.tick(age_s=-30)
    store.feed(skew_ms=30_000)


def _dead_and_delivered(store: Store) -> None:
    _delivered(store)
    store.feed(beat_s=60)


# keyed by the first column of the table
SITUATIONS: Final = {
    "It ticked a moment ago": Situation(),
    "A quiet wing: minutes old, its connection delivers": Situation(lambda s: s.tick(age_s=600)),
    "Older than max_age_s, live or not": Situation(lambda s: s.tick(age_s=600), {"max_age_s": 60}),
    "Its connection closed, and no other has delivered it yet": Situation(lambda s: s.feed({2: 0})),
    "Its connection is open, but silent for longer than the watchdog allows": Situation(
        lambda s: s.feed({1: 13, 2: 0})
    ),
    "Its connection is behind the venue: a narrow or buffering link": Situation(
        lambda s: s.feed({1: 0}, 0, **{"lag:1": 2001})
    ),
    "The collector is still writing the backlog of a Redis outage": Situation(
        lambda s: s.feed({1: 0}, 0, **{"conn:1": 0})
    ),
    "The collector died: its heartbeat is more than 5 s old": Situation(lambda s: s.feed(beat_s=6)),
    "The collector was stopped in order": Situation(lambda s: s.feed(heartbeat_ms=0)),
    "There is a record, but no feed": Situation(lambda s: s.client.delete("fastopts:feed")),
    "Another collector runs now (another epoch), and has not received it yet": Situation(
        lambda s: s.feed(epoch=EPOCH + 1)
    ),
    "It was read over REST, and has not ticked since": Situation(
        lambda s: s.tick(flags=model.FLAG_REST, conn=0)
    ),
    "It is marked suspect: REST differs, and it does not tick": Situation(
        lambda s: s.tick(flags=model.FLAG_SUSPECT)
    ),
    "Its time is more than 2 s ahead of the venue's clock, or a day behind (time_suspect): its age"
    " is meaningless": Situation(lambda s: s.tick(flags=model.FLAG_TIME_SUSPECT, age_s=-3600)),
    "The same, with max_age_s": Situation(
        lambda s: s.tick(flags=model.FLAG_TIME_SUSPECT, age_s=-3600), {"max_age_s": 60}
    ),
    "Settling (the last 30 minutes): greeks_ok is false": Situation(_settling),
    "Expired, with any state of the feed": Situation(_dead_and_delivered),
    "Expired, with allow_expired=True and a live feed": Situation(
        _delivered, {"allow_expired": True}
    ),
    "No such option": Situation(lambda s: s.client.delete(f"optrec:{CALL}")),
    "The database is empty": Situation(lambda s: s.client.flushall()),
    "Its record is of another version of fastopts": Situation(lambda s: s.tick(version=2)),
    "Redis is unreachable, or does not reply in time": Situation(),
    "The server holds another venue's data": Situation(lambda s: s.feed(venue="sim")),
    "The venue's clock is ahead of the server's: ages follow the venue's": Situation(_ahead),
}
