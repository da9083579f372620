"""Misuse of the compiled classes raises and never crashes. Each case runs in its own process."""

import os
import subprocess
import sys

import pytest

from tests.support.processes import environ

BEFORE = """
import copy, faulthandler, pickle
faulthandler.enable()
from fastopts.core.batch import Batch
from fastopts.core.records import Number, Records, Tick, decode, mget
from fastopts.core.reply import value
from fastopts.core.table import Inlet, Table
from fastopts.core.ticker import Grammar
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX

S = "BTC-27NOV99-90000-C-USDT"
FRAME = (
    b'{"topic":"tickers.%b","ts":%d,"type":"snapshot","data":{"symbol":"%b","bidPrice":"%d"}}'
)

def frame(ts, price=1):
    return FRAME % (S.encode(), ts, S.encode(), price)

def grammar():
    return Grammar(TOPIC_PREFIX, TICKER_FIELDS)

def table(*symbols):
    made = Table(grammar())
    for symbol in symbols or (S,):
        made.add(symbol, 10**13, 1.0, "C", "USDT")
    return made

def ticked():
    made = table()
    made.inlet(1).message(frame(10**12), 1)
    return made

def answered(count=1):
    made = Records(count)
    data = b"*%d\\r\\n" % count + b"$256\\r\\n%b\\r\\n" % RECORD * count
    made.acknowledge(data, 0, len(data))
    return made

RECORD = ticked().record(S)
class Named(Tick):
    pass

def expect(error, call):
    try:
        call()
    except error:
        return
    raise SystemExit(f"no {error}")
"""

CASES = {
    # A class's __new__ without its arguments, and a second __init__
    "new_table": "expect(TypeError, lambda: Table.__new__(Table))",
    "new_batch": "expect(TypeError, lambda: Batch.__new__(Batch))",
    "new_inlet": "expect(TypeError, lambda: Inlet.__new__(Inlet))",
    "new_grammar": "expect(TypeError, lambda: Grammar.__new__(Grammar))",
    "new_records": "expect(TypeError, lambda: Records.__new__(Records))",
    "new_number": "expect(TypeError, lambda: Number.__new__(Number))",
    "new_of_none": """
for kind in (Batch, Grammar, Number, Records, Table):
    expect(TypeError, lambda: kind(None))
expect(TypeError, lambda: Inlet(None, 1))
expect(TypeError, lambda: Table("grammar"))
expect(TypeError, lambda: Batch(grammar()))
""",
    "new_tick": """
tick = Named.__new__(Named)
assert (tick.symbol, tick.moment, tick.live, tick.settle) == (None, None, False, "")
assert len(tick.record) == 256
""",
    "second_init": """
made = ticked()
batch, inlet, words, answer = Batch(made), made.inlet(2), grammar(), answered()
sent = batch.encode(1)
for one, arguments in (
    (batch, (table(),)), (inlet, (table(), 5)), (made, (grammar(),)), (words, ("x", {})),
    (answer, (10**6,)), (Number("delta"), ("gamma",)),
):
    try:
        one.__init__(*arguments)
    except TypeError:
        pass
inlet.message(frame(10**12 + 1), 1)
batch.abandon()
assert batch.encode(1)
assert (inlet.conn, made.received, answer.count) == (2, 2, 1)
assert answer.record(5) is None
""",
    # Counts and positions
    "negative_counts": """
many = table(*(f"B-{i}" for i in range(50)))
for count in (-1, -7, -(2**40), -(2**70)):
    expect((ValueError, OverflowError), lambda: many.mark_whole(count))
many.mark_whole(0); many.mark_whole(2**70); many.mark_whole(3); many.mark_whole()
expect(TypeError, lambda: many.mark_whole(1.5))
for count in (0, -1, 2**20 + 1, 2**56, 2**60, 2**63 - 1):
    expect((ValueError, OverflowError), lambda: Records(count))
expect(ValueError, lambda: Records(1, -1))
assert Batch(ticked()).encode(1, -5) == b""
expect(OverflowError, lambda: table().inlet(-1))
expect(OverflowError, lambda: setattr(table(), "epoch", -1))
answer = answered()
assert answer.record(-1) is answer.record(2**40) is None
assert not answer.is_unreadable(-1)
""",
    "parts_of_buffers": """
view = memoryview(bytearray(10))
view.release()
calls = (
    table().inlet(1).scan, Batch(table()).acknowledge, Records(1).acknowledge
)
for call in calls:
    for start, end in ((-1, 1), (1, 0), (0, 10), (2**62, 2**62)):
        expect(ValueError, lambda: call(b"abc", start, end, *([1] if "scan" in repr(call) else [])))
    more = [1] if "scan" in repr(call) else []
    expect((ValueError, BufferError), lambda: call(view, 0, 1, *more))
    expect((TypeError, BufferError), lambda: call(memoryview(b"abcdef")[::2], 0, 3, *more))
    for odd in (None, "text", 5, []):
        expect(TypeError, lambda: call(odd, 0, 0, *more))
""",
    "columns": """
import array
answer = answered(2)
for numbers, heads in (
    (bytearray(24 * 16), bytearray(8)), (bytearray(8), bytearray(8 * 16)),
    (bytearray(0), bytearray(0)),
):
    expect(ValueError, lambda: answer.fill(numbers, heads, 1, ()))
expect((TypeError, BufferError), lambda: answer.fill(bytes(24 * 16), bytearray(8 * 16), 1, ()))
expect(TypeError, lambda: answer.fill(None, None, 1, ()))
assert answer.fill(bytearray(24 * 16), bytearray(8 * 16), 1, ()) == 2
""",
    "symbols_of_another_length": """
answer = answered(2)
for symbols in ((), ("A",), ("A", "B", "C")):
    expect(ValueError, lambda: answer.take(Named, symbols, None, 1, (), 1, 1, 1))
expect(ValueError, lambda: Records(1).take(Named, ["A"], None, 1, (), 1, 1, 1))
for symbols in (None, 5, [1, 2], {"A": 1, "B": 2}):
    expect((TypeError, KeyError), lambda: answer.take(Named, symbols, None, 1, (), 1, 1, 1))
for kind in (int, object, type, None, 5):
    expect(TypeError, lambda: answer.take(kind, ["A", "B"], None, 1, (), 1, 1, 1))
    expect(TypeError, lambda: decode(kind, "A", RECORD, None, 1, ()))
""",
    # Re-entry
    "a_row_that_retires": """
made = table()
class Row(dict):
    def items(self):
        made.retire(S)
        return [("bp", "1")]
expect(KeyError, lambda: made.put_rest(S, Row(), 1, 1))
rest = [bytearray(1300) for _ in range(500)]
assert len(made) == 0
made.mark_whole(); Batch(made).encode(1)
""",
    "a_row_that_grows": """
made = table()
class Row(dict):
    def items(self):
        for i in range(5000):
            made.add(f"B-{i}", 1, 1.0, "C", "U")
        made.mark_whole()
        return [("bp", "1")]
assert made.put_rest(S, Row(), 1, 1)
assert made.fields(S)["bp"] == "1"
""",
    "a_text_that_is_none": """
class Text(str):
    def __str__(self): return "9" * 5000
    def __len__(self): return 1
    def encode(self, *_): return b"9" * 5000
made = table()
expect(ValueError, lambda: made.put_rest(S, {"bp": Text("1")}, 1, 1))
made.put_rest(S, {"ap": "1" * 5000, "mp": 1e300, "lp": None, "bp": "7"}, 1, 1)
assert made.fields(S)["bp"] == "7"
assert "ap" not in made.fields(S)
expect(TypeError, lambda: Grammar("t", {Text("a"): 0}))
assert len(mget([Text("A" * 39)] * 100)) < 10_000
""",
    "connections_that_retire": """
made = ticked()
class Conns(set):
    def __contains__(self, conn):
        made.retire(S)
        return False
class Conn(int):
    def __hash__(self): return 1
    def __eq__(self, other):
        made.retire(S)
        return False
made.delivering = {Conn(1)}
try:
    made.put_rest(S, {"bp": "5"}, 10**13, 1)
except KeyError:
    pass
rest = [bytearray(1300) for _ in range(500)]
made.mark_whole(); Batch(made).encode(1)
""",
    "an_index_that_is_none": """
class Index:
    def __init__(self, number): self.number = number
    def __ge__(self, other): return True
    def __le__(self, other): return True
    def __gt__(self, other): return True
    def __index__(self): return self.number
for number in (200, -1, 10**6, 2**70):
    expect((ValueError, OverflowError, TypeError), lambda: Grammar("t", {"a": Index(number)}))
for number in (25, -1, 10**6, 1.5, float("nan"), None, "1"):
    expect((ValueError, TypeError, OverflowError), lambda: Grammar("t", {"a": number}))
expect(ValueError, lambda: Grammar("t" * 33, {}))
expect(UnicodeEncodeError, lambda: Grammar("t", {"\\u00e9" * 16: 0}))
""",
    "conns_that_read_on": """
answer = answered(3)
class Conns:
    def __contains__(self, conn):
        answer.acknowledge(b"", 0, 0)
        answer.record(0)
        raise LookupError
expect(LookupError, lambda: answer.take(Named, ["A"] * 3, None, RECORD_EPOCH, Conns(), 1, 1, 1))
""".replace("RECORD_EPOCH", "0"),
    "finalizers": """
import gc
REFUSED = b"-ERR x\\r\\n+OK\\r\\n"
made = ticked()
batch = Batch(made)
batch.encode(1)
class Late:
    def __init__(self): self.me = self
    def __del__(self):
        for call in (batch.abandon, lambda: batch.encode(1), lambda: made.retire(S)):
            try: call()
            except Exception: pass
gc.set_threshold(1, 1, 1)
for _ in range(300):
    Late()
    for call in (lambda: batch.acknowledge(REFUSED, 0, len(REFUSED)), lambda: batch.encode(1)):
        try: call()
        except Exception: pass
    if S not in made:
        made.add(S, 10**13, 1.0, "C", "USDT")
    made.inlet(1).message(frame(10**12 + _), 1)
""",
    # One table, several batches
    "two_batches": """
made = ticked()
inlet, a, b = made.inlet(1), Batch(made), Batch(made)
a.encode(1)
inlet.message(frame(10**12 + 5), 1)
b.encode(1)
made.retire(S)
a.acknowledge(b":2\\r\\n+OK\\r\\n", 0, 9)
rest = [bytearray(1300) for _ in range(1000)]
try: b.acknowledge(b":0\\r\\n+OK\\r\\n" * 3, 0, 27)
except Exception: pass
b.abandon(); a.abandon()
for one in (a, b): one.encode(1)
""",
    "retired_in_flight": """
made = ticked()
batch = Batch(made)
batch.encode(1)
made.retire(S)
batch.abandon()
batch.encode(1)
assert len(made) == 1
try: batch.acknowledge(b"*-1\\r\\n" * 20, 0, 100)
except Exception: pass
made.retire(S)
made.retire(S)
""",
    # Copies
    "copies": """
made = ticked()
for one in (made, Batch(made), made.inlet(1), grammar(), answered(), Number("delta")):
    for call in (copy.copy, copy.deepcopy, pickle.dumps):
        expect(TypeError, lambda: call(one))
    if hasattr(one, "__setstate_cython__"):
        expect(TypeError, lambda: one.__setstate_cython__((10**6, "x")))
""",
    "threads": """
import threading
made = ticked()
inlet, batch = made.inlet(1), Batch(made)
def work():
    for k in range(2000):
        inlet.message(frame(10**12 + k), k)
        made.mark_whole()
        try:
            batch.encode(1)
            batch.abandon()
        except RuntimeError:
            pass
threads = [threading.Thread(target=work) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
assert made.received == 8001
""",
    "names_and_terms": """
made = table()
for symbol in ("A" * 41, "", "\\ud800", "A\\0B", "a", "A B"):
    expect(ValueError, lambda: made.add(symbol, 1, 1.0, "C", "U"))
for arguments in (("A", 1, 1.0, None, "U"), ("A", 1, 1.0, "C", None), (None, 1, 1.0, "C", "U")):
    expect(TypeError, lambda: made.add(*arguments))
expect(ValueError, lambda: made.add("A", 1, 1.0, "C", "USDTUSDTU"))
expect(ValueError, lambda: made.add("A", 1, 1.0, "X", "U"))
expect(OverflowError, lambda: made.add("A", 2**63, 1.0, "C", "U"))
expect(KeyError, lambda: made.put_rest(S, {"zz": "1"}, 1, 1))
expect(AttributeError, lambda: made.put_rest(S, None, 1, 1))
expect(ValueError, lambda: made.reject("zzz", b""))
expect(TypeError, lambda: made.reject(None))
expect(KeyError, lambda: made.release("zz"))
expect(TypeError, lambda: setattr(made, "delivering", [1]))
""",
}

FUZZ = """
import random
luck = random.Random(int(SEED))
class Odd:
    def __index__(self): return luck.choice([0, -1, 2**31, 2**70])
    def __len__(self): return luck.choice([0, 1, 5])
    def __getitem__(self, at): return luck.choice(["A", None, at])
    def __contains__(self, one): return luck.random() < 0.5
    def __iter__(self): return iter(["A", None, S])
    def items(self): return [("bp", "1"), ("mp", self)]
POOL = [
    None, True, 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 2**64, 1.5, float("nan"), "", "A", S,
    "C", "USDT", b"", b"x", RECORD, bytearray(256), memoryview(b"*1\\r\\n$-1\\r\\n"),
    frame(10**12 + 9), "A" * 41,
    (), [], ["A"], [S], {}, {"bp": "1"}, {"a": 1}, set(), {1}, Named, Tick, int, Odd(), object(),
    b":1\\r\\n+OK\\r\\n", b"-ERR\\r\\n", b"*1\\r\\n$256\\r\\n" + RECORD + b"\\r\\n", "bp", "delta",
    b"\\x81\\x02{}", "not_json",
]
made = ticked()
things = [
    made, made.inlet(1), Batch(made), grammar(), answered(), Records(1, 1), Number("delta"),
    decode(Named, S, RECORD, None, 0, ()), Table, Batch, Inlet, Grammar, Records, Number, Named
]
functions = [decode, mget, value]
for _ in range(4000):
    thing = luck.choice([*things, *functions])
    if thing in functions:
        call = thing
    else:
        names = [name for name in dir(thing) if not name.startswith("__")]
        name = luck.choice([*names, "__init__", "__new__"])
        try: call = getattr(thing, name)
        except (AttributeError, TypeError): continue
    if isinstance(thing, type) and luck.random() < 0.5:
        call = thing
    arguments = [luck.choice([*POOL, *things]) for _ in range(luck.randrange(8))]
    try:
        got = call(*arguments) if callable(call) else call
        if type(got) in (Table, Batch, Inlet, Grammar, Records, Named) and len(things) < 60:
            things.append(got)
    except (Exception, SystemExit):
        pass
"""


def run(code: str) -> None:
    """In a process whose freed memory is overwritten, so that a use of it is noticed."""
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + code],
        capture_output=True,
        text=True,
        timeout=300,
        env=environ(PYTHONMALLOC="debug", MALLOC_PERTURB_="165"),
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stdout[-500:], done.stderr[-3000:])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_RR_13_misuse_of_a_compiled_class_raises(case: str) -> None:
    run(case)


@pytest.mark.parametrize("seed", range(4))
def test_RR_13_any_call_with_any_arguments_leaves_the_process_alive(seed: int) -> None:
    run(f"SEED = {seed + int(os.environ.get('FASTOPTS_FUZZ_SEED', '0'))}\n{FUZZ}")
