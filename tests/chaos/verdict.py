"""What must hold once the last fault has ended."""

import contextlib
import math
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import redis

from fastopts.errors import FastoptsError
from fastopts.reader import Absent, OptionReader
from tests.chaos.system import System
from tests.support.oracle import FIELDS, expected_hash
from tests.support.store import LAYOUT, SHORT

__all__ = ("differences", "judge", "standstill")

LIVE_WITHIN_S: Final = 90.0
EQUAL_WITHIN_S: Final = 10.0
LOG_BYTES_MAX: Final = 1_000_000


def judge(system: System) -> tuple[list[str], float]:
    """What is wrong, and how many seconds it took until every symbol was live again."""
    started = time.monotonic()
    found = _until_none(lambda: _not_live(system), LIVE_WITHIN_S)
    recovery_s = time.monotonic() - started
    with standstill(system) as left:
        found += left
    return found + _books(system) + _logs(system), recovery_s


@contextlib.contextmanager
def standstill(system: System) -> Iterator[list[str]]:
    """The venue sends nothing for as long; gives the differences that were still left."""
    system.venue.do(lambda sim: sim.pause())
    try:
        yield _until_none(lambda: differences(system), EQUAL_WITHIN_S)
    finally:
        system.venue.do(lambda sim: sim.resume())


def _until_none(look: Callable[[], list[str]], seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _not_live(system: System) -> list[str]:
    """Symbols that a reader would not take."""
    symbols = system.venue.do(lambda sim: sorted(sim.symbols))
    try:
        with OptionReader(system.reader_url, venue="sim") as reader:
            options = reader.get_many(symbols, require_live=False)
    except FastoptsError as error:
        return [str(error)]
    dead = [o.symbol for o in options if isinstance(o, Absent) or not o.live]
    return [f"{len(dead)} of {len(symbols)} are not live, such as {dead[0]}"] if dead else []


def differences(system: System) -> list[str]:
    """Hashes and records that are not what the venue sent last."""
    frames = system.venue.last()
    pipe = system.valkey.client.pipeline(transaction=False)
    for symbol in frames:
        pipe.hgetall(f"option:{symbol}")
    hashes = pipe.execute()
    with redis.Redis(port=system.valkey.port, protocol=2) as client:
        records = client.mget([f"optrec:{symbol}" for symbol in frames])
    return [
        f"{symbol}: {fault}"
        for (symbol, frame), hash_, record in zip(frames.items(), hashes, records, strict=True)
        for fault in (*_hash_faults(frame, hash_), *_record_faults(frame, record))
    ]


def _hash_faults(frame: dict[str, Any], held: dict[str, str]) -> list[str]:
    expected = expected_hash(frame)
    extra = held.keys() - expected.keys() - {"rt", "cn"}
    return [
        f"{name} is {held.get(name)}, not {expected.get(name)}"
        for name in sorted(expected.keys() | extra)
        if held.get(name) != expected.get(name)
    ]


def _record_faults(frame: dict[str, Any], record: bytes | None) -> list[str]:
    if record is None:
        return ["there is no record"]
    _, _, _, _, tm, _, sequence, *rest = struct.unpack(LAYOUT, record)
    texts = {short: frame["data"].get(name) for name, short in FIELDS.items()}
    faults = []
    if tm != frame["ts"] or str(sequence) != frame["id"].split("-")[-2]:
        faults.append(f"the record is of {tm}")
    for short, number in zip(SHORT.values(), rest[-len(SHORT) :], strict=True):
        text = texts[short]
        if not (math.isnan(number) if not text else number == float(text)):
            faults.append(f"the record's {short} is {number}, not {text}")
    return faults


def _books(system: System) -> list[str]:
    """The loss equations of the current writer."""
    told = system.valkey.client.hgetall("stats")
    stats = {name: int(text) for name, text in told.items() if str(text).isdecimal()}
    sides = {
        "received": stats["applied"] + stats["older"] + stats["rejected"],
        "applied": stats["written"] + stats["conflated"] + stats["pending"],
    }
    return [
        f"the books: {name} is {stats[name]}, not {total}"
        for name, total in sides.items()
        if stats[name] != total
    ]


def _logs(system: System) -> list[str]:
    found = []
    for collector in system.collectors:
        text = collector.log.read_bytes()
        if len(text) > LOG_BYTES_MAX:
            found.append(f"{collector.log.name}: {len(text)} bytes of log")
        if b"Traceback" in text:
            found.append(f"{collector.log.name}: {text[text.index(b'Traceback') :][:2000]!r}")
    return found
