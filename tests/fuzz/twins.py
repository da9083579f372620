"""What each target's inputs are compared with in Python: the readable twins, and the parsers that
others wrote. `check` returns what differs in words, or "".
"""

import random
import struct
from collections.abc import Callable
from typing import Any

import hiredis
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from fastopts.core import batch, pure, records, reply, table, ticker
from fastopts.core.pure import frames
from fastopts.core.pure.reply import read_reply
from fastopts.errors import StoreError
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.core.modelredis import ModelRedis
from tests.fuzz.corpus import COUNT, SYMBOLS
from tests.support.payloads import T0, dump
from tests.support.store import LAYOUT

__all__ = ("COMPILED", "LIFE", "TARGETS", "Target")

COMPILED = ticker.Grammar(TOPIC_PREFIX, TICKER_FIELDS)
PURE = pure.Grammar(TOPIC_PREFIX, TICKER_FIELDS)
URI = parse_uri("ws://localhost/")


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """What *function* returns, or which of the documented errors it raises."""
    try:
        return function(*arguments)
    except pure.Rejected as verdict:
        return verdict.reason
    except StoreError:
        return StoreError


class Target:
    """Compares one input at a time. *every*: of how many that a scan ran over one is compared;
    0: each, as Python runs the code under test itself, placing it by *arena*."""

    every = 0

    def __init__(self, arena: Any, seed: int) -> None:
        self.arena = arena
        self.chance = random.Random(seed)

    def check(self, data: bytes) -> str:
        raise NotImplementedError

    def place(self, data: bytes) -> tuple[memoryview, int, int]:
        start, end = self.arena.put(data, self.chance.random() < 0.5)
        return self.arena.view, start, end


class TickerTwin(Target):
    every = 64

    def check(self, data: bytes) -> str:
        expected = outcome(pure.parse, data, PURE)
        found = outcome(ticker.parse, data, COMPILED)
        return "" if found == expected else f"{found} is not {expected}"


class Frames(Target):
    every = 64

    def check(self, data: bytes) -> str:
        view, start, end = self.place(data)
        found, position = frames.split(view, start, end)
        compiled = table.Table(COMPILED).inlet(1).scan(view, start, end, T0)
        if compiled != position:
            return f"position {compiled} is not {position}"
        protocol = ClientProtocol(URI, state=State.OPEN)
        protocol.receive_data(data)
        events: Any = protocol.events_received()
        taken = events[: len(found)]
        expected = [bytes(f.data) for f in taken if f.opcode is Opcode.TEXT and f.fin]
        if found != expected:
            return f"{found} is not {expected}"
        if position >= 0 and len(events) > len(found):
            return f"websockets has {len(events)} frames, not {len(found)}"
        return ""


class Reply(Target):
    every = 16

    def check(self, data: bytes) -> str:
        size, integer, error = reply.measure(data)
        expected = outcome(read_reply, data)
        if expected is StoreError:
            return "" if size == -1 else f"{size} where the twin refuses"
        if size != expected[0]:
            return f"{size} is not {expected[0]}"
        if size == 0:
            return ""
        if (integer, error) != (_first_of(int, expected[1]), _first_of(StoreError, expected[1])):
            return f"{integer}, {error} of {expected[1]}"
        return self._as_hiredis(data[:size], expected[1])

    def _as_hiredis(self, data: bytes, value: Any) -> str:
        reader = hiredis.Reader()
        reader.feed(data)
        found = outcome(reader.gets)
        if reader.has_data() or not _same(value, found):
            return f"{value} where hiredis has {found}"
        return ""


def _first_of(kind: type, value: Any) -> Any:
    for part in _leaves(value):
        if isinstance(part, kind):
            return str(part) if kind is StoreError else part
    return None


def _leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in _leaves(part)] if type(value) is list else [value]


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return (
            isinstance(theirs, list) and len(ours) == len(theirs) and all(map(_same, ours, theirs))
        )
    if isinstance(ours, StoreError):
        return isinstance(theirs, hiredis.ReplyError)
    if isinstance(ours, str):
        return isinstance(theirs, bytes) and theirs.decode("utf-8", "replace") == ours
    return type(ours) is type(theirs) and bool(ours == theirs)


COUNTERS = (
    *("received", "applied", "older", "written", "conflated", "pending", "bad_fields", "deltas"),
    *("vanished", "rejected", "samples", "dirty"),
    *("missing_fields", "unknown_fields", "unknown_names", "suspects", "suspects_now"),
)
LIFE = 50  # inputs that a table lives through


class InletTwin(Target):
    """Streams of frames into a table and its twin, and their batches' answers at times."""

    def __init__(self, arena: Any, seed: int) -> None:
        super().__init__(arena, seed)
        self.count = 0

    def _begin(self) -> None:
        self.tables: list[Any] = [table.Table(COMPILED), pure.Table(PURE)]
        for made in self.tables:
            made.epoch = 5
            for symbol in SYMBOLS[:-1]:
                made.add(symbol, T0 + 10**9, 90_000.0, "C", "USDT")
        self.inlets = [[made.inlet(conn) for conn in (1, 2)] for made in self.tables]
        self.batches: list[Any] = [batch.Batch(self.tables[0]), pure.Batch(self.tables[1])]
        self.redis = ModelRedis()

    def check(self, data: bytes) -> str:
        if self.count % LIFE == 0:
            self._begin()
        self.count += 1
        conn, rt = self.chance.randint(0, 1), T0 + self.chance.choice((0, 3, 999, 70_000, -70_000))
        view, start, end = self.place(data)
        position = self.inlets[0][conn].scan(view, start, end, rt)
        payloads, expected = frames.split(view, start, end)
        if position != expected:
            return f"position {position} is not {expected}"
        for payload in payloads:
            self.inlets[1][conn].message(payload, rt)
        return self._difference() or (self._flush() if self.chance.random() < 0.1 else "")

    def _difference(self) -> str:
        ours, twin = ([self._state(i), self._slots(i)] for i in (0, 1))
        return "" if ours == twin else f"{ours} is not {twin}"

    def _state(self, which: int) -> list[Any]:
        counters = [getattr(self.tables[which], name) for name in COUNTERS]
        inlets = [(i.messages, i.others, i.unknown_tickers) for i in self.inlets[which]]
        return [*counters, *inlets]

    def _slots(self, which: int) -> list[Any]:
        made = self.tables[which]
        return [(made.fields(s), made.record(s), made.origin_of(s)) for s in SYMBOLS[:-1]]

    def _flush(self) -> str:
        payload, expected = (made.encode(T0) for made in self.batches)
        if payload != expected:
            return f"{payload!r} is not {expected!r}"
        return self._answer(self.redis.feed(payload))

    def _answer(self, answer: bytes) -> str:
        view, start, end = self.place(answer)
        outcomes = [outcome(made.acknowledge, view, start, end) for made in self.batches]
        return f"{outcomes} of {answer!r}" if outcomes != [end, end] else self._difference()


class BatchTwin(InletTwin):
    """The input is the answer to a batch of what changed: a table and its twin settle it."""

    def check(self, data: bytes) -> str:
        self._begin()
        self._send(markPrice="1", askIv="0.5")
        while any(made.dirty for made in self.tables):
            difference = self._flush()
            if difference:
                return difference
        self._send(markPrice="2", **({"askIv": "0.5"} if self.chance.random() < 0.5 else {}))
        payload, expected = (made.encode(T0) for made in self.batches)
        if payload != expected:
            return f"{payload!r} is not {expected!r}"
        return self._settle(data, _replies(payload))

    def _send(self, **numbers: str) -> None:
        for symbol in SYMBOLS[:-1]:
            message = dump({"topic": f"tickers.{symbol}", "ts": T0, "data": numbers})
            for inlets in self.inlets:
                inlets[0].message(message, T0)

    def _settle(self, data: bytes, replies: int) -> str:
        view, start, end = self.place(data)
        found = outcome(self.batches[0].acknowledge, view, start, end)
        position, wrong = _walk(data, replies)
        if found is not StoreError:
            found -= start
        if found != (StoreError if wrong else position):
            return f"{found} is not {position}, {wrong}"
        if not wrong:
            # the twin takes all there is, so it is given what is whole
            self.batches[1].acknowledge(memoryview(data), 0, position)
        errors = [(made.done, made.errors, made.publish_error) for made in self.batches]
        for made in self.batches:
            made.abandon()
        if wrong:
            return ""
        return self._difference() if errors[0] == errors[1] else f"{errors[0]} is not {errors[1]}"


def _replies(payload: bytes) -> int:
    """How many commands *payload* holds."""
    reader = hiredis.Reader()
    reader.feed(payload)
    count = 0
    while reader.gets() is not False:
        count += 1
    return count


def _walk(data: bytes, replies: int) -> tuple[int, bool]:
    """The position behind the whole ones of the first *replies*; whether something else follows."""
    at = 0
    for _ in range(replies):
        size = outcome(read_reply, data[at:])
        if size is StoreError:
            return at, True
        if size[0] == 0:
            return at, False
        at += size[0]
    return at, False


class RecordsTwin(Target):
    """The input is the answer to an MGET of `COUNT` records and one reply behind it."""

    def check(self, data: bytes) -> str:
        cuts = sorted(self.chance.randint(0, len(data)) for _ in range(self.chance.randint(0, 3)))
        ours, twin = records.Records(COUNT, 1), pure.Records(COUNT, 1)
        at = 0
        for cut in (*cuts, len(data)):
            view, start, end = self.place(data[at:cut])
            found = outcome(ours.acknowledge, view, start, end)
            expected = outcome(twin.acknowledge, memoryview(data), at, cut)
            if found is StoreError or expected is StoreError:
                return "" if found is expected else f"{found} is not {expected}"
            if found - start != expected - at:
                return f"{found - start} is not {expected - at}"
            at = expected
        return _apart(_told(ours, OURS), _told(twin, TWIN))


def _apart(ours: list[Any], twin: list[Any]) -> str:
    pairs = zip(ours, twin, strict=True)
    return next((f"{mine} is not {other}" for mine, other in pairs if mine != other), "")


OURS, TWIN = records.Tick, pure.Tick
HEADS = (
    *("symbol", "record", "live", "type", "strike", "expiry_ms", "ts_ms", "rt_ms", "seq", "flags"),
    *("epoch", "conn"),
)


def _told(made: Any, kind: type) -> list[Any]:
    """The whole content of an answer; numbers as text, since a NaN equals no other."""
    told = [made.done, made.others, str(made.error)]
    told += [(made.record(i), made.is_unreadable(i)) for i in range(-1, COUNT + 1)]
    if not made.done or made.error is not None:
        return told
    numbers, heads = bytearray(COUNT * 24 * 8), bytearray(COUNT * 8 * 8)
    told += [made.fill(numbers, heads, 5, {1}), repr(struct.unpack("96d", numbers)), heads]
    ticks, doubtful = made.take(kind, SYMBOLS, None, 5, {1}, T0, T0, T0 + 99)
    told += [_bits(tick, name) for name in HEADS for tick in ticks if tick]
    return [*told, doubtful]


def _bits(tick: Any, name: str) -> Any:
    value = getattr(tick, name)
    # Which NaN stands for "none", and what pads a record, is nobody's concern.
    return repr(struct.unpack(LAYOUT, value) if name == "record" else value)


TARGETS = {
    "ticker": TickerTwin,
    "frames": Frames,
    "reply": Reply,
    "inlet": InletTwin,
    "records": RecordsTwin,
    "batch": BatchTwin,
}
