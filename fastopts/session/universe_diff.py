"""Differences between the known universe and the venue's list, with a plausibility check."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fastopts.model import Instrument

__all__ = ("UniverseDiff", "diff")

# An answer that lacks more than this share of an asset's unexpired symbols removes none of them: it
# may be incomplete, and dropping half a market is worse than keeping some options for too long. A
# retained option that does not tick is refused as not live, so that nobody trades on it.
MISSING_MAX = 0.5
TRACKED_STATUS = "Trading"


@dataclass(frozen=True, slots=True)
class UniverseDiff:
    """*listed* are new or have other terms; *delisted* are to be dropped.

    *retained* are not in the answer, or not trading there, and are kept nevertheless, as too many
    of their asset are; *objections* has a sentence about each such asset.
    """

    listed: tuple[Instrument, ...]
    delisted: tuple[str, ...]
    retained: tuple[str, ...]
    objections: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.listed or self.delisted)


def diff(
    known: Mapping[str, Instrument], answer: Mapping[str, Instrument], now_ms: int
) -> UniverseDiff:
    """Compare the *known* universe with the venue's *answer*; *now_ms* is the venue's time.

    Options past their delivery are dropped unless the answer postpones it. Others that the answer
    lacks, or does not show as trading, are dropped if the answer is plausible for their asset.
    """
    tracked = {
        symbol: i
        for symbol, i in answer.items()
        if i.status == TRACKED_STATUS and i.expiry_ms > now_ms
    }
    expired = [s for s, i in known.items() if i.expiry_ms <= now_ms and s not in tracked]
    unexpired = {symbol: i for symbol, i in known.items() if i.expiry_ms > now_ms}
    missing = [symbol for symbol in unexpired if symbol not in tracked]
    totals = Counter(i.asset for i in unexpired.values())
    missing_by_asset = Counter(unexpired[symbol].asset for symbol in missing)
    implausible = {a for a, count in missing_by_asset.items() if count > MISSING_MAX * totals[a]}
    return UniverseDiff(
        listed=tuple(i for symbol, i in tracked.items() if known.get(symbol) != i),
        delisted=(
            *expired,
            *(symbol for symbol in missing if unexpired[symbol].asset not in implausible),
        ),
        retained=tuple(symbol for symbol in missing if unexpired[symbol].asset in implausible),
        objections=tuple(
            f"{asset}: {missing_by_asset[asset]} of {totals[asset]} options are no longer listed as"
            " trading"
            for asset in sorted(implausible)
        ),
    )
