"""What is written over one connection to Redis: flushes, heartbeats, listing, rewrites.

The flusher writes ticks by itself; everything else is written while it is paused, as one exchange
at a time is under way on a connection.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fastopts import keys
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.announcer import Announcer
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.flusher import Flusher
from fastopts.collector.store.heartbeat import Heartbeat, StoreState
from fastopts.collector.store.lease import Lease
from fastopts.collector.store.listing import ListingWriter
from fastopts.collector.store.outage_log import DenialLog, OutageLog
from fastopts.collector.store.server import ServerInfo
from fastopts.collector.store.statistics import Statistics
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.errors import StoreError, StoreUnavailable
from fastopts.model import Instrument
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.session.refusals import Consequence, judge

__all__ = ("Content", "WriteLoop")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """What is written: ticks, feed, statistics, and the universe."""

    table: Table
    feed: FeedStatus
    statistics: Statistics
    instruments: Callable[[], Iterable[Instrument]]
    on_feed: Callable[[Mapping[str, str]], None] = lambda _: None
    """Called with all fields of the feed whenever the server has accepted them."""


class WriteLoop:
    """Writes *content* over one connection after the other: `restore`, then `run` on each.

    *clock_jumped* is called when the server's clock was set, or this machine was suspended.
    """

    def __init__(
        self,
        content: Content,
        lease: Lease,
        flush_s: float,
        clock_jumped: Callable[[], None],
        limits: CollectorLimits,
    ) -> None:
        self.feed = content.feed
        self.outage = OutageLog(limits)
        self.flusher = Flusher(content.table, flush_s, self._now_ms, self._batch_done, limits)
        self._table = content.table
        self._lease = lease
        self._limits = limits
        self._listing = ListingWriter(content.instruments, self._now_ms, limits)
        self._announcer = Announcer(self.flusher.batch, limits)
        self.heartbeat = Heartbeat(
            feed=content.feed,
            lease=lease,
            announcer=self._announcer,
            statistics=content.statistics,
            clock_jumped=clock_jumped,
            on_feed=content.on_feed,
            limits=limits,
        )
        content.statistics.add_source(self._batch_count)
        self.beating = Duty("heartbeat", limits.heartbeat_s, limits.heartbeat_within_s, limits)
        self._rewriting = Duty("rewrite", limits.rewrite_every_s, limits.rewrite_every_s, limits)
        self._beats_written = 0  # in a row, with everything acknowledged
        self._denials = DenialLog(limits)
        # Set when the loop has something to do; the only thing that it waits for.
        self._wakeup = asyncio.Event()
        self._failure: StoreError | None = None
        self._refused_keys: set[str] = set()
        self._refused_keys_at = 0.0
        self._outdated_records: list[str] = []
        self._is_ending = False
        self._is_connected = False

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The periodic duties of a collector that writes."""
        return self.beating, self._rewriting, self._listing.counting, self._announcer.announcing

    @property
    def is_ending(self) -> bool:
        """Whether `end` was called."""
        return self._is_ending

    @property
    def is_writing(self) -> bool:
        """Whether the server accepts what is written."""
        return self._is_connected and not self.outage.is_on

    def publish_feed(self) -> None:
        """Write the feed before any further record: readers must learn of a change first."""
        self.flusher.pause()
        self.heartbeat.must_publish = True
        self._wakeup.set()

    def universe_changed(
        self, listed: Iterable[Instrument], delisted: Iterable[Instrument]
    ) -> None:
        """Update sets and terms. No-op while disconnected: a reconnect writes everything."""
        if self._is_connected:
            self._listing.change(listed, delisted)
            self._wakeup.set()

    def end(self) -> None:
        """Let `run` return once everything is written."""
        self._is_ending = True
        self._wakeup.set()

    def begin(self, is_other_server: bool) -> None:
        """Begin with a connection that holds the lease."""
        if is_other_server:
            self.feed.is_behind = True  # it may have forgotten what the former one acknowledged
        self._table.epoch = self._lease.epoch
        for duty in self.duties:
            duty.resume()
        self._rewriting.start()

    async def restore(self, connection: PipelineConnection, server: ServerInfo) -> None:
        """Write everything there is, as to a server that knows nothing."""
        self.heartbeat.reset()
        self.feed.assets = self._listing.assets()
        self._listing.rewrite(_now())
        # Everything, not only what is dirty: keys may have been lost with the connection, by a
        # restart, a failover or a flush. 5,000 symbols take less than a second.
        self._table.release()
        self._table.mark_whole()
        await self._exchange(connection, server)
        self._is_connected = True
        self._wakeup.set()

    async def run(self, connection: PipelineConnection, server: ServerInfo) -> None:
        """Flush, and do beside it what is due, until everything is written after `end`.

        Raises the StoreError that ended the connection, or LeaseLost.
        """
        while True:
            await self._something_to_do()
            await self.flusher.drain()
            if self._failure is None:
                try:
                    await self._keep_up(connection, server, _now())
                except TimeoutError as error:
                    # An exchange that was cut short leaves replies behind, which would be taken
                    # for those of the next one: the connection cannot be used again.
                    raise StoreUnavailable(str(error)) from error
            if self._failure is not None:
                raise self._failure
            # A connection must be in the feed before the first record that it delivered.
            if self.heartbeat.must_publish or self.outage.is_pausing(_now()):
                continue
            # Slots that were refused during the outage are retried now.
            if self.outage.is_on:
                self._table.release()
            if self._is_ending and not self._table.dirty:
                return await self._end_feed(connection, server)
            self.flusher.resume(connection)

    def disconnect(self) -> None:
        """Note that the connection is lost."""
        self._is_connected = False
        self.flusher.disconnect()
        self._fall_behind()
        self._announcer.reset()
        self._failure = None
        self.feed.server.clear()

    async def _something_to_do(self) -> None:
        timer = asyncio.get_running_loop().call_at(self.heartbeat.due_at, self._wakeup.set)
        await self._wakeup.wait()
        self._wakeup.clear()
        timer.cancel()

    async def _keep_up(
        self, connection: PipelineConnection, server: ServerInfo, now: float
    ) -> None:
        """Do what is due beside the ticks."""
        if not self.outage.is_pausing(now):
            await self._write_listing(connection, now)
        # Keys of other programs are retried, as those may have been deleted meanwhile.
        if self._refused_keys and now >= self._refused_keys_at:
            self._refused_keys_at = now + self._limits.refused_keys_again_s
            self._table.release()
        if self._outdated_records:
            outdated, self._outdated_records = self._outdated_records, []
            delete = ("DEL", *outdated)
            replies = await connection.ask(delete)
            self._denials.note("deleting outdated records", [delete], replies, now)
        if self.heartbeat.is_due(now):
            await self._beat(connection, server, now)
        if _now() - now > self._limits.slow_s:
            self._fall_behind()
            self.publish_feed()

    async def _write_listing(self, connection: PipelineConnection, now: float) -> None:
        try:
            async with self._listing.counting.limited():
                is_changed = await self._listing.write(connection, now)
        except StoreError as error:
            if not error.reply:
                raise
            self._cannot_write(error)
            return
        if is_changed:
            # Only once all of it is written: readers cache what they find under one count.
            self.feed.assets = self._listing.assets()
            self.feed.universe += 1
            self.publish_feed()

    async def _beat(self, connection: PipelineConnection, server: ServerInfo, now: float) -> None:
        if self.heartbeat.is_periodic(now):
            self.heartbeat.schedule_next(now)
            self._count_rewrites()
            # An equal share with each beat, rounded up: a rolling rewrite without peaks.
            self._table.mark_whole(-(-len(self._table) // self._limits.rewrite_every_s))
        try:
            state = await self._exchange(connection, server)
        except StoreError as error:
            if not error.reply:
                raise
            self._cannot_write(error)
            return
        if state is StoreState.EMPTIED:
            log.warning("Redis was emptied: everything is written again")
            await self.restore(connection, server)
        elif state is StoreState.OLDER:
            log.warning(
                "the data in Redis went back in time (a copy or a dump was loaded): everything is"
                " written again, under a new epoch"
            )
            # The loaded records look live: of this epoch, by connections that deliver.
            self._lease.raise_epoch()
            self._table.epoch = self._lease.epoch
            await self.restore(connection, server)

    async def _exchange(self, connection: PipelineConnection, server: ServerInfo) -> StoreState:
        try:
            async with self.beating.bounded():
                return await self.heartbeat.beat(connection, server)
        except TimeoutError as error:
            raise StoreUnavailable(str(error)) from error

    def _count_rewrites(self) -> None:
        """Count a beat's share of the rewrite; after one interval of shares all are written."""
        is_written = self.is_writing and self.flusher.has_caught_up
        self._beats_written = self._beats_written + 1 if is_written else 0
        if self._beats_written >= self._limits.rewrite_every_s:
            self._beats_written = 0
            self._rewriting.done()
        self._rewriting.check()

    def _batch_done(self, error: StoreError | None) -> None:
        if error is not None:
            self._fail(error)
        else:
            self._batch_acknowledged()
        if self._is_ending:
            self._wakeup.set()

    def _batch_acknowledged(self) -> None:
        self._announcer.check_batch()
        if self.flusher.refusals:
            self._process_refusals()
        elif self.outage.is_on:
            self.outage.end(_now())
        if _now() - self.flusher.taken_at > self._limits.slow_s:
            self._fall_behind()
            self.publish_feed()
        elif self.feed.is_behind and self.flusher.has_caught_up:
            self.feed.is_behind = False
            self.publish_feed()

    def _process_refusals(self) -> None:
        for symbol, reply in self.flusher.refusals:
            refusal = judge(reply)
            if refusal.consequence is not Consequence.KEY:
                self._cannot_write(StoreError(reply, reply))
                return
            # Its hash belongs to another program. Its record would be taken for the newest value
            # until the next attempt: live by all rules, and up to a minute old.
            self._outdated_records.append(keys.record(symbol))
            self._wakeup.set()
            if symbol not in self._refused_keys:
                log.warning("%s is not written: %s (%s)", symbol, reply, refusal.remedy)
                self._refused_keys.add(symbol)
                self._refused_keys_at = _now() + self._limits.refused_keys_again_s
        self.outage.end(_now())

    def _cannot_write(self, error: StoreError) -> None:
        """The server refuses everything: pause, or give the connection up."""
        self.flusher.pause()
        self._fall_behind()
        refusal = judge(error.reply)
        is_lasting = self.outage.lasted_s(_now()) > self._limits.refused_max_s
        if refusal.consequence is Consequence.RECONNECT or is_lasting:
            self._fail(StoreUnavailable(f"{error} ({refusal.remedy})"))
            return
        self.outage.begin(f"Redis refuses: {error} ({refusal.remedy})", _now())
        asyncio.get_running_loop().call_at(self.outage.pause(_now()), self._wakeup.set)

    def _fall_behind(self) -> None:
        """Count no connection as delivering until the backlog is written.

        Otherwise the first heartbeat after an outage would make records that are as old as the
        outage live for the time of one flush.
        """
        self.flusher.fall_behind()
        self.feed.is_behind = True

    def _fail(self, error: StoreError) -> None:
        """End the connection with *error*."""
        self._failure = error
        self._wakeup.set()

    async def _end_feed(self, connection: PipelineConnection, server: ServerInfo) -> None:
        """Show readers that the feed has ended, and give the lease back."""
        commands = self.heartbeat.last_commands(server)
        replies = await connection.ask(*commands)
        self._denials.note("ending the feed", commands, replies, _now())
        self.heartbeat.note_end()
        await self._lease.release(connection)

    def _batch_count(self) -> Mapping[str, str]:
        return {StatsField.BATCHES: str(self.flusher.batches)}

    def _now_ms(self) -> int:
        """Return the server's clock, or this machine's before that is known."""
        if self.feed.server.known:
            return round(self.feed.server.at(_now() * 1000))
        return round(time.time() * 1000)


def _now() -> float:
    return asyncio.get_running_loop().time()
