"""Comparison of Redis with the last frame of every symbol, and of the collector's counters."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import redis

from fastopts import keys, model
from fastopts.venues.bybit.fields import WEBSOCKET

__all__ = ("COUNTERS", "comparable", "differences", "expected", "imbalances")

COUNTERS = ("received", "applied", "older", "rejected", "written", "conflated", "pending")

# Set by the collector: receive time and connection of a tick.
COLLECTOR_FIELDS = frozenset({b"rt", b"cn"})


def expected(payload: bytes) -> tuple[str, dict[bytes, bytes]]:
    """Return the symbol of a ticker, and exactly the fields that its hash must have."""
    # Independent of the product's parser on purpose: a bug in that must not hide itself.
    frame = orjson.loads(payload)
    data = frame["data"]
    fields = {short: data[name] for name, short in WEBSOCKET.items() if data.get(name)}
    fields["tm"] = str(frame["ts"])
    fields["ts"] = str(frame["ts"] // 1000)
    fields["sq"] = frame["id"].split("-")[-2]
    return data["symbol"], {name.encode(): text.encode() for name, text in fields.items()}


def comparable(hash_: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return a hash without the fields that can't be derived from the frame."""
    return {name: text for name, text in hash_.items() if name not in COLLECTOR_FIELDS}


def differences(payloads: Iterable[bytes], redis_url: str) -> list[str]:
    """Compare every field of `option:{symbol}`, and the record, with the last payload sent.

    Return "SYMBOL FIELD" or "SYMBOL record" for each difference.
    """
    expectations = dict(map(expected, payloads))
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        # One pipeline for thousands of symbols: a round trip each would take longer than a pause.
        pipe = client.pipeline(transaction=False)
        for symbol in expectations:
            pipe.hgetall(keys.option(symbol))
        hashes = dict(zip(expectations, pipe.execute(), strict=True))
        records: list[bytes | None] = client.mget(map(keys.record, expectations))
    faults: list[str] = []
    for symbol, fields in expectations.items():
        stored = comparable(hashes[symbol])
        names = {name for name in fields | stored if fields.get(name) != stored.get(name)}
        faults += [f"{symbol} {name.decode()}" for name in sorted(names)]
    pairs = zip(expectations.items(), records, strict=True)
    return faults + [f"{s} record" for (s, fields), raw in pairs if not _is_record_of(fields, raw)]


def _is_record_of(fields: Mapping[bytes, bytes], raw: bytes | None) -> bool:
    """Whether a record has the same values as the hash's *fields*."""
    if raw is None or len(raw) != model.RECORD.size:
        return False
    _, _, _, _, tm, _, sequence, *rest = model.RECORD.unpack(raw)
    # Exact equality: the collector must parse to the nearest float, as float() does.
    numbers = rest[-len(model.NUMBERS) :]
    texts = [fields.get(short.encode()) for short, _ in model.NUMBERS]
    return (tm, sequence) == (int(fields[b"tm"]), int(fields[b"sq"])) and all(
        math.isnan(number) if text is None else number == float(text)
        for number, text in zip(numbers, texts, strict=True)
    )


def imbalances(status: Mapping[str, Any], sent: int) -> list[str]:
    """Return the violated equations of a collector's final counters.

    Each message *sent* by the load source is in exactly one counter, so nothing can be lost
    without a trace.
    """
    received, applied, older, rejected, written, conflated, pending = (
        status[name] for name in COUNTERS
    )
    sides = {
        "sent = received": (sent, received),
        "received = applied + older + rejected": (received, applied + older + rejected),
        "applied = written + conflated + pending": (applied, written + conflated + pending),
    }
    return [f"{name}: {lhs} and {rhs}" for name, (lhs, rhs) in sides.items() if lhs != rhs]
