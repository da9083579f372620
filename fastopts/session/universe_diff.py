"""What changed in the universe, and what an implausible answer must not change."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fastopts.model import Instrument

__all__ = ("Diff", "diff")

# An answer that lacks more than this share of an asset's unexpired symbols removes none of them.
MISSING_MAX = 0.5
WANTED_STATUS = "Trading"


@dataclass(frozen=True, slots=True)
class Diff:
    """*listed* are new, or under other terms.

    *doubted* are not in the answer, or not trading there, and are kept nevertheless, as too many of
    their asset are; *doubts* says so, asset by asset.
    """

    listed: tuple[Instrument, ...]
    gone: tuple[str, ...]
    doubted: tuple[str, ...]
    doubts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.listed or self.gone)


def diff(known: Mapping[str, Instrument], answer: Mapping[str, Instrument], now_ms: int) -> Diff:
    """Compare the *known* universe with the venue's *answer*.

    What is past its delivery goes, unless that was put off. What the answer lacks, or no longer
    shows as trading, goes when the answer is plausible for its asset.
    """
    wanted = {s: i for s, i in answer.items() if i.status == WANTED_STATUS and i.expiry_ms > now_ms}
    expired = [s for s, i in known.items() if i.expiry_ms <= now_ms and s not in wanted]
    unexpired = {symbol: i for symbol, i in known.items() if i.expiry_ms > now_ms}
    missing = [symbol for symbol in unexpired if symbol not in wanted]
    totals = Counter(i.asset for i in unexpired.values())
    missing_by_asset = Counter(unexpired[symbol].asset for symbol in missing)
    doubted = {a for a, count in missing_by_asset.items() if count > MISSING_MAX * totals[a]}
    return Diff(
        tuple(i for symbol, i in wanted.items() if known.get(symbol) != i),
        (*expired, *(symbol for symbol in missing if unexpired[symbol].asset not in doubted)),
        tuple(symbol for symbol in missing if unexpired[symbol].asset in doubted),
        tuple(
            f"{asset}: {missing_by_asset[asset]} of {totals[asset]} options are no longer listed as"
            " trading"
            for asset in sorted(doubted)
        ),
    )
