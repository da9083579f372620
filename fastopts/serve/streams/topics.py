"""Topics: what a stream can subscribe to, and what changed since a subscriber's last message."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from fastopts.errors import FastoptsError
from fastopts.serve.http import problems
from fastopts.serve.payloads.rows import STREAMED, Values
from fastopts.serve.protocol import INTERNAL_ERROR_DETAIL, MessageType, Reason

__all__ = ("OptionRow", "RowTopic", "SnapshotTopic", "Subscription", "Topic")

log = logging.getLogger(__name__)

# Approximate size of a message. A transport takes one message more than its buffer holds, so this
# bounds what waits for a slow client; larger messages save nothing, since the head is 100 bytes.
MESSAGE_BYTES: Final = 28_000

# Delisted symbols that a topic remembers, so that slow subscribers learn of them. A day's
# deliveries are a few hundred.
GONE_MAX: Final = 10_000

NEVER: Final = -1

_INTERNAL_ERROR: Final = orjson.dumps(
    {"reason": Reason.INTERNAL_ERROR, "detail": INTERNAL_ERROR_DETAIL}
)
# A message is `{"type":...,"id":...,` and a tail. Tails are shared by all subscribers that are
# equally current; only the head with the subscription's id is written for each.
TypeAndTail = tuple[MessageType, str]


@dataclass(slots=True)
class Subscription:
    """A subscriber's position in a *topic*: it has received everything up to a beat."""

    topic: "Topic"
    version: int = NEVER  # the beat
    total: int = 0  # row changes of the topic up to that beat
    skipped: int = 0  # changes that newer ones replaced before they were sent
    warned: int = NEVER  # beat of the newest warning that was sent


class Topic(Protocol):
    """A source of messages, shared by all subscribers of the same subscription."""

    @property
    def size(self) -> int:
        """What it counts as towards the limit of symbols."""

    def since(self, subscription: Subscription) -> Iterator[TypeAndTail]:
        """Yield what *subscription* has not received, and advance it."""


class OptionRow:
    """One option's streamed values, as JSON whole and as the changes of its newest beat."""

    __slots__ = ("_full", "_values", "delta", "symbol", "version")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.version = NEVER  # the beat of the newest change
        self.delta = b""  # what changed at that beat
        self._values: Values = _NO_VALUES
        self._full: bytes | None = None

    def update(self, values: Values, version: int) -> bool:
        """Replace the values at the beat *version*. Return False when none differs."""
        pairs = zip(STREAMED, values, self._values, strict=True)
        changes = {name: value for name, value, previous in pairs if value != previous}
        if not changes:
            return False
        self._values, self.version, self._full = values, version, None
        self.delta = orjson.dumps({"symbol": self.symbol, **changes})
        return True

    @property
    def full(self) -> bytes:
        """The whole row; encoded when it is first needed, as most rows are sent as deltas only."""
        if self._full is None:
            self._full = orjson.dumps(dict(zip(STREAMED, self._values, strict=True)))
        return self._full


_NO_VALUES: Final = (object(),) * len(STREAMED)  # equal to no value


class RowTopic:
    """The rows of a set of options.

    A subscriber that received the previous beat gets the changes of this one; every other
    subscriber gets the whole rows that changed since. Nothing is queued for anyone.
    """

    def __init__(
        self,
        table: Mapping[str, OptionRow],
        select: Callable[[], set[str]],
        fault: Callable[[], FastoptsError | None] = lambda: None,
    ) -> None:
        """Make a topic of the rows in *table* whose symbols *select* returns.

        *fault* returns why the selection is not listed, None if it is, and raises while that is
        unknown.
        """
        self.symbols: set[str] = set()
        self._table = table
        self._select = select
        self._fault = fault
        self._version = self._previous_version = 0
        self._total = 0  # row changes so far
        self._tails: list[str] = []  # of the newest beat
        self._gone: dict[str, int] = {}  # by symbol the beat at which it left the listing
        self._as_of_ms = 0
        self._needs_check = False
        self._warning = b""
        self._warned_at = NEVER

    @property
    def size(self) -> int:
        """The number of its symbols."""
        return len(self.symbols)

    def relist(self, number: int, as_of_ms: int) -> None:
        """Select again, at the beat *number*: the listing changed."""
        self._as_of_ms = as_of_ms
        symbols = self._select()
        for symbol in self.symbols - symbols:
            self._gone[symbol] = number
        for symbol in symbols & self._gone.keys():
            del self._gone[symbol]
        while len(self._gone) > GONE_MAX:
            del self._gone[next(iter(self._gone))]
        self.symbols = symbols
        self._needs_check = True

    def beat(self, number: int, changed: set[str], as_of_ms: int) -> None:
        """Prepare the messages of the beat *number*, at which the rows *changed*."""
        if self._needs_check:
            self._check(number)
        symbols = changed & self.symbols
        gone = [symbol for symbol, at in self._gone.items() if at == number]
        self._as_of_ms = as_of_ms
        if not (symbols or gone):
            return
        self._previous_version, self._version = self._version, number
        self._total += len(symbols)
        table = self._table
        deltas = (table[symbol].delta for symbol in symbols)
        self._tails = list(_tails(deltas, as_of_ms, is_full=False, skipped=0, gone=gone))

    def since(self, subscription: Subscription) -> Iterator[TypeAndTail]:
        """Yield what *subscription* has not received, and advance it."""
        if subscription.warned < self._warned_at and self._warning:
            subscription.warned = self._warned_at
            yield MessageType.ERROR, self._warning.decode().removeprefix("{")
        if subscription.version >= self._version:
            return
        version, total = subscription.version, subscription.total
        subscription.version, subscription.total = self._version, self._total
        if version >= self._previous_version and version != NEVER:
            tails: Iterable[str] = self._tails
        else:
            rows = map(self._table.get, sorted(self.symbols))
            newer = [row for row in rows if row is not None and row.version > version]
            skipped = 0 if version == NEVER else max(self._total - total - len(newer), 0)
            subscription.skipped += skipped
            tails = self._catch_up(version, newer, skipped)
        for tail in tails:
            yield MessageType.ROWS, tail

    def _check(self, number: int) -> None:
        """Check that the selection is listed; warn its subscribers once if it is not."""
        try:
            fault = self._fault()
        except FastoptsError:
            return  # not known yet
        self._needs_check = False
        warning = b"" if fault is None else orjson.dumps(problems.error_fields(fault))
        if warning not in (b"", self._warning):
            self._warned_at = number
        self._warning = warning

    def _catch_up(self, version: int, rows: Iterable[OptionRow], skipped: int) -> Iterator[str]:
        gone = [symbol for symbol, at in self._gone.items() if version != NEVER and at > version]
        full_rows = (row.full for row in rows)
        return _tails(full_rows, self._as_of_ms, is_full=True, skipped=skipped, gone=gone)


class SnapshotTopic:
    """A topic that is sent as a whole whenever it changes: a scan, expiries, a surface."""

    def __init__(
        self, kind: MessageType, every_s: float, make: Callable[[], dict[str, Any]]
    ) -> None:
        """Make a topic whose body *make* returns, to be renewed *every_s*."""
        self.size: Final = 1
        self.every_s: Final = every_s
        self._kind = kind
        self._make = make
        self._body: tuple[MessageType, bytes] = (MessageType.ERROR, b"")
        self._message: TypeAndTail | None = None
        self._version = 0

    def renew(self, number: int, as_of_ms: int) -> None:
        """Make the body again, at the beat *number*.

        Raises what the first call fails with; a later failure becomes an `error` message, since one
        subscription must not end the streams of other clients.
        """
        try:
            kind, body = self._kind, orjson.dumps(self._make())
        except Exception as error:
            if self._message is None:
                raise
            kind, body = MessageType.ERROR, _INTERNAL_ERROR
            if isinstance(error, FastoptsError):
                body = orjson.dumps(problems.error_fields(error))
            elif (kind, body) != self._body:
                log.exception("internal error in a %s subscription", self._kind)
        if (kind, body) == self._body:
            return
        self._body = kind, body
        self._version = number
        tail = body.decode().removeprefix("{")
        self._message = kind, f'"as_of_ms":{as_of_ms},{tail}'

    def since(self, subscription: Subscription) -> Iterator[TypeAndTail]:
        """Yield the body if *subscription* has an older one or none, and advance it."""
        if self._message is not None and subscription.version < self._version:
            subscription.version = self._version
            yield self._message


def _tails(
    rows: Iterable[bytes], as_of_ms: int, *, is_full: bool, skipped: int, gone: list[str]
) -> Iterator[str]:
    """Split *rows* into messages of a bounded size; at least one."""
    full = "true" if is_full else "false"
    part: list[bytes] = []
    size = 0
    for row in rows:
        if size > MESSAGE_BYTES:
            yield _tail(part, f'"as_of_ms":{as_of_ms},"full":{full},"more":true', skipped, gone)
            part, size, skipped, gone = [], 0, 0, []
        part.append(row)
        size += len(row)
    yield _tail(part, f'"as_of_ms":{as_of_ms},"full":{full},"more":false', skipped, gone)


def _tail(part: list[bytes], head: str, skipped: int, gone: list[str]) -> str:
    symbols = orjson.dumps(gone).decode()
    rows = b",".join(part).decode()
    return f'{head},"skipped":{skipped},"gone":{symbols},"rows":[{rows}]}}'
