"""Parser of symbols: `BTC-27MAR26-70000-P-USDT`; without the last part it is settled in USDC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

__all__ = ("Contract", "parse")

_GRAMMAR: Final = re.compile(
    r"([A-Z0-9]+)-(\d{1,2})([A-Z]{3})(\d{2})-(\d+(?:\.\d+)?)-([CP])(?:-([A-Z]+))?", re.ASCII
)
# Independent of the table in fastopts.model on purpose: verify must not share a mistake with the
# code that it checks.
_NAMES: Final = re.findall("...", "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC")
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, 1)}
DELIVERY_HOUR: Final = 8  # UTC, for all options of Bybit


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms that a symbol spells."""

    asset: str
    expiry_ms: int
    strike: float
    is_call: bool
    settle: str

    @property
    def series(self) -> tuple[str, int, str]:
        """Asset, expiry in ms and settle coin."""
        return self.asset, self.expiry_ms, self.settle


def parse(symbol: str) -> Contract | None:
    """Parse *symbol*; None when it is not the symbol of an option."""
    match = _GRAMMAR.fullmatch(symbol)
    if match is None or match[3] not in _MONTHS:
        return None
    asset, day, month, year, strike, kind, settle = match.groups()
    try:
        date = datetime(2000 + int(year), _MONTHS[month], int(day), tzinfo=UTC)
    except ValueError:
        return None
    expiry_ms = round(date.replace(hour=DELIVERY_HOUR).timestamp() * 1000)
    return Contract(asset, expiry_ms, float(strike), kind == "C", settle or "USDC")
