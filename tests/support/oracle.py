"""Expected contents of Redis for a frame, written from the contract, without code of fastopts."""

import struct
from dataclasses import dataclass
from typing import Any

FIELDS = {
    "bidPrice": "bp",
    "bidSize": "bq",
    "bidIv": "biv",
    "askPrice": "ap",
    "askSize": "aq",
    "askIv": "aiv",
    "lastPrice": "lp",
    "highPrice24h": "h24",
    "lowPrice24h": "l24",
    "markPrice": "mp",
    "indexPrice": "ip",
    "markPriceIv": "miv",
    "underlyingPrice": "up",
    "openInterest": "oi",
    "turnover24h": "t24",
    "volume24h": "v24",
    "totalVolume": "tv",
    "totalTurnover": "tt",
    "delta": "d",
    "gamma": "g",
    "vega": "v",
    "theta": "t",
    "predictedDeliveryPrice": "pdp",
    "change24h": "c24",
}


def expected_hash(frame: dict[str, Any]) -> dict[str, str]:
    """The hash for *frame*, but for `rt` and `cn`, which are ours to choose."""
    data = frame["data"]
    numbers = {short: data[name] for name, short in FIELDS.items() if data.get(name)}
    return numbers | {
        "ts": str(frame["ts"] // 1000),
        "tm": str(frame["ts"]),
        "sq": frame["id"].rsplit("-", 2)[1],
    }


@dataclass
class Update:
    """A message on `fastopts:updates:{store}`."""

    size: int
    epoch: int
    number: int
    records: list[tuple[str, bytes]]


def read_update(message: bytes) -> Update:
    """Take *message* apart; it must hold what its head says and nothing else."""
    version, padding, count, epoch, number = struct.unpack_from("<BBHIQ", message)
    assert (version, padding) == (1, 0)
    records, at = [], 16
    for _ in range(count):
        start = at + 1 + message[at]
        records.append((message[at + 1 : start].decode("ascii"), message[start : start + 256]))
        at = start + 256
    assert at == len(message)
    return Update(len(message), epoch, number, records)
