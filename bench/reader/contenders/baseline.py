"""The baseline: what the executor of options-simple-ws-bybit asks of Redis, with redis-py.

`get_option_direct` is an HGET of the price; `get_options_batch` a pipeline of HMGETs of price, mark
IV and volume; `get_option_cached` keeps what it read in a dictionary for a while; the scan for high
IV walks all keys by SCAN and asks for the same three fields, 100 options a pipeline. Nothing asks
how old a value is.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from bench.reader.contenders.common import IV_MIN, Call, Market, serve

FIELDS = ("lp", "miv", "v24")
PIPELINE = 100
CACHE_TTL_S = 60.0  # long enough that no turn sees a miss

Quote = dict[str, float]


class Executor:
    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, decode_responses=True)
        self._cache: dict[str, tuple[float, Quote]] = {}

    def direct(self, symbol: str) -> float:
        return float(self._client.hget(f"option:{symbol}", "lp") or 0)

    def cached(self, symbol: str) -> Quote:
        now = time.time()
        if symbol in self._cache:
            read_at, quote = self._cache[symbol]
            if now - read_at < CACHE_TTL_S:
                return quote
        quote = _quote(self._client.hmget(f"option:{symbol}", FIELDS))
        self._cache[symbol] = now, quote
        return quote

    def batch(self, symbols: Sequence[str]) -> dict[str, Quote]:
        pipe = self._client.pipeline(transaction=False)
        for symbol in symbols:
            pipe.hmget(f"option:{symbol}", FIELDS)
        answers = zip(symbols, pipe.execute(), strict=True)
        return {symbol: _quote(values) for symbol, values in answers}

    def scan(self) -> list[tuple[str, Quote]]:
        found = [
            (symbol, quote)
            for symbols in self._walk()
            for symbol, quote in self.batch(symbols).items()
            if quote["iv"] >= IV_MIN
        ]
        return sorted(found, key=lambda pair: -pair[1]["iv"])

    def _walk(self) -> Iterator[list[str]]:
        walk = self._client.scan_iter(match="option:*", count=PIPELINE)
        symbols = [key.removeprefix("option:") for key in walk]
        for at in range(0, len(symbols), PIPELINE):
            yield symbols[at : at + PIPELINE]


def direct(market: Market) -> Call:
    executor, symbol = Executor(market.url), market.symbols[0]
    return Call(lambda: executor.direct(symbol), bool)


def cached(market: Market) -> Call:
    executor, symbol = Executor(market.url), market.symbols[0]
    return Call(lambda: executor.cached(symbol), bool)


def batch(market: Market) -> Call:
    executor, symbols = Executor(market.url), market.symbols
    return Call(lambda: executor.batch(symbols), lambda found: len(found) == len(symbols))


def scan(market: Market) -> Call:
    return Call(Executor(market.url).scan, bool)


def _quote(values: Sequence[Any]) -> Quote:
    price, iv, volume = (float(value or 0) for value in values)
    return {"price": price, "iv": iv, "volume": volume}


if __name__ == "__main__":
    serve(direct, cached, batch, scan)
