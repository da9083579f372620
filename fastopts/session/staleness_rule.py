"""Which ticks the venue's REST answers contradict.

A subscription can die alone, and an option can leave the market without a word: its connection
delivers, the symbol does not, and the value held looks alive. REST shows both, but one row that
differs means nothing, for a market moves between a tick and a row, and a busy symbol's rows always
differ. So a symbol is suspect when two successive answers differ from the tick held, or lack the
symbol, and no tick came between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

__all__ = ("COMPARED", "StalenessRule", "StalenessVerdict", "differs")

# Short names. A change of any of these is a change of the option itself, which the venue pushes.
# The rest may drift while nothing is pushed: index, underlying, greeks and implied volatilities
# follow the spot price, the figures of 24 hours age without a trade. Should a mark price do so too,
# its option is refused for no longer than the snapshot of a new subscription takes.
COMPARED: Final = ("bp", "bq", "ap", "aq", "mp", "lp", "oi")
# A tick that is further ahead of a row is not newer: its time can't be right.
AHEAD_MAX_MS: Final = 60_000

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StalenessVerdict:
    """The suspect symbols of a coin: those whose rows differ, and those without a row."""

    contradicted: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def suspects(self) -> tuple[str, ...]:
        return self.contradicted + self.missing


class StalenessRule:
    """Judges one answer of REST after the other."""

    def __init__(self) -> None:
        # By coin: the ticks, as the hash has them, from which the last row differed.
        self._doubts: dict[str, dict[str, Texts]] = {}

    def judge(
        self, coin: str, rows: Mapping[str, Texts], time_ms: int, held: Mapping[str, Texts]
    ) -> StalenessVerdict:
        """Judge the values in *held*, which has the hashes of what readers take for live.

        *rows* are all of *coin*, of the venue's *time_ms*. An answer that is older than the tick is
        no evidence. A coin whose request failed is not judged: the next answer is the second one
        then.
        """
        before = self._doubts.get(coin, {})
        doubts = {
            symbol: tick
            for symbol, tick in held.items()
            if not 0 < int(tick["tm"]) - time_ms <= AHEAD_MAX_MS
            and (symbol not in rows or differs(rows[symbol], tick))
        }
        self._doubts[coin] = doubts
        # Of two ticks time, receive time or sequence differ: the same texts are the same tick.
        suspects = [symbol for symbol, tick in doubts.items() if before.get(symbol) == tick]
        return StalenessVerdict(
            tuple(symbol for symbol in suspects if symbol in rows),
            tuple(symbol for symbol in suspects if symbol not in rows),
        )


def differs(row: Texts, tick: Texts) -> bool:
    """Whether a REST row and a tick disagree by value on a field that both can spell."""
    return any(_differ(row[name], tick.get(name, "")) for name in COMPARED if name in row)


def _differ(left: object, right: object) -> bool:
    if left == right:
        return False
    values = _value(left), _value(right)
    return None not in values and values[0] != values[1]


def _value(text: object) -> Decimal | None:
    """The number; 0 for none, which the venue spells either way, None for what can't be read."""
    try:
        value = Decimal(str(text or "0"))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
