"""Which values the venue's REST answers contradict.

A subscription can fail alone, and an option can leave the market without notice: its connection
delivers, the symbol does not, and its last value looks alive. REST shows both, but one row that
differs proves nothing, for a market moves between a tick and a row, and rows of busy symbols always
differ. So a symbol is suspect when two successive answers differ from its tick, or lack the symbol,
and no tick came between them. Any weaker rule would accuse the busiest symbols of a healthy feed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

__all__ = ("COMPARED", "StalenessRule", "StalenessVerdict", "differs")

# Short names. A change of any of these is a change of the option itself, which the venue pushes.
# The others drift while nothing is pushed: index, underlying, greeks and implied volatilities
# follow the spot price, the 24-hour figures age without a trade. Should a mark price do so, too,
# its option is refused for no longer than the snapshot of a new subscription takes.
COMPARED: Final = ("bp", "bq", "ap", "aq", "mp", "lp", "oi")
# A tick that is further ahead of a row is not newer: its time cannot be right.
AHEAD_MAX_MS: Final = 60_000

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StalenessVerdict:
    """The suspect symbols of a coin: those whose rows differ, and those without a row."""

    contradicted: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def suspects(self) -> tuple[str, ...]:
        """All suspect symbols."""
        return self.contradicted + self.missing


class StalenessRule:
    """Compares successive REST answers of each coin with the ticks."""

    def __init__(self) -> None:
        # coin -> symbol -> fields of the tick from which the last row differed
        self._differing: dict[str, dict[str, Fields]] = {}

    def judge(
        self, coin: str, rows: Mapping[str, Fields], time_ms: int, ticks: Mapping[str, Fields]
    ) -> StalenessVerdict:
        """Judge the *ticks* of *coin*, which are the hash fields of its live symbols.

        *rows* are all ticker rows of *coin*, of the venue's time *time_ms*. An answer that is older
        than a tick is no evidence. A coin whose request failed is not judged: the next answer
        counts as the second one.
        """
        before = self._differing.get(coin, {})
        differing = {
            symbol: tick
            for symbol, tick in ticks.items()
            if not 0 < int(tick["tm"]) - time_ms <= AHEAD_MAX_MS
            and (symbol not in rows or differs(rows[symbol], tick))
        }
        self._differing[coin] = differing
        # Two ticks differ at least in time, receive time or sequence: equal fields, same tick.
        suspects = [symbol for symbol, tick in differing.items() if before.get(symbol) == tick]
        return StalenessVerdict(
            contradicted=tuple(symbol for symbol in suspects if symbol in rows),
            missing=tuple(symbol for symbol in suspects if symbol not in rows),
        )


def differs(row: Fields, tick: Fields) -> bool:
    """Whether a REST row and a tick disagree by value on a compared field of the row."""
    return any(_differ(row[name], tick.get(name, "")) for name in COMPARED if name in row)


def _differ(left: object, right: object) -> bool:
    if left == right:
        return False
    values = _value(left), _value(right)
    return None not in values and values[0] != values[1]


def _value(text: object) -> Decimal | None:
    """Return the number; 0 for an empty text (the venue uses either), None for an invalid one."""
    try:
        value = Decimal(str(text or "0"))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
