"""The conversation on one connection of Bybit's option stream. No I/O: the caller owns both.

Frames of tickers never come here; the caller tells only that data came (`data`) and which symbols
it has data of (`delivered`). What this file decides:

    what to subscribe   from the wanted set, in frames of at most 200 topics, one request under way
                        at a time, 200 ms apart
    what an ack means   the option ack names topics and carries neither op nor req_id; it is no
                        proof of delivery: a topic that brings nothing is subscribed anew
    when to ping        at once, then every 15 s: the venue counts only JSON pings
    when to give up     silence of data, through which one topic is subscribed anew as a probe;
                        three pings without an answer; or twenty messages in a row that can't be
                        read

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
    "SessionMemory",
    "StreamSession",
    "Timing",
    "TopicRefused",
)

TOPICS_A_FRAME: Final = 200
UNREADABLE_MAX: Final = 20  # in a row: a bad one or two are the venue's, more are the connection's
TOPICS_A_FRAME_MIN: Final = 10  # the least that any of the venue's streams is known to take
PING: Final = b'{"op":"ping"}'


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of connections and their sessions, in seconds."""

    connect_within: float = 15.0
    stable_after: float = 10.0  # delivering for so long, a connection's next end is a new trouble
    ping_every: float = 15.0
    pings_unanswered_max: int = 3
    pace: float = 0.2
    ack_within: float = 5.0
    first_data_within: float = 10.0
    refused_again_after: float = 300.0
    moved_again_after: float = 30.0
    silence: float = 5.0
    probe_within: float = 5.0
    stall: float = 3.0  # a gap between two ticks: it was us who were away
    catch_up: float = 1.0  # after which what is read is new again

    @property
    def watchdog(self) -> float:
        """How long a connection can deliver nothing and not yet be given up."""
        return self.silence + self.probe_within


@dataclass(frozen=True, slots=True)
class TopicRefused:
    """The venue refused a symbol; it is tried again later."""

    symbol: str
    words: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The venue answered a ping: its clock in ms (None when it did not say), read in between."""

    venue_ms: int | None
    sent_at: float
    received_at: float


@dataclass(frozen=True, slots=True)
class Probe:
    """No data for a while: the caller names a busy symbol to `probe`."""


@dataclass(frozen=True, slots=True)
class Dead:
    """The connection is to be replaced."""

    reason: str


Event = TopicRefused | Pong | Probe | Dead


@dataclass(slots=True)
class SessionMemory:
    """What outlives a connection: without it each reconnect would make the same mistakes again."""

    refused: dict[str, float] = field(default_factory=dict)
    """Symbols, and when the venue refused them."""
    frame_size: int = TOPICS_A_FRAME
    """With how many topics at a time the next connection begins."""
    false_acks: int = 0
    refusals: int = 0


@dataclass(slots=True)
class _Topic:
    """One wanted symbol: queued, or among those asked for or refused, or live."""

    is_queued: bool = True
    since: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class _Request:
    op: str
    symbols: list[str]
    open: set[str]
    sent_at: float


@dataclass(slots=True)
class StreamSession:
    """One connection's conversation, from the opened handshake on."""

    now: float
    timing: Timing = field(default_factory=Timing)
    learned: SessionMemory = field(default_factory=SessionMemory)
    events: list[Event] = field(default_factory=list)
    _topics: dict[str, _Topic] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _queue: deque[tuple[str, str]] = field(default_factory=deque)
    _out: list[bytes] = field(default_factory=list)
    _request: _Request | None = None
    _frame_size: int = TOPICS_A_FRAME
    _next_request_at: float = 0.0
    _next_ping_at: float = 0.0
    _pings: deque[float | None] = field(default_factory=deque)  # None: no use as a measurement
    _unanswered: int = 0
    _has_asked_nothing: bool = True
    _messages: int = 0
    _data_at: float = 0.0
    _silent_since: float = 0.0  # as far as we could listen
    _doubtful_until: float = 0.0
    _probed_at: float | None = None
    _ticked_at: float = 0.0

    def __post_init__(self) -> None:
        self._next_request_at = self._next_ping_at = self.now
        self._data_at = self._silent_since = self._ticked_at = self.now
        self._frame_size = self.learned.frame_size

    @property
    def data_at(self) -> float:
        """When data came last; the opening counts as such."""
        return self._data_at

    def waiting(self) -> list[str]:
        """The symbols that were subscribed and have delivered nothing yet."""
        return list(self._asked)

    def never(self) -> list[str]:
        """The symbols that were asked for more than once and have not come."""
        return [symbol for symbol, topic in self._topics.items() if topic.tries > 1]

    def in_vain(self, now: float) -> list[str]:
        """The symbols that this connection does not bring: refused a while ago, or asked for
        more than once, of which one at least was so twice in vain."""
        long_ago = now - 3 * self.timing.first_data_within
        refused = [symbol for symbol, at in self.learned.refused.items() if at < long_ago]
        is_time = any(topic.tries > 2 for topic in self._topics.values())
        return refused + self.never() if is_time else refused

    def want(self, symbols: Iterable[str]) -> None:
        """Subscribe *symbols*: those that were refused when their time comes."""
        for symbol in symbols:
            if symbol in self._topics:
                continue
            if symbol in self.learned.refused:
                self._topics[symbol] = _Topic(is_queued=False)
            else:
                self._topics[symbol] = _Topic()
                self._queue.append(("subscribe", symbol))

    def drop(self, symbols: Iterable[str]) -> None:
        """Unsubscribe *symbols*."""
        for symbol in symbols:
            if self._topics.pop(symbol, None) is not None:
                self._asked.discard(symbol)
                self.learned.refused.pop(symbol, None)
                self._queue.append(("unsubscribe", symbol))

    def probe(self, symbol: str) -> None:
        """Subscribe *symbol* anew: its first snapshot is a sign of life."""
        self.renew([symbol])

    def renew(self, symbols: Iterable[str]) -> None:
        """Subscribe anew those of *symbols* that are wanted and not about to be asked for."""
        due = [s for s in symbols if s in self._topics and not self._topics[s].is_queued]
        self._asked.difference_update(due)
        # All of one kind together: a request holds one kind.
        self._queue.extend(("unsubscribe", symbol) for symbol in due)
        for symbol in due:
            self.learned.refused.pop(symbol, None)
            self._enqueue(symbol)

    def unreadable(self, in_row: int) -> None:
        """Tell how many messages could not be read since the last that could."""
        if in_row >= UNREADABLE_MAX:
            self.events.append(Dead(f"{in_row} messages in a row can't be read"))

    def doubt(self, now: float) -> None:
        """Take nothing for delivered until data comes: we were away, who knows for how long."""
        self._begin_doubt(now)
        self._data_at = now - self.timing.watchdog
        self._next_ping_at = now

    def data(self, messages: int, now: float) -> None:
        """Tell how many data messages were applied since the opening."""
        if messages != self._messages:
            self._messages = messages
            self._silent_since = now
            self._probed_at = None
            # After a stall there is no telling how long a message has lain in the socket.
            if now >= self._doubtful_until and now - self._ticked_at <= self.timing.stall:
                self._data_at = now

    def delivered(self, symbols: Iterable[str]) -> None:
        """Tell which symbols have delivered."""
        for symbol in symbols:
            if symbol in self._asked:
                self._asked.discard(symbol)
                self._topics[symbol].tries = 0

    def receive(self, payload: bytes, now: float) -> None:
        """Take a message that is not a ticker. What is neither ack nor pong is ignored."""
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
        """Let time pass: call it a few times a second."""
        if now - self._ticked_at > self.timing.stall:
            self._begin_doubt(now)
        self._ticked_at = now
        self._ping(now)
        self._watch(now)
        self._renew(now)
        self._ask(now)

    def ended(self) -> None:
        """Hear that the venue ended the connection: it may have been asked for too much at once.

        The next session asks for half as much, until one was taken whole.
        """
        request = self._request
        if request is not None and request.op == "subscribe":
            self.learned.frame_size = max(TOPICS_A_FRAME_MIN, len(request.symbols) // 2)
        elif not self._queue:
            self.learned.frame_size = TOPICS_A_FRAME

    def data_to_send(self) -> list[bytes]:
        """Return the messages to send, and forget them."""
        out, self._out = self._out, []
        return out

    def take_events(self) -> list[Event]:
        """Return what happened, and forget it."""
        events, self.events = self.events, []
        return events

    def _begin_doubt(self, now: float) -> None:
        # What came meanwhile lies unread in the socket: silence is reckoned from here.
        self._silent_since = now
        self._doubtful_until = now + self.timing.catch_up
        self._probed_at = None if self._probed_at is None else now
        # Their pongs still come, in order; nobody knows for how long those lay in the socket.
        self._pings = deque([None] * len(self._pings))
        self._unanswered = 0

    def _ping(self, now: float) -> None:
        if now >= self._next_ping_at:
            self._next_ping_at = now + self.timing.ping_every
            self._pings.append(now)
            self._unanswered += 1
            self._out.append(PING)
        if self._unanswered > self.timing.pings_unanswered_max:
            self.events.append(Dead(f"{self._unanswered - 1} pings without an answer"))

    def _pong(self, message: dict[str, Any], now: float) -> None:
        if not self._pings:
            return
        # The pong does not say which ping it answers: the venue answers them in order.
        sent_at = self._pings.popleft()
        self._unanswered = 0
        if sent_at is None:
            return
        args = message.get("args")
        text = args[0] if isinstance(args, list) and args else None
        venue_ms = time_ms(text) if isinstance(text, str) else None
        self.events.append(Pong(venue_ms, sent_at, now))

    def _watch(self, now: float) -> None:
        if self._has_asked_nothing:
            self._silent_since = now
        elif self._probed_at is not None:
            if now - self._probed_at > self.timing.probe_within:
                silence = now - self._data_at
                self.events.append(Dead(f"no data for {silence:.0f} s, not even for a probe"))
        elif now - self._silent_since > self.timing.silence:
            self._probed_at = now
            self.events.append(Probe())

    def _renew(self, now: float) -> None:
        """Subscribe anew what was acked and brings nothing, or was refused a while ago."""
        falsely_acked = [symbol for symbol in self._asked if self._is_overdue(symbol, now)]
        self.learned.false_acks += len(falsely_acked)
        self.renew(falsely_acked)
        for symbol, since in list(self.learned.refused.items()):
            # What has expired meanwhile is wanted no more.
            if symbol in self._topics and now - since > self.timing.refused_again_after:
                del self.learned.refused[symbol]
                self._enqueue(symbol)

    def _is_overdue(self, symbol: str, now: float) -> bool:
        topic = self._topics[symbol]
        # ever more patiently: a symbol that never delivers must not cost for ever
        patience = self.timing.first_data_within * 2.0 ** min(topic.tries - 1, 5)
        return now - topic.since > patience

    def _enqueue(self, symbol: str) -> None:
        self._topics[symbol].is_queued = True
        self._queue.append(("subscribe", symbol))

    def _ask(self, now: float) -> None:
        request = self._request
        if request is not None and now - request.sent_at > self.timing.ack_within:
            # Unanswered is not refused: the data decides.
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
                self._asked.add(symbol)
                self._has_asked_nothing = False
        self._request = _Request(op, symbols, set(symbols), now)
        self._next_request_at = now + self.timing.pace
        args = [TOPIC_PREFIX + symbol for symbol in symbols]
        self._out.append(orjson.dumps({"op": op, "args": args}))

    def _next_symbols(self) -> tuple[str, list[str]]:
        """Take the head of the queue: symbols that want the same, each once."""
        op = self._queue[0][0]
        symbols: dict[str, None] = {}
        while self._queue and len(symbols) < self._frame_size and self._queue[0][0] == op:
            symbol = self._queue.popleft()[1]
            if self._is_still_meant(op, symbol):
                symbols[symbol] = None
        return op, list(symbols)

    def _is_still_meant(self, op: str, symbol: str) -> bool:
        topic = self._topics.get(symbol)
        if op == "subscribe":
            return topic is not None and topic.is_queued
        return topic is None or topic.is_queued

    def _ack(self, message: dict[str, Any], now: float) -> None:
        data = message.get("data")
        words = str(message.get("ret_msg") or "")
        if isinstance(data, dict):
            for topic in _texts(data.get("failTopics")):
                self._refuse(topic.removeprefix(TOPIC_PREFIX), words or "in failTopics", now)
            for topic in _texts(data.get("successTopics")):
                self._answered(topic.removeprefix(TOPIC_PREFIX))
        elif message.get("success") is False and "already subscribed" not in words:
            self._all_refused(words, now)
        else:
            self._request = None

    def _answered(self, symbol: str) -> None:
        if self._request is not None:
            self._request.open.discard(symbol)
            if not self._request.open:
                self._request = None
                self._frame_size = min(2 * self._frame_size, self.learned.frame_size)

    def _refuse(self, symbol: str, words: str, now: float) -> None:
        topic = self._topics.get(symbol)
        is_subscription = self._request is None or self._request.op == "subscribe"
        self._answered(symbol)
        if topic is not None and is_subscription and symbol in self._asked:
            topic.tries = 0
            self._asked.discard(symbol)
            self.learned.refused[symbol] = now
            self.learned.refusals += 1
            self.events.append(TopicRefused(symbol, words))

    def _all_refused(self, words: str, now: float) -> None:
        """The whole request was refused: halve it, until what is left is taken or stands alone."""
        request, self._request = self._request, None
        if request is None or request.op != "subscribe":
            return
        if len(request.symbols) == 1:
            self._refuse(request.symbols[0], words, now)
            self.learned.frame_size = TOPICS_A_FRAME
            return
        self._frame_size = self.learned.frame_size = len(request.symbols) // 2
        for symbol in request.symbols:
            if symbol in self._asked:
                self._asked.discard(symbol)
                self._topics[symbol].tries -= 1
                self._enqueue(symbol)


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
