"""Grammar of Bybit's option symbols: `BTC-27MAR26-70000-P-USDT`; no suffix if settled in USDC."""

import re
from datetime import UTC, datetime
from sys import intern
from typing import Final, cast

from fastopts import keys
from fastopts.model import MONTHS, Instrument, Kind

__all__ = ("parse",)

_GRAMMAR: Final = re.compile(
    r"([A-Z0-9]{1,12})-(\d{1,2})([A-Z]{3})(\d{2})-(\d{1,12}(?:\.\d{1,12})?)-([CP])(?:-(USDT))?",
    re.ASCII,
)
DELIVERY_HOUR_UTC: Final = 8


def parse(symbol: str) -> Instrument | None:
    """Return the terms that *symbol* spells out; None if it is not an option symbol of Bybit.

    The venue's list has more (tick and lot size, launch, the exact delivery time): prefer it.
    """
    # fullmatch, and ASCII only: a symbol becomes part of keys in Redis.
    match = _GRAMMAR.fullmatch(symbol)
    if match is None or match[3] not in MONTHS or not keys.is_symbol(symbol):
        return None
    asset, day, month, year, strike, kind, suffix = match.groups()
    if not float(strike):
        return None
    try:
        delivery = datetime(
            2000 + int(year), MONTHS.index(month) + 1, int(day), DELIVERY_HOUR_UTC, tzinfo=UTC
        )
    except ValueError:  # such as 31FEB26
        return None
    return Instrument(
        symbol=symbol,
        asset=intern(asset),  # thousands of options share a few texts
        quote="USDT" if suffix else "USD",
        settle=suffix or "USDC",
        expiry_ms=int(delivery.timestamp() * 1000),
        strike_text=intern(strike),
        type=cast("Kind", kind),
        tick_size="",
        lot_size="",
        status="",
        launch_ms=0,
    )
