"""`EfficientTradeExecutor`: prices and signals, as plain numbers."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastopts.clock import steady_s
from fastopts.compat.quote import Quote, priced, quote
from fastopts.compat.rows import rows
from fastopts.compat.source import Source
from fastopts.compat.usage import CpuMeter, memory_mb
from fastopts.reader import Option, StaleData, StoreError
from fastopts.reader.selection import arguments as checks

if TYPE_CHECKING:
    from redis import Redis

__all__ = ("EfficientTradeExecutor", "TradeSignal")

CHEAP: Final = 100  # quote coin


@dataclass
class TradeSignal:
    """A suggestion. *price* is the last one traded, not what a seller would get now; *iv* is a
    fraction, *volume* in base coin, *timestamp* in whole seconds by this host's clock."""

    symbol: str
    action: str
    reason: str
    price: float
    iv: float
    volume: float
    timestamp: int


class EfficientTradeExecutor:
    """Reads the options of *venue* from the Redis at *url* (see `Source` for what is not given).

    What is not live, delivered or unknown is left out, and of a dead feed nothing is left. Raises
    WrongVenue for another venue's data and, unless a method says otherwise, StoreError.
    """

    def __init__(self, *, venue: str = "bybit", url: str | None = None) -> None:
        self._source = Source(venue, url)
        self._reader = self._source.reader
        self.cache: dict[str, _Entry] = {}
        self.cache_ttl: float = 1  # seconds
        self.operations = 0
        self.start_memory = memory_mb()
        self._cpu = CpuMeter()
        self._prices: dict[str, float] = {}

    @property
    def redis(self) -> "Redis":
        """A redis-py client, made when it is first asked for."""
        return self._source.client

    def get_option_direct(self, symbol: str) -> float | None:
        """Return the last price, 0 for what was never traded; None also when Redis is away."""
        try:
            option = self._priced([symbol]).get(symbol)
        except StoreError:
            return None
        return None if option is None else quote(option, "price")["price"]

    def get_options_batch(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """Return `price`, `iv` and `volume` of each of *symbols* that has a last price."""
        found = self._priced(symbols)
        return {symbol: quote(one, "price", "iv", "volume") for symbol, one in found.items()}

    def get_option_cached(self, symbol: str) -> Quote | None:
        """Return `price`, `iv`, `volume` and `oi`, at most `cache_ttl` seconds old.

        An entry ends sooner when, without further news, its feed or its connection would not be
        live any more.
        """
        entry = self.cache.get(checks.symbol(symbol))
        if entry is None or not entry.is_good(self.cache_ttl):
            self.cache.pop(symbol, None)
            asked_at = steady_s()  # not later than the server's clock is read
            option = self._priced([symbol]).get(symbol)
            if option is None:
                return None
            found = quote(option, "price", "iv", "volume", "oi")
            entry = self.cache[symbol] = _Entry(found, asked_at, asked_at + option.valid_for_s)
        return entry.quote.copy()

    def scan_high_iv_opportunities(self, min_iv: float = 1.0) -> list[TradeSignal]:
        """Return a SELL for each option whose mark volatility is at least *min_iv* (1.0 is 100 %),
        the highest first.

        Nothing else is asked: it may have no bid to sell to. Raises BadInput above 10, which is a
        percentage.
        """
        self.operations += 1
        names = ("symbol", "last_price", "mark_iv", "volume_24h")
        try:
            found = rows(self._reader, names, sort="-mark_iv", min_iv=min_iv)
        except StaleData:
            return []
        return [
            TradeSignal(symbol, "SELL", f"High IV: {iv:.2f}", price, iv, volume, _now_s())
            for symbol, price, iv, volume in (row.values() for row in found)
        ]

    def monitor_price_changes(
        self, symbols: Sequence[str], threshold: float = 0.05
    ) -> list[TradeSignal]:
        """Return a signal for each of *symbols* whose last price has changed by *threshold* (0.05
        is 5 %) or more since the previous call that found one: BUY below 100, else SELL.
        """
        signals = []
        for symbol, found in self.get_options_batch(symbols).items():
            change = self._change(symbol, found["price"])
            if change is not None and abs(change) >= threshold:
                action = "BUY" if found["price"] < CHEAP else "SELL"
                reason = f"Price change: {change:+.2%}"
                signals.append(TradeSignal(symbol, action, reason, **found, timestamp=_now_s()))
        return signals

    def get_performance_stats(self) -> dict[str, Any]:
        """Return memory (MB) and its increase since this was made, CPU in per cent of a core since
        the previous call, how often Redis was read, what is cached, and the process's id."""
        memory = memory_mb()
        return {
            "memory_mb": round(memory, 2),
            "memory_increase_mb": round(memory - self.start_memory, 2),
            "cpu_percent": round(self._cpu.percent(), 2),
            "operations": self.operations,
            "cache_size": len(self.cache),
            "pid": os.getpid(),
        }

    def _priced(self, symbols: Sequence[str]) -> dict[str, Option]:
        self.operations += 1
        try:
            return priced(self._reader, symbols)
        except StaleData:
            return {}

    def _change(self, symbol: str, price: float) -> float | None:
        """The relative change since the last price that is known, which this one becomes."""
        if not price:
            return None
        before = self._prices.get(symbol)
        self._prices[symbol] = price
        return None if before is None else price / before - 1


class _Entry(NamedTuple):
    """A quote; times are of the steady clock."""

    quote: Quote
    asked_at: float
    valid_until: float

    def is_good(self, ttl_s: float) -> bool:
        return steady_s() < min(self.asked_at + ttl_s, self.valid_until)


def _now_s() -> int:
    return int(time.time())
