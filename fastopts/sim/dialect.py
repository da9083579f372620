"""How the venue spells things: the only place of the simulator where a field is named.

What it returns is JSON as bytes, without framing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from fastopts.sim.prices.option import Option
from fastopts.sim.settings import KeyOrder

__all__ = (
    "PATH",
    "TICKERS",
    "ack",
    "envelope",
    "instrument",
    "invalid_op",
    "pong",
    "refusal",
    "row",
    "snapshot",
)

PATH: Final = "/v5/public/option"
TICKERS: Final = "tickers."  # a topic is this and a symbol

_REFUSED = "3303001"  # the one code recorded for a request that fails as a whole

# WebSocket's name, REST's name, in the order of `Ticker` and of both wires.
_NAMES: Final = (
    ("bidPrice", "bid1Price"),
    ("bidSize", "bid1Size"),
    ("bidIv", "bid1Iv"),
    ("askPrice", "ask1Price"),
    ("askSize", "ask1Size"),
    ("askIv", "ask1Iv"),
    ("lastPrice", "lastPrice"),
    ("highPrice24h", "highPrice24h"),
    ("lowPrice24h", "lowPrice24h"),
    ("markPrice", "markPrice"),
    ("indexPrice", "indexPrice"),
    ("markPriceIv", "markIv"),
    ("underlyingPrice", "underlyingPrice"),
    ("openInterest", "openInterest"),
    ("turnover24h", "turnover24h"),
    ("volume24h", "volume24h"),
    ("totalVolume", "totalVolume"),
    ("totalTurnover", "totalTurnover"),
    ("delta", "delta"),
    ("gamma", "gamma"),
    ("vega", "vega"),
    ("theta", "theta"),
    ("predictedDeliveryPrice", "predictedDeliveryPrice"),
    ("change24h", "change24h"),
)
_DATA = '"data":{"symbol":"%s",' + ",".join(f'"{name}":"%s"' for name, _ in _NAMES) + "}"
_FRAME_2026 = (
    '{"topic":"tickers.%s","ts":%d,"type":"snapshot","id":"tickers.%s-%d-%d",' + _DATA + "}"
)
_FRAME_2023 = (
    '{"id":"tickers.%s-%d-%d","topic":"tickers.%s","ts":%d,' + _DATA + ',"type":"snapshot"}'
)


def snapshot(option: Option, sequence: int, order: KeyOrder) -> bytes:
    """Return the ticker message of an option; "mixed" takes turns by sequence.

    A template is filled in: with a JSON encoder this would cost more than the numbers in it.
    """
    symbol, ts, texts = option.symbol, option.ts_ms, option.texts
    if order == "2026" or (order == "mixed" and sequence % 2):
        frame = _FRAME_2026 % (symbol, ts, symbol, sequence, ts, symbol, *texts)
    else:
        frame = _FRAME_2023 % (symbol, sequence, ts, symbol, ts, symbol, *texts)
    return frame.encode()


def row(option: Option) -> dict[str, str]:
    """Return an option as a row of REST's tickers."""
    texts = zip(_NAMES, option.texts, strict=True)
    return {"symbol": option.symbol} | {name: text for (_, name), text in texts}


def instrument(option: Option) -> dict[str, Any]:
    """Return an option as a row of REST's instruments: thirteen fields, none of them the strike."""
    listing = option.listing
    series, coin = listing.series, listing.series.coin
    in_usdt = series.settle == "USDT"
    return {
        "symbol": listing.symbol,
        "symbolId": listing.symbol_id,
        "optionsType": "Call" if listing.is_call else "Put",
        "status": listing.status,
        "baseCoin": coin.name,
        "quoteCoin": "USDT" if in_usdt else "USD",
        "settleCoin": series.settle,
        "launchTime": str(listing.launch_ms),
        "deliveryTime": str(series.delivery_ms),
        "deliveryFeeRate": coin.fee,
        "priceFilter": {
            "minPrice": coin.tick,
            "maxPrice": coin.price_max,
            "tickSize": coin.tick,
        },
        "lotSizeFilter": {
            "maxOrderQty": coin.size_max,
            "minOrderQty": coin.lot,
            "qtyStep": coin.lot,
        },
        "displayName": listing.symbol.removesuffix("-USDT").replace("-", f"{series.settle}-", 1),
    }


def envelope(result: Mapping[str, Any], message: str, now_ms: int, code: int = 0) -> bytes:
    """Return a REST answer."""
    return orjson.dumps(
        {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}
    )


def ack(conn_id: str, failed: Sequence[str], succeeded: Sequence[str]) -> bytes:
    """Return the answer to subscribe and unsubscribe: no op, no req_id."""
    return orjson.dumps(
        {
            "success": True,
            "conn_id": conn_id,
            "data": {"failTopics": failed, "successTopics": succeeded},
            "type": "COMMAND_RESP",
        }
    )


def refusal(conn_id: str) -> bytes:
    """Return the answer to a request that fails as a whole."""
    return orjson.dumps(
        {"conn_id": conn_id, "ret_msg": _REFUSED, "success": False, "type": "COMMAND_RESP"}
    )


def invalid_op(conn_id: str, op: object) -> bytes:
    """Return the answer to a message that is no request. Its form is known from other endpoints."""
    request = {"op": op if isinstance(op, str) else "", "args": None}
    return orjson.dumps(
        {"success": False, "ret_msg": "error:invalid op", "conn_id": conn_id, "request": request}
    )


def pong(now_ms: int) -> bytes:
    return orjson.dumps({"args": [str(now_ms)], "op": "pong"})
