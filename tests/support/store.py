"""A Valkey that holds what a collector would have written, spelled from the contract."""

import socket
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

from fastopts.embedded import EmbeddedValkey

EPOCH = 1_795_000_000
STORE = "0123456789abcdef"
CHANNEL = f"fastopts:updates:{STORE}"
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


SHORT = dict(
    zip(
        NUMBERS,
        (
            *("mp", "ip", "up", "d", "g", "v", "t", "miv", "bp", "bq", "biv", "ap", "aq", "aiv"),
            *("lp", "oi", "v24", "t24", "tv", "tt", "h24", "l24", "c24", "pdp"),
        ),
        strict=True,
    )
)


def settle_of(symbol: str) -> str:
    return "USDT" if symbol.endswith("-USDT") else "USDC"


def expiry_of(symbol: str) -> int:
    day = symbol.split("-")[1]  # its %y would be 1999 for 99
    delivery = datetime.strptime(f"{day[:-2]}20{day[-2:]}", "%d%b%Y").replace(hour=8, tzinfo=UTC)
    return round(delivery.timestamp() * 1000)


def clustered(folder: Path) -> list[str]:
    """Options that make a server a node of a cluster, with a bus on a port that is free.

    The port that it takes by itself, 10,000 above its own, may be taken or be none. Its list of
    nodes is a file in *folder*: an embedded server has no directory of its own to write to.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    nodes = str(folder / "nodes.conf")
    return ["--cluster-enabled", "yes", "--cluster-port", port, "--cluster-config-file", nodes]


LASTING_MS = 600_000


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

    def assets(self) -> list[str]:
        held = self.client.hget("fastopts:feed", "assets")
        return held.decode().split(",") if isinstance(held, bytes) and held else []

    def feed(self, conns: dict[int, float] | None = None, beat_s: float = 0, **fields: Any) -> None:
        """Write the feed: each conn and the heartbeat with its age in seconds. A conn lags by 40 ms
        unless `lag:{conn}` says otherwise.

        Without ages it stays alive for LASTING_MS, however long a busy machine takes for the test;
        with ages, the limits are those of a collector.
        """
        now = self.now_ms()
        is_lasting = conns is None and not beat_s
        mapping: dict[str, Any] = {
            "schema": "1",
            "venue": "bybit",
            "store": STORE,
            "db": 0,
            "epoch": EPOCH,
            "heartbeat_limit_ms": LASTING_MS if is_lasting else 5000,
            "watchdog_limit_ms": LASTING_MS if is_lasting else 12000,
            "heartbeat_ms": round(now - beat_s * 1000),
            "universe": 1,
            "skew_ms": 0,
            "skew_error_ms": 0,
            "late_limit_ms": 2000,
            "coverage": "2/2",
            "assets": ",".join(self.assets()),
        }
        for conn, age_s in (conns or {1: 0.0}).items():
            mapping[f"conn:{conn}"] = round(now - age_s * 1000)
            mapping[f"lag:{conn}"] = 40
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
            settle_of(symbol).encode(),
            float(symbol.split("-")[2]),
            *numbers.values(),
        )
        texts = {SHORT[name]: repr(value) for name, value in numbers.items() if value == value}
        origin = "rest" if terms["flags"] & 2 else f"{terms['epoch']}:{terms['conn']}"
        heads: dict[Any, Any] = {
            "ts": tm // 1000,
            "tm": tm,
            "rt": tm + 40,
            "sq": terms["sequence"],
            "cn": origin,
        }
        self.client.delete(f"option:{symbol}")
        self.client.hset(f"option:{symbol}", mapping=heads | texts)
        self.client.set(f"optrec:{symbol}", packed)

    def list(self, *symbols: str, tick_size: str = "5", lot_size: str = "0.01") -> None:
        """Write terms and sets of *symbols*, and their assets into the feed."""
        for symbol in symbols:
            asset, _, strike, kind, *_ = symbol.split("-")
            settle, expiry_ms = settle_of(symbol), expiry_of(symbol)
            terms: dict[Any, Any] = {
                "base": asset,
                "quote": "USDT" if settle == "USDT" else "USD",
                "settle": settle,
                "expiry_ms": expiry_ms,
                "strike": strike,
                "type": kind,
                "tick_size": tick_size,
                "lot_size": lot_size,
                "status": "Trading",
                "launch_ms": 1_700_000_000_000,
            }
            self.client.hset(f"instrument:{symbol}", mapping=terms)
            self.client.sadd(f"options:{asset}", symbol)
            delivery = datetime.fromtimestamp(expiry_ms / 1000, UTC)
            self.client.sadd(f"options:{asset}:{settle}:{delivery:%y%m%d}", symbol)
        assets = {*self.assets(), *(symbol.split("-")[0] for symbol in symbols)}
        self.client.hset("fastopts:feed", "assets", ",".join(sorted(assets)))

    def option(self, symbol: str, age_s: float = 0.5, **changes: Any) -> None:
        """List *symbol* and have it tick."""
        self.list(symbol)
        self.tick(symbol, age_s, **{"expiry": expiry_of(symbol)} | changes)
