"""JSON messages of the venue: the only module of the simulator that names a field.

All functions return JSON as bytes, without WebSocket framing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from fastopts.sim.prices.option import SimOption
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
TICKERS: Final = "tickers."  # prefix of a ticker topic; the symbol follows

_REFUSED = "3303001"  # the only code seen in recordings for a request rejected as a whole

# Names in WebSocket and REST messages, in the order of `Ticker` and of both messages.
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


def snapshot(option: SimOption, sequence: int, order: KeyOrder) -> bytes:
    """Return the ticker message of an option; "mixed" alternates the key orders by sequence.

    A format string instead of a JSON encoder: encoding would cost more than computing the values.
    """
    symbol, ts, texts = option.symbol, option.ts_ms, option.texts
    if order == "2026" or (order == "mixed" and sequence % 2):
        frame = _FRAME_2026 % (symbol, ts, symbol, sequence, ts, symbol, *texts)
    else:
        frame = _FRAME_2023 % (symbol, sequence, ts, symbol, ts, symbol, *texts)
    return frame.encode()


def row(option: SimOption) -> dict[str, str]:
    """Return a row of `/v5/market/tickers`."""
    texts = zip(_NAMES, option.texts, strict=True)
    return {"symbol": option.symbol} | {name: text for (_, name), text in texts}


def instrument(option: SimOption) -> dict[str, Any]:
    """Return a row of `/v5/market/instruments-info`. As at the venue, it has no strike field."""
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
    """Return a REST response body."""
    return orjson.dumps(
        {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}
    )


def ack(conn_id: str, failed: Sequence[str], succeeded: Sequence[str]) -> bytes:
    """Return the acknowledgement of subscribe and unsubscribe: it has neither op nor req_id."""
    return orjson.dumps(
        {
            "success": True,
            "conn_id": conn_id,
            "data": {"failTopics": failed, "successTopics": succeeded},
            "type": "COMMAND_RESP",
        }
    )


def refusal(conn_id: str) -> bytes:
    """Return the response to a request that is rejected as a whole."""
    return orjson.dumps(
        {"conn_id": conn_id, "ret_msg": _REFUSED, "success": False, "type": "COMMAND_RESP"}
    )


def invalid_op(conn_id: str, op: object) -> bytes:
    """Return the response to an invalid request, in the form documented for other endpoints."""
    request = {"op": op if isinstance(op, str) else "", "args": None}
    return orjson.dumps(
        {"success": False, "ret_msg": "error:invalid op", "conn_id": conn_id, "request": request}
    )


def pong(now_ms: int) -> bytes:
    """Return the response to a JSON ping."""
    return orjson.dumps({"args": [str(now_ms)], "op": "pong"})
