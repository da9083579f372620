"""The terms of an option, and the layouts of the packed record and of the message of updates.

A tick is kept twice in Redis: as a hash of the venue's decimal text under short names, and as one
little-endian record of `RECORD.size` bytes. `NUMBERS` orders the numbers of both.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation, localcontext
from typing import Final, Literal, Self, cast

from fastopts import keys
from fastopts.errors import BadInput, clipped

# Short name in the hash, name everywhere else. Those that move with every tick stand first: a
# small Redis hash is searched from its head.
NUMBERS: Final = (
    ("mp", "mark_price"),
    ("ip", "index_price"),
    ("up", "underlying_price"),
    ("d", "delta"),
    ("g", "gamma"),
    ("v", "vega"),
    ("t", "theta"),
    ("miv", "mark_iv"),
    ("bp", "bid_price"),
    ("bq", "bid_size"),
    ("biv", "bid_iv"),
    ("ap", "ask_price"),
    ("aq", "ask_size"),
    ("aiv", "ask_iv"),
    ("lp", "last_price"),
    ("oi", "open_interest"),
    ("v24", "volume_24h"),
    ("t24", "turnover_24h"),
    ("tv", "total_volume"),
    ("tt", "total_turnover"),
    ("h24", "high_24h"),
    ("l24", "low_24h"),
    ("c24", "change_24h"),
    ("pdp", "predicted_delivery_price"),
)
# A 0 of these stands for "not computed"...
NEVER_ZERO: Final = (
    *("last_price", "high_24h", "low_24h", "predicted_delivery_price"),
    *("index_price", "underlying_price"),
)
# ...and so does a 0 of these, if all of them are 0 at once: a delta of 0 alone may be right.
NEVER_ALL_ZERO: Final = ("delta", "gamma", "vega", "theta", "mark_iv")
NUMBER_INDEX: Final = {short: index for index, (short, _) in enumerate(NUMBERS)}

RECORD_VERSION: Final = 1
NO_SEQUENCE: Final = -1
TIME_MAX_MS: Final = 253_402_300_799_999  # the last that a datetime can be: of the year 9999
FLAG_TIME_SUSPECT: Final = 1  # the exchange time is ahead of the venue's clock, or absurd
FLAG_REST: Final = 2  # a REST row: never live
FLAG_MERGED: Final = 4  # partly from a delta
FLAG_SUSPECT: Final = 8  # two REST rows say otherwise: not live

# What makes an exchange time suspect. A tick that is merely late is not: its connection is.
TIME_AHEAD_MAX_MS: Final = 2_000
TIME_BEHIND_MAX_MS: Final = 24 * 3600 * 1000

# version, kind (C or P), flags, epoch | exchange ms | receive ms | sequence | conn, padding |
# expiry ms | settle coin | strike | numbers
RECORD: Final = struct.Struct(f"<BcHIqqqI4xq8sd{len(NUMBERS)}d")

# A message on `keys.updates`: version, padding, count of records, epoch, number; then, for each
# record, the length of its symbol in one byte, the symbol in ASCII, and the record as it is stored.
# The number counts an epoch's messages from 1: who finds a gap has missed something.
UPDATE_VERSION: Final = 1
UPDATE_HEAD: Final = struct.Struct("<BxHIQ")
UPDATE_BYTES_MAX: Final = 65536

DIGITS_MAX: Final = 20  # before the point of a price or quantity that can be meant
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_STATUS_MAX: Final = 40
# What a key's YYMMDD can name: 2001 to 2099.
_EXPIRY_MS: Final = range(1_000_000_000_000, 4_102_444_800_000)

Kind = Literal["C", "P"]

# The fields of `instrument:{symbol}`, all of them texts.
TERMS: Final = (
    *("base", "quote", "settle", "expiry_ms", "strike", "type"),
    *("tick_size", "lot_size", "status", "launch_ms"),
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """The terms of one option, as the venue lists it. Decimal texts are the venue's own."""

    symbol: str
    asset: str
    quote: str
    settle: str
    expiry_ms: int
    strike_text: str
    kind: Kind
    tick_size: str
    lot_size: str
    status: str
    launch_ms: int

    @classmethod
    def of_terms(cls, symbol: str, terms: Sequence[str]) -> Self:
        """The terms as they are stored, in the order of `TERMS`. Raises ValueError for others, and
        for what `check` refuses."""
        base, quote, settle, expiry_ms, strike, kind, tick, lot, status, launch_ms = terms
        found = cls(
            symbol=symbol,
            asset=base,
            quote=quote,
            settle=settle,
            expiry_ms=int(expiry_ms),
            strike_text=strike,
            kind=cast("Kind", kind),
            tick_size=tick,
            lot_size=lot,
            status=status,
            launch_ms=int(launch_ms),
        )
        found.check()
        return found

    def check(self) -> None:
        """Raise ValueError for terms that no option has; an unknown step is an empty text."""
        faults = {
            "coin": not all(map(keys.is_coin, (self.asset, self.quote, self.settle))),
            "expiry": self.expiry_ms not in _EXPIRY_MS,
            "strike": not _is_positive(self.strike_text),
            "type": self.kind not in ("C", "P"),
            "tick size": bool(self.tick_size) and not _is_positive(self.tick_size),
            "lot size": bool(self.lot_size) and not _is_positive(self.lot_size),
            "status": len(self.status) > _STATUS_MAX or not self.status.isascii(),
            "launch time": not 0 <= self.launch_ms < _EXPIRY_MS.stop,
        }
        for name, is_bad in faults.items():
            if is_bad:
                raise ValueError(f"{self.symbol}: unusable {name}")

    def terms(self) -> dict[str, str]:
        """What is stored of it, by the names of `TERMS`."""
        texts = (
            *(self.asset, self.quote, self.settle, str(self.expiry_ms), self.strike_text),
            *(self.kind, self.tick_size, self.lot_size, self.status, str(self.launch_ms)),
        )
        return dict(zip(TERMS, texts, strict=True))

    @property
    def strike(self) -> float:
        return float(self.strike_text)

    def round_price(self, price: float | Decimal | str, direction: Literal["up", "down"]) -> str:
        """Return *price* on the grid of `tick_size`, as the exact text for an order.

        Raises BadInput for what is no price or another direction.
        """
        if not isinstance(direction, str) or direction not in ("up", "down"):
            raise BadInput(f"round a price 'up' or 'down', not {_shown(direction)}")
        rounding = ROUND_CEILING if direction == "up" else ROUND_FLOOR
        return _on_grid(self.symbol, "price", price, self.tick_size, rounding)

    def round_qty(self, qty: float | Decimal | str) -> str:
        """Return *qty* rounded down to the grid of `lot_size`, as the exact text for an order.

        Raises BadInput for what is no quantity.
        """
        return _on_grid(self.symbol, "quantity", qty, self.lot_size, ROUND_FLOOR)


def _is_positive(text: str) -> bool:
    """Whether *text* is a decimal above 0, of a size that a price or quantity can have."""
    return _DECIMAL.fullmatch(text) is not None and 1e-15 <= float(text) <= 1e15


def _shown(value: object) -> str:
    is_short = isinstance(value, str | float | Decimal)
    return clipped(repr(value)) if is_short else f"a {type(value).__name__}"


def _on_grid(symbol: str, what: str, value: float | Decimal | str, step: str, rounding: str) -> str:
    try:
        exact = Decimal(str(value))
    except (InvalidOperation, ValueError):  # of an integer of 5,000 digits
        exact = Decimal("NaN")
    if not exact.is_finite() or exact < 0 or exact.adjusted() > DIGITS_MAX:
        raise BadInput(f"{symbol}: {_shown(value)} is no {what}")
    if not _is_positive(step):
        raise BadInput(f"{symbol}: the step of its {what} is not known")
    grid = Decimal(step)
    # The caller's own precision must not round a price the other way.
    with localcontext(Context(prec=10 * DIGITS_MAX)):
        steps = (exact / grid).to_integral_value(rounding)
        return format((steps * grid).quantize(grid), "f")
