"""Hints for a symbol that is not listed: the nearest strikes or expiries that are.

They are made for errors only, so they may read the whole listing of the asset.
"""

from collections.abc import Sequence

from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.universe import Members, Universe
from fastopts.reader.selection.spelling import SymbolParts

__all__ = ("hint",)


def hint(parts: SymbolParts, universe: Universe, venue_ms: int) -> str:
    """What is listed in *universe* near the option that *parts* spell out; "" if nothing is."""
    of_day = [each for each in universe.members if each.series.expiry.date() == parts.day]
    if of_day:
        return _near_strike(parts, of_day)
    label = expiries.label_of(parts.day)
    times_ms = [at for each in universe.members if (at := each.series.expiry_ms) > venue_ms]
    nearest = expiries.nearest_text(times_ms, parts.day)
    return f"no expiry {label}: {nearest}" if nearest else ""


def _near_strike(parts: SymbolParts, of_day: Sequence[Members]) -> str:
    # A symbol without a coin is one that is settled in USDC; where that is not listed, the other
    # series of the day is meant.
    coin = parts.coin or "USDC"
    of_coin = [each for each in of_day if each.series.settle == coin]
    instruments = [
        instrument
        for each in of_coin or of_day
        for instrument in each.instruments
        if instrument.type == parts.kind
    ]
    strike = float(parts.strike)
    below = [each for each in instruments if each.strike <= strike]
    above = [each for each in instruments if each.strike > strike]
    nearest = [*below[-1:], *above[:1]]
    if not nearest:
        return ""
    subject = "strike is" if len(nearest) == 1 else "strikes are"
    return f"the nearest {subject} {' and '.join(each.symbol for each in nearest)}"
