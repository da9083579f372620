"""`MinimalTradeBot`: an example of a strategy, which trades nothing."""

import time
from collections.abc import Sequence
from typing import Any, Final

from fastopts.compat.quote import priced
from fastopts.compat.source import Source
from fastopts.reader import StaleData

__all__ = ("MinimalTradeBot",)

BUSY_VOLUME: Final = 50_000
HIGH_IV, LOW_IV = 1.5, 0.3
PAUSE_S: Final = 0.001


class MinimalTradeBot:
    """Looks at the options of *venue* in the Redis at *url* (see `Source` for what is not given).

    `positions` has for each symbol what was done, and when by this host's clock. Raises StoreError,
    and WrongVenue for another venue's data.
    """

    def __init__(self, *, venue: str = "bybit", url: str | None = None) -> None:
        self._reader = Source(venue, url).reader
        self.positions: dict[str, dict[str, Any]] = {}

    def check_signal(self, symbol: str) -> str | None:
        """Return SELL for a mark volatility above 1.5, BUY for one below 0.3, when more than 50,000
        of base coin were traded in 24 hours; else, and for what is not live, None."""
        try:
            option = priced(self._reader, [symbol]).get(symbol)
        except StaleData:
            return None
        if option is None or (option.volume_24h or 0) <= BUSY_VOLUME:
            return None
        iv = option.mark_iv or None  # 0 is none: not a low one
        if iv is None or LOW_IV <= iv <= HIGH_IV:
            return None
        return "SELL" if iv > HIGH_IV else "BUY"

    def execute_trade(self, symbol: str, action: str) -> bool:
        """Note and print the trade; nothing is sent anywhere."""
        self.positions[symbol] = {"action": action, "time": time.time()}
        print(f"TRADE: {action} {symbol}")  # noqa: T201
        return True

    def run_strategy(self, symbols: Sequence[str]) -> None:
        """Execute the signal of each of *symbols* that has one, and no position yet."""
        for symbol in symbols:
            signal = self.check_signal(symbol)
            if signal and symbol not in self.positions:
                self.execute_trade(symbol, signal)
                time.sleep(PAUSE_S)
