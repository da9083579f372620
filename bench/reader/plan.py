"""Groups of calls to compare, number and length of their turns."""

from dataclasses import dataclass

__all__ = (
    "APART",
    "CACHED",
    "CHAIN",
    "FULL",
    "MANY",
    "MIRRORED",
    "MIRROR_HELD",
    "ONE",
    "ONE_CORE",
    "PING",
    "QUICK",
    "SCAN",
    "TEXTS",
    "Group",
    "ReaderPlan",
    "Row",
)

APART, ONE_CORE = "apart", "one core"  # the server's core, relative to the reader's

_CONTENDERS = "bench.reader.contenders"
FLOOR, PRODUCT = f"{_CONTENDERS}.floor", f"{_CONTENDERS}.fastopts_reader"
PYREDIS, BASELINE = f"{_CONTENDERS}.pyredis", f"{_CONTENDERS}.baseline"
MIRROR = f"{_CONTENDERS}.mirror"


@dataclass(frozen=True, slots=True)
class Row:
    """A call under test, in a process of its own."""

    title: str
    module: str
    call: str
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that read the same data. *floor* leaves the same reply unparsed, if there is one."""

    title: str
    floor: Row | None
    product: Row
    rivals: tuple[Row, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All calls of the group, in the order of the table."""
        return (*((self.floor,) if self.floor else ()), self.product, *self.rivals)


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """In each round each call has one turn of *turn_s*, with at least *calls* calls.

    *starts* is the number of new processes per program of `bench.reader.startup`.
    """

    groups: tuple[Group, ...]
    rounds: int
    turn_s: float
    calls: int
    starts: int


# The smallest round trip: every other call is also given as a multiple of it.
PING = Row("PING", FLOOR, "ping")
ONE = Group(
    "one option",
    Row("unparsed reply", FLOOR, "single"),
    Row("fastopts get", PRODUCT, "get"),
    (
        Row("redis-py HGETALL, floats", PYREDIS, "hgetall"),
        Row("baseline, HGET of the price", BASELINE, "direct"),
    ),
)
MANY = Group(
    "100 options",
    Row("unparsed reply", FLOOR, "many"),
    Row("fastopts get_many", PRODUCT, "get_many"),
    (
        Row("fastopts get_many, pure", PRODUCT, "get_many", (("FASTOPTS_PURE", "1"),)),
        Row("redis-py MGET of records, struct", PYREDIS, "mget_many"),
        Row("redis-py HMGET of 3 fields, floats", PYREDIS, "hmget_many"),
        Row("redis-py HGETALL, floats", PYREDIS, "hgetall_many"),
        Row("baseline, batch of 3 fields", BASELINE, "batch"),
    ),
)
CHAIN = Group(
    "a chain of 100",
    Row("unparsed reply", FLOOR, "series"),
    Row("fastopts chain", PRODUCT, "chain"),
    (),
)
SCAN = Group(
    "2,000 scanned by IV",
    Row("unparsed reply", FLOOR, "universe"),
    Row("fastopts scan", PRODUCT, "scan"),
    (
        Row("redis-py MGET of records, struct", PYREDIS, "mget_scan"),
        Row("baseline, SCAN and batches", BASELINE, "scan"),
    ),
)
TEXTS = Group(
    "100 options, all fields as text",
    Row("unparsed reply", FLOOR, "texts"),
    Row("fastopts text_many", PRODUCT, "text_many"),
    (Row("redis-py HGETALL", PYREDIS, "hgetall_texts"),),
)
MIRRORED = Group("one option, out of a mirror", None, Row("fastopts mirror.get", MIRROR, "get"), ())
CACHED = Group(
    "one option, out of a cache",
    None,
    Row("fastopts.compat, cached hit", PRODUCT, "compat_cached"),
    (Row("baseline, cached hit", BASELINE, "cached"),),
)
# Without a turn among the calls: `bench.reader.mirror` measures the process that holds it.
MIRROR_HELD = Row("fastopts mirror", MIRROR, "hold")

# Short turns and several rounds, so that a slow moment of a shared machine hits all calls alike.
GROUPS = (ONE, MANY, CHAIN, SCAN, TEXTS, MIRRORED, CACHED)
# At least *calls* calls per turn, as the slowest takes tens of ms; *starts* of 0.1 s or more each.
FULL = ReaderPlan(GROUPS, rounds=9, turn_s=0.25, calls=20, starts=15)
QUICK = ReaderPlan(GROUPS, rounds=3, turn_s=0.05, calls=5, starts=3)
