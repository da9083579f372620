"""Bybit's field names of an option ticker, and the format of its time stamps.

https://bybit-exchange.github.io/docs/v5/websocket/public/ticker and
https://bybit-exchange.github.io/docs/v5/market/tickers spell seven of them differently.
"""

import re
from typing import Final

from fastopts import model

__all__ = ("REST", "TICKER_FIELDS", "TOPIC_PREFIX", "WEBSOCKET", "time_ms")

_BOTH: Final = {
    "lastPrice": "lp",
    "highPrice24h": "h24",
    "lowPrice24h": "l24",
    "markPrice": "mp",
    "indexPrice": "ip",
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
# Bybit's name of a field in stream tickers -> our short name in the hash.
WEBSOCKET: Final = {
    **_BOTH,
    "bidPrice": "bp",
    "bidSize": "bq",
    "bidIv": "biv",
    "askPrice": "ap",
    "askSize": "aq",
    "askIv": "aiv",
    "markPriceIv": "miv",
}
# The same for REST tickers.
REST: Final = {
    **_BOTH,
    "bid1Price": "bp",
    "bid1Size": "bq",
    "bid1Iv": "biv",
    "ask1Price": "ap",
    "ask1Size": "aq",
    "ask1Iv": "aiv",
    "markIv": "miv",
}
TOPIC_PREFIX: Final = "tickers."
# Bybit's name of a field in stream tickers -> its index in a record.
TICKER_FIELDS: Final = {name: model.NUMBER_INDEX[short] for name, short in WEBSOCKET.items()}

_TIME_MS = re.compile(r"[0-9]{13}", re.ASCII)


def time_ms(value: object) -> int | None:
    """Parse a time in ms since 1970, given as text or number; None for anything else.

    Thirteen digits are the years 2001 to 2286: seconds, microseconds and 0 are no valid times.
    """
    text = str(value)
    return int(text) if _TIME_MS.fullmatch(text) else None
