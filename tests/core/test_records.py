"""Records as readers take them in: compiled code, its twin and the layout agree."""

import importlib
import math
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import hiredis
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.connection import Connection

from fastopts import keys
from fastopts.core import records, reply
from fastopts.core.pure import records as pure_records
from fastopts.core.pure import reply as pure_reply
from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS
from fastopts.model import FLAG_MERGED, FLAG_REST, FLAG_SUSPECT, FLAG_TIME_SUSPECT, NO_SEQUENCE
from tests.core.resp import VALUES, encode
from tests.support.store import LAYOUT, NUMBERS

TWINS = (pure_records, records)
SIZE = struct.calcsize(LAYOUT)
NAMES = tuple(NUMBERS)
EPOCH, CONN, NOW, EXPIRY = 1_795_000_000, 7, 1_795_348_800_000, 4_099_449_600_000
NAN = float("nan")
SIDES = (("bid_price", "bid_size", "bid_iv"), ("ask_price", "ask_size", "ask_iv"))
NEVER_ZERO = (
    *("last_price", "high_24h", "low_24h", "predicted_delivery_price"),
    *("index_price", "underlying_price"),
)
NEVER_ALL_ZERO = ("delta", "gamma", "vega", "theta", "mark_iv")


@pytest.fixture(params=("pure.records", "records"), scope="module")
def reader(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(f"fastopts.core.{request.param}")


def value_of(module: Any) -> Any:
    """The parser of single replies that belongs to *module*."""
    return (pure_reply if module is pure_records else reply).value


def record(numbers: Sequence[float] = tuple(NUMBERS.values()), **changes: Any) -> bytes:
    head = {"version": 1, "kind": b"C", "flags": 0, "epoch": EPOCH, "ts": NOW, "rt": NOW + 40}
    head |= {"sequence": 77, "conn": CONN, "expiry": EXPIRY, "settle": b"USDT", "strike": 90000.0}
    return struct.pack(LAYOUT, *(head | changes).values(), *numbers)


def meaning(numbers: Sequence[float]) -> dict[str, float | None]:
    """The values that a user gets, by the contract's table."""
    told: dict[str, float | None] = dict(zip(NAMES, numbers, strict=True))
    for price, size, iv in SIDES:
        if not (_above_0(told[price]) and _above_0(told[size])):
            told |= dict.fromkeys((price, size, iv))
        elif not _above_0(told[iv]):
            told[iv] = None
    absent = [name for name in NEVER_ZERO if told[name] == 0]
    absent += [name for name, number in told.items() if number is not None and math.isnan(number)]
    if all(told[name] == 0 for name in NEVER_ALL_ZERO):
        absent += NEVER_ALL_ZERO
    return told | dict.fromkeys(absent)


def _above_0(number: float | None) -> bool:
    return number is not None and number > 0


def kind_of(module: Any) -> type:
    """A Tick with a name for each number, as Option has them."""
    slots: dict[str, Any] = {"__slots__": ()}
    return type("Named", (module.Tick,), slots | {name: module.Number(name) for name in NAMES})


KINDS = {module: kind_of(module) for module in TWINS}
HEADS = (
    *("symbol", "moment", "live", "type", "strike", "settle", "expiry_ms", "ts_ms", "rt_ms"),
    *("seq", "flags", "epoch", "conn"),
)


def seen(tick: Any) -> Any:
    return tick and repr([getattr(tick, name) for name in (*HEADS, *NAMES)])


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def feed(answer: Any, parts: Sequence[bytes]) -> bytes:
    """Feed *answer* as a channel does; return what it left."""
    held = b""
    for part in parts:
        held += part
        position = answer.acknowledge(b"<" + held + b">", 1, 1 + len(held))
        held = held[position - 1 :]
    return held


def outcome(module: Any, count: int, others: int, parts: Sequence[bytes]) -> Any:
    """All that can be learned from an answer."""
    answer = module.Records(count, others)
    try:
        rest = feed(answer, parts)
    except StoreError:
        return "refused"
    if not answer.done:
        return "incomplete"
    symbols = [f"S{place}" for place in range(count)]
    arguments = (symbols, "moment", EPOCH, {CONN}, NOW, NOW - 1000, NOW + 50)
    ticks, doubtful = answer.take(KINDS[module], *arguments)
    numbers, heads = np.full((24, count), 5.5), np.full((8, count), 5)
    held = answer.fill(numbers, heads, EPOCH, {CONN})
    return (
        *(rest, answer.others, str(answer.error), getattr(answer.error, "reply", None)),
        *([answer.record(place) for place in range(-1, count + 1)], doubtful, held),
        *(
            [answer.is_unreadable(place) for place in range(-1, count + 1)],
            [seen(tick) for tick in ticks],
        ),
        *(repr(numbers.tolist()), heads.tolist()),
    )


DOUBLES = st.sampled_from([0.0, -0.0, NAN, -1.0, 0.5, 5.0, math.inf, 1e-300]) | st.floats()
WHOLE = st.integers(-(2**63), 2**63 - 1)
CONTENT: Any = {
    "flags": st.integers(0, 15) | st.integers(0, 65535),
    "epoch": st.just(EPOCH) | st.integers(0, 2**32 - 1),
    "ts": st.integers(NOW - 1002, NOW - 998) | WHOLE,
    "rt": WHOLE,
    "sequence": st.just(NO_SEQUENCE) | WHOLE,
    "conn": st.just(CONN) | st.integers(0, 2**32 - 1),
}
TIME_MAX = 253_402_300_799_999
SOUND = st.builds(
    record,
    st.lists(DOUBLES, min_size=24, max_size=24),
    kind=st.sampled_from([b"C", b"P"]),
    expiry=st.integers(NOW - 1, NOW + 1) | st.integers(0, TIME_MAX),
    settle=st.sampled_from([b"USDT", b"USDC", b"12345678", b""]),
    strike=st.floats(0, exclude_min=True, allow_infinity=False),
    **CONTENT,
)
RECORDS = SOUND | st.builds(
    record,
    st.lists(DOUBLES, min_size=24, max_size=24),
    kind=st.sampled_from([b"C", b"P", b"c", b"\0", b"\xff"]),
    expiry=st.integers(-2, 2) | st.integers(TIME_MAX - 2, TIME_MAX + 2) | WHOLE,
    settle=st.sampled_from([b"USDT", b"USD\x80", b"\xff" * 8]) | st.binary(max_size=8),
    strike=DOUBLES,
    version=st.just(1) | st.integers(0, 255),
    **CONTENT,
)
ELEMENTS = st.none() | RECORDS | st.binary(max_size=300)
CUTS = st.lists(st.integers(0, 10_000), max_size=8)
REFUSALS = st.text("ABC é", max_size=20).map(Exception)
GARBAGE = st.binary(max_size=60) | st.text("*$:+-0123\r\nab", max_size=40).map(str.encode)


@given(st.lists(ELEMENTS, min_size=1, max_size=5), st.lists(VALUES | REFUSALS, max_size=4), CUTS)
def test_both_read_the_same_however_it_is_cut(
    elements: list[bytes | None], others: list[Any], cuts: list[int]
) -> None:
    data = encode(elements) + b"".join(map(encode, others))
    whole, in_pieces = [data], pieces(data, cuts)
    found = outcome(pure_records, len(elements), len(others), whole)
    assert found != "incomplete"
    assert outcome(records, len(elements), len(others), whole) == found
    assert outcome(records, len(elements), len(others), in_pieces) == found
    assert outcome(pure_records, len(elements), len(others), in_pieces) == found


def test_byte_by_byte_is_as_good_as_whole(reader: Any) -> None:
    elements = [record(), None, record(version=2), b"short", record(conn=9)]
    data = encode(elements) + b"*1\r\n:5\r\n+OK\r\n"
    found = outcome(reader, 5, 2, [data])
    assert found[1] == [b"*1\r\n:5\r\n", b"+OK\r\n"]
    assert outcome(reader, 5, 2, [data[place : place + 1] for place in range(len(data))]) == found


def test_a_cut_answer_is_never_done(reader: Any) -> None:
    data = encode([record(), None, b"short"]) + b":1\r\n"
    for cut in range(len(data)):
        assert outcome(reader, 3, 1, [data[:cut]]) == "incomplete", cut


@given(st.lists(ELEMENTS, min_size=1, max_size=3), GARBAGE)
def test_what_follows_the_answer_is_left(elements: list[bytes | None], rest: bytes) -> None:
    for module in TWINS:
        found = outcome(module, len(elements), 0, [encode(elements) + rest])
        assert found[0] == rest


@given(GARBAGE | st.builds(bytes.__add__, st.just(b"*2\r\n"), GARBAGE), CUTS, st.integers(0, 2))
@example(b"*-1\r\n", [], 0)
@example(b"*2\r\n*-1\r\n$-1\r\n", [], 0)
@example(b"*2\r\n$-1\r\n$-1\r\n+a\rb\r\n", [], 1)
@example(b"*2\r\n$-1\r\n$-1\r\n+" + b"a" * 5000 + b"\r\n", [], 1)
@example(b"*2\r\n$-1\r\n$-1\r\n" + b"*1\r\n" * 9 + b":1\r\n", [], 1)
@example(b"*2\r\n$-1\r\n$-1\r\n" + b"*1\r\n" * 3000 + b":1\r\n", [], 1)
@example(b"-" + b"a" * 5000, [], 0)
@example(b"*2\r\n$65537\r\n", [], 0)
@example(b"*3\r\n$-1\r\n", [], 0)
@example(b"*2\r\n-ERR\r\n$-1\r\n", [], 0)
def test_any_bytes_are_an_answer_or_a_part_of_one_or_refused(
    data: bytes, cuts: list[int], others: int
) -> None:
    told = outcome(records, 2, others, [data])
    twin = outcome(pure_records, 2, others, [data])
    assert twin == told
    assert outcome(records, 2, others, pieces(data, cuts)) == told
    assert outcome(pure_records, 2, others, pieces(data, cuts)) == told


def test_a_refusal_is_kept_and_what_is_behind_it_read(reader: Any) -> None:
    answer = reader.Records(2, 1)
    assert feed(answer, [b"-LOADING wait\r\n:4\r\n"]) == b""
    assert answer.done
    assert (answer.error.reply, answer.others) == ("LOADING wait", [b":4\r\n"])
    assert answer.take(KINDS[reader], ["A", "B"], None, 0, (), 0, 0, 0) == ([None, None], [0, 1])
    assert [answer.record(0), answer.is_unreadable(0)] == [None, False]


@given(SOUND)
def test_a_record_says_what_the_layout_has_at_its_places(data: bytes) -> None:
    _, kind, flags, epoch, ts, rt, sequence, conn, expiry, settle, strike, *numbers = struct.unpack(
        LAYOUT, data
    )
    is_live = epoch == EPOCH and conn == CONN and not flags & (FLAG_REST | FLAG_SUSPECT)
    expected = repr(
        [
            *("S", "m", is_live, kind.decode(), strike, settle.rstrip(b"\0").decode(), expiry),
            *(ts, rt, None if sequence == NO_SEQUENCE else sequence, flags, epoch, conn),
            *meaning(numbers).values(),
        ]
    )
    for module in TWINS:
        tick = module.decode(KINDS[module], "S", data, "m", EPOCH, {CONN})
        assert seen(tick) == expected


@given(SOUND)
def test_the_record_of_a_tick_is_one_of_the_same_tick(data: bytes) -> None:
    for module in TWINS:
        tick = module.decode(KINDS[module], "S", data, "m", EPOCH, {CONN})
        again = module.decode(KINDS[module], "S", tick.record, "m", EPOCH, {CONN})
        assert seen(again) == seen(tick)
        assert again.record == tick.record


@pytest.mark.parametrize(
    ("changes", "live"),
    [
        ({}, True),
        ({"flags": FLAG_MERGED | FLAG_TIME_SUSPECT}, True),
        ({"flags": FLAG_REST}, False),
        ({"flags": FLAG_SUSPECT}, False),
        ({"epoch": EPOCH - 1}, False),
        ({"epoch": EPOCH + 1}, False),
        ({"conn": CONN + 1}, False),
    ],
)
def test_liveness_is_of_epoch_conn_and_flags(
    reader: Any, changes: dict[str, Any], live: bool
) -> None:
    assert reader.decode(KINDS[reader], "S", record(**changes), 0, EPOCH, {CONN}).live is live


@pytest.mark.parametrize(
    ("changes", "is_doubtful"),
    [
        ({}, False),
        ({"ts": NOW - 1000}, False),
        ({"ts": NOW - 1001}, True),
        ({"ts": NOW + 50}, False),
        ({"ts": NOW + 51}, True),
        ({"expiry": NOW + 1}, False),
        ({"expiry": NOW}, True),
        ({"conn": 8}, True),
        ({"flags": FLAG_TIME_SUSPECT}, True),
        ({"version": 2}, True),
    ],
)
def test_what_is_in_doubt_is_pointed_at(
    reader: Any, changes: dict[str, Any], is_doubtful: bool
) -> None:
    answer = reader.Records(2)
    feed(answer, [encode([record(), record(**changes)])])
    times = NOW, NOW - 1000, NOW + 50
    _, doubtful = answer.take(KINDS[reader], ["A", "B"], 0, EPOCH, {CONN}, *times)
    assert doubtful == [1] * is_doubtful


FOREIGN = [
    *(b"", b"\1", record()[:-1], record() + b"\0", record(version=2)),
    *(b"\1" + b"\xff" * 255, b"\1" + bytes(255)),
    *(record(kind=b"X"), record(settle=b"USD\xd0\xa2"), record(expiry=-1)),
    *(record(expiry=TIME_MAX + 1), record(strike=NAN), record(strike=math.inf), record(strike=0.0)),
]


@pytest.mark.parametrize("data", FOREIGN)
def test_bytes_that_are_no_record_are_refused_with_the_symbol(reader: Any, data: bytes) -> None:
    with pytest.raises(StoreError, match="BTC: a record that this version"):
        reader.decode(KINDS[reader], "BTC", data, 0, EPOCH, ())


@given(st.lists(st.text("ABC019.-", max_size=45) | st.text(max_size=5), max_size=6))
def test_the_command_is_what_redis_py_would_send(symbols: list[str]) -> None:
    names = [keys.record(s if keys.is_symbol(s) else "") for s in symbols]
    packer: Any = Connection(protocol=2)  # type: ignore[no-untyped-call]
    expected = b"".join(packer.pack_command("MGET", *names))
    for module in TWINS:
        assert module.mget(symbols) == expected
        assert module.mget(tuple(symbols)) == expected


def test_a_symbol_is_a_str(reader: Any) -> None:
    with pytest.raises(TypeError, match="a symbol is a str, not 5"):
        reader.mget(["BTC", 5])


@given(VALUES | REFUSALS)
def test_a_value_is_hiredis_s(content: Any) -> None:
    data = encode(content)
    hear = hiredis.Reader(replyError=lambda words: StoreError(words, words), errors="replace")
    hear.feed(data)
    expected = hear.gets()
    for module in TWINS:
        try:
            found = value_of(module)(data)
        except StoreError:
            assert data.count(b"*") >= 5  # nested more deeply than a server's answer to us
        else:
            assert plain(found) == plain(expected)


def plain(found: Any) -> Any:
    return ("refusal", found.reply) if isinstance(found, StoreError) else found


@pytest.mark.parametrize("data", [b"", b"+", b"$3\r\nab", b"+a\r\n+b\r\n", b"*1\r\n", b"x\r\n"])
def test_what_is_not_one_whole_reply_has_no_value(reader: Any, data: bytes) -> None:
    with pytest.raises(StoreError):
        value_of(reader)(data)


@given(GARBAGE)
def test_both_find_the_same_value_or_none(data: bytes) -> None:
    found = []
    for module in TWINS:
        try:
            found.append(plain(value_of(module)(data)))
        except StoreError:
            found.append("no reply")
    assert found[0] == found[1]


@given(
    st.lists(
        st.sampled_from([record(), record(kind=b"P"), record(version=2), b"", None]), min_size=1
    )
)
def test_records_in_memory_read_like_a_reply(packed: list[bytes | None]) -> None:
    answered = encode(packed)
    for module in TWINS:
        answer = module.Records(len(packed))
        assert answer.acknowledge(answered, 0, len(answered)) == len(answered)
        records = module.Records.of(iter(packed))
        assert (records.done, records.error, records.others) == (True, None, [])
        for index in range(len(packed)):
            assert records.record(index) == answer.record(index)
            assert records.is_unreadable(index) == answer.is_unreadable(index)


def test_records_in_memory_are_bytes(reader: Any) -> None:
    with pytest.raises(TypeError):
        reader.Records.of([bytearray(SIZE)])
    with pytest.raises(ValueError, match="0 records"):
        reader.Records.of([])


def test_columns_before_the_answer_came_hold_nothing(reader: Any) -> None:
    answer = reader.Records(3)
    feed(answer, [encode([record(), None, None])[:-5]])
    numbers, heads = np.full((24, 3), 5.5), np.full((8, 3), 5)
    answer.fill(numbers, heads, EPOCH, {CONN})
    assert np.isnan(numbers[:, 1:]).all()
    assert not heads[:, 1:].any()
    with pytest.raises(ValueError, match="not those of the request"):
        answer.take(KINDS[reader], ["A", "B", "C"], 0, EPOCH, (), 0, 0, 0)


UNSET = """
import sys
from tests.core.test_records import *
import importlib
module = importlib.import_module("fastopts.core." + sys.argv[1])
answer = module.Records(50)
numbers, heads = np.full((24, 50), 5.5), np.full((8, 50), 5)
assert answer.fill(numbers, heads, EPOCH, {CONN}) == 0
assert np.isnan(numbers).all() and not heads.any()
assert [answer.record(place) for place in range(50)] == [None] * 50
feed(answer, [encode([None] * 49 + [b"x" * 255])])
ticks, doubtful = answer.take(KINDS[module], ["A"] * 50, 0, EPOCH, {CONN}, 0, 0, 0)
assert (ticks, doubtful) == ([None] * 50, list(range(50)))
empty = KINDS[module]() if sys.argv[1] == "records" else None
assert empty is None or (empty.ts_ms, empty.mark_price, empty.record) == (0, 0.0, bytes(256))
"""


@pytest.mark.parametrize("name", ["pure.records", "records"])
def test_memory_that_was_never_set_is_never_read(name: str) -> None:
    # the debug allocator fills the memory that it allocates
    subprocess.run(
        [sys.executable, "-c", UNSET, name],
        env=os.environ | {"PYTHONMALLOC": "debug"},
        check=True,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
    )


@pytest.mark.parametrize(
    ("numbers", "heads"), [((23, 2), (8, 2)), ((24, 2), (7, 2)), ((24, 1), (8, 2))]
)
def test_columns_of_another_size_are_refused(
    reader: Any, numbers: tuple[int, int], heads: tuple[int, int]
) -> None:
    answer = reader.Records(2)
    with pytest.raises(ValueError, match="size"):
        answer.fill(np.empty(numbers), np.empty(heads, dtype=np.int64), EPOCH, ())


@pytest.mark.parametrize(("count", "others"), [(0, 0), (-1, 0), (1, -1)])
def test_an_answer_of_nothing_is_none(reader: Any, count: int, others: int) -> None:
    with pytest.raises(ValueError, match="invalid numbers of replies"):
        reader.Records(count, others)


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (2, 1), (0, 5)])
def test_a_part_that_is_not_there_is_refused(reader: Any, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no such part"):
        reader.Records(1).acknowledge(b"abcd", start, end)


@pytest.mark.parametrize("name", NAMES)
def test_a_number_explains_itself_and_stays(reader: Any, name: str) -> None:
    tick = reader.decode(KINDS[reader], "S", record(), 0, EPOCH, {CONN})
    assert getattr(KINDS[reader], name).__doc__ == str(FIELDS[name])
    with pytest.raises(AttributeError, match=f"{name} can't be set"):
        setattr(tick, name, 1.0)


def test_only_a_kind_of_tick_is_made(reader: Any) -> None:
    with pytest.raises(TypeError, match="is not a subclass of Tick"):
        reader.decode(int, "BTC-27NOV26-90000-C", record(), None, EPOCH, {CONN})
    answer = reader.Records(1)
    data = encode([record()])
    answer.acknowledge(data, 0, len(data))
    with pytest.raises(TypeError, match="is not a subclass of Tick"):
        answer.take(int, ["BTC-27NOV26-90000-C"], None, EPOCH, {CONN}, NOW, 0, NOW)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"%1\r\n", b"_\r\n", b"*1048577\r\n", b"$536870913\r\n", b"$-2\r\n", b"*1\r\n" * 5),
        *(b":01\r\n", b"+a\nb\r\n", b"$1\r\nabc\r\n", b"+" + b"a" * 5000),
    ],
)
def test_an_invalid_reply_is_an_error_as_value_and_behind_records(reader: Any, raw: bytes) -> None:
    with pytest.raises(StoreError, match=r"not RESP|not one reply"):
        value_of(reader)(raw)
    data = encode([None]) + raw
    answer = reader.Records(1, 1)
    with pytest.raises(StoreError, match="not RESP"):
        answer.acknowledge(data, 0, len(data))


def test_an_unreadable_record_ends_with_its_line_or_is_no_resp(reader: Any) -> None:
    data = encode([b"x" * 255])[:-2] + b"xx"
    with pytest.raises(StoreError, match="not RESP"):
        reader.Records(1).acknowledge(data, 0, len(data))


BIG = b"v" * 100_000
SKIPPED = b"-ERR a reply of more than 32 KiB\r\n"


@pytest.mark.parametrize("step", [1, 7, 65_536, 1_000_000])
@pytest.mark.parametrize("size", [0, 255, 257, 65_500, 65_537, 100_000])
def test_a_value_of_another_size_is_unreadable_and_the_rest_is_read(
    reader: Any, size: int, step: int
) -> None:
    data = encode([record(), BIG[:size], record(conn=9), None]) + b":4\r\n"
    answer = reader.Records(4, 1)
    held = b""
    for start in range(0, len(data), step):
        held += data[start : start + step]
        held = held[answer.acknowledge(held, 0, len(held)) :]
        assert len(held) < SIZE + 8  # nothing of the skipped value is kept
    assert answer.done
    assert [answer.record(place) for place in range(4)] == [record(), None, record(conn=9), None]
    assert [answer.is_unreadable(place) for place in range(4)] == [False, True, False, False]
    assert answer.others == [b":4\r\n"]


@pytest.mark.parametrize("step", [64, 4096, 65_536, 1_000_000])
@pytest.mark.parametrize(
    "big",
    [
        *(BIG, [b"mp", BIG], [None, [b"a", [1, BIG]], Exception("no"), "yes"]),
        *([b"x" * 1000] * 100, [[], [], BIG, []]),
    ],
)
def test_a_big_reply_behind_the_records_becomes_an_error(reader: Any, big: Any, step: int) -> None:
    data = encode([None]) + encode([b"small"]) + encode(big) + b":4\r\n"
    answer = reader.Records(1, 3)
    held = b""
    for start in range(0, len(data), step):
        held += data[start : start + step]
        held = held[answer.acknowledge(held, 0, len(held)) :]
        assert len(held) <= 32_768 + step
    assert answer.done
    assert answer.others == [encode([b"small"]), SKIPPED, b":4\r\n"]
    assert isinstance(value_of(reader)(answer.others[1]), StoreError)


def test_a_skipped_value_ends_with_its_line_or_is_no_resp(reader: Any) -> None:
    for data, others in ((b"*1\r\n" + encode(BIG), 0), (encode([None]) + encode(BIG), 1)):
        answer = reader.Records(1, others)
        bad = data[:-2] + b"xx"
        cut = len(bad) - 50
        assert answer.acknowledge(bad, 0, cut) == cut
        with pytest.raises(StoreError, match="not RESP"):
            answer.acknowledge(bad, cut, len(bad))
