"""The exchange that keeps lease, feed and statistics fresh, and tells us the server's clock."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from fastopts import keys
from fastopts.collector.store.announcer import Announcer
from fastopts.collector.store.feed_status import HEARTBEAT_S, FeedStatus
from fastopts.collector.store.lease import Lease
from fastopts.collector.store.redis_commands import Command, hset
from fastopts.collector.store.server import ServerInfo
from fastopts.contract import FeedField
from fastopts.errors import StoreError, StoreUnavailable
from fastopts.net.redis.pipeline import EXCHANGE_TIMEOUT_S, PipelineConnection
from fastopts.net.redis.resp import checked, parsing_replies
from fastopts.session.refusals import Consequence, judge

__all__ = ("Heartbeat", "StoreState")

log = logging.getLogger(__name__)


class StoreState(Enum):
    """What a heartbeat finds of the one before it."""

    INTACT = auto()
    EMPTIED = auto()  # the feed is gone
    OLDER = auto()  # an earlier heartbeat: the data set went back in time


class Heartbeat:
    """Due once a second, and when readers must hear of a connection that opened or ended."""

    def __init__(
        self,
        feed: FeedStatus,
        lease: Lease,
        updates: Announcer,
        statistics: Callable[[], Mapping[str, str]],
        jumped: Callable[[], None],
    ) -> None:
        self.must_tell = False
        self._jumped = jumped
        self._feed = feed
        self._lease = lease
        self._updates = updates
        self._statistics = statistics
        self.due_at = 0.0
        self.took_s: float | None = None  # the last exchange
        self._held: set[str] | None = None  # the feed's fields in the server
        self._stats_refused = False
        self._written_ms: str | None = None  # the last heartbeat, as it should stand there

    def is_due(self, now: float) -> bool:
        return self.must_tell or now >= self.due_at

    def is_periodic(self, now: float) -> bool:
        """Whether the second is over; the next one begins then."""
        if now < self.due_at:
            return False
        self.due_at = now + HEARTBEAT_S
        return True

    def forget(self) -> None:
        """Another connection, perhaps another server: what it holds is not known."""
        self._held = self._written_ms = None
        self._stats_refused = False

    async def beat(self, channel: PipelineConnection, server: ServerInfo) -> StoreState:
        """Make the exchange; return what became of the feed since the last one.

        Raises StoreError for a refusal, StoreUnavailable, LeaseLost, or TimeoutError when the
        announcing takes too long.
        """
        if not self._feed.server.known:
            await self._read_clock(channel)
        self._updates.use(self._lease.store)
        if self._held is None:
            # Conns of ours that ended while the server was away, and those of a killed collector.
            [held] = checked(await channel.ask(("HKEYS", keys.FEED)))
            with parsing_replies():
                self._held = set(held)
        self.must_tell = False
        try:
            found = await self._exchange(channel, server, self._held)
        except StoreError:
            self.must_tell = True
            raise
        async with self._updates.announcing.limited():
            await self._updates.pulse(channel)
        return found

    async def _exchange(
        self, channel: PipelineConnection, server: ServerInfo, held: set[str]
    ) -> StoreState:
        now = _now()
        shown = self._feed.fields(self._lease.epoch, server.writer, now)
        fields = {
            **shown,
            **self._lease.fields(),
            FeedField.UPDATES_REFUSED: self._updates.refusal,
        }
        gone = sorted(held - fields.keys())
        keeps_stats = server.keeps_stats and not self._stats_refused
        questions = self._updates.questions()
        asked_at = time.monotonic()  # the loop's clock may step by whole milliseconds
        replies = await channel.ask(
            *self._lease.renewal(),
            ("TIME",),
            ("HMGET", keys.FEED, FeedField.HEARTBEAT_MS),
            hset(keys.FEED, fields),
            *([("HDEL", keys.FEED, *gone)] if gone else []),
            *([hset(keys.STATS, self._statistics())] if keeps_stats else []),
            *questions,
            timeout_s=EXCHANGE_TIMEOUT_S,
        )
        self.took_s = time.monotonic() - asked_at
        subscribers: Any = replies.pop() if questions else None
        if keeps_stats:
            self._hear_stats(replies.pop())
        holder, _, server_time, before, added, *_ = checked(replies)
        with parsing_replies():
            [stored_ms] = before
            self._heard_time(server_time, asked_at)
            was_there = added <= len(fields.keys() - held)
        if not self._lease.check(holder) and not await self._lease.take(channel, server.run_id):
            raise StoreUnavailable("another collector has taken the lease")
        if questions:
            self._updates.count(subscribers)
        self._held = set(fields)
        written_ms, self._written_ms = self._written_ms, fields[FeedField.HEARTBEAT_MS]
        if not was_there:
            self._lease.renew_store()
            return StoreState.EMPTIED
        is_ours = written_ms in (None, stored_ms)
        return StoreState.INTACT if is_ours else StoreState.OLDER

    def last_commands(self, server: ServerInfo, totals: Mapping[str, str]) -> list[Command]:
        """What tells readers that the feed has ended."""
        commands: list[Command] = [hset(keys.FEED, {FeedField.HEARTBEAT_MS: "0"})]
        conns = sorted(name for name in self._held or () if name.startswith(FeedField.CONN))
        if conns:
            commands.append(("HDEL", keys.FEED, *conns))
        if server.keeps_stats and not self._stats_refused:
            commands.append(hset(keys.STATS, {**self._statistics(), **totals}))
        return commands

    def _hear_stats(self, reply: object) -> None:
        if not isinstance(reply, StoreError):
            return
        if judge(reply.reply).consequence is not Consequence.KEY:
            raise reply
        log.warning("the key `stats` is left alone from now on: %s", reply.reply)
        self._stats_refused = True

    async def _read_clock(self, channel: PipelineConnection) -> None:
        sent_at = time.monotonic()
        [reply] = checked(await channel.ask(("TIME",)))
        with parsing_replies():
            self._heard_time(reply, sent_at)

    def _heard_time(self, reply: list[str], sent_at: float) -> None:
        server_ms = int(reply[0]) * 1000 + int(reply[1]) / 1000
        if self._feed.server.add(server_ms, sent_at * 1000, time.monotonic() * 1000):
            self._jumped()


def _now() -> float:
    return asyncio.get_running_loop().time()
