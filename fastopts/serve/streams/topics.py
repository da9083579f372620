"""What a stream may be subscribed to, and what has changed of it since a subscriber last heard."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from fastopts.errors import FastoptsError
from fastopts.serve.http import problems
from fastopts.serve.payloads.rows import STREAMED, Values

__all__ = ("Row", "RowTopic", "Subscription", "Topic", "WholeTopic")

log = logging.getLogger(__name__)

MESSAGE_BYTES: Final = 28_000  # of a message, about; so much waits for each slow client
GONE_MAX: Final = 10_000
_BUG: Final = b'{"reason":"InternalError","detail":"an error of the server\'s own; see its log"}'
NEVER: Final = -1


@dataclass(slots=True)
class Subscription:
    """How much of a *topic* a subscriber has heard: all up to a beat."""

    topic: "Topic"
    version: int = NEVER
    total: int = 0
    skipped: int = 0  # changes that later ones replaced before they were heard
    warned: int = NEVER  # of what is not listed


class Topic(Protocol):
    """One message's ``type`` and what stands behind its ``id``, for whoever has not heard it.

    What it yields is shared by all who have heard the same, whatever their number.
    """

    @property
    def size(self) -> int:
        """What it holds, in symbols."""

    def since(self, heard: Subscription) -> Iterator[tuple[str, str]]: ...


class Row:
    """One option as streams tell it, at the beat *version*; `delta` is what changed at that."""

    __slots__ = ("_full", "_values", "delta", "symbol", "version")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.version = NEVER
        self.delta = b""
        self._values: Values = _NOTHING
        self._full: bytes | None = None

    def update(self, values: Values, version: int) -> bool:
        """Take in *values*; return whether any is another."""
        both = zip(STREAMED, values, self._values, strict=True)
        changed = {name: value for name, value, before in both if value != before}
        if not changed:
            return False
        self._values, self.version, self._full = values, version, None
        self.delta = orjson.dumps({"symbol": self.symbol, **changed})
        return True

    @property
    def full(self) -> bytes:
        if self._full is None:
            self._full = orjson.dumps(dict(zip(STREAMED, self._values, strict=True)))
        return self._full


_NOTHING: Final = (object(),) * len(STREAMED)  # equal to no value


class RowTopic:
    """The rows of some options, told as changes to who has heard the last beat, whole to others."""

    def __init__(
        self,
        table: Mapping[str, Row],
        select: Callable[[], set[str]],
        fault: Callable[[], FastoptsError | None] = lambda: None,
    ) -> None:
        """*fault* returns why what was selected is not listed, and raises while that is unknown."""
        self.symbols: set[str] = set()
        self._table = table
        self._select = select
        self._version = self._before = 0
        self._total = 0
        self._tails: list[str] = []
        self._gone: dict[str, int] = {}
        self._as_of_ms = 0
        self._fault = fault
        self._is_unchecked = False
        self._warning = b""
        self._warned_at = NEVER

    @property
    def size(self) -> int:
        return len(self.symbols)

    def relist(self, number: int, as_of_ms: int) -> None:
        """See which options it is of."""
        self._as_of_ms = as_of_ms
        found = self._select()
        for symbol in self.symbols - found:
            self._gone[symbol] = number
        for symbol in found & self._gone.keys():
            del self._gone[symbol]
        while len(self._gone) > GONE_MAX:
            del self._gone[next(iter(self._gone))]
        self.symbols = found
        self._is_unchecked = True

    def _check(self, number: int) -> None:
        """Check that the selection is listed; report to its subscribers once if it is not."""
        try:
            fault = self._fault()
        except FastoptsError:
            return  # not known yet
        self._is_unchecked = False
        warning = b"" if fault is None else orjson.dumps(problems.told(fault))
        if warning not in (b"", self._warning):
            self._warned_at = number
        self._warning = warning

    def beat(self, number: int, fresh: set[str], as_of_ms: int) -> None:
        """Make the messages of a beat, at which the rows *fresh* changed."""
        if self._is_unchecked:
            self._check(number)
        mine = fresh & self.symbols
        gone = [symbol for symbol, at in self._gone.items() if at == number]
        self._as_of_ms = as_of_ms
        if not (mine or gone):
            return
        self._before, self._version = self._version, number
        self._total += len(mine)
        table = self._table
        deltas = (table[symbol].delta for symbol in mine)
        self._tails = list(_tails(deltas, as_of_ms, is_full=False, skipped=0, gone=gone))

    def since(self, heard: Subscription) -> Iterator[tuple[str, str]]:
        if heard.warned < self._warned_at and self._warning:
            heard.warned = self._warned_at
            yield "error", self._warning.decode().removeprefix("{")
        if heard.version >= self._version:
            return
        version, total = heard.version, heard.total
        heard.version, heard.total = self._version, self._total
        if version >= self._before and version != NEVER:
            tails: Iterable[str] = self._tails
        else:
            held = map(self._table.get, sorted(self.symbols))
            behind = [row for row in held if row is not None and row.version > version]
            skipped = 0 if version == NEVER else max(self._total - total - len(behind), 0)
            heard.skipped += skipped
            tails = self._caught_up(version, behind, skipped)
        for tail in tails:
            yield "rows", tail

    def _caught_up(self, version: int, behind: Iterable[Row], skipped: int) -> Iterator[str]:
        gone = [symbol for symbol, at in self._gone.items() if version != NEVER and at > version]
        whole = (row.full for row in behind)
        return _tails(whole, self._as_of_ms, is_full=True, skipped=skipped, gone=gone)


class WholeTopic:
    """What is told as a whole whenever it is another: a scan, the series of an asset, a surface."""

    def __init__(self, kind: str, every_s: float, make: Callable[[], dict[str, Any]]) -> None:
        self.size: Final = 1
        self.every_s: Final = every_s
        self._kind = kind
        self._make = make
        self._told: tuple[str, bytes] = ("", b"")
        self._message: tuple[str, str] | None = None
        self._version = 0

    def renew(self, number: int, as_of_ms: int) -> None:
        """Look at it again. What goes wrong is raised the first time only: later it is told."""
        try:
            kind, body = self._kind, orjson.dumps(self._make())
        except Exception as error:  # one client's wish must not end the others'
            if self._message is None:
                raise
            kind, body = "error", _BUG
            if isinstance(error, FastoptsError):
                body = orjson.dumps(problems.told(error))
            elif (kind, body) != self._told:
                log.exception("%s can't be told", self._kind)
        if (kind, body) == self._told:
            return
        self._told = kind, body
        self._version = number
        rest = body.decode().removeprefix("{")
        self._message = kind, f'"as_of_ms":{as_of_ms},{rest}'

    def since(self, heard: Subscription) -> Iterator[tuple[str, str]]:
        if self._message is not None and heard.version < self._version:
            heard.version = self._version
            yield self._message


def _tails(
    told: Iterable[bytes], as_of_ms: int, *, is_full: bool, skipped: int, gone: list[str]
) -> Iterator[str]:
    """*told* in messages of a bounded size, at least one."""
    is_whole = "true" if is_full else "false"
    part: list[bytes] = []
    size = 0
    for one in told:
        if size > MESSAGE_BYTES:
            yield _tail(part, as_of_ms, is_whole, "true", skipped, gone)
            part, size, skipped, gone = [], 0, 0, []
        part.append(one)
        size += len(one)
    yield _tail(part, as_of_ms, is_whole, "false", skipped, gone)


def _tail(
    part: list[bytes], as_of_ms: int, full: str, more: str, skipped: int, gone: list[str]
) -> str:
    left = orjson.dumps(gone).decode()
    head = f'"as_of_ms":{as_of_ms},"full":{full},"more":{more},"skipped":{skipped},"gone":{left}'
    return f'{head},"rows":[{b",".join(part).decode()}]}}'
