"""A WebSocket connection to the venue for one shard of symbols, which reconnects when it ends."""

import asyncio
import itertools
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from fastopts.collector.cycle import Cycle
from fastopts.core import Inlet, Table
from fastopts.errors import ConnectionLost, HandshakeRefused
from fastopts.model import FLAG_SUSPECT
from fastopts.net import websocket
from fastopts.net.websocket import WebSocket
from fastopts.session.backoff import Backoff, Budget
from fastopts.session.ban import Ban
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

if TYPE_CHECKING:
    from fastopts.capture.recorder import Recorder
    from fastopts.collector.store.writer import Writer
    from fastopts.collector.venue.universe import InstrumentUniverse
    from fastopts.collector.venue.venue_time import VenueTime

__all__ = ("ConnectionContext", "StreamEndpoint", "VenueConnection")

log = logging.getLogger(__name__)

CLOSE_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class StreamEndpoint:
    """The URL of the venue's stream, and how to connect to it."""

    url: str
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]


@dataclass(slots=True)
class ConnectionContext:
    """What all connections share."""

    endpoint: StreamEndpoint
    table: Table
    universe: "InstrumentUniverse"
    writer: "Writer"
    venue_time: "VenueTime"
    arrived: Callable[[], None]
    """Called after each read: there may be something to write."""
    cycle: Cycle | None = None
    """Reads the sockets; without one each is read as data arrives."""
    recorder: "Recorder | None" = None
    """Records what is received and sent."""
    timing: Timing = field(default_factory=Timing)
    budget: Budget = field(default_factory=Budget)
    rest_ban: Ban = field(default_factory=Ban)
    late_ms: float = LATE_MS
    # HTTP 403 to a handshake bans stream and REST, to a REST request REST alone: the stream may
    # still be served.
    ban: Ban = field(default_factory=Ban, init=False)
    # Numbers are never reused within an epoch: a record names the connection that delivered it.
    conn_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), init=False)


@dataclass(slots=True)
class _OpenConnection:
    """State that ends with a connection."""

    socket: WebSocket
    inlet: Inlet
    session: StreamSession
    opened_at: float
    origins: dict[str, tuple[int, int, int]] = field(default_factory=dict, init=False)
    """Origin of the tick that an awaited symbol had when it was subscribed."""

    def note_origins(self, table: Table) -> None:
        """Remember the ticks of newly awaited symbols: they are not the awaited ones."""
        known, awaited = self.origins, self.session.awaited()
        self.origins = {s: known[s] if s in known else table.origin_of(s) for s in awaited}

    def take_delivered(self, table: Table) -> list[str]:
        """Return the awaited symbols of which a tick came since they were subscribed."""
        origins = {symbol: table.origin_of(symbol) for symbol in self.session.awaited()}
        delivered = [
            symbol
            for symbol, origin in origins.items()
            if origin[0] == self.inlet.conn and origin != self.origins.get(symbol)
        ]
        for symbol in delivered:
            self.origins.pop(symbol, None)
        return delivered


class VenueConnection:
    """Keeps a connection for *shard* alive: `run` it in a task, `change` it with the universe."""

    def __init__(self, shard: Shard, context: ConnectionContext) -> None:
        self.shard = shard
        self.reconnects = 0
        self.history = SubscriptionHistory()
        self.task: asyncio.Task[None] | None = None
        self._context = context
        self._arrived = context.arrived
        self._recorder = context.recorder
        self._observe_ms = context.venue_time.host_clock.observe_ms
        self._inlet: Inlet | None = None
        self._is_announced = False  # the feed names the connection
        self._has_delivered = False
        self._has_been_open = False
        self._mute_in_a_row = 0
        self._open: _OpenConnection | None = None
        self._lateness = Lateness(context.late_ms)
        self._is_late = False
        self._backoff = Backoff()
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether a connection is open."""
        return self._open is not None

    @property
    def lag_ms(self) -> int | None:
        """How far the open connection lags behind the venue; None while unknown."""
        is_known = self._inlet is not None and self._context.venue_time.is_known
        return self._lateness.lag_ms if is_known else None

    @property
    def live(self) -> int:
        """Number of the shard's symbols that are live: readers refuse the others."""
        if self._open is None:
            return 0
        conn, table = self._open.inlet.conn, self._context.table
        if conn not in table.delivering or self._is_late:
            return 0
        return sum(
            table.origin_of(symbol)[0] == conn and not table.flags_of(symbol) & FLAG_SUSPECT
            for symbol in self.shard.symbols
        )

    @property
    def undelivered(self) -> list[str]:
        """Symbols that were subscribed more than once and have not delivered."""
        return self._open.session.undelivered() if self._open else []

    @property
    def unserved(self) -> list[str]:
        """Symbols that this connection does not serve, and another one may."""
        # After two connections in a row without any data, all symbols are tried on others.
        if self._mute_in_a_row > 1 and not self._has_data:
            return list(self.shard.symbols)
        return self._open.session.unserved(_now()) if self._open else []

    @property
    def _has_data(self) -> bool:
        return self._open is not None and self._open.inlet.messages > 0

    def change(self, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
        """Subscribe *added*, unsubscribe *removed*, which the shard has gained and lost."""
        self._changed.set()
        for symbol in removed:
            self.history.refused.pop(symbol, None)
        if self._open is not None:
            self._open.session.unsubscribe(removed)
            self._open.session.subscribe(added)

    def shift_lags(self, by_ms: int) -> None:
        """Correct measured lags: the venue's clock is *by_ms* ahead of the former estimate."""
        if self._inlet is not None:
            self._note_lags(self._inlet, by_ms)

    def invalidate(self) -> None:
        """Treat nothing as delivered until the connection delivers again."""
        if self._open is not None:
            self._open.session.invalidate(_now())
            self._note_deliveries(self._open)

    def resubscribe(self, symbols: Iterable[str]) -> None:
        """Subscribe those of *symbols* again that are this connection's."""
        if self._open is not None:
            self._open.session.resubscribe(symbols)

    async def run(self) -> None:
        """Connect, serve the connection, and connect again; runs until cancelled."""
        while True:
            await self._some_symbols()
            # The budget is shared: many connections that reconnect at once must not exceed the
            # venue's limit, beyond which it bans the address.
            await asyncio.sleep(self._context.budget.spend(_now()))
            await asyncio.sleep(self._context.ban.remaining_s(_now()))
            wait_s = await self._connect_once()
            await asyncio.sleep(max(wait_s, self._backoff.next_s()))

    async def _some_symbols(self) -> None:
        while not self.shard.symbols:
            self._changed.clear()
            await self._changed.wait()

    async def _connect_once(self) -> float:
        """Serve one connection to its end; return the minimum wait before the next, in seconds."""
        inlet = self._context.table.inlet(next(self._context.conn_numbers))
        self._inlet, self._is_announced, self._has_delivered = inlet, False, False
        self._lateness, self._is_late = Lateness(self._context.late_ms), False
        try:
            return await self._serve(inlet)
        finally:
            self._inlet = None
            self._context.table.delivering.discard(inlet.conn)
            if self._is_announced:
                self._context.writer.conn_closed(inlet.conn)

    async def _serve(self, inlet: Inlet) -> float:
        context = self._context
        self._record("dialled", inlet)
        try:
            socket = await websocket.connect(
                context.endpoint.url,
                partial(self._scan, inlet),
                partial(self._message, inlet),
                tls=context.endpoint.tls,
                headers=context.endpoint.headers,
                timeout_s=context.timing.connect_within,
                on_clock=context.cycle is not None and context.cycle.uses_timer,
                after_read=self._arrived,
            )
        except HandshakeRefused as error:
            self._record("refused", inlet, reason=str(error))
            return self._on_refused(error)
        except ConnectionLost as error:
            self._record("failed", inlet, reason=str(error))
            log.warning("connection %d: %s", self.shard.number, error)
            return 0.0
        self._record("opened", inlet)
        self.reconnects += self._has_been_open
        self._has_been_open = True
        session = StreamSession(_now(), context.timing, self.history)
        self._open = _OpenConnection(socket, inlet, session, _now())
        self._announce(inlet)
        if context.cycle is not None:
            context.cycle.add(socket)
        try:
            # Between a delivery and the next refresh the list still has the day's options, whose
            # subscriptions the venue would refuse one by one.
            has_expired = context.universe.has_expired
            session.subscribe([name for name in self.shard.symbols if not has_expired(name)])
            reason = await self._converse(self._open)
        except asyncio.CancelledError:
            self._record("closed", inlet, reason="the collector ends")
            socket.close()
            await asyncio.wait((socket.closed,), timeout=CLOSE_WITHIN_S)
            raise
        finally:
            self._open = None
            if context.cycle is not None:
                context.cycle.discard(socket)
            self._mute_in_a_row = 0 if inlet.messages else self._mute_in_a_row + 1
            socket.abort()
        self._record("closed", inlet, reason=reason)
        log.warning("connection %d (conn %d) ended: %s", self.shard.number, inlet.conn, reason)
        return 0.0

    def _on_refused(self, error: HandshakeRefused) -> float:
        """Log a refused handshake; return the minimum wait before the next, in seconds."""
        # A wait that a peer names is capped: it must not stop a collector for days.
        wait_s = min(error.retry_after_s or 0.0, BAN_S)
        if error.status == 403:  # a ban of the address, or of its country
            for ban in (self._context.ban, self._context.rest_ban):
                ban.begin(_now(), BAN_S)
            wait_s = BAN_S
        note = f"; next attempt in {wait_s:.0f} s" if wait_s else ""
        log.warning("connection %d: %s%s", self.shard.number, error, note)
        return wait_s

    async def _converse(self, connection: _OpenConnection) -> str:
        """Run the session until the connection ends; return the reason."""
        socket, session, timing = connection.socket, connection.session, self._context.timing
        while not socket.closed.done():
            if not self.shard.symbols:
                return "no symbols are left for it"
            self._note_deliveries(connection)
            session.tick(_now())
            connection.note_origins(self._context.table)
            for event in session.take_events():
                if isinstance(event, Dead):
                    return event.reason
                self._process_event(connection, event)
            if self._lateness.is_overdue(_now()) and self._context.venue_time.is_known:
                lag_s = (self._lateness.lag_ms or 0) / 1000
                return f"{lag_s:.1f} s behind the venue for {self._lateness.patience_s:g} s"
            for message in session.data_to_send():
                if self._recorder is not None:
                    self._recorder.sent(connection.inlet.conn, message)
                socket.send_text(message)
            await asyncio.wait((socket.closed,), timeout=timing.poll_every)
        session.note_closed()
        return socket.closed.result()

    def _note_deliveries(self, connection: _OpenConnection) -> None:
        """Report what came since the last call to the session, the table and the writer."""
        context, inlet, session = self._context, connection.inlet, connection.session
        session.note_data(inlet.applied, _now())
        session.note_unreadable(inlet.unreadable)
        session.note_delivered(connection.take_delivered(context.table))
        self._note_lags(inlet)
        if inlet.applied and _now() - session.data_at < context.timing.watchdog:
            context.table.delivering.add(inlet.conn)
            context.writer.conn_delivered(inlet.conn, session.data_at)
            # Only a connection that has delivered for a while resets the backoff: a venue that ends
            # each one after its first message must not be reconnected to without pauses.
            is_stable = _now() - connection.opened_at > context.timing.stable_after
            if is_stable and not self._is_late:
                self._backoff.reset()
        else:
            context.table.delivering.discard(inlet.conn)

    def _note_lags(self, inlet: Inlet, shift_ms: int = 0) -> None:
        """Measure the lag; what was measured before is off by *shift_ms*.

        A lag means nothing before the venue's clock is known.
        """
        lateness = self._lateness
        lateness.note(*inlet.take_lags_ms(), _now())
        if shift_ms:
            lateness.shift(shift_ms)
        is_known = self._context.venue_time.is_known
        if self._is_announced:
            lag_ms = lateness.lag_ms if is_known else None
            self._context.writer.conn_lags(inlet.conn, lag_ms)
        if is_known and lateness.is_late != self._is_late:
            self._is_late = lateness.is_late
            note = "its options are not live until it catches up" if self._is_late else "on time"
            log.log(
                logging.WARNING if self._is_late else logging.INFO,
                "connection %d (conn %d) is %.1f s behind the venue: %s",
                self.shard.number,
                inlet.conn,
                (lateness.lag_ms or 0) / 1000,
                note,
            )

    def _process_event(self, connection: _OpenConnection, event: object) -> None:
        if isinstance(event, Pong) and event.venue_ms is not None:
            self._context.venue_time.process_answer(
                "a ping", event.venue_ms, event.sent_at, event.received_at
            )
        elif isinstance(event, TopicRefused):
            log.warning("the venue refused %s: %s", event.symbol, event.message)
            self._mark_suspect(connection.inlet.conn, event.symbol)
        elif isinstance(event, Probe):
            log.info("connection %d is silent: probing", self.shard.number)
            connection.session.probe(self._busiest(connection.inlet.conn))

    def _mark_suspect(self, conn: int, symbol: str) -> None:
        """Mark *symbol* if its last tick came over this connection, which no longer delivers it."""
        table = self._context.table
        if symbol in table and table.origin_of(symbol)[0] == conn:
            table.mark_suspect(symbol)
            self._arrived()

    def _busiest(self, conn: int) -> str:
        """Return the symbol that ticked last."""
        table = self._context.table
        return max(
            self.shard.symbols,
            key=lambda symbol: (table.origin_of(symbol)[0] == conn, table.origin_of(symbol)[1]),
        )

    def _scan(self, inlet: Inlet, view: memoryview, start: int, end: int) -> int:
        """Parse the frames between *start* and *end* of *view*; return where parsing ended."""
        received_ms = self._observe_ms()
        if self._recorder is not None:
            # First: what a parser stumbles over is recorded, too.
            self._recorder.frames(inlet.conn, view, start, end, received_ms)
        parsed_to = inlet.scan(view, start, end, received_ms)
        if inlet.others or inlet.unknown_tickers or not self._has_delivered:
            self._after_read(inlet)
        return parsed_to

    def _message(self, inlet: Inlet, message: bytes) -> None:
        """Parse a message that came in fragments or compressed."""
        received_ms = self._observe_ms()
        if self._recorder is not None:
            self._recorder.message(inlet.conn, message, received_ms)
        inlet.message(message, received_ms)
        self._after_read(inlet)

    def _record(self, event: str, inlet: Inlet, **values: object) -> None:
        """Record an event of this connection."""
        if self._recorder is not None:
            number = self.shard.number
            self._recorder.event(event, connection=inlet.conn, shard=number, **values)

    def _after_read(self, inlet: Inlet) -> None:
        if inlet.others or inlet.unknown_tickers:
            self._process_rare(inlet)
        if inlet.applied and inlet is self._inlet and not self._has_delivered:
            # The feed must name this connection before anything it delivered is written, and no
            # REST row may replace that.
            self._has_delivered = True
            self._announce(inlet)  # data may come with the last bytes of the handshake
            self._context.table.delivering.add(inlet.conn)
            self._note_lags(inlet)
            self._context.writer.conn_delivered(inlet.conn, _now())

    def _announce(self, inlet: Inlet) -> None:
        if not self._is_announced:
            self._is_announced = True
            self._context.writer.conn_opened(inlet.conn)

    def _process_rare(self, inlet: Inlet) -> None:
        """Pass acks and pongs to the session, and ticks of unknown symbols to the universe."""
        if self._open is not None:
            for message in inlet.others:
                # Not the loop's time, which may be that of an earlier wake-up.
                self._open.session.receive(message, time.monotonic())
        inlet.others.clear()
        unknown = inlet.unknown_tickers[:]
        inlet.unknown_tickers.clear()
        for symbol, message in unknown:
            if self._context.universe.adopt(symbol):
                inlet.message(message, self._observe_ms())
                if self._recorder is not None:
                    self._recorder.amended(symbol)
            else:
                self._context.table.reject("unknown_symbol", message)


def _now() -> float:
    return asyncio.get_running_loop().time()
