"""What Redis holds against the last frame sent of every symbol; and whether the books balance."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import redis

from fastopts import keys
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
    """Compare every field of `option:{symbol}` with the last payload sent; name what differs."""
    expected = dict(map(wanted, payloads))
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        pipe = client.pipeline(transaction=False)
        for symbol in expected:
            pipe.hgetall(keys.option(symbol))
        found = dict(zip(expected, pipe.execute(), strict=True))
    faults: list[str] = []
    for symbol, fields in expected.items():
        there = kept(found[symbol])
        names = {name for name in fields | there if fields.get(name) != there.get(name)}
        faults += [f"{symbol} {name.decode()}" for name in sorted(names)]
    return faults


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
