"""The broadcaster: topics with subscribers, renewed on a clock from the mirror."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from fastopts.errors import BadInput
from fastopts.reader import Option
from fastopts.reader.freshness.requirements import Requirements
from fastopts.serve.payloads.market import feed_payload
from fastopts.serve.payloads.rows import streamed_values
from fastopts.serve.protocol import MessageType
from fastopts.serve.settings import Limits
from fastopts.serve.source import MarketSource, OnFailure, start_task
from fastopts.serve.streams.changes import ChangeLog
from fastopts.serve.streams.subscriptions import TopicFactory
from fastopts.serve.streams.topics import OptionRow, RowTopic, SnapshotTopic, Subscription, Topic

__all__ = ("Broadcaster", "beats")

log = logging.getLogger(__name__)

# A row says itself whether it is live, so stale and delivered options are streamed as well.
_ANY: Final = Requirements(require_live=False, allow_expired=True)

FEED_S: Final = 1.0  # from one `feed` message to the next


class Broadcaster:
    """Renews topics every *beat_s* and wakes their subscribers; idle without any.

    Topics are shared: however many clients subscribe to the same, its messages are made once.
    """

    def __init__(
        self,
        source: MarketSource,
        changes: ChangeLog,
        *,
        limits: Limits,
        beat_s: float,
        on_failure: OnFailure,
    ) -> None:
        """Make a broadcaster of *source*; *changes* listens to its mirror.

        *on_failure* is called with the error that ended the clock.
        """
        self.feed_message = ""
        self.beat_s = beat_s
        self._source = source
        self._mirror = source.mirror
        self._changes = changes
        self._limits = limits
        self._on_failure = on_failure
        self._rows: dict[str, OptionRow] = {}
        self._factory = TopicFactory(self._mirror, self._rows)
        self._topics: dict[bytes, tuple[Topic, int]] = {}  # with the number of subscriptions
        self._openers: dict[bytes, str] = {}  # the client whose limits a topic counts towards
        self._wakers: set[Callable[[], None]] = set()
        self._listing: object = None
        self._unreadable: set[str] = set()  # logged once each
        self._number = 0  # of the beat
        self._task: asyncio.Task[None] | None = None

    @property
    def subscribers(self) -> int:
        """The number of streams that are open."""
        return len(self._wakers)

    def join(self, wake: Callable[[], None]) -> None:
        """Call *wake* at each beat, until `leave`."""
        self._wakers.add(wake)
        if self._task is None:
            self._renew_feed()
            self._task = start_task(self._run(), self._on_failure)

    def leave(self, wake: Callable[[], None]) -> None:
        """Stop calling *wake*."""
        self._wakers.discard(wake)

    def subscribe(
        self, request: Mapping[str, Any], client: str = ""
    ) -> tuple[bytes, Subscription, dict[str, Any]]:
        """Subscribe *client* to what *request* names.

        Return the key for `unsubscribe`, the subscription, and the request in its normal form.
        Raises BadInput for an invalid request or one beyond a limit, Unknown for a selection that
        is not listed, and the error of the first read of the market.
        """
        normal = self._factory.normalize(request)
        key = orjson.dumps(normal, option=orjson.OPT_SORT_KEYS)
        topic, count = self._topics.get(key) or (self._open(normal, client), 0)
        self._topics[key] = topic, count + 1
        self._openers.setdefault(key, client)
        self._changes.is_recording = True
        return key, Subscription(topic), normal

    def unsubscribe(self, key: bytes) -> None:
        """End one subscription to the topic *key*; the last one closes the topic."""
        topic, count = self._topics.pop(key)
        if count > 1:
            self._topics[key] = topic, count - 1
            return
        del self._openers[key]
        if isinstance(topic, RowTopic):
            self._forget(topic.symbols)
        self._changes.is_recording = bool(self._topics)

    async def close(self) -> None:
        """End the clock."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _open(self, normal: Mapping[str, Any], client: str) -> Topic:
        topic = self._factory.make(normal)
        if isinstance(topic, SnapshotTopic):
            self._check_snapshot_limits(client)
            topic.renew(self._number, self._as_of_ms())
        elif isinstance(topic, RowTopic):
            topic.relist(self._number, self._as_of_ms())
            self._check_symbol_limits(topic, client)
            for symbol in topic.symbols - self._rows.keys():
                self._rows[symbol] = OptionRow(symbol)
                self._refresh(symbol)
        return topic

    def _check_snapshot_limits(self, client: str) -> None:
        keys = [key for key, (topic, _) in self._topics.items() if isinstance(topic, SnapshotTopic)]
        if len(keys) >= self._limits.scans:
            raise BadInput(f"limit of different scans and overviews reached ({len(keys)})")
        if sum(self._openers[key] == client for key in keys) >= self._limits.scans_each:
            limit = self._limits.scans_each
            raise BadInput(f"limit of one client's scans and overviews reached ({limit})")

    def _check_symbol_limits(self, topic: RowTopic, client: str) -> None:
        sizes = {key: open_topic.size for key, (open_topic, _) in self._topics.items()}
        if topic.size + sum(sizes.values()) > self._limits.symbols:
            raise BadInput(f"symbol limit of all subscriptions reached ({self._limits.symbols:,})")
        own = sum(size for key, size in sizes.items() if self._openers[key] == client)
        if topic.size + own > self._limits.symbols_each:
            limit = self._limits.symbols_each
            raise BadInput(f"symbol limit of one client's subscriptions reached ({limit:,})")

    def _forget(self, symbols: set[str]) -> None:
        """Drop the rows of *symbols* that no topic needs any more."""
        topics = (topic for topic, _ in self._topics.values())
        needed = [topic.symbols for topic in topics if isinstance(topic, RowTopic)]
        for symbol in symbols.difference(*needed):
            self._rows.pop(symbol, None)
            self._unreadable.discard(symbol)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._wakers:
            # After a delay the clock continues from now: beats are dropped, not caught up.
            due = max(due + self.beat_s, loop.time())
            await asyncio.sleep(due - loop.time())
            self._beat()
        self._task = None

    def _beat(self) -> None:
        self._number += 1
        changed, is_any = self._changes.take()
        if is_any:
            changed = set(self._rows)
        as_of_ms = self._as_of_ms()
        changed |= self._relist(as_of_ms)
        changed = {symbol for symbol in changed & self._rows.keys() if self._refresh(symbol)}
        for topic, _ in self._topics.values():
            if isinstance(topic, RowTopic):
                topic.beat(self._number, changed, as_of_ms)
            elif isinstance(topic, SnapshotTopic) and self._is_due(topic.every_s):
                topic.renew(self._number, as_of_ms)
        if self._is_due(FEED_S):
            self._renew_feed()
        for wake in self._wakers:
            wake()

    def _is_due(self, every_s: float) -> bool:
        """Whether something that is due *every_s* is due at this beat."""
        return self._number % beats(every_s, self.beat_s) == 0

    def _relist(self, as_of_ms: int) -> set[str]:
        """Select again if the listing changed; return the symbols that are new."""
        listing = self._mirror.listing
        if listing == self._listing:
            return set()
        self._listing = listing
        new: set[str] = set()
        for topic, _ in self._topics.values():
            if isinstance(topic, RowTopic):
                previous = topic.symbols
                topic.relist(self._number, as_of_ms)
                new |= topic.symbols - self._rows.keys()
                self._forget(previous - topic.symbols)
        for symbol in new:
            self._rows[symbol] = OptionRow(symbol)
        return new

    def _refresh(self, symbol: str) -> bool:
        """Read the option's values again; return whether any of them changed."""
        try:
            option = self._mirror.find(symbol, _ANY)
            return isinstance(option, Option) and self._rows[symbol].update(
                streamed_values(option), self._number
            )
        except Exception:  # one row must not end the streams
            if symbol not in self._unreadable:
                self._unreadable.add(symbol)
                log.exception("%s: left out of the streams after an internal error", symbol)
            return False

    def _as_of_ms(self) -> int:
        return self._mirror.feed().venue_ms

    def _renew_feed(self) -> None:
        message = {"type": MessageType.FEED, **feed_payload(self._source)}
        self.feed_message = orjson.dumps(message).decode()


def beats(every_s: float, beat_s: float) -> int:
    """Return the number of beats, *beat_s* apart, from one time that is due *every_s* to the next.

    At least 1; the rounding keeps "every second" within half a beat of a second.
    """
    return max(round(every_s / beat_s), 1)
