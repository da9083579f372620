"""Messages in the venue's shapes, with values of our own."""

import json
from typing import Any

from fastopts.venues.bybit.fields import WEBSOCKET

SYMBOL = "BTC-27NOV26-90000-C-USDT"
T0 = 1_795_000_000_000

NUMBERS = {
    "bidPrice": "1205",
    "bidSize": "3.4",
    "bidIv": "0.4812",
    "askPrice": "1230",
    "askSize": "0.75",
    "askIv": "0.4955",
    "lastPrice": "1215",
    "highPrice24h": "1640",
    "lowPrice24h": "980",
    "markPrice": "1218.40771625",
    "indexPrice": "88214.51907211",
    "markPriceIv": "0.4883",
    "underlyingPrice": "88251.0340112",
    "openInterest": "212.37",
    "turnover24h": "5012873.22190341",
    "volume24h": "56.81",
    "totalVolume": "431",
    "totalTurnover": "37940211",
    "delta": "0.39104417",
    "gamma": "0.00006318",
    "vega": "51.20446128",
    "theta": "-96.40117215",
    "predictedDeliveryPrice": "0",
    "change24h": "-0.12230216",
}
assert NUMBERS.keys() == WEBSOCKET.keys()


def ticker(
    symbol: str = SYMBOL, ts: int = T0, sequence: int = 71_001, **fields: Any
) -> dict[str, Any]:
    """A snapshot; a field given as None is left out."""
    numbers = {name: fields.get(name, text) for name, text in NUMBERS.items()}
    data = {"symbol": symbol} | {k: v for k, v in numbers.items() if v is not None}
    topic = f"tickers.{symbol}"
    return {
        "topic": topic,
        "ts": ts,
        "type": "snapshot",
        "id": f"{topic}-{sequence}-{ts}",
        "data": data,
    }


def delta(
    symbol: str = SYMBOL, ts: int = T0, sequence: int = 71_002, **fields: Any
) -> dict[str, Any]:
    frame = ticker(symbol, ts, sequence)
    return frame | {"type": "delta", "data": {"symbol": symbol, **fields}}


def in_2023_order(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: frame[name] for name in ("id", "topic", "ts", "data", "type")}


def dump(frame: object) -> bytes:
    """Compact JSON, as the venue sends it."""
    return json.dumps(frame, separators=(",", ":")).encode()


def numbers(**fields: str) -> dict[str, str]:
    """What a tick with these fields holds, by short name."""
    return {WEBSOCKET[name]: text for name, text in (NUMBERS | fields).items()}
