"""One Redis connection after the other: the lease, the feed, and the flushes.

Whatever happens to the server, the lines go on filling the table; the writer writes what is dirty
when it can, and everything after a reconnect. One exchange is under way at a time, so that load
makes batches bigger, not later.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fastopts import keys
from fastopts.collector import server, upkeep
from fastopts.collector.feed import HEARTBEAT_S, Feed
from fastopts.collector.lease import LEASE_MS, Lease
from fastopts.collector.server import Server
from fastopts.collector.upkeep import Command
from fastopts.core import Batch, Table
from fastopts.errors import ConfigError, LeaseLost, StoreError, StoreUnavailable
from fastopts.metrics import Durations
from fastopts.model import Instrument
from fastopts.net import channel as net
from fastopts.net.address import Address
from fastopts.net.channel import Channel
from fastopts.session.backoff import Backoff
from fastopts.session.refusals import Consequence, judge

__all__ = ("Writer",)

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
EXCHANGE_TIMEOUT_S = 10.0
BATCH_BYTES = 1 << 20
WHOLE_WITHIN_S = 60  # every symbol is written whole once in this time
REFUSED_KEY_AGAIN_S = 60.0
UNIVERSE_AGAIN_S = 6 * 3600.0
COMMANDS_AT_ONCE = 1000
SAY_AGAIN_S = 60.0


@dataclass(slots=True)
class _Trouble:
    """Why nothing is written at the moment; said once, then once a minute."""

    words: str
    since: float
    said_at: float
    until: float
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=0.2, cap_s=5.0))


class Writer:
    """Writes a table to one server: `open` it, `run` it in a task, `end` it."""

    def __init__(
        self,
        table: Table,
        feed: Feed,
        address: Address,
        tls: ssl.SSLContext | None,
        flush_s: float,
        instruments: Callable[[], Iterable[Instrument]],
    ) -> None:
        self.batches = 0
        self.lag = Durations()
        self.lease = Lease()
        self._table = table
        self._feed = feed
        self._address = address
        self._tls = tls
        self._flush_s = flush_s
        self._instruments = instruments
        self._batch = Batch(table)
        self._channel: Channel | None = None
        self._server: Server | None = None
        self._wake = asyncio.Event()
        self._heartbeat_at = 0.0
        self._universe_at = 0.0
        self._refused_keys_at = 0.0
        self._refused_keys: set[str] = set()
        self._must_tell_feed = False
        self._feed_fields: set[str] = set()
        self._commands: list[Command] = []
        self._trouble: _Trouble | None = None
        self._is_ending = False
        self._started_at = time.time()

    @property
    def is_writing(self) -> bool:
        """Whether the server takes what we have."""
        return self._channel is not None and self._trouble is None

    def wake(self) -> None:
        """There is something to write."""
        if not self._wake.is_set():
            self._wake.set()

    def conn_opened(self, conn: int) -> None:
        self._feed.opened(conn)

    def conn_delivered(self, conn: int, at: float) -> None:
        if self._feed.delivered(conn, at):
            self._must_tell_feed = True
            self.wake()

    def conn_closed(self, conn: int) -> None:
        self._feed.closed(conn)
        self._must_tell_feed = True
        self.wake()

    def venue_clock(self, venue_ms: int, sent_at: float, received_at: float) -> None:
        self._feed.exchange.add(venue_ms, sent_at * 1000, received_at * 1000)

    def universe_changed(self, listed: Iterable[Instrument], gone: Iterable[Instrument]) -> None:
        """Symbols came or went; the sets follow with the next write."""
        self._commands += upkeep.listed(listed, self._now_ms()) + upkeep.delisted(gone)
        self._feed.universe += 1
        self._must_tell_feed = True
        self.wake()

    def end(self) -> None:
        """Let `run` return once everything is written."""
        self._is_ending = True
        self.wake()

    async def open(self) -> None:
        """Connect and take the lease, waiting for the end of one that nobody renews.

        Raises ConfigError, WrongVenue, LeaseLost, StoreUnavailable or StoreError.
        """
        channel = await net.connect(self._address, self._tls, CONNECT_TIMEOUT_S)
        try:
            is_first = self._server is None
            self._server = await server.inspect(channel, self._feed.venue)
            if is_first:
                for warning in self._server.warnings:
                    log.warning("Redis: %s", warning)
            await self._take_lease(channel, self._server)
            self._table.epoch = self.lease.epoch
            self._channel = channel
            await self._restore(channel)
        except BaseException:
            channel.abort()
            self._channel = None
            raise

    async def run(self) -> None:
        """Write until `end`. Raises LeaseLost or WrongVenue when we must not write any more."""
        backoff = Backoff(base_s=0.1, cap_s=5.0)
        while True:
            try:
                if self._channel is None:
                    await self.open()
                backoff.reset()
                self._clear_trouble()
                await self._pump()
            except LeaseLost:
                raise
            except StoreError as error:
                self._say(f"Redis: {error}")
            else:
                return
            finally:
                self._hang_up()
            await asyncio.sleep(backoff.next_s())

    async def _take_lease(self, channel: Channel, found: Server) -> None:
        patience_s = LEASE_MS / 1000 + 1.0
        deadline = _now() + patience_s
        while not await self.lease.take(channel, found.run_id):
            if _now() > deadline:
                raise ConfigError(
                    "another collector is writing to this server and renews its lease: stop it"
                    " first, or name another server or database with --redis-url"
                )
            await asyncio.sleep(0.1)

    async def _restore(self, channel: Channel) -> None:
        """Write everything there is, as to a server that knows nothing."""
        self._feed_fields = set()
        self._commands = upkeep.universe(self._instruments(), self._now_ms())
        self._universe_at = _now() + UNIVERSE_AGAIN_S
        self._table.release()
        self._table.mark_whole()
        await self._beat(channel)
        self.wake()

    async def _pump(self) -> None:
        assert self._channel is not None
        channel = self._channel
        while True:
            await self._wake.wait()
            self._wake.clear()
            started = _now()
            await self._keep_up(channel, started)
            if not self._is_paused() and not self._must_tell_feed:
                await self._flush(channel)
            if self._is_ending and not self._table.dirty and self._batch.done:
                return await self._farewell(channel)
            if self._must_tell_feed or (self._table.dirty and not self._is_paused()):
                self.wake()
            wait_s = self._flush_s - (_now() - started)
            if wait_s > 0:
                await asyncio.sleep(wait_s)

    async def _keep_up(self, channel: Channel, now: float) -> None:
        """Do what is due beside the ticks."""
        if now >= self._universe_at:
            self._universe_at = now + UNIVERSE_AGAIN_S
            self._commands += upkeep.universe(self._instruments(), self._now_ms())
        if self._commands:
            await self._send_commands(channel)
        if self._refused_keys and now >= self._refused_keys_at:
            self._refused_keys_at = now + REFUSED_KEY_AGAIN_S
            self._table.release()
        if now >= self._heartbeat_at or self._must_tell_feed:
            await self._beat(channel)

    async def _flush(self, channel: Channel) -> None:
        if self._trouble is not None:
            self._table.release()
        payload = self._batch.encode(self._now_ms(), BATCH_BYTES)
        if not payload:
            return
        sent_at = time.monotonic()  # the loop's own clock may step by whole milliseconds
        await channel.exchange(payload, self._batch, EXCHANGE_TIMEOUT_S)
        self.lag.add((time.monotonic() - sent_at) * 1000)
        self.batches += 1
        if self._batch.errors:
            self._refused(self._batch.errors)
        elif self._trouble is not None:
            self._clear_trouble()

    async def _beat(self, channel: Channel) -> None:
        """Renew the lease, tell readers how alive the feed is, keep the server's clock."""
        now = _now()
        if now >= self._heartbeat_at:
            self._heartbeat_at = now + HEARTBEAT_S
            asyncio.get_running_loop().call_at(self._heartbeat_at, self.wake)
            self._table.mark_whole(-(-len(self._table) // WHOLE_WITHIN_S))
        if not self._feed.server.known:
            await self._read_clock(channel)
        self._must_tell_feed = False
        assert self._server is not None
        fields = self._feed.fields(self.lease.epoch, self._server.writer, now)
        commands: list[Command] = [*self.lease.renewal(), ("TIME",), _hset(keys.FEED, fields)]
        gone = self._feed_fields - fields.keys()
        if gone:
            commands.append(("HDEL", keys.FEED, *sorted(gone)))
        if self._server.keeps_stats:
            commands.append(_hset(keys.STATS, self._statistics()))
        replies = await channel.ask(*commands, timeout_s=EXCHANGE_TIMEOUT_S)
        self._heard_time(replies[2], now)
        refusals = [reply for reply in replies if isinstance(reply, StoreError)]
        if refusals:
            self._cannot_write(refusals[0])
            return
        if not self.lease.check(replies[0]) and not await self.lease.take(
            channel, self._server.run_id
        ):
            raise StoreUnavailable("another collector has taken the lease")
        is_wiped = self._feed_fields and replies[3] > len(fields.keys() - self._feed_fields)
        self._feed_fields = set(fields)
        if is_wiped:
            log.warning("Redis was emptied: everything is written again")
            await self._restore(channel)

    async def _read_clock(self, channel: Channel) -> None:
        sent_at = _now()
        [reply] = await channel.ask(("TIME",))
        self._heard_time(reply, sent_at)

    def _heard_time(self, reply: object, sent_at: float) -> None:
        if isinstance(reply, StoreError):
            raise reply
        assert isinstance(reply, list)
        server_ms = int(reply[0]) * 1000 + int(reply[1]) / 1000
        self._feed.server.add(server_ms, sent_at * 1000, _now() * 1000)
        if self._feed.exchange.known:
            venue_ms = self._feed.exchange.at(_now() * 1000)
            self._table.skew_ms = round(venue_ms - time.time() * 1000)

    async def _send_commands(self, channel: Channel) -> None:
        commands, self._commands = self._commands, []
        for at in range(0, len(commands), COMMANDS_AT_ONCE):
            chunk = commands[at : at + COMMANDS_AT_ONCE]
            replies = await channel.ask(*chunk, timeout_s=EXCHANGE_TIMEOUT_S)
            for command, reply in zip(chunk, replies, strict=True):
                if isinstance(reply, StoreError):
                    log.warning("Redis refused %s %s: %s", *command[:2], reply)

    async def _farewell(self, channel: Channel) -> None:
        """Say that the feed has ended, and give the lease back."""
        assert self._server is not None
        runtime_s = max(time.time() - self._started_at, 1e-9)
        commands: list[Command] = [("HSET", keys.FEED, "heartbeat_ms", "0")]
        conns = sorted(name for name in self._feed_fields if name.startswith("conn:"))
        if conns:
            commands.append(("HDEL", keys.FEED, *conns))
        if self._server.keeps_stats:
            totals = {
                "shutdown_time": f"{time.time():.3f}",
                "total_messages": str(self._table.received),
                "avg_msg_rate": f"{self._table.received / runtime_s:.1f}",
            }
            commands.append(_hset(keys.STATS, self._statistics() | totals))
        await channel.ask(*commands)
        await self.lease.release(channel)

    def _refused(self, errors: list[tuple[str, str]]) -> None:
        for symbol, words in errors:
            refusal = judge(words)
            if refusal.consequence is Consequence.KEY:
                if symbol not in self._refused_keys:
                    log.warning("%s is not written: %s (%s)", symbol, words, refusal.remedy)
                    self._refused_keys.add(symbol)
                    self._refused_keys_at = _now() + REFUSED_KEY_AGAIN_S
            else:
                self._cannot_write(StoreError(words, words))
                return

    def _cannot_write(self, error: StoreError) -> None:
        """The server refuses everything: wait, or look for a better one."""
        refusal = judge(error.reply)
        if refusal.consequence is Consequence.RECONNECT:
            raise StoreUnavailable(f"{error} ({refusal.remedy})")
        self._say(f"Redis refuses: {error} ({refusal.remedy})")
        assert self._trouble is not None
        self._trouble.until = _now() + self._trouble.backoff.next_s()
        asyncio.get_running_loop().call_at(self._trouble.until, self.wake)

    def _is_paused(self) -> bool:
        return self._trouble is not None and _now() < self._trouble.until

    def _hang_up(self) -> None:
        self._batch.abandon()
        self._feed.server.clear()
        if self._channel is not None:
            self._channel.abort()
            self._channel = None

    def _say(self, words: str) -> None:
        now = _now()
        if self._trouble is None:
            self._trouble = _Trouble(words, now, now, now)
            log.warning("%s; the newest tick of every symbol is kept in memory", words)
        elif now - self._trouble.said_at > SAY_AGAIN_S:
            self._trouble.said_at = now
            log.warning("for %.0f s now: %s", now - self._trouble.since, words)

    def _clear_trouble(self) -> None:
        if self._trouble is not None:
            log.info("Redis takes data again, after %.1f s", _now() - self._trouble.since)
            self._trouble = None

    def _statistics(self) -> dict[str, str]:
        return dict(
            upkeep.statistics(self._table, self.batches, self._started_at, self._feed.venue)
        )

    def _now_ms(self) -> int:
        """The server's clock, or ours before we know it."""
        if self._feed.server.known:
            return round(self._feed.server.at(_now() * 1000))
        return round(time.time() * 1000)


def _hset(key: str, fields: object) -> Command:
    assert isinstance(fields, dict)
    return ("HSET", key, *(word for pair in fields.items() for word in pair))


def _now() -> float:
    return asyncio.get_running_loop().time()
