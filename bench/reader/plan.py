"""Which call is measured beside which others, how often and for how long."""

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
    "Plan",
    "Row",
)

APART, ONE_CORE = "apart", "one core"  # where the server is, seen from the reader

_CONTENDERS = "bench.reader.contenders"
FLOOR, OURS = f"{_CONTENDERS}.floor", f"{_CONTENDERS}.ours"
PYREDIS, BASELINE = f"{_CONTENDERS}.pyredis", f"{_CONTENDERS}.baseline"
MIRROR = f"{_CONTENDERS}.mirror"


@dataclass(frozen=True, slots=True)
class Row:
    """One call, in a process of its own."""

    title: str
    module: str
    call: str
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that answer one question. *floor* is the same reply left unparsed, if there is one."""

    title: str
    floor: Row | None
    ours: Row
    others: tuple[Row, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        return (*((self.floor,) if self.floor else ()), self.ours, *self.others)


@dataclass(frozen=True, slots=True)
class Plan:
    """One turn of *turn_s* for each call in each round; in each, *calls* calls at least."""

    groups: tuple[Group, ...]
    rounds: int
    turn_s: float
    calls: int
    starts: int


PING = Row("PING", FLOOR, "ping")
ONE = Group(
    "one option",
    Row("the reply left unparsed", FLOOR, "one"),
    Row("fastopts get", OURS, "get"),
    (
        Row("redis-py HGETALL, floats", PYREDIS, "hgetall"),
        Row("baseline, HGET of the price", BASELINE, "direct"),
    ),
)
MANY = Group(
    "100 options",
    Row("the reply left unparsed", FLOOR, "many"),
    Row("fastopts get_many", OURS, "get_many"),
    (
        Row("fastopts get_many, pure", OURS, "get_many", (("FASTOPTS_PURE", "1"),)),
        Row("redis-py MGET of records, struct", PYREDIS, "mget_many"),
        Row("redis-py HMGET of 3 fields, floats", PYREDIS, "hmget_many"),
        Row("redis-py HGETALL, floats", PYREDIS, "hgetall_many"),
        Row("baseline, batch of 3 fields", BASELINE, "batch"),
    ),
)
CHAIN = Group(
    "a chain of 100",
    Row("the reply left unparsed", FLOOR, "series"),
    Row("fastopts chain", OURS, "chain"),
    (),
)
SCAN = Group(
    "2,000 scanned by IV",
    Row("the reply left unparsed", FLOOR, "everything"),
    Row("fastopts scan", OURS, "scan"),
    (
        Row("redis-py MGET of records, struct", PYREDIS, "mget_scan"),
        Row("baseline, SCAN and batches", BASELINE, "scan"),
    ),
)
TEXTS = Group(
    "100 options, all fields as text",
    Row("the reply left unparsed", FLOOR, "texts"),
    Row("fastopts text_many", OURS, "text_many"),
    (Row("redis-py HGETALL", PYREDIS, "hgetall_texts"),),
)
MIRRORED = Group("one option, out of a mirror", None, Row("fastopts mirror.get", MIRROR, "get"), ())
CACHED = Group(
    "one option, out of a cache",
    None,
    Row("fastopts.compat, cached hit", OURS, "compat_cached"),
    (Row("baseline, cached hit", BASELINE, "cached"),),
)
MIRROR_HELD = Row("fastopts mirror", MIRROR, "hold")

GROUPS = (ONE, MANY, CHAIN, SCAN, TEXTS, MIRRORED, CACHED)
FULL = Plan(GROUPS, rounds=9, turn_s=0.25, calls=20, starts=15)
QUICK = Plan(GROUPS, rounds=3, turn_s=0.05, calls=5, starts=3)
