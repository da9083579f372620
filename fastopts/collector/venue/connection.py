"""One WebSocket connection after the other for one shard of symbols."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from fastopts.collector.cycle import Cycle
from fastopts.core import Inlet, Table
from fastopts.errors import ConnectionLost, HandshakeRefused
from fastopts.model import FLAG_SUSPECT
from fastopts.net import websocket
from fastopts.net.websocket import WebSocket
from fastopts.session.backoff import Backoff, Budget
from fastopts.session.ban import Ban
from fastopts.session.clocks import wall_ms
from fastopts.session.lateness import LATE_MS, Lateness
from fastopts.session.shards import Shard
from fastopts.venues.bybit.rest import BAN_S
from fastopts.venues.bybit.session import (
    Dead,
    Pong,
    Probe,
    StreamSession,
    SubscriptionHistory,
    Timing,
    TopicRefused,
)

__all__ = ("ConnectionContext", "Market", "VenueConnection")

log = logging.getLogger(__name__)

TICK_S = 0.25
FAREWELL_S = 1.0


class Market(Protocol):
    """Who decides about symbols that nobody asked for."""

    def adopt(self, symbol: str) -> bool:
        """Give *symbol* a slot if it is an option that can live; tell whether it has one."""

    def has_expired(self, symbol: str) -> bool:
        """Whether a listed option was delivered, and is about to leave the list."""


class Outlet(Protocol):
    """Who writes what the lines take in."""

    def conn_opened(self, conn: int) -> None:
        """A connection is open; nothing has come over it yet."""

    def conn_delivered(self, conn: int, at: float) -> None:
        """Data came over it at monotonic time *at*."""

    def conn_lags(self, conn: int, lag_ms: int | None) -> None:
        """It is so far behind the venue; None while that is not known."""

    def conn_closed(self, conn: int) -> None:
        """It is gone."""


class Clock(Protocol):
    """The estimate of the venue's clock."""

    @property
    def is_known(self) -> bool:
        """Whether there is an estimate."""

    def answered(self, question: str, venue_ms: int, sent_at: float, received_at: float) -> None:
        """Process the venue's time in the answer to *question*."""


class HostClock:
    """Takes this machine's clock for the venue's."""

    is_known = True

    def answered(self, question: str, venue_ms: int, sent_at: float, received_at: float) -> None:
        pass


@dataclass(slots=True)
class ConnectionContext:
    """What all lines have in common."""

    url: str
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]
    table: Table
    market: Market
    outlet: Outlet
    wake: Callable[[], None]
    """There may be something to write."""
    next_conn: Callable[[], int]
    cycle: Cycle | None = None
    """Reads the connections; without one, each is read as data arrives."""
    timing: Timing = field(default_factory=Timing)
    budget: Budget = field(default_factory=Budget)
    ban: Ban = field(default_factory=Ban)  # of handshakes; REST's alone leaves them be
    rest_ban: Ban = field(default_factory=Ban)
    now_ms: Callable[[], int] = wall_ms
    venue_time: Clock = field(default_factory=HostClock)
    late_ms: float = LATE_MS


@dataclass(slots=True)
class _Connection:
    """All state of one connection: it dies with it."""

    socket: WebSocket
    inlet: Inlet
    session: StreamSession
    opened_at: float
    held: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Where the tick came from that was there when a symbol was asked for."""

    def note(self, table: Table) -> None:
        """What is waited for now: its tick is none of what was asked for."""
        held, waiting = self.held, self.session.awaited()
        self.held = {s: held[s] if s in held else table.origin_of(s) for s in waiting}

    def arrived(self, table: Table) -> list[str]:
        """The symbols of which a tick has come since they were asked for: they wait no more."""
        origins = {symbol: table.origin_of(symbol) for symbol in self.session.awaited()}
        found = [
            symbol
            for symbol, origin in origins.items()
            if origin[0] == self.inlet.conn and origin != self.held.get(symbol)
        ]
        for symbol in found:
            self.held.pop(symbol, None)
        return found


class VenueConnection:
    """Keeps a connection for *shard* alive: `run` it in a task, `change` it with the universe."""

    def __init__(self, shard: Shard, shared: ConnectionContext) -> None:
        self.shard = shard
        self.reconnects = 0
        self.learned = SubscriptionHistory()
        self.task: asyncio.Task[None] | None = None
        self._shared = shared
        self._wake = shared.wake
        self._inlet: Inlet | None = None
        self._is_announced = False
        self._is_fed = False
        self._has_been_open = False
        self._mute_in_a_row = 0
        self._connection: _Connection | None = None
        self._lateness = Lateness(shared.late_ms)
        self._is_late = False
        self._backoff = Backoff()
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @property
    def lag_ms(self) -> int | None:
        """How far the open connection is behind the venue; None where that is not known."""
        is_known = self._inlet is not None and self._shared.venue_time.is_known
        return self._lateness.lag_ms if is_known else None

    @property
    def live(self) -> int:
        """How many of the shard's symbols are live: readers refuse the others."""
        if self._connection is None:
            return 0
        conn, table = self._connection.inlet.conn, self._shared.table
        if conn not in table.delivering or self._is_late:
            return 0
        return sum(
            table.origin_of(symbol)[0] == conn and not table.flags_of(symbol) & FLAG_SUSPECT
            for symbol in self.shard.symbols
        )

    @property
    def never(self) -> list[str]:
        """Symbols that were asked for more than once and have not come."""
        return self._connection.session.undelivered() if self._connection else []

    @property
    def silent(self) -> list[str]:
        """Symbols that this line does not bring, and another may."""
        if self._mute_in_a_row > 1 and not self._has_data:
            return list(self.shard.symbols)
        return self._connection.session.unserved(_now()) if self._connection else []

    @property
    def _has_data(self) -> bool:
        return self._connection is not None and self._connection.inlet.messages > 0

    def change(self, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
        """Hear of new symbols, and of some that are no more."""
        self._changed.set()
        for symbol in removed:
            self.learned.refused.pop(symbol, None)
        if self._connection is not None:
            self._connection.session.unsubscribe(removed)
            self._connection.session.subscribe(added)

    def clock_moved(self, by_ms: int) -> None:
        """The venue's clock is *by_ms* ahead of what the lags so far were measured by."""
        if self._inlet is not None:
            self._note_lags(self._inlet, by_ms)

    def doubt(self) -> None:
        """Nothing that was delivered is live until the connection delivers again."""
        if self._connection is not None:
            self._connection.session.invalidate(_now())
            self._tell_delivery(self._connection)

    def renew(self, symbols: Iterable[str]) -> None:
        """Subscribe anew those of *symbols* that are this line's."""
        if self._connection is not None:
            self._connection.session.resubscribe(symbols)

    async def run(self) -> None:
        """Connect, listen, and connect again; ends by cancellation only."""
        while True:
            await self._some_symbols()
            await asyncio.sleep(self._shared.budget.spend(_now()))
            await asyncio.sleep(self._shared.ban.remaining_s(_now()))
            wait_s = await self._listen()
            await asyncio.sleep(max(wait_s, self._backoff.next_s()))

    async def _some_symbols(self) -> None:
        while not self.shard.symbols:
            self._changed.clear()
            await self._changed.wait()

    async def _listen(self) -> float:
        """Serve one connection to its end; return how long to stay away at least."""
        inlet = self._shared.table.inlet(self._shared.next_conn())
        self._inlet, self._is_announced, self._is_fed = inlet, False, False
        self._lateness, self._is_late = Lateness(self._shared.late_ms), False
        try:
            return await self._serve(inlet)
        finally:
            self._inlet = None
            self._shared.table.delivering.discard(inlet.conn)
            if self._is_announced:
                self._shared.outlet.conn_closed(inlet.conn)

    async def _serve(self, inlet: Inlet) -> float:
        shared = self._shared
        try:
            socket = await websocket.connect(
                shared.url,
                partial(self._scan, inlet),
                partial(self._message, inlet),
                tls=shared.tls,
                headers=shared.headers,
                timeout_s=shared.timing.connect_within,
                on_clock=shared.cycle is not None and shared.cycle.uses_clock,
                after_read=self._wake,
            )
        except HandshakeRefused as error:
            return self._refused(error)
        except ConnectionLost as error:
            log.warning("connection %d: %s", self.shard.number, error)
            return 0.0
        self.reconnects += self._has_been_open
        self._has_been_open = True
        session = StreamSession(_now(), shared.timing, self.learned)
        self._connection = _Connection(socket, inlet, session, _now())
        self._announce(inlet)
        if shared.cycle is not None:
            shared.cycle.add(socket)
        try:
            has_expired = shared.market.has_expired
            session.subscribe([name for name in self.shard.symbols if not has_expired(name)])
            reason = await self._converse(self._connection)
        except asyncio.CancelledError:
            socket.close()
            await asyncio.wait((socket.closed,), timeout=FAREWELL_S)
            raise
        finally:
            self._connection = None
            if shared.cycle is not None:
                shared.cycle.discard(socket)
            self._mute_in_a_row = 0 if inlet.messages else self._mute_in_a_row + 1
            socket.abort()
        log.warning("connection %d (conn %d) ended: %s", self.shard.number, inlet.conn, reason)
        return 0.0

    def _refused(self, error: HandshakeRefused) -> float:
        wait_s = min(error.retry_after_s or 0.0, BAN_S)
        if error.status == 403:  # an address shut out, or a country not served
            for ban in (self._shared.ban, self._shared.rest_ban):
                ban.begin(_now(), BAN_S)
            wait_s = BAN_S
        words = f"; next try in {wait_s:.0f} s" if wait_s else ""
        log.warning("connection %d: %s%s", self.shard.number, error, words)
        return wait_s

    async def _converse(self, connection: _Connection) -> str:
        """Let the session speak until the connection ends; return why it did."""
        socket, session = connection.socket, connection.session
        while not socket.closed.done():
            if not self.shard.symbols:
                return "no symbols are left for it"
            self._tell_delivery(connection)
            session.tick(_now())
            connection.note(self._shared.table)
            for event in session.take_events():
                if isinstance(event, Dead):
                    return event.reason
                self._hear(connection, event)
            if self._lateness.is_overdue(_now()) and self._shared.venue_time.is_known:
                lag_s = (self._lateness.lag_ms or 0) / 1000
                return f"late by {lag_s:.1f} s, for {self._lateness.patience_s:g} s"
            for message in session.data_to_send():
                socket.send_text(message)
            await asyncio.wait((socket.closed,), timeout=TICK_S)
        session.note_closed()
        return socket.closed.result()

    def _tell_delivery(self, connection: _Connection) -> None:
        """Bring what came since the last time to the session, the table and the writer."""
        table, inlet, session = self._shared.table, connection.inlet, connection.session
        session.note_data(inlet.applied, _now())
        session.note_unreadable(inlet.unreadable)
        session.note_delivered(connection.arrived(table))
        self._note_lags(inlet)
        if inlet.applied and _now() - session.data_at < self._shared.timing.watchdog:
            table.delivering.add(inlet.conn)
            self._shared.outlet.conn_delivered(inlet.conn, session.data_at)
            is_stable = _now() - connection.opened_at > self._shared.timing.stable_after
            if is_stable and not self._is_late:
                self._backoff.reset()
        else:
            table.delivering.discard(inlet.conn)

    def _note_lags(self, inlet: Inlet, shift_ms: int = 0) -> None:
        """Measure how far the connection is behind; what was measured so far is off by *shift_ms*.

        A lag means nothing before the venue's clock is known.
        """
        lateness = self._lateness
        lateness.note(*inlet.take_lags_ms(), _now())
        if shift_ms:
            lateness.shift(shift_ms)
        is_known = self._shared.venue_time.is_known
        if self._is_announced:
            lag_ms = lateness.lag_ms if is_known else None
            self._shared.outlet.conn_lags(inlet.conn, lag_ms)
        if is_known and lateness.is_late != self._is_late:
            self._is_late = lateness.is_late
            state = (
                "nothing it delivers is live until it catches up" if self._is_late else "on time"
            )
            log.log(
                logging.WARNING if self._is_late else logging.INFO,
                "connection %d (conn %d) is %.1f s behind the venue: %s",
                *(self.shard.number, inlet.conn, (lateness.lag_ms or 0) / 1000, state),
            )

    def _hear(self, connection: _Connection, event: object) -> None:
        if isinstance(event, Pong) and event.venue_ms is not None:
            self._shared.venue_time.answered(
                "a ping", event.venue_ms, event.sent_at, event.received_at
            )
        elif isinstance(event, TopicRefused):
            log.warning("the venue refused %s: %s", event.symbol, event.message)
            self._doubt_tick(connection.inlet.conn, event.symbol)
        elif isinstance(event, Probe):
            log.info("connection %d is silent: probing", self.shard.number)
            connection.session.probe(self._busiest(connection.inlet.conn))

    def _doubt_tick(self, conn: int, symbol: str) -> None:
        """Its last tick came over this connection, which brings it no more."""
        table = self._shared.table
        if symbol in table and table.origin_of(symbol)[0] == conn:
            table.mark_suspect(symbol)
            self._wake()

    def _busiest(self, conn: int) -> str:
        """The symbol that ticked last."""
        table = self._shared.table
        return max(
            self.shard.symbols,
            key=lambda symbol: (table.origin_of(symbol)[0] == conn, table.origin_of(symbol)[1]),
        )

    def _scan(self, inlet: Inlet, view: memoryview, start: int, end: int) -> int:
        at = inlet.scan(view, start, end, self._shared.now_ms())
        if inlet.others or inlet.unknown_tickers or not self._is_fed:
            self._after(inlet)
        return at

    def _message(self, inlet: Inlet, message: bytes) -> None:
        inlet.message(message, self._shared.now_ms())
        self._after(inlet)

    def _after(self, inlet: Inlet) -> None:
        if inlet.others or inlet.unknown_tickers:
            self._rare(inlet)
        if inlet.applied and inlet is self._inlet and not self._is_fed:
            # The feed must name this conn before anything it delivered is written, and no REST row
            # may take the place of it.
            self._is_fed = True
            self._announce(inlet)  # data may come with the handshake's last bytes
            self._shared.table.delivering.add(inlet.conn)
            self._note_lags(inlet)
            self._shared.outlet.conn_delivered(inlet.conn, _now())

    def _announce(self, inlet: Inlet) -> None:
        if not self._is_announced:
            self._is_announced = True
            self._shared.outlet.conn_opened(inlet.conn)

    def _rare(self, inlet: Inlet) -> None:
        """Acks and pongs to the session; ticks of unknown symbols to who may know them."""
        if self._connection is not None:
            for message in inlet.others:
                # Not the loop's time, which may be that of an earlier wake-up.
                self._connection.session.receive(message, time.monotonic())
        inlet.others.clear()
        strangers = inlet.unknown_tickers[:]
        inlet.unknown_tickers.clear()
        for symbol, message in strangers:
            if self._shared.market.adopt(symbol):
                inlet.message(message, self._shared.now_ms())
            else:
                self._shared.table.reject("unknown_symbol", message)


def _now() -> float:
    return asyncio.get_running_loop().time()
