"""What Redis holds against the last frame sent of every symbol; and whether the books balance."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import redis

from fastopts import keys, model
from fastopts.venues.bybit.fields import WEBSOCKET

__all__ = ("COUNTERS", "differences", "imbalances", "kept", "wanted")

COUNTERS = ("received", "applied", "older", "rejected", "written", "conflated", "pending")

ITS_OWN = frozenset({b"rt", b"cn"})  # when and over which connection a tick came


def wanted(payload: bytes) -> tuple[str, dict[bytes, bytes]]:
    """The symbol of a ticker, and the fields that its hash must have, and no others."""
    frame = orjson.loads(payload)
    data = frame["data"]
    fields = {short: data[name] for name, short in WEBSOCKET.items() if data.get(name)}
    fields["tm"] = str(frame["ts"])
    fields["ts"] = str(frame["ts"] // 1000)
    fields["sq"] = frame["id"].split("-")[-2]
    return data["symbol"], {name.encode(): text.encode() for name, text in fields.items()}


def kept(hash_: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """A hash without the fields that only the collector knows."""
    return {name: text for name, text in hash_.items() if name not in ITS_OWN}


def differences(payloads: Iterable[bytes], redis_url: str) -> list[str]:
    """Compare every field of `option:{symbol}`, and the record, with the last payload sent; name
    what differs."""
    expected = dict(map(wanted, payloads))
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        pipe = client.pipeline(transaction=False)
        for symbol in expected:
            pipe.hgetall(keys.option(symbol))
        found = dict(zip(expected, pipe.execute(), strict=True))
        records: list[bytes | None] = client.mget(map(keys.record, expected))
    faults: list[str] = []
    for symbol, fields in expected.items():
        there = kept(found[symbol])
        names = {name for name in fields | there if fields.get(name) != there.get(name)}
        faults += [f"{symbol} {name.decode()}" for name in sorted(names)]
    pairs = zip(expected.items(), records, strict=True)
    return faults + [f"{s} record" for (s, fields), raw in pairs if not _is_record_of(fields, raw)]


def _is_record_of(fields: Mapping[bytes, bytes], raw: bytes | None) -> bool:
    """Whether a record says the same as the hash's *fields*."""
    if raw is None or len(raw) != model.RECORD.size:
        return False
    _, _, _, _, tm, _, sequence, *rest = model.RECORD.unpack(raw)
    numbers = rest[-len(model.NUMBERS) :]
    texts = [fields.get(short.encode()) for short, _ in model.NUMBERS]
    return (tm, sequence) == (int(fields[b"tm"]), int(fields[b"sq"])) and all(
        math.isnan(number) if text is None else number == float(text)
        for number, text in zip(numbers, texts, strict=True)
    )


def imbalances(status: Mapping[str, Any], sent: int) -> list[str]:
    """The loss equations of a collector's status; *sent*: what the load source counted."""
    received, applied, older, rejected, written, conflated, pending = (
        status[name] for name in COUNTERS
    )
    sides = {
        "sent = received": (sent, received),
        "received = applied + older + rejected": (received, applied + older + rejected),
        "applied = written + conflated + pending": (applied, written + conflated + pending),
    }
    return [f"{name}: {left} and {right}" for name, (left, right) in sides.items() if left != right]
