"""Protocol rules of one WebSocket client, without I/O.

    ping             a pong
    subscribe        an acknowledgement with failTopics and successTopics, or the rejection of the
                     whole request if a limit is exceeded
    unsubscribe      an acknowledgement
    anything else    invalid op

An acknowledgement does not imply delivery, as at the venue: topics of other kinds (`kline.…`,
`orderbook.1.…`) or of a whole coin (`tickers.BTC`) are acknowledged and deliver nothing. Only
`tickers.<symbol>` of a trading option does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from fastopts.sim import dialect
from fastopts.sim.dialect import TICKERS
from fastopts.sim.faults import Faults
from fastopts.sim.settings import SimSettings

__all__ = ("SessionReply", "SimSession")

_QUOTES_AND_COMMA = 3
_BRACKETS_LESS_COMMA = 1


@dataclass(slots=True)
class SessionReply:
    """Result of a message: replies, and symbols to start and stop delivering."""

    replies: list[bytes] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    is_ping: bool = False
    is_end: bool = False
    """Close the connection."""


class SimSession:
    """Rules of one connection; *is_trading* says whether a symbol can be delivered."""

    def __init__(
        self,
        conn_id: str,
        settings: SimSettings,
        faults: Faults,
        is_trading: Callable[[str], bool],
    ) -> None:
        self.conn_id = conn_id
        self.topics: set[str] = set()
        self._settings = settings
        self._faults = faults
        self._is_trading = is_trading
        self._late: list[bytes] = []

    def receive(self, message: str | bytes, now_ms: int) -> SessionReply:
        """Process one message from the client."""
        try:
            request = orjson.loads(message)
        except orjson.JSONDecodeError:
            request = None
        match request:
            case {"op": "ping"}:
                replies = [] if self._faults.withhold_pongs else [dialect.pong(now_ms)]
                return SessionReply(replies, is_ping=True)
            case {"op": "subscribe", "args": list(args)}:
                return self._subscribe(args)
            case {"op": "unsubscribe", "args": list(args)}:
                return self._unsubscribe(args)
            case {"op": "subscribe" | "unsubscribe"}:
                return self._refusal()
            case {"op": op}:
                return SessionReply([dialect.invalid_op(self.conn_id, op)])
        return SessionReply([dialect.invalid_op(self.conn_id, None)])

    def _subscribe(self, args: list[Any]) -> SessionReply:
        if not self._is_allowed(args):
            return self._refusal()
        outcome, failed, succeeded = SessionReply(), [], []
        for topic in args:
            if self._fails(topic):
                failed.append(topic)
                continue
            succeeded.append(topic)
            self.topics.add(topic)
            symbol = _symbol(topic)
            if self._is_delivered(topic) and self._is_trading(symbol):
                outcome.started.append(symbol)
        return self._ack(outcome, failed, succeeded)

    def _unsubscribe(self, args: list[Any]) -> SessionReply:
        if not _are_topics(args):
            return self._refusal()
        self.topics.difference_update(args)
        return self._ack(SessionReply(stopped=[_symbol(topic) for topic in args]), [], args)

    def _ack(self, outcome: SessionReply, failed: list[str], succeeded: list[str]) -> SessionReply:
        if self._faults.withhold_acks:
            return outcome
        ack = dialect.ack(self.conn_id, failed, succeeded)
        fate = self._faults.acks.popleft() if self._faults.acks else "sent"
        if fate == "late":
            self._late.append(ack)
        else:
            copies = {"sent": 1, "lost": 0, "twice": 2}[fate]
            outcome.replies += [ack] * copies + self._late
            self._late = []
        return outcome

    def _refusal(self) -> SessionReply:
        if self._faults.hang_up:
            return SessionReply(is_end=True)
        return SessionReply([dialect.refusal(self.conn_id)])

    def _is_delivered(self, topic: str) -> bool:
        limit = self._faults.topics_delivered_max
        return topic not in self._faults.silent_topics and (
            limit is None or len(self.topics) <= limit
        )

    def _is_allowed(self, args: list[Any]) -> bool:
        """Check the limits on topics and on characters of `args`.

        The venue does not document whether characters count per frame or per connection, so both
        can be simulated (`args_mode`).
        """
        if not _are_topics(args) or self._faults.poisonous_topics.intersection(args):
            return False
        limit = self._faults.topics_a_request_max
        if limit is not None and len(args) > limit:
            return False
        topics = self.topics.union(args)
        counted = topics if self._settings.args_mode == "connection" else args
        chars = sum(len(topic) + _QUOTES_AND_COMMA for topic in counted) + _BRACKETS_LESS_COMMA
        return len(topics) <= self._settings.topics_max and chars <= self._settings.args_chars_max

    def _fails(self, topic: str) -> bool:
        if topic in self._faults.fail_topics:
            return True
        if topic.startswith(TICKERS):
            symbol = _symbol(topic)
            return "-" in symbol and not self._is_trading(symbol)
        return "." not in topic


def _symbol(topic: str) -> str:
    """Return the symbol of a ticker topic, "" for other topics."""
    return topic[len(TICKERS) :] if topic.startswith(TICKERS) else ""


def _are_topics(args: list[Any]) -> bool:
    return bool(args) and all(isinstance(topic, str) for topic in args)
