"""`MinimalTradeBot`: an example of a strategy, which sends no orders."""

import time
from collections.abc import Sequence
from typing import Any, Final

from fastopts.compat.quote import priced
from fastopts.compat.source import CompatSource
from fastopts.reader import StaleData

__all__ = ("MinimalTradeBot",)

# The thresholds of the old script. 50,000 is in base coin, as the venue's volumes are.
BUSY_VOLUME: Final = 50_000
HIGH_IV: Final = 1.5
LOW_IV: Final = 0.3
PAUSE_S: Final = 0.001


class MinimalTradeBot:
    """Derives signals from the options of *venue* in the Redis at *url*.

    See `CompatSource` for the defaults. `positions` has the action of each symbol and its time by
    this host's clock. Raises StoreError, and WrongVenue for another venue's data.
    """

    def __init__(self, *, venue: str = "bybit", url: str | None = None) -> None:
        self._reader = CompatSource(venue, url).reader
        self.positions: dict[str, dict[str, Any]] = {}

    def check_signal(self, symbol: str) -> str | None:
        """Return SELL for a mark volatility above 1.5, BUY for one below 0.3, else None.

        None, too, for options that are not live or whose volume of 24 hours is 50,000 base coin or
        less.
        """
        try:
            option = priced(self._reader, [symbol]).get(symbol)
        except StaleData:
            return None
        if option is None or (option.volume_24h or 0) <= BUSY_VOLUME:
            return None
        iv = option.mark_iv or None  # the venue sends 0 for unknown; it is no low volatility
        if iv is None or LOW_IV <= iv <= HIGH_IV:
            return None
        return "SELL" if iv > HIGH_IV else "BUY"

    def execute_trade(self, symbol: str, action: str) -> bool:
        """Record and print the trade; no order is sent."""
        self.positions[symbol] = {"action": action, "time": time.time()}
        print(f"TRADE: {action} {symbol}")  # noqa: T201
        return True

    def run_strategy(self, symbols: Sequence[str]) -> None:
        """Execute the signal of each of *symbols* that has one and no position yet."""
        for symbol in symbols:
            signal = self.check_signal(symbol)
            if signal and symbol not in self.positions:
                self.execute_trade(symbol, signal)
                time.sleep(PAUSE_S)
