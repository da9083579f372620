"""Bybit's option symbols: `BTC-27MAR26-70000-P-USDT`, or without a suffix when settled in USDC."""

import re
from datetime import UTC, datetime
from sys import intern
from typing import Final, cast

from fastopts import keys
from fastopts.model import Instrument, Kind

__all__ = ("parse",)

_GRAMMAR: Final = re.compile(
    r"([A-Z0-9]{1,12})-(\d{1,2})([A-Z]{3})(\d{2})-(\d{1,12}(?:\.\d{1,12})?)-([CP])(?:-(USDT))?",
    re.ASCII,
)
_MONTHS: Final = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()  # noqa: SIM905
DELIVERY_HOUR_UTC: Final = 8


def parse(symbol: str) -> Instrument | None:
    """Read what the symbol itself says; None when it is none of Bybit's.

    The venue's list knows more (steps, launch, the exact delivery time): it is preferred.
    """
    found = _GRAMMAR.fullmatch(symbol)
    if found is None or found[3] not in _MONTHS or not keys.is_symbol(symbol):
        return None
    asset, day, month, year, strike, kind, suffix = found.groups()
    if not float(strike):
        return None
    try:
        delivery = datetime(
            2000 + int(year), _MONTHS.index(month) + 1, int(day), DELIVERY_HOUR_UTC, tzinfo=UTC
        )
    except ValueError:
        return None
    return Instrument(
        symbol=symbol,
        asset=intern(asset),  # thousands of options share a few texts
        quote="USDT" if suffix else "USD",
        settle=suffix or "USDC",
        expiry_ms=int(delivery.timestamp() * 1000),
        strike_text=intern(strike),
        kind=cast("Kind", kind),
        tick_size="",
        lot_size="",
        status="",
        launch_ms=0,
    )
