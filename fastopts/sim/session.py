"""One client's conversation: what it may subscribe to, and what it is answered. No I/O.

    ping             a pong
    subscribe        an ack that sorts the topics into failTopics and successTopics, or a refusal of
                     the whole request when a limit is exceeded
    unsubscribe      an ack
    anything else    invalid op

An ack is no promise: a topic of another kind (`kline.…`, `orderbook.1.…`) or of a whole coin
(`tickers.BTC`) is acked and delivers nothing. Only `tickers.<symbol>` of a trading option does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from fastopts.sim import dialect
from fastopts.sim.dialect import TICKERS
from fastopts.sim.faults import Faults
from fastopts.sim.settings import SimSettings

__all__ = ("Outcome", "Session")

_QUOTES_AND_COMMA = 3
_BRACKETS_LESS_COMMA = 1


@dataclass(slots=True)
class Outcome:
    """What follows from a message: symbols to start and stop delivering, and what is answered."""

    replies: list[bytes] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    is_ping: bool = False
    is_end: bool = False
    """The venue hangs up."""


class Session:
    """The rules of one connection; *is_trading* tells whether a symbol can be delivered."""

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

    def receive(self, message: str | bytes, now_ms: int) -> Outcome:
        """Take one message of the client."""
        try:
            request = orjson.loads(message)
        except orjson.JSONDecodeError:
            request = None
        match request:
            case {"op": "ping"}:
                replies = [] if self._faults.withhold_pongs else [dialect.pong(now_ms)]
                return Outcome(replies, is_ping=True)
            case {"op": "subscribe", "args": list(args)}:
                return self._subscribe(args)
            case {"op": "unsubscribe", "args": list(args)}:
                return self._unsubscribe(args)
            case {"op": "subscribe" | "unsubscribe"}:
                return self._refusal()
            case {"op": op}:
                return Outcome([dialect.invalid_op(self.conn_id, op)])
        return Outcome([dialect.invalid_op(self.conn_id, None)])

    def _subscribe(self, args: list[Any]) -> Outcome:
        if not self._is_allowed(args):
            return self._refusal()
        outcome, failed, succeeded = Outcome(), [], []
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

    def _unsubscribe(self, args: list[Any]) -> Outcome:
        if not _are_topics(args):
            return self._refusal()
        self.topics.difference_update(args)
        return self._ack(Outcome(stopped=[_symbol(topic) for topic in args]), [], args)

    def _ack(self, outcome: Outcome, failed: list[str], succeeded: list[str]) -> Outcome:
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

    def _refusal(self) -> Outcome:
        if self._faults.hang_up:
            return Outcome(is_end=True)
        return Outcome([dialect.refusal(self.conn_id)])

    def _is_delivered(self, topic: str) -> bool:
        most = self._faults.topics_delivered_max
        return topic not in self._faults.silent_topics and (
            most is None or len(self.topics) <= most
        )

    def _is_allowed(self, args: list[Any]) -> bool:
        """Check the limits: so many topics, and so many characters of `args`.

        The documentation leaves open whether the characters count per frame or per connection.
        """
        if not _are_topics(args) or self._faults.poisonous_topics.intersection(args):
            return False
        most = self._faults.topics_a_request_max
        if most is not None and len(args) > most:
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
    """Return the symbol whose ticker *topic* is, or "" if it is something else."""
    return topic[len(TICKERS) :] if topic.startswith(TICKERS) else ""


def _are_topics(args: list[Any]) -> bool:
    return bool(args) and all(isinstance(topic, str) for topic in args)
