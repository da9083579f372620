"""Which ticks the venue's REST answers contradict.

A subscription can die alone: its connection delivers, the symbol does not, and what is held of it
looks alive. REST tells, but one row that differs means nothing, for a market moves between a tick
and a row, and a busy symbol's rows differ always. So a symbol is suspect when two rows in a row
differ from the tick held, and no tick came between them.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

__all__ = ("COMPARED", "Reconciler", "differs")

# Short names. A change of any of these is a change of the option itself, which the venue pushes.
# The rest may drift while nothing is pushed: index, underlying, greeks and implied volatilities
# follow the spot price, the figures of 24 hours age without a trade. Should a mark price do so too,
# its option is refused for no longer than the snapshot of a new subscription takes.
COMPARED: Final = ("bp", "bq", "ap", "aq", "mp", "lp", "oi")
# A tick that is further ahead of a row is not newer: its time can't be right.
AHEAD_MAX_MS: Final = 60_000

Texts = Mapping[str, str]


class Reconciler:
    """Judges one answer of REST after the other."""

    def __init__(self) -> None:
        # By coin: the ticks, as the hash has them, from which the last row differed.
        self._doubts: dict[str, dict[str, Texts]] = {}

    def judge(
        self, coin: str, rows: Mapping[str, Texts], time_ms: int, held: Mapping[str, Texts]
    ) -> list[str]:
        """Return the symbols that are suspect.

        *rows* are all of *coin*, of the venue's *time_ms*; *held* has the hashes that may be
        doubted. A row that is missing, or older than the tick, is no evidence. What could not be
        asked for is not judged: the next answer is the second one then.
        """
        before = self._doubts.get(coin, {})
        doubts = {
            symbol: tick
            for symbol, tick in held.items()
            if symbol in rows
            and not 0 < int(tick["tm"]) - time_ms <= AHEAD_MAX_MS
            and differs(rows[symbol], tick)
        }
        self._doubts[coin] = doubts
        # Of two ticks time, receive time or sequence differ: the same texts are the same tick.
        return [symbol for symbol, tick in doubts.items() if before.get(symbol) == tick]


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
