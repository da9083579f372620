"""One Redis connection after the other, and the flushes over it.

Whatever happens to the server, the lines go on filling the table; the writer writes what is dirty
when it can, and everything after a reconnect. The flushes are the flusher's; what else has to be
said to the server is said while it rests.
"""

import asyncio
import logging
import math
import ssl
import time
from collections.abc import Callable, Iterable, Mapping

from fastopts import keys
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store import redis_commands as upkeep
from fastopts.collector.store import server
from fastopts.collector.store.announcer import Announcer
from fastopts.collector.store.feed_status import HEARTBEAT_S, FeedStatus, Skew
from fastopts.collector.store.flusher import Flusher
from fastopts.collector.store.heartbeat import Heartbeat, StoreState
from fastopts.collector.store.lease import LEASE_MS, Lease
from fastopts.collector.store.listing import ListingWriter
from fastopts.collector.store.outage_log import ConditionLog, DenialLog, OutageLog
from fastopts.collector.store.server import ServerInfo
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.errors import ConfigError, LeaseLost, StoreError, StoreUnavailable
from fastopts.model import Instrument
from fastopts.net.redis import pipeline as net
from fastopts.net.redis.address import Address
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.tls import TlsFault
from fastopts.session.backoff import Backoff
from fastopts.session.refusals import Consequence, judge

__all__ = ("STANDING_BY", "WAITING", "WRITING", "Writer")

log = logging.getLogger(__name__)

WRITING, WAITING, STANDING_BY = "writing", "waiting for Redis", "standing by"

CONNECT_TIMEOUT_S = 5.0
AGAIN_WITHIN_S = 0.25  # it is ours, and asking costs nothing: it is found as soon as it is back
WHOLE_WITHIN_S = 60  # every symbol is written whole once in this time
BEAT_WITHIN_S = 10.0
REFUSED_KEYS_AGAIN_S = 60.0
DENIED_AGAIN_S = 10.0
REFUSED_FOR_S = 5.0  # then the connection is given up: the name may lead to another server
REFUSED_AGAIN_S = 1.0  # between two of those
TAKE_AGAIN_S = 0.1
SLOW_S = 1.0  # what came while the server took so long has grown old
FREE_LOOKS = 3  # a standby takes what was free so often in a row


class Writer:
    """Writes a table to one server: `open` it, `run` it in a task, `end` it."""

    def __init__(
        self,
        table: Table,
        feed: FeedStatus,
        address: Address,
        tls: ssl.SSLContext | None,
        flush_s: float,
        instruments: Callable[[], Iterable[Instrument]],
        is_standby: bool = False,
        clock_jumped: Callable[[], None] = lambda: None,
    ) -> None:
        self.lease = Lease(address.db)
        self.flusher = Flusher(table, flush_s, self._now_ms, self._batch_over)
        self._table = table
        self.feed = feed
        self._address = address
        self.counts: Mapping[str, int] = dict.fromkeys(upkeep.COUNTS, 0)
        self._tls = tls
        self._is_standby = is_standby
        self._free_looks = 0
        self._listing = ListingWriter(instruments, self._now_ms)
        self._updates = Announcer(self.flusher.batch)
        self._beating = Duty("heartbeat", HEARTBEAT_S, BEAT_WITHIN_S)
        self._rewriting = Duty("rewrite", WHOLE_WITHIN_S, WHOLE_WITHIN_S)
        self._beats_written = 0  # in a row, with everything acknowledged
        self.facts: Callable[[], Mapping[str, str]] = dict
        """The fields of `stats` beside the counters."""
        self.heartbeat = Heartbeat(feed, self.lease, self._updates, self._statistics, clock_jumped)
        self._trouble = OutageLog()
        self._denials = DenialLog()
        self._standing_by = ConditionLog(logging.INFO)
        self._channel: PipelineConnection | None = None
        self._server: ServerInfo | None = None
        self._attention = asyncio.Event()
        self._failure: StoreError | None = None
        self._refused_keys: set[str] = set()
        self._refused_keys_at = 0.0
        self._outdated: list[str] = []
        self._is_ending = False
        self._started_at = time.time()

    @property
    def duties(self) -> tuple[Duty, ...]:
        """What is due again and again while this collector writes."""
        return self._beating, self._rewriting, self._listing.counting, self._updates.announcing

    @property
    def is_writing(self) -> bool:
        """Whether the server takes what we have."""
        return self._channel is not None and not self._trouble.is_on

    @property
    def state(self) -> str:
        """WRITING, WAITING or STANDING_BY."""
        if self._standing_by.is_on:
            return STANDING_BY
        return WAITING if self._trouble.is_on or not self._table.epoch else WRITING

    @property
    def live(self) -> int:
        """How many symbols are live to readers; on a standby, how many it could take over."""
        if self._standing_by.is_on:
            return self.feed.covered
        return self.feed.live(self._beating.age_s)

    def skew(self) -> Skew | None:
        """The venue's clock minus the server's; None while one of them is not known."""
        return self.feed.skew(_now())

    def conn_opened(self, conn: int) -> None:
        self.feed.opened(conn)

    def conn_delivered(self, conn: int, at: float) -> None:
        if self.feed.delivered(conn, at):
            self._tell()

    def conn_lags(self, conn: int, lag_ms: int | None) -> None:
        if self.feed.lags(conn, lag_ms):
            self._tell()

    def conn_closed(self, conn: int) -> None:
        self.feed.closed(conn)
        self._tell()

    def skew_changed(self) -> None:
        """The estimate of the venue's clock moved: ages at readers depend on it."""
        self._tell()

    def doubt(self) -> None:
        """Tell readers that nothing is live until its connection delivers again."""
        self.feed.doubt()
        self._tell()

    def universe_changed(self, listed: Iterable[Instrument], gone: Iterable[Instrument]) -> None:
        """Symbols came or went; the sets follow with the next write."""
        if self._channel is not None:  # everything is written on a reconnect
            self._listing.changed(listed, gone)
            self._attention.set()

    def end(self) -> None:
        """Let `run` return once everything is written."""
        self._is_ending = True
        self._attention.set()

    async def look(self) -> None:
        """Find out what is wrong with the server before anything is begun.

        Raises ConfigError, WrongVenue or StoreError; a server that is away or busy is for `run` to
        wait for.
        """
        try:
            channel = await net.connect(self._address, self._tls, CONNECT_TIMEOUT_S)
            try:
                await server.inspect(channel, self.feed.venue)
            finally:
                channel.abort()
        except StoreError as error:
            self._bear(error)

    async def open(self) -> bool:
        """Connect and take the lease; False when told to `end` while another holds it.

        Without standing by, it waits only for the end of a lease that nobody renews. Raises
        ConfigError, WrongVenue, LeaseLost, StoreUnavailable or StoreError.
        """
        channel = await net.connect(self._address, self._tls, CONNECT_TIMEOUT_S)
        try:
            found = await server.inspect(channel, self.feed.venue)
            if not await self._take_lease(channel, found):
                channel.abort()
                return False
            self._begin(found)
            await self._restore(channel, found)
        except BaseException:
            channel.abort()
            raise
        self._channel = channel
        return True

    async def run(self) -> None:
        """Write until `end`.

        Raises LeaseLost or WrongVenue when we must not write any more, and before anything was
        written what `look` raises.
        """
        backoff = Backoff(base_s=0.1, cap_s=AGAIN_WITHIN_S)
        while True:
            least_s = 0.0
            try:
                if self._channel is None and not await self.open():
                    return
                backoff.reset()
                await self._serve()
            except LeaseLost as error:
                self._yield(error)
            except StoreError as error:
                self._bear(error)
                if judge(error.reply).consequence is Consequence.DENIED:
                    least_s = DENIED_AGAIN_S
                elif self._trouble.lasted_s(_now()) > REFUSED_FOR_S:
                    least_s = REFUSED_AGAIN_S
            else:
                return
            finally:
                self._hang_up()
            await asyncio.sleep(max(least_s, backoff.next_s()))

    def _bear(self, error: StoreError) -> None:
        """Say that the server is not to be had. Raises *error* at a start that waits in vain."""
        if not self._table.epoch and not _may_pass(error):
            raise error
        remedy = f" ({judge(error.reply).remedy})" if error.reply else ""
        self._trouble.begin(f"Redis: {error}{remedy}", _now())

    def _yield(self, error: LeaseLost) -> None:
        """Another collector writes now: stand by if we may, else that is the end."""
        if not self._is_standby:
            raise error
        self.lease.renounce()
        self._free_looks = 0
        log.warning("another collector has taken over: this one stands by")

    async def _take_lease(self, channel: PipelineConnection, found: ServerInfo) -> bool:
        patience_s = math.inf if self._is_standby else LEASE_MS / 1000 + 1.0
        deadline = _now() + patience_s
        while not await self._try_to_take(channel, found):
            if self._is_ending:
                return False
            if _now() > deadline:
                raise ConfigError(
                    "another collector is writing to this server and renews its lease: stop it"
                    " first, wait for its end with --standby, or name another server or database"
                    " with --redis-url"
                )
            await asyncio.sleep(TAKE_AGAIN_S)
        self._standing_by.end(f"writing to {self._address} from now on", _now())
        return True

    async def _try_to_take(self, channel: PipelineConnection, found: ServerInfo) -> bool:
        is_claim = self._is_standby and not self.lease.epoch
        if is_claim and not await self._is_left(channel):
            return False
        return await self.lease.take(channel, found.run_id)

    async def _is_left(self, channel: PipelineConnection) -> bool:
        """Whether nobody wants the lease any more: what ran out while the server stood still, its
        holder renews as soon as it goes on."""
        if await self.lease.is_free(channel):
            self._free_looks += 1
            return self._free_looks >= FREE_LOOKS
        self._free_looks = 0
        self._trouble.end(_now(), "Redis answers again")
        for duty in self.duties:
            duty.rest()
        words = f"standing by: another collector writes to {self._address}"
        self._standing_by.begin(words, _now())
        return False

    def _begin(self, found: ServerInfo) -> None:
        """The server is ours."""
        if self._server is None:
            for warning in found.warnings:
                log.warning("Redis: %s", warning)
        elif self._server.run_id != found.run_id:
            self.feed.is_behind = True  # it may have forgotten what it acknowledged
        self._server = found
        self._table.epoch = self.lease.epoch
        for duty in self.duties:
            duty.resume()
        self._rewriting.start()

    async def _restore(self, channel: PipelineConnection, found: ServerInfo) -> None:
        """Write everything there is, as to a server that knows nothing."""
        self.heartbeat.forget()
        self.feed.assets = self._listing.assets()
        self._listing.owe_all(_now())
        self._table.release()
        self._table.mark_whole()
        await self._exchange(channel, found)
        self._attention.set()

    async def _serve(self) -> None:
        """Let the flusher go, and do beside it what is due, until everything is written at the end.

        Raises what ended the connection.
        """
        assert self._channel is not None
        assert self._server is not None
        channel, found = self._channel, self._server
        while True:
            await self._something_to_do()
            await self.flusher.rest()
            if self._failure is None:
                try:
                    await self._keep_up(channel, found, _now())
                except TimeoutError as error:
                    # An exchange that is cut off leaves replies behind: the connection goes, too.
                    raise StoreUnavailable(str(error)) from error
            if self._failure is not None:
                raise self._failure
            # A conn must stand in the feed before the first record that it delivered.
            if self.heartbeat.must_tell or self._trouble.is_pausing(_now()):
                continue
            if self._trouble.is_on:
                self._table.release()
            if self._is_ending and not self._table.dirty:
                return await self._farewell(channel, found)
            self.flusher.go(channel)

    async def _something_to_do(self) -> None:
        pulse = asyncio.get_running_loop().call_at(self.heartbeat.due_at, self._attention.set)
        await self._attention.wait()
        self._attention.clear()
        pulse.cancel()

    async def _keep_up(self, channel: PipelineConnection, found: ServerInfo, now: float) -> None:
        """Do what is due beside the ticks."""
        if not self._trouble.is_pausing(now):
            await self._list(channel, now)
        if self._refused_keys and now >= self._refused_keys_at:
            self._refused_keys_at = now + REFUSED_KEYS_AGAIN_S
            self._table.release()
        if self._outdated:
            outdated, self._outdated = self._outdated, []
            delete = ("DEL", *outdated)
            self._denials.note("deleting old records", [delete], await channel.ask(delete), now)
        if self.heartbeat.is_due(now):
            await self._beat(channel, found, now)
        if _now() - now > SLOW_S:
            self._fall_behind()
            self._tell()

    async def _list(self, channel: PipelineConnection, now: float) -> None:
        try:
            async with self._listing.counting.limited():
                is_changed = await self._listing.keep_up(channel, now)
        except StoreError as error:
            if not error.reply:
                raise
            self._cannot_write(error)
            return
        if is_changed:
            # Not before it is all there: what a reader finds at one count, it keeps for it.
            self.feed.assets = self._listing.assets()
            self.feed.universe += 1
            self._tell()

    async def _beat(self, channel: PipelineConnection, found: ServerInfo, now: float) -> None:
        if self.heartbeat.is_periodic(now):
            self._count_rewrites()
            self._table.mark_whole(-(-len(self._table) // WHOLE_WITHIN_S))
        try:
            state = await self._exchange(channel, found)
        except StoreError as error:
            if not error.reply:
                raise
            self._cannot_write(error)
            return
        if state is StoreState.EMPTIED:
            log.warning("Redis was emptied: everything is written again")
            await self._restore(channel, found)
        elif state is StoreState.OLDER:
            log.warning(
                "the data in Redis went back in time (a copy or a dump was loaded): everything is"
                " written again, under another epoch"
            )
            # What stands there looks live: of our epoch, by connections that deliver.
            self.lease.raise_epoch()
            self._table.epoch = self.lease.epoch
            await self._restore(channel, found)

    async def _exchange(self, channel: PipelineConnection, found: ServerInfo) -> StoreState:
        try:
            async with self._beating.bounded():
                return await self.heartbeat.beat(channel, found)
        except TimeoutError as error:
            raise StoreUnavailable(str(error)) from error

    def _count_rewrites(self) -> None:
        """Each beat has a share of the symbols written whole: all have been after so many."""
        is_written = self.is_writing and self.flusher.has_caught_up
        self._beats_written = self._beats_written + 1 if is_written else 0
        if self._beats_written >= WHOLE_WITHIN_S:
            self._beats_written = 0
            self._rewriting.done()
        self._rewriting.check()

    def _batch_over(self, error: StoreError | None) -> None:
        if error is not None:
            self._fail(error)
        else:
            self._batch_answered()
        if self._is_ending:
            self._attention.set()

    def _batch_answered(self) -> None:
        self._updates.batch_over()
        if self.flusher.refusals:
            self._hear_refusals()
        elif self._trouble.is_on:
            self._trouble.end(_now())
        if _now() - self.flusher.taken_at > SLOW_S:
            self._fall_behind()
            self._tell()
        elif self.feed.is_behind and self.flusher.has_caught_up:
            self.feed.is_behind = False
            self._tell()

    def _hear_refusals(self) -> None:
        for symbol, words in self.flusher.refusals:
            refusal = judge(words)
            if refusal.consequence is not Consequence.KEY:
                self._cannot_write(StoreError(words, words))
                return
            # Its record would stand there as the newest until the next try.
            self._outdated.append(keys.record(symbol))
            self._attention.set()
            if symbol not in self._refused_keys:
                log.warning("%s is not written: %s (%s)", symbol, words, refusal.remedy)
                self._refused_keys.add(symbol)
                self._refused_keys_at = _now() + REFUSED_KEYS_AGAIN_S
        self._trouble.end(_now())

    def _cannot_write(self, error: StoreError) -> None:
        """The server refuses everything: wait, or look for a better one."""
        self.flusher.hold()
        self._fall_behind()
        refusal = judge(error.reply)
        is_lasting = self._trouble.lasted_s(_now()) > REFUSED_FOR_S
        if refusal.consequence is Consequence.RECONNECT or is_lasting:
            self._fail(StoreUnavailable(f"{error} ({refusal.remedy})"))
            return
        self._trouble.begin(f"Redis refuses: {error} ({refusal.remedy})", _now())
        asyncio.get_running_loop().call_at(self._trouble.pause(_now()), self._attention.set)

    def _fall_behind(self) -> None:
        """Until all that came meanwhile is written, no connection counts as delivering."""
        self.flusher.fall_behind()
        self.feed.is_behind = True

    def _fail(self, error: StoreError) -> None:
        """The connection is of no more use."""
        self._failure = error
        self._attention.set()

    async def _farewell(self, channel: PipelineConnection, found: ServerInfo) -> None:
        """Say that the feed has ended, and give the lease back."""
        runtime_s = max(time.time() - self._started_at, 1e-9)
        totals = {
            StatsField.SHUTDOWN_TIME: f"{time.time():.3f}",
            StatsField.TOTAL_MESSAGES: str(self._table.received),
            StatsField.AVG_MSG_RATE: f"{self._table.received / runtime_s:.1f}",
        }
        commands = self.heartbeat.last_commands(found, totals)
        replies = await channel.ask(*commands)
        self._denials.note("ending the feed", commands, replies, _now())
        await self.lease.release(channel)

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._channel.abort()
            self._channel = None
        self.flusher.hang_up()
        self._fall_behind()
        self._updates.forget()
        self._failure = None
        self.feed.server.clear()

    def _tell(self) -> None:
        self.flusher.hold()
        self.heartbeat.must_tell = True
        self._attention.set()

    def _statistics(self) -> Mapping[str, str]:
        batches = self.flusher.batches
        counters = upkeep.statistics(
            self._table, batches, self._started_at, self.feed.venue, self.counts
        )
        return {**counters, **self.facts()}

    def _now_ms(self) -> int:
        """The server's clock, or ours before we know it."""
        if self.feed.server.known:
            return round(self.feed.server.at(_now() * 1000))
        return round(time.time() * 1000)


def _may_pass(error: StoreError) -> bool:
    """Whether a start may wait for the end of *error*: it is no plain mistake."""
    if isinstance(error, StoreUnavailable):
        return not isinstance(error.__cause__, TlsFault)
    return judge(error.reply).consequence is Consequence.WAIT


def _now() -> float:
    return asyncio.get_running_loop().time()
