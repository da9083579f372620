"""The rows that streams tell of, looked at on a clock; and who hears of them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson

from fastopts.errors import BadInput
from fastopts.reader import Option
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.serve.payloads import rows
from fastopts.serve.settings import Limits
from fastopts.serve.streams.subscriptions import Topics
from fastopts.serve.streams.topics import Row, RowTopic, Subscription, Topic, WholeTopic
from fastopts.serve.tasks import Failed, begin

__all__ = ("Board", "beats")

log = logging.getLogger(__name__)

ANY: Final = Requirements(require_live=False, allow_expired=True)
FEED_S: Final = 1.0


class Board:
    """Hears what changes (a Listener), and every *beat_s* tells whoever waits. While nobody does,
    it does nothing."""

    def __init__(
        self,
        mirror: Callable[[], BaseMirror],
        feed: Callable[[], Mapping[str, Any]],
        limits: Limits,
        beat_s: float,
        failed: Failed,
    ) -> None:
        self.feed_message = ""
        self.beat_s = beat_s
        self._mirror = mirror
        self._feed = feed
        self._limits = limits
        self._failed = failed
        self._rows: dict[str, Row] = {}
        self._topics = Topics(mirror, self._rows)
        self._open: dict[bytes, tuple[Topic, int]] = {}  # and by how many it is held
        self._openers: dict[bytes, str] = {}  # the client that opened it
        self._wakers: set[Callable[[], None]] = set()
        self._changed: set[str] = set()
        self._is_doubtful = False  # whether what was live still is
        self._listing: object = None
        self._unreadable: set[str] = set()  # logged once each
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    def changed(self, symbols: Iterable[str]) -> None:
        if self._open:
            self._changed.update(symbols)

    def revived(self) -> None:
        self._is_doubtful = True

    def relisted(self) -> None:
        """No-op: each beat compares the mirror's listing."""

    def broke(self, words: str) -> None:
        self._is_doubtful = True

    def resumed(self) -> None:
        self._is_doubtful = True

    @property
    def listeners(self) -> int:
        return len(self._wakers)

    def join(self, wake: Callable[[], None]) -> None:
        """Have *wake* called at each beat."""
        self._wakers.add(wake)
        if self._task is None:
            self._renew_feed()
            self._task = begin(self._run(), self._failed)

    def leave(self, wake: Callable[[], None]) -> None:
        self._wakers.discard(wake)

    def subscribe(
        self, wish: Mapping[str, Any], client: str = ""
    ) -> tuple[bytes, Subscription, dict[str, Any]]:
        """A subscription to what *wish* names, the key to give it up by, and what it was taken for.

        Raises BadInput, Unknown, and what else keeps it from being looked at the first time.
        """
        plain = self._topics.plain(wish)
        key = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
        topic, holders = self._open.get(key) or (self._begin(plain, client), 0)
        self._open[key] = topic, holders + 1
        self._openers.setdefault(key, client)
        return key, Subscription(topic), plain

    def give_up(self, key: bytes) -> None:
        topic, holders = self._open.pop(key)
        if holders > 1:
            self._open[key] = topic, holders - 1
            return
        del self._openers[key]
        if isinstance(topic, RowTopic):
            self._forget(topic.symbols)

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _begin(self, plain: Mapping[str, Any], client: str) -> Topic:
        topic = self._topics.make(plain)
        if isinstance(topic, WholeTopic):
            self._check_room_for_scan(client)
            topic.renew(self._number, self._as_of_ms())
        elif isinstance(topic, RowTopic):
            topic.relist(self._number, self._as_of_ms())
            self._check_room_for_symbols(topic, client)
            for symbol in topic.symbols - self._rows.keys():
                self._rows[symbol] = Row(symbol)
                self._refresh(symbol)
        return topic

    def _check_room_for_scan(self, client: str) -> None:
        scans = [key for key, (one, _) in self._open.items() if isinstance(one, WholeTopic)]
        if len(scans) >= self._limits.scans:
            raise BadInput(f"limit of different scans and overviews reached ({len(scans)})")
        if sum(self._openers[key] == client for key in scans) >= self._limits.scans_each:
            most = self._limits.scans_each
            raise BadInput(f"limit of one client's scans and overviews reached ({most})")

    def _check_room_for_symbols(self, topic: RowTopic, client: str) -> None:
        sizes = {key: one.size for key, (one, _) in self._open.items()}
        if topic.size + sum(sizes.values()) > self._limits.symbols:
            raise BadInput(f"symbol limit of all subscriptions reached ({self._limits.symbols:,})")
        own = sum(size for key, size in sizes.items() if self._openers[key] == client)
        if topic.size + own > self._limits.symbols_each:
            most = self._limits.symbols_each
            raise BadInput(f"symbol limit of one client's subscriptions reached ({most:,})")

    def _forget(self, symbols: set[str]) -> None:
        """Drop the rows that nobody wants any more."""
        others = [one.symbols for one, _ in self._open.values() if isinstance(one, RowTopic)]
        for symbol in symbols.difference(*others):
            self._rows.pop(symbol, None)
            self._unreadable.discard(symbol)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._wakers:
            due = max(due + self.beat_s, loop.time())
            await asyncio.sleep(due - loop.time())
            self._beat()
        self._task = None

    def _beat(self) -> None:
        self._number += 1
        changed, self._changed = self._changed, set()
        if self._is_doubtful:
            self._is_doubtful = False
            changed = set(self._rows)
        as_of_ms = self._as_of_ms()
        changed |= self._relist(as_of_ms)
        held = self._rows
        fresh = {one for one in changed if one in held and self._refresh(one)}
        for topic, _ in self._open.values():
            if isinstance(topic, RowTopic):
                topic.beat(self._number, fresh, as_of_ms)
            elif isinstance(topic, WholeTopic) and self._is_due(topic.every_s):
                topic.renew(self._number, as_of_ms)
        if self._is_due(FEED_S):
            self._renew_feed()
        for wake in self._wakers:
            wake()

    def _is_due(self, every_s: float) -> bool:
        """Whether this beat is one on which something is looked at *every_s*."""
        return self._number % beats(every_s, self.beat_s) == 0

    def _relist(self, as_of_ms: int) -> set[str]:
        """Look at what is listed, when that is another; return what was not before."""
        listing = self._mirror().listing
        if listing == self._listing:
            return set()
        self._listing = listing
        fresh: set[str] = set()
        for topic, _ in self._open.values():
            if isinstance(topic, RowTopic):
                before = topic.symbols
                topic.relist(self._number, as_of_ms)
                fresh |= topic.symbols - self._rows.keys()
                self._forget(before - topic.symbols)
        for symbol in fresh:
            self._rows[symbol] = Row(symbol)
        return fresh

    def _refresh(self, symbol: str) -> bool:
        """Take in the option's values as they are; return whether any is another."""
        try:
            found = self._mirror().find(symbol, ANY)
            return isinstance(found, Option) and self._rows[symbol].update(
                rows.values(found), self._number
            )
        except Exception:  # one row must not end the streams
            if symbol not in self._unreadable:
                self._unreadable.add(symbol)
                log.exception("%s is left out of the streams", symbol)
            return False

    def _as_of_ms(self) -> int:
        return self._mirror().feed().venue_ms

    def _renew_feed(self) -> None:
        body = orjson.dumps({"type": "feed", **self._feed()})
        self.feed_message = body.decode()


def beats(every_s: float, beat_s: float) -> int:
    """Which beat is the next, of those that are *beat_s* apart, for what is due *every_s*."""
    return max(round(every_s / beat_s), 1)
