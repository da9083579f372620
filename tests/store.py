"""A Valkey that holds what a collector would have written, spelled from the contract."""

import socket
import struct
from typing import Any

import redis

from fastopts.embedded import EmbeddedValkey

EPOCH = 1_795_000_000
CALL, PUT = "BTC-27NOV99-90000-C-USDT", "BTC-27NOV99-90000-P-USDT"
EXPIRY_MS = 4_099_449_600_000
NAN = float("nan")
LAYOUT = "<BcHIqqqI4xq8sd24d"
NUMBERS = {
    "mark_price": 1218.5,
    "index_price": 88214.5,
    "underlying_price": 88251.0,
    "delta": 0.39,
    "gamma": 0.00006,
    "vega": 51.2,
    "theta": -96.4,
    "mark_iv": 0.4883,
    "bid_price": 1205.0,
    "bid_size": 3.4,
    "bid_iv": 0.4812,
    "ask_price": 1230.0,
    "ask_size": 0.75,
    "ask_iv": 0.4955,
    "last_price": 1215.0,
    "open_interest": 212.37,
    "volume_24h": 56.81,
    "turnover_24h": 5012873.25,
    "total_volume": 431.0,
    "total_turnover": 37940211.0,
    "high_24h": 1640.0,
    "low_24h": 980.0,
    "change_24h": -0.12,
    "predicted_delivery_price": 0.0,
}


def clustered() -> list[str]:
    """Options that make a server a node of a cluster, with a bus on a port that is free.

    The port that it takes by itself, 10,000 above its own, may be taken or be none.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return ["--cluster-enabled", "yes", "--cluster-port", str(probe.getsockname()[1])]


class Store:
    """Writes into the server as a collector does; times are relative to the server's clock."""

    def __init__(self, server: EmbeddedValkey) -> None:
        self.url = server.url
        self.client = redis.Redis.from_url(server.url, protocol=2)
        self.client.flushall()
        self.feed()

    def now_ms(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def feed(self, conns: dict[int, float] | None = None, beat_s: float = 0, **fields: Any) -> None:
        """Write the feed: each conn and the heartbeat with its age in seconds."""
        now = self.now_ms()
        mapping: dict[str, Any] = {
            "schema": "1",
            "venue": "bybit",
            "epoch": EPOCH,
            "heartbeat_limit_ms": 5000,
            "watchdog_limit_ms": 12000,
            "heartbeat_ms": round(now - beat_s * 1000),
            "universe": 1,
            "skew_ms": 0,
            "coverage": "2/2",
        }
        for conn, age_s in (conns or {1: 0.0}).items():
            mapping[f"conn:{conn}"] = round(now - age_s * 1000)
        self.client.delete("fastopts:feed")
        self.client.hset("fastopts:feed", mapping=mapping | fields)

    def tick(self, symbol: str = CALL, age_s: float = 0.5, **changes: Any) -> None:
        head = {
            "version": 1,
            "flags": 0,
            "epoch": EPOCH,
            "sequence": 77,
            "conn": 1,
            "expiry": EXPIRY_MS,
        }
        terms = head | {k: changes.pop(k) for k in list(changes) if k in head}
        numbers = NUMBERS | changes
        tm = round(self.now_ms() - age_s * 1000)
        packed = struct.pack(
            LAYOUT,
            terms["version"],
            symbol.split("-")[3].encode(),
            terms["flags"],
            terms["epoch"],
            tm,
            tm + 40,
            terms["sequence"],
            terms["conn"],
            terms["expiry"],
            b"USDT",
            float(symbol.split("-")[2]),
            *numbers.values(),
        )
        self.client.set(f"optrec:{symbol}", packed)
