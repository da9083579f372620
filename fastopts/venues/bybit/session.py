"""Protocol of one connection to Bybit's option stream, without I/O.

Ticker frames never come here: they go to the compiled core, and the caller reports only that data
came (`note_data`) and of which symbols (`note_delivered`). This module decides:

    subscriptions   the wanted symbols, in requests of at most 200 topics, one request under way at
                    a time, 200 ms apart
    acks            the option stream's ack names topics and carries neither op nor req_id. It does
                    not prove delivery: a topic that delivers nothing is subscribed again
    pings           at once, then every 15 s: the venue counts only JSON pings, no control frames
    end             silence of data, during which one topic is subscribed again as a probe; three
                    pings without an answer; or twenty unreadable messages in a row

https://bybit-exchange.github.io/docs/v5/ws/connect
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from fastopts.venues.bybit.fields import TOPIC_PREFIX, time_ms

__all__ = (
    "Dead",
    "Event",
    "Pong",
    "Probe",
    "StreamSession",
    "SubscriptionHistory",
    "Timing",
    "TopicRefused",
)

TOPICS_PER_FRAME: Final = 200
TOPICS_PER_FRAME_MIN: Final = 10  # the smallest limit of any of the venue's streams
# In a row: one or two bad messages are the venue's, more are the connection's.
UNREADABLE_MAX: Final = 20
PING: Final = b'{"op":"ping"}'


@dataclass(frozen=True, slots=True)
class Timing:
    """Intervals and deadlines of a connection and its session, in seconds."""

    connect_within: float = 15.0
    stable_after: float = 10.0  # of delivery: from then on the backoff begins again with its base
    poll_every: float = 0.25
    ping_every: float = 15.0
    pings_unanswered_max: int = 3
    pace: float = 0.2
    ack_within: float = 5.0
    first_data_within: float = 10.0
    refused_again_after: float = 300.0
    moved_again_after: float = 30.0
    silence: float = 5.0
    probe_within: float = 5.0
    stall: float = 3.0  # a gap between two ticks: it was this process that did not run
    catch_up: float = 1.0  # time after a stall from which on data is current again

    @property
    def watchdog(self) -> float:
        """How long a connection may deliver nothing before it is replaced."""
        return self.silence + self.probe_within


@dataclass(frozen=True, slots=True)
class TopicRefused:
    """The venue refused the subscription of a symbol; it is subscribed again later."""

    symbol: str
    message: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The venue answered a ping: its clock in ms (None if absent), read in between."""

    venue_ms: int | None
    sent_at: float
    received_at: float


@dataclass(frozen=True, slots=True)
class Probe:
    """No data for a while: the caller passes a busy symbol to `probe`."""


@dataclass(frozen=True, slots=True)
class Dead:
    """The connection must be replaced."""

    reason: str


Event = TopicRefused | Pong | Probe | Dead


@dataclass(slots=True)
class SubscriptionHistory:
    """Facts that outlive a connection: without them each reconnect would repeat its mistakes."""

    refused: dict[str, float] = field(default_factory=dict)
    """Refused symbols, and when the venue refused them."""
    frame_size: int = TOPICS_PER_FRAME
    """Number of topics per request with which the next connection begins."""
    false_acks: int = 0
    refusals: int = 0


@dataclass(slots=True)
class _Topic:
    """A wanted symbol: queued, subscribed and awaited, refused, or live."""

    is_queued: bool = True
    since: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class _Request:
    """The request under way; `unanswered` are the symbols that no ack has named yet."""

    op: str
    symbols: list[str]
    unanswered: set[str]
    sent_at: float


@dataclass(slots=True)
class StreamSession:
    """The session of one connection, from the end of the handshake at *now* on.

    Feed it with `receive`, `note_data` and `note_delivered`; call `tick` a few times a second; send
    `data_to_send`; act on `take_events`. Times are in monotonic seconds.
    """

    now: float
    timing: Timing = field(default_factory=Timing)
    history: SubscriptionHistory = field(default_factory=SubscriptionHistory)
    _events: list[Event] = field(default_factory=list, init=False)
    _topics: dict[str, _Topic] = field(default_factory=dict, init=False)
    _awaited: set[str] = field(default_factory=set, init=False)
    _queue: deque[tuple[str, str]] = field(default_factory=deque, init=False)
    _output: list[bytes] = field(default_factory=list, init=False)
    _request: _Request | None = field(default=None, init=False)
    _frame_size: int = field(default=TOPICS_PER_FRAME, init=False)
    _next_request_at: float = field(default=0.0, init=False)
    _next_ping_at: float = field(default=0.0, init=False)
    # When each unanswered ping was sent; None where its pong cannot be used as a measurement.
    _pings: deque[float | None] = field(default_factory=deque, init=False)
    _unanswered: int = field(default=0, init=False)
    _has_subscribed: bool = field(default=False, init=False)
    _messages: int = field(default=0, init=False)
    _data_at: float = field(default=0.0, init=False)
    _silent_since: float = field(default=0.0, init=False)  # not counting stalls of this process
    _doubtful_until: float = field(default=0.0, init=False)
    _probed_at: float | None = field(default=None, init=False)
    _ticked_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        # The first ping at once: its pong is the first measurement of the venue's clock. (The venue
        # asks for a ping at least every 20 s.)
        self._next_request_at = self._next_ping_at = self.now
        self._data_at = self._silent_since = self._ticked_at = self.now
        self._frame_size = self.history.frame_size

    @property
    def data_at(self) -> float:
        """When data came last; the opening counts as such."""
        return self._data_at

    def awaited(self) -> list[str]:
        """Return the symbols that are subscribed and have not delivered yet."""
        return list(self._awaited)

    def undelivered(self) -> list[str]:
        """Return the symbols that were subscribed more than once and have not delivered."""
        return [symbol for symbol, topic in self._topics.items() if topic.tries > 1]

    def unserved(self, now: float) -> list[str]:
        """Return the symbols that this connection does not serve, and another one may.

        They are those that were refused a while ago, and, once one of them has failed twice, all
        that were subscribed more than once.
        """
        long_ago = now - 3 * self.timing.first_data_within
        refused = [symbol for symbol, at in self.history.refused.items() if at < long_ago]
        is_time = any(topic.tries > 2 for topic in self._topics.values())
        return refused + self.undelivered() if is_time else refused

    def subscribe(self, symbols: Iterable[str]) -> None:
        """Subscribe *symbols*; those that were refused earlier wait until their time comes."""
        for symbol in symbols:
            if symbol in self._topics:
                continue
            if symbol in self.history.refused:
                self._topics[symbol] = _Topic(is_queued=False)
            else:
                self._topics[symbol] = _Topic()
                self._queue.append(("subscribe", symbol))

    def unsubscribe(self, symbols: Iterable[str]) -> None:
        """Unsubscribe *symbols*."""
        for symbol in symbols:
            if self._topics.pop(symbol, None) is not None:
                self._awaited.discard(symbol)
                self.history.refused.pop(symbol, None)
                self._queue.append(("unsubscribe", symbol))

    def probe(self, symbol: str) -> None:
        """Subscribe *symbol* again: the snapshot that follows is a sign of life."""
        self.resubscribe([symbol])

    def resubscribe(self, symbols: Iterable[str]) -> None:
        """Unsubscribe and subscribe those of *symbols* that are wanted and not queued already."""
        due = [s for s in symbols if s in self._topics and not self._topics[s].is_queued]
        self._awaited.difference_update(due)
        # First all of one kind: a request holds one kind, and pairs would make one request each.
        self._queue.extend(("unsubscribe", symbol) for symbol in due)
        for symbol in due:
            self.history.refused.pop(symbol, None)
            self._enqueue(symbol)

    def note_unreadable(self, in_row: int) -> None:
        """Report how many messages could not be parsed since the last that could."""
        if in_row >= UNREADABLE_MAX:
            self._events.append(Dead(f"{in_row} unreadable messages in a row"))

    def invalidate(self, now: float) -> None:
        """Treat nothing as delivered until data comes: this process stood still, for how long is
        unknown."""
        self._begin_doubt(now)
        self._data_at = now - self.timing.watchdog
        self._next_ping_at = now

    def note_data(self, messages: int, now: float) -> None:
        """Report how many data messages have been applied since the opening."""
        if messages != self._messages:
            self._messages = messages
            self._silent_since = now
            self._probed_at = None
            # After a stall nobody knows for how long a message has been in the socket's buffer.
            if now >= self._doubtful_until and now - self._ticked_at <= self.timing.stall:
                self._data_at = now

    def note_delivered(self, symbols: Iterable[str]) -> None:
        """Report which symbols have delivered."""
        for symbol in symbols:
            if symbol in self._awaited:
                self._awaited.discard(symbol)
                self._topics[symbol].tries = 0

    def receive(self, payload: bytes, now: float) -> None:
        """Process a message that is not a ticker; all but acks and pongs are ignored."""
        try:
            message = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return
        if not isinstance(message, dict):
            return
        if message.get("op") == "pong" or message.get("ret_msg") == "pong":
            self._pong(message, now)
        elif "success" in message and message.get("op") != "ping":
            self._ack(message, now)

    def tick(self, now: float) -> None:
        """Process the passing of time; call it several times a second."""
        if now - self._ticked_at > self.timing.stall:
            self._begin_doubt(now)
        self._ticked_at = now
        self._ping(now)
        self._watch_silence(now)
        self._subscribe_again(now)
        self._send_request(now)

    def note_closed(self) -> None:
        """Report that the venue closed the connection: a request may have been too large.

        The next session asks for half as many topics at a time, until a request was accepted whole.
        """
        request = self._request
        if request is not None and request.op == "subscribe":
            self.history.frame_size = max(TOPICS_PER_FRAME_MIN, len(request.symbols) // 2)
        elif not self._queue:  # everything was accepted: the end had another reason
            self.history.frame_size = TOPICS_PER_FRAME

    def data_to_send(self) -> list[bytes]:
        """Return the messages to send, and clear them."""
        output, self._output = self._output, []
        return output

    def take_events(self) -> list[Event]:
        """Return the events since the last call, and clear them."""
        events, self._events = self._events, []
        return events

    def _begin_doubt(self, now: float) -> None:
        # Data that came meanwhile is still in the socket's buffer: silence begins here.
        self._silent_since = now
        self._doubtful_until = now + self.timing.catch_up
        self._probed_at = None if self._probed_at is None else now
        # Their pongs will still come, in order, but may have been in the buffer for any time.
        self._pings = deque([None] * len(self._pings))
        self._unanswered = 0

    def _ping(self, now: float) -> None:
        if now >= self._next_ping_at:
            self._next_ping_at = now + self.timing.ping_every
            self._pings.append(now)
            self._unanswered += 1
            self._output.append(PING)
        if self._unanswered > self.timing.pings_unanswered_max:
            self._events.append(Dead(f"{self._unanswered - 1} pings without an answer"))

    def _pong(self, message: dict[str, Any], now: float) -> None:
        if not self._pings:
            return
        # A pong does not name its ping: the venue answers them in order.
        sent_at = self._pings.popleft()
        self._unanswered = 0
        if sent_at is None:
            return
        args = message.get("args")
        text = args[0] if isinstance(args, list) and args else None
        venue_ms = time_ms(text) if isinstance(text, str) else None
        self._events.append(Pong(venue_ms, sent_at, now))

    def _watch_silence(self, now: float) -> None:
        if not self._has_subscribed:
            self._silent_since = now
        elif self._probed_at is not None:
            if now - self._probed_at > self.timing.probe_within:
                silence_s = now - self._data_at
                self._events.append(Dead(f"no data for {silence_s:.0f} s, not even for a probe"))
        elif now - self._silent_since > self.timing.silence:
            self._probed_at = now
            self._events.append(Probe())

    def _subscribe_again(self, now: float) -> None:
        """Subscribe topics again that were acknowledged without delivering, or refused long ago."""
        falsely_acked = [symbol for symbol in self._awaited if self._is_overdue(symbol, now)]
        self.history.false_acks += len(falsely_acked)
        self.resubscribe(falsely_acked)
        for symbol, since in list(self.history.refused.items()):
            # A symbol that has expired meanwhile is not wanted any more.
            if symbol in self._topics and now - since > self.timing.refused_again_after:
                del self.history.refused[symbol]
                self._enqueue(symbol)

    def _is_overdue(self, symbol: str, now: float) -> bool:
        topic = self._topics[symbol]
        # Doubling: a symbol that never delivers must cost ever fewer requests.
        patience_s = self.timing.first_data_within * 2.0 ** min(topic.tries - 1, 5)
        return now - topic.since > patience_s

    def _enqueue(self, symbol: str) -> None:
        self._topics[symbol].is_queued = True
        self._queue.append(("subscribe", symbol))

    def _send_request(self, now: float) -> None:
        request = self._request
        if request is not None and now - request.sent_at > self.timing.ack_within:
            # Unanswered is not refused: whether data comes decides.
            self._request = request = None
        if request is not None or now < self._next_request_at or not self._queue:
            return
        op, symbols = self._next_symbols()
        if not symbols:
            return
        for symbol in symbols:
            topic = self._topics.get(symbol)
            if op == "subscribe" and topic is not None:
                topic.is_queued, topic.since, topic.tries = False, now, topic.tries + 1
                self._awaited.add(symbol)
                self._has_subscribed = True
        self._request = _Request(op, symbols, set(symbols), now)
        self._next_request_at = now + self.timing.pace
        args = [TOPIC_PREFIX + symbol for symbol in symbols]
        self._output.append(orjson.dumps({"op": op, "args": args}))

    def _next_symbols(self) -> tuple[str, list[str]]:
        """Take the head of the queue: symbols with the same operation, each once."""
        op = self._queue[0][0]
        symbols: dict[str, None] = {}
        while self._queue and len(symbols) < self._frame_size and self._queue[0][0] == op:
            symbol = self._queue.popleft()[1]
            if self._is_current(op, symbol):
                symbols[symbol] = None
        return op, list(symbols)

    def _is_current(self, op: str, symbol: str) -> bool:
        """Whether a queued operation has not been overtaken by a later one."""
        topic = self._topics.get(symbol)
        if op == "subscribe":
            return topic is not None and topic.is_queued
        return topic is None or topic.is_queued

    def _ack(self, message: dict[str, Any], now: float) -> None:
        data = message.get("data")
        text = str(message.get("ret_msg") or "")
        if isinstance(data, dict):
            for topic in _strings(data.get("failTopics")):
                self._refuse(topic.removeprefix(TOPIC_PREFIX), text or "in failTopics", now)
            for topic in _strings(data.get("successTopics")):
                self._answered(topic.removeprefix(TOPIC_PREFIX))
        elif message.get("success") is False and "already subscribed" not in text:
            self._request_refused(text, now)
        else:
            self._request = None

    def _answered(self, symbol: str) -> None:
        if self._request is not None:
            self._request.unanswered.discard(symbol)
            if not self._request.unanswered:
                self._request = None
                self._frame_size = min(2 * self._frame_size, self.history.frame_size)

    def _refuse(self, symbol: str, text: str, now: float) -> None:
        topic = self._topics.get(symbol)
        is_subscription = self._request is None or self._request.op == "subscribe"
        self._answered(symbol)
        if topic is not None and is_subscription and symbol in self._awaited:
            topic.tries = 0
            self._awaited.discard(symbol)
            self.history.refused[symbol] = now
            self.history.refusals += 1
            self._events.append(TopicRefused(symbol, text))

    def _request_refused(self, text: str, now: float) -> None:
        """Halve a request that was refused as a whole, until it is accepted or names one symbol.

        The venue does not say which of the topics it objects to.
        """
        request, self._request = self._request, None
        if request is None or request.op != "subscribe":
            return
        if len(request.symbols) == 1:
            self._refuse(request.symbols[0], text, now)
            self.history.frame_size = TOPICS_PER_FRAME
            return
        self._frame_size = self.history.frame_size = len(request.symbols) // 2
        for symbol in request.symbols:
            if symbol in self._awaited:
                self._awaited.discard(symbol)
                self._topics[symbol].tries -= 1
                self._enqueue(symbol)


def _strings(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
