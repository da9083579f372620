"""Connection and lease: one connection to Redis after the other, under one claim to write.

Whatever happens to the server, the connections to the venue go on filling the table; what is dirty
is written when that is possible, and everything after a reconnect.
"""

import asyncio
import logging
import math
import ssl
from collections.abc import Callable, Iterable

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.feed_status import Skew
from fastopts.collector.store.flusher import Flusher
from fastopts.collector.store.heartbeat import Heartbeat
from fastopts.collector.store.lease import LEASE_MS, Lease
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.collector.store.server import ServerInfo, inspect
from fastopts.collector.store.write_loop import Content, WriteLoop
from fastopts.errors import LeaseError, LeaseLost, StoreError, StoreUnavailable
from fastopts.model import Instrument
from fastopts.net.redis import pipeline
from fastopts.net.redis.address import Address
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.tls import TlsFault
from fastopts.session.backoff import Backoff
from fastopts.session.refusals import Consequence, judge

__all__ = ("STANDING_BY", "WAITING", "WRITING", "Content", "Writer")

log = logging.getLogger(__name__)

WRITING, WAITING, STANDING_BY = "writing", "waiting for Redis", "standing by"

# Consecutive checks that must find the lease free before a standby takes it: a lease that expired
# while the server stood still is renewed by its holder as soon as the server goes on.
FREE_CHECKS = 3


class Writer:
    """Writes *content* to the server at *address*: `run` it in a task, `end` it.

    A standby waits for a lease without limit, others only until a lease that nobody renews must
    have expired. *on_clock_jump* is called when the server's clock was set, or this machine was
    suspended, after which nothing is known to be live.
    """

    def __init__(
        self,
        content: Content,
        address: Address,
        tls: ssl.SSLContext | None,
        flush_s: float,
        *,
        is_standby: bool = False,
        on_clock_jump: Callable[[], None] = lambda: None,
        limits: CollectorLimits | None = None,
    ) -> None:
        self.lease = Lease(address.db)
        self.feed = content.feed
        self._table = content.table
        self._address = address
        self._tls = tls
        self._is_standby = is_standby
        self._on_clock_jump = on_clock_jump
        self._limits = limits = limits or CollectorLimits()
        self._loop = WriteLoop(
            content=content,
            lease=self.lease,
            flush_s=flush_s,
            clock_jumped=self._clock_jumped,
            limits=limits,
        )
        self._free_checks = 0
        self._standing_by = ConditionLog(logging.INFO, limits)
        self._connection: PipelineConnection | None = None
        self._server: ServerInfo | None = None

    @property
    def flusher(self) -> Flusher:
        """The flusher of the table."""
        return self._loop.flusher

    @property
    def heartbeat(self) -> Heartbeat:
        """The heartbeat of the feed."""
        return self._loop.heartbeat

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The periodic duties of a collector that writes."""
        return self._loop.duties

    @property
    def is_writing(self) -> bool:
        """Whether the server accepts what is written."""
        return self._loop.is_writing

    @property
    def state(self) -> str:
        """WRITING, WAITING or STANDING_BY."""
        if self._standing_by.is_on:
            return STANDING_BY
        return WAITING if self._loop.outage.is_on or not self._table.epoch else WRITING

    def live(self, covered: int) -> int:
        """Return how many of *covered* symbols are live for readers.

        On a standby: all of them, as it could take over with them.
        """
        if self._standing_by.is_on:
            return covered
        return self.feed.live(covered, self._loop.beating.age_s)

    def skew(self) -> Skew | None:
        """Return the venue's clock minus the server's; None while either is unknown."""
        return self.feed.skew(_now())

    def conn_opened(self, conn: int) -> None:
        """Note that a connection to the venue is open, and has delivered nothing."""
        self.feed.opened(conn)

    def conn_delivered(self, conn: int, at: float) -> None:
        """Note that data came over it at monotonic time *at*."""
        if self.feed.delivered(conn, at):
            self.publish_feed()

    def conn_lags(self, conn: int, lag_ms: int | None) -> None:
        """Note how far it lags behind the venue; None while unknown."""
        if self.feed.set_lag(conn, lag_ms):
            self.publish_feed()

    def conn_closed(self, conn: int) -> None:
        """Note that it has ended."""
        self.feed.closed(conn)
        self.publish_feed()

    def invalidate(self) -> None:
        """Show readers that nothing is live until its connection delivers again."""
        self.feed.invalidate()
        self.publish_feed()

    def publish_feed(self) -> None:
        """Write the feed before any further record."""
        self._loop.publish_feed()

    def universe_changed(
        self, listed: Iterable[Instrument], delisted: Iterable[Instrument]
    ) -> None:
        """Bring the sets of symbols up to date with the next write."""
        self._loop.universe_changed(listed, delisted)

    def end(self) -> None:
        """Let `run` return once everything is written."""
        self._loop.end()

    async def preflight(self) -> None:
        """Check the server before anything else is started.

        Raises ConfigError, WrongVenue or StoreError. A server that is away or busy is no error
        here: `run` waits for it.
        """
        try:
            connection = await self._connect()
            try:
                await inspect(connection, self.feed.venue)
            finally:
                connection.abort()
        except StoreError as error:
            self._on_store_error(error)

    async def open(self) -> bool:
        """Connect and take the lease; False if `end` is called while another one holds it.

        Raises ConfigError, LeaseError, WrongVenue, LeaseLost, StoreUnavailable or StoreError.
        """
        connection = await self._connect()
        try:
            # Before the lease: another venue's database must not even show an epoch of this one.
            server = await inspect(connection, self.feed.venue)
            if not await self._take_lease(connection, server):
                connection.abort()
                return False
            self._begin(server)
            await self._loop.restore(connection, server)
        except BaseException:
            connection.abort()
            raise
        self._connection = connection
        return True

    async def run(self) -> None:
        """Write until `end`; reconnect whenever the connection is lost.

        Raises LeaseLost or WrongVenue when this collector must not write any more, and, before
        anything was written, the errors of `preflight`.
        """
        backoff = Backoff(base_s=0.1, cap_s=self._limits.reconnect_max_s)
        while True:
            least_s = 0.0
            try:
                if self._connection is None and not await self.open():
                    return
                backoff.reset()
                assert self._connection is not None
                assert self._server is not None
                await self._loop.run(self._connection, self._server)
            except LeaseLost as error:
                self._on_lease_lost(error)
            except StoreError as error:
                self._on_store_error(error)
                if judge(error.reply).consequence is Consequence.DENIED:
                    least_s = self._limits.denied_again_s
                elif self._loop.outage.lasted_s(_now()) > self._limits.refused_max_s:
                    least_s = self._limits.refused_again_s
            else:
                return
            finally:
                self._disconnect()
            await asyncio.sleep(max(least_s, backoff.next_s()))

    async def _connect(self) -> PipelineConnection:
        return await pipeline.connect(self._address, self._tls, self._limits.connect_within_s)

    def _on_store_error(self, error: StoreError) -> None:
        """Log the outage. Re-raise at start-up when waiting cannot help."""
        if not self._table.epoch and not _may_pass(error):
            raise error
        remedy = f" ({judge(error.reply).remedy})" if error.reply else ""
        self._loop.outage.begin(f"Redis: {error}{remedy}", _now())

    def _on_lease_lost(self, error: LeaseLost) -> None:
        """Wait for the lease again if this is a standby; raise *error* otherwise."""
        if not self._is_standby:
            raise error
        self.lease.renounce()
        self._free_checks = 0
        log.warning("another collector has taken over: this one is a standby now")

    async def _take_lease(self, connection: PipelineConnection, server: ServerInfo) -> bool:
        expiry_s = LEASE_MS / 1000 + self._limits.lease_margin_s
        deadline = _now() + (math.inf if self._is_standby else expiry_s)
        # The lease of a killed collector expires within LEASE_MS; one that is held for longer has a
        # living holder.
        while not await self._try_to_take(connection, server):
            if self._loop.is_ending:
                return False
            if _now() > deadline:
                raise LeaseError(
                    "another collector is writing to this server and renews its lease: stop it"
                    " first, wait for its end with --standby, or use another server or database"
                    " with --redis-url"
                )
            await asyncio.sleep(self._limits.lease_again_s)
        self._standing_by.end(f"writing to {self._address} from now on", _now())
        return True

    async def _try_to_take(self, connection: PipelineConnection, server: ServerInfo) -> bool:
        is_newcomer = self._is_standby and not self.lease.epoch
        if is_newcomer and not await self._find_free(connection):
            return False
        return await self.lease.take(connection, server.run_id)

    async def _find_free(self, connection: PipelineConnection) -> bool:
        """Check the lease once more; True when it was free FREE_CHECKS times in a row."""
        if await self.lease.is_free(connection):
            self._free_checks += 1
            return self._free_checks >= FREE_CHECKS
        self._free_checks = 0
        self._loop.outage.end(_now(), "Redis answers again")
        # The other collector performs them: overdue alarms of a standby would be false.
        for duty in self.duties:
            duty.suspend()
        text = f"standing by: another collector writes to {self._address}"
        self._standing_by.begin(text, _now())
        return False

    def _begin(self, server: ServerInfo) -> None:
        """Begin with a server of which this collector holds the lease."""
        if self._server is None:
            for warning in server.warnings:
                log.warning("Redis: %s", warning)
        is_other = self._server is not None and self._server.run_id != server.run_id
        self._server = server
        self._loop.begin(is_other_server=is_other)

    def _clock_jumped(self) -> None:
        log.warning(
            "the Redis server's clock was set, or this machine was suspended: nothing is live until"
            " its connection delivers again"
        )
        self.feed.exchange.clear()
        self.invalidate()
        self._on_clock_jump()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
        self._loop.disconnect()


def _may_pass(error: StoreError) -> bool:
    """Whether waiting may help at a start: it is not plainly a wrong setting."""
    if isinstance(error, StoreUnavailable):
        return not isinstance(error.__cause__, TlsFault)
    return judge(error.reply).consequence is Consequence.WAIT


def _now() -> float:
    return asyncio.get_running_loop().time()
