"""The baseline: the reads of options-simple-ws-bybit's executor, with redis-py.

`get_option_direct` is an HGET of the price; `get_options_batch` a pipeline of HMGETs of price, mark
IV and volume; `get_option_cached` caches what it read in a dictionary for a while; the scan for
high IV iterates over all keys by SCAN and reads the same three fields, 100 options per pipeline.
None of them checks the age of a value.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from bench.reader.contenders.common import IV_MIN, Call, Workload, serve

FIELDS = ("lp", "miv", "v24")
PIPELINE = 100
CACHE_TTL_S = 60.0  # longer than a turn: the row is for cache hits

Quote = dict[str, float]


class Executor:
    """The four kinds of read, with the original's commands."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, decode_responses=True)
        self._cache: dict[str, tuple[float, Quote]] = {}

    def direct(self, symbol: str) -> float:
        """Return the last price; 0 if there is none, as the original does."""
        return float(self._client.hget(f"option:{symbol}", "lp") or 0)

    def cached(self, symbol: str) -> Quote:
        """Return a quote that is at most CACHE_TTL_S old."""
        now = time.time()
        if symbol in self._cache:
            read_at, quote = self._cache[symbol]
            if now - read_at < CACHE_TTL_S:
                return quote
        quote = _quote(self._client.hmget(f"option:{symbol}", FIELDS))
        self._cache[symbol] = now, quote
        return quote

    def batch(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """Return the quotes of *symbols*, by one pipeline."""
        pipe = self._client.pipeline(transaction=False)
        for symbol in symbols:
            pipe.hmget(f"option:{symbol}", FIELDS)
        replies = zip(symbols, pipe.execute(), strict=True)
        return {symbol: _quote(values) for symbol, values in replies}

    def scan(self) -> list[tuple[str, Quote]]:
        """Return all options with an IV of at least IV_MIN, highest first."""
        matches = [
            (symbol, quote)
            for symbols in self._symbol_batches()
            for symbol, quote in self.batch(symbols).items()
            if quote["iv"] >= IV_MIN
        ]
        return sorted(matches, key=lambda pair: -pair[1]["iv"])

    def _symbol_batches(self) -> Iterator[list[str]]:
        keys = self._client.scan_iter(match="option:*", count=PIPELINE)
        symbols = [key.removeprefix("option:") for key in keys]
        for start in range(0, len(symbols), PIPELINE):
            yield symbols[start : start + PIPELINE]


def direct(workload: Workload) -> Call:
    """The price of one option."""
    executor, symbol = Executor(workload.url), workload.symbols[0]
    return Call(lambda: executor.direct(symbol), bool)


def cached(workload: Workload) -> Call:
    """One option, out of the cache."""
    executor, symbol = Executor(workload.url), workload.symbols[0]
    return Call(lambda: executor.cached(symbol), bool)


def batch(workload: Workload) -> Call:
    """Three fields of 100 options."""
    executor, symbols = Executor(workload.url), workload.symbols
    return Call(lambda: executor.batch(symbols), lambda quotes: len(quotes) == len(symbols))


def scan(workload: Workload) -> Call:
    """All options, filtered and sorted by IV."""
    return Call(Executor(workload.url).scan, bool)


def _quote(values: Sequence[Any]) -> Quote:
    price, iv, volume = (float(value or 0) for value in values)
    return {"price": price, "iv": iv, "volume": volume}


if __name__ == "__main__":
    serve(direct, cached, batch, scan)
