"""`EfficientTradeExecutor`: prices and signals as plain numbers, with a cache."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastopts.clock import steady_s
from fastopts.compat.quote import Quote, priced, quote
from fastopts.compat.rows import rows
from fastopts.compat.source import CompatSource
from fastopts.compat.usage import CpuMeter, memory_mb
from fastopts.reader import Option, StaleData, StoreError
from fastopts.reader.selection import arguments as checks

if TYPE_CHECKING:
    from redis import Redis

__all__ = ("EfficientTradeExecutor", "TradeSignal")

CHEAP: Final = 100  # quote coin; the old script bought below it


@dataclass
class TradeSignal:
    """A suggested trade.

    *price* is the last price traded, not the bid that a seller would get now; *iv* is a fraction,
    *volume* in base coin, *timestamp* in whole seconds by this host's clock.
    """

    symbol: str
    action: str
    reason: str
    price: float
    iv: float
    volume: float
    timestamp: int


class EfficientTradeExecutor:
    """Reads the options of *venue* from the Redis at *url*; see `CompatSource` for the defaults.

    Options that are not live, delivered or unknown are left out; of a dead feed that is all of
    them. Raises WrongVenue for another venue's data and, unless a method says otherwise,
    StoreError.
    """

    def __init__(self, *, venue: str = "bybit", url: str | None = None) -> None:
        self._source = CompatSource(venue, url)
        self._reader = self._source.reader
        self.cache: dict[str, _Entry] = {}
        self.cache_ttl: float = 1  # seconds
        self.operations = 0
        self.start_memory = memory_mb()
        self._cpu = CpuMeter()
        self._prices: dict[str, float] = {}

    @property
    def redis(self) -> "Redis":
        """A redis-py client, made at the first access."""
        return self._source.client

    def get_option_direct(self, symbol: str) -> float | None:
        """Return the last price, 0 if it was never traded; None also when Redis is unreachable."""
        try:
            option = self._priced([symbol]).get(symbol)
        except StoreError:
            return None
        return None if option is None else quote(option, "price")["price"]

    def get_options_batch(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """Return `price`, `iv` and `volume` of each of *symbols* that has a last price."""
        options = self._priced(symbols)
        return {
            symbol: quote(option, "price", "iv", "volume") for symbol, option in options.items()
        }

    def get_option_cached(self, symbol: str) -> Quote | None:
        """Return `price`, `iv`, `volume` and `oi`, at most `cache_ttl` seconds old.

        An entry expires sooner if its feed or its connection would no longer be live by then, were
        nothing received in between.
        """
        entry = self.cache.get(checks.symbol(symbol))
        if entry is None or not entry.is_valid(self.cache_ttl):
            self.cache.pop(symbol, None)
            read_at = steady_s()  # before the read, so that the entry never lives too long
            option = self._priced([symbol]).get(symbol)
            if option is None:
                return None
            numbers = quote(option, "price", "iv", "volume", "oi")
            entry = self.cache[symbol] = _Entry(numbers, read_at, read_at + option.valid_for_s)
        return entry.quote.copy()

    def scan_high_iv_opportunities(self, min_iv: float = 1.0) -> list[TradeSignal]:
        """Return a SELL for each option with a mark volatility of *min_iv* or more, highest first.

        *min_iv* is a fraction: 1.0 is 100 %. Nothing else is checked: an option may have no bid to
        sell to. Raises BadInput for values above 10, which are percentages.
        """
        self.operations += 1
        names = ("symbol", "last_price", "mark_iv", "volume_24h")
        try:
            options = rows(self._reader, names, sort="-mark_iv", min_iv=min_iv)
        except StaleData:
            return []
        return [
            TradeSignal(symbol, "SELL", f"High IV: {iv:.2f}", price, iv, volume, _now_s())
            for symbol, price, iv, volume in (row.values() for row in options)
        ]

    def monitor_price_changes(
        self, symbols: Sequence[str], threshold: float = 0.05
    ) -> list[TradeSignal]:
        """Return a signal for each of *symbols* whose last price changed by *threshold* or more.

        *threshold* is a fraction: 0.05 is 5 %. The change is that since the previous call at which
        the option had a price. The signal is BUY below a price of 100, else SELL.
        """
        signals = []
        for symbol, numbers in self.get_options_batch(symbols).items():
            change = self._update_price(symbol, numbers["price"])
            if change is not None and abs(change) >= threshold:
                action = "BUY" if numbers["price"] < CHEAP else "SELL"
                reason = f"Price change: {change:+.2%}"
                signals.append(TradeSignal(symbol, action, reason, **numbers, timestamp=_now_s()))
        return signals

    def get_performance_stats(self) -> dict[str, Any]:
        """Return the process's memory, CPU, reads of Redis, cached entries and id.

        `memory_mb` is resident, `memory_increase_mb` since the executor was made, `cpu_percent` of
        one core since the previous call.
        """
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

    def _update_price(self, symbol: str, price: float) -> float | None:
        """Store *price*; return its relative change, None if one of the two is unknown."""
        if not price:
            return None
        previous = self._prices.get(symbol)
        self._prices[symbol] = price
        return None if previous is None else price / previous - 1


class _Entry(NamedTuple):
    """A cached quote; times are of the steady clock, which runs while the host sleeps."""

    quote: Quote
    read_at: float
    valid_until: float

    def is_valid(self, ttl_s: float) -> bool:
        return steady_s() < min(self.read_at + ttl_s, self.valid_until)


def _now_s() -> int:
    return int(time.time())
