"""Coins that can be simulated, and the contract terms of their options.

Tick and lot sizes of BTC, ETH and XRP are the venue's (2025 and 2026), those of SOL are inferred
from recorded quotes, the others are estimates of the right magnitude. Spot prices, volatilities
and shares are round numbers near those of 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ("COINS", "Coin")


@dataclass(frozen=True, slots=True)
class Coin:
    """One underlying: prices in quote coin, sizes in base coin, `vol` annualised as a fraction."""

    name: str
    spot: float
    vol: float
    tick: str
    price_max: str
    lot: str
    size_max: str
    fee: str
    strike_step: str  # the smallest
    depth_lots: int  # typical size of a quote
    share: float  # weight of the coin in the universe
    has_usdc: bool  # whether some series are listed in USDC as well


COINS: Final[Mapping[str, Coin]] = {
    coin.name: coin
    for coin in (
        Coin("BTC", 88_000, 0.48, "5", "1110000", "0.01", "500", "0.00015", "250", 400, 38, True),
        Coin("ETH", 3_050, 0.68, "0.1", "100000", "0.1", "1500", "0.00015", "10", 300, 34, True),
        Coin("SOL", 138, 0.82, "0.01", "10000", "1", "50000", "0.0002", "0.5", 200, 17, False),
        Coin("XRP", 2.2, 0.85, "0.0001", "100", "10", "400000", "0.0002", "0.01", 300, 11, False),
        Coin(
            "DOGE", 0.16, 0.95, "0.00001", "10", "100", "5000000", "0.0002", "0.001", 300, 8, False
        ),
        Coin("HYPE", 34, 1.05, "0.01", "5000", "1", "50000", "0.0002", "0.25", 120, 12, False),
        Coin("XAUT", 4_100, 0.19, "0.1", "100000", "0.01", "1500", "0.0002", "5", 300, 6, False),
        Coin("MNT", 1.4, 0.9, "0.0001", "100", "10", "400000", "0.0002", "0.01", 300, 5, False),
        Coin("TON", 2.9, 0.9, "0.001", "500", "1", "100000", "0.0002", "0.05", 300, 4, False),
    )
}
