"""The exchange that renews lease, feed and statistics, and measures the server's clock."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from fastopts import keys
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.store.announcer import Announcer
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.lease import Lease
from fastopts.collector.store.redis_commands import Command, hset
from fastopts.collector.store.server import ServerInfo
from fastopts.collector.store.statistics import Statistics
from fastopts.collector.store.stored_hash import StoredHash
from fastopts.contract import FeedField, StatsField
from fastopts.errors import StoreError, StoreUnavailable
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import checked, parsing_replies
from fastopts.session.refusals import Consequence, judge

__all__ = ("Heartbeat", "StoreState")

log = logging.getLogger(__name__)


class StoreState(Enum):
    """What a heartbeat finds of the one before it."""

    INTACT = auto()
    EMPTIED = auto()  # the feed has vanished
    OLDER = auto()  # an earlier heartbeat: the data set went back in time (a loaded copy or dump)


class Heartbeat:
    """Due once a second, and whenever readers must learn of a connection that opened or ended.

    One round trip renews the lease, writes feed and statistics, reads the server's clock, counts
    the subscribers, and checks the previous heartbeat.
    """

    def __init__(
        self,
        feed: FeedStatus,
        lease: Lease,
        announcer: Announcer,
        statistics: Statistics,
        clock_jumped: Callable[[], None],
        on_feed: Callable[[Mapping[str, str]], None],
        limits: CollectorLimits,
    ) -> None:
        self.must_publish = False
        """Readers must learn of a change before any further record is written."""
        self.due_at = 0.0
        self.took_s: float | None = None
        """Duration of the last exchange; None before the first."""
        self._feed = feed
        self._lease = lease
        self._announcer = announcer
        self._statistics = statistics
        self._clock_jumped = clock_jumped
        self._on_feed = on_feed
        self._last_fields: Mapping[str, str] = {}  # as the server accepted them
        self._limits = limits
        self._stored_feed = StoredHash(keys.FEED)
        # Without the fields of the last run that ended, which are written at its end only.
        self._stored_stats = StoredHash(keys.STATS, kept=StatsField.OLD)
        self._stats_refused = False
        self._written_ms: str | None = None  # the last heartbeat, as the server should have it

    def is_due(self, now: float) -> bool:
        """Whether a heartbeat is due, by time or for a change."""
        return self.must_publish or now >= self.due_at

    def is_periodic(self, now: float) -> bool:
        """Whether a heartbeat is due by time."""
        return now >= self.due_at

    def schedule_next(self, now: float) -> None:
        """Make the next periodic heartbeat due one interval after *now*."""
        self.due_at = now + self._limits.heartbeat_s

    def reset(self) -> None:
        """Forget what the server holds: the connection is new, and perhaps the server."""
        self._stored_feed.forget()
        self._stored_stats.forget()
        self._written_ms = None
        self._stats_refused = False

    async def beat(self, connection: PipelineConnection, server: ServerInfo) -> StoreState:
        """Make the exchange; return what became of the feed since the last one.

        Raises StoreError for a refusal, StoreUnavailable, LeaseLost, or TimeoutError when
        announcing takes too long.
        """
        if not self._feed.server.known:
            await self._read_clock(connection)
        self._announcer.use(self._lease.store)
        if self._stored_feed.names is None:
            await self._load_fields(connection)
        self.must_publish = False
        try:
            state = await self._exchange(connection, server)
        except StoreError:
            self.must_publish = True
            raise
        async with self._announcer.announcing.limited():
            await self._announcer.pulse(connection)
        return state

    async def _load_fields(self, connection: PipelineConnection) -> None:
        """Learn what the server has of a former run, or of before an outage.

        Connections that ended meanwhile; counters of a part that is switched off now.
        """
        feed, stats = await connection.ask(self._stored_feed.query(), self._stored_stats.query())
        checked([feed])
        with parsing_replies():
            self._stored_feed.load(feed)
            # Another program's key, or without the right to read it: writing it has the reason.
            self._stored_stats.load(() if isinstance(stats, StoreError) else stats)

    async def _exchange(self, connection: PipelineConnection, server: ServerInfo) -> StoreState:
        stored_fields = self._stored_feed.names or frozenset()
        fields = {
            **self._feed.fields(self._lease.epoch, server.writer, _now()),
            **self._lease.fields(),
            FeedField.UPDATES_REFUSED: self._announcer.refusal,
        }
        keeps_stats = server.keeps_stats and not self._stats_refused
        stats = self._statistics.fields() if keeps_stats else {}
        stats_commands = self._stored_stats.commands(stats) if keeps_stats else []
        count_subscribers = self._announcer.count_command()
        sent_at = time.monotonic()  # the loop's clock may step by whole milliseconds
        replies = await connection.ask(
            *self._lease.renewal(),
            ("TIME",),
            ("HMGET", keys.FEED, FeedField.HEARTBEAT_MS),
            *self._stored_feed.commands(fields),
            *stats_commands,
            *([count_subscribers] if count_subscribers else []),
            timeout_s=self._limits.exchange_within_s,
        )
        self.took_s = time.monotonic() - sent_at
        subscribers: Any = replies.pop() if count_subscribers else None
        for _ in stats_commands:
            self._check_stats(replies.pop())
        holder, _, server_time, before, added, *_ = checked(replies)
        with parsing_replies():
            [stored_ms] = before
            self._add_server_time(server_time, sent_at)
            was_there = added <= len(fields.keys() - stored_fields)
        if not self._lease.check(holder) and not await self._lease.take(connection, server.run_id):
            raise StoreUnavailable("another collector has taken the lease")
        if count_subscribers:
            self._announcer.process_count(subscribers)
        self._stored_feed.load(fields)
        self._last_fields = fields
        self._on_feed(fields)
        if stats_commands:
            self._stored_stats.load(stats)
        written_ms, self._written_ms = self._written_ms, fields[FeedField.HEARTBEAT_MS]
        if not was_there:
            self._lease.renew_store()
            return StoreState.EMPTIED
        is_ours = written_ms in (None, stored_ms)
        return StoreState.INTACT if is_ours else StoreState.OLDER

    def last_commands(self, server: ServerInfo) -> list[Command]:
        """Return the commands that show readers that the feed has ended."""
        commands: list[Command] = [hset(keys.FEED, {FeedField.HEARTBEAT_MS: "0"})]
        names = self._stored_feed.names or ()
        conns = sorted(name for name in names if name.startswith(FeedField.CONN))
        if conns:
            commands.append(("HDEL", keys.FEED, *conns))
        if server.keeps_stats and not self._stats_refused:
            fields = {**self._statistics.fields(), **self._statistics.totals()}
            commands.append(hset(keys.STATS, fields))
        return commands

    def note_end(self) -> None:
        """Report the feed as `last_commands` have left it."""
        if self._last_fields:
            names = [name for name in self._last_fields if not name.startswith(FeedField.CONN)]
            fields = {name: self._last_fields[name] for name in names}
            self._on_feed(fields | {FeedField.HEARTBEAT_MS: "0"})

    def _check_stats(self, reply: object) -> None:
        if not isinstance(reply, StoreError) or self._stats_refused:
            return
        if judge(reply.reply).consequence is not Consequence.KEY:
            raise reply
        log.warning("the key `stats` is not written any more: %s", reply.reply)
        self._stats_refused = True

    async def _read_clock(self, connection: PipelineConnection) -> None:
        sent_at = time.monotonic()
        [reply] = checked(await connection.ask(("TIME",)))
        with parsing_replies():
            self._add_server_time(reply, sent_at)

    def _add_server_time(self, reply: list[str], sent_at: float) -> None:
        server_ms = int(reply[0]) * 1000 + int(reply[1]) / 1000
        if self._feed.server.add(server_ms, sent_at * 1000, time.monotonic() * 1000):
            self._clock_jumped()


def _now() -> float:
    return asyncio.get_running_loop().time()
