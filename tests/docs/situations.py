"""The situations that docs/reading.md tells of, and how a store comes into each."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fastopts import model
from tests.store import CALL, EPOCH, Store

__all__ = ("SITUATIONS", "Situation")

MINUTE_MS: Final = 60_000


class Situation(NamedTuple):
    """What is done to a store in which CALL is live, and what is asked of `get` then."""

    arise: Callable[[Store], object] = lambda _: None
    asked: Mapping[str, Any] = {}


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


# by the words of the page
SITUATIONS: Final = {
    "It ticked a moment ago": Situation(),
    "A quiet wing: minutes old, its connection delivers": Situation(lambda s: s.tick(age_s=600)),
    "Older than the max_age_s that was given, live or not": Situation(
        lambda s: s.tick(age_s=600), {"max_age_s": 60}
    ),
    "Its connection dropped, and another one has not delivered it yet": Situation(
        lambda s: s.feed({2: 0})
    ),
    "Its connection is open, and silent for longer than the watchdog allows": Situation(
        lambda s: s.feed({1: 13, 2: 0})
    ),
    "Its connection is behind the venue: a narrow or buffering link": Situation(
        lambda s: s.feed({1: 0}, 0, **{"lag:1": 2001})
    ),
    "The collector is still writing what came while Redis was away": Situation(
        lambda s: s.feed({1: 0}, 0, **{"conn:1": 0})
    ),
    "The collector died: its heartbeat is more than 5 s old": Situation(lambda s: s.feed(beat_s=6)),
    "The collector has ended, and said so": Situation(lambda s: s.feed(heartbeat_ms=0)),
    "There is a record, but no feed": Situation(lambda s: s.client.delete("fastopts:feed")),
    "Another collector runs now (another epoch), and has not delivered it yet": Situation(
        lambda s: s.feed(epoch=EPOCH + 1)
    ),
    "It came from a REST answer, and has not ticked since": Situation(
        lambda s: s.tick(flags=model.FLAG_REST, conn=0)
    ),
    "It is marked suspect: REST says otherwise, and it does not tick": Situation(
        lambda s: s.tick(flags=model.FLAG_SUSPECT)
    ),
    "Its time is more than 2 s ahead of the venue's clock, or a day behind: time_suspect, its age"
    " means nothing": Situation(lambda s: s.tick(flags=model.FLAG_TIME_SUSPECT, age_s=-3600)),
    "The same, with a max_age_s": Situation(
        lambda s: s.tick(flags=model.FLAG_TIME_SUSPECT, age_s=-3600), {"max_age_s": 60}
    ),
    "Settling, the last 30 minutes: greeks_ok is false": Situation(_settling),
    "Past its delivery, whatever the feed": Situation(_dead_and_delivered),
    "Past its delivery, with allow_expired=True and a live feed": Situation(
        _delivered, {"allow_expired": True}
    ),
    "There is no such option": Situation(lambda s: s.client.delete(f"optrec:{CALL}")),
    "Nothing was ever written": Situation(lambda s: s.client.flushall()),
    "Its record is of another version of fastopts": Situation(lambda s: s.tick(version=2)),
    "Redis is gone, or does not answer in time": Situation(),
    "The server holds another venue's data": Situation(lambda s: s.feed(venue="sim")),
    "The venue's clock is ahead of the server's: ages are by the venue's": Situation(_ahead),
}
