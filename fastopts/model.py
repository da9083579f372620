"""Instruments, and the layouts of a tick in Redis: hash, packed record, announcement.

A tick is stored twice: as a hash with the venue's decimal text under short field names, and as one
little-endian record of `RECORD.size` bytes. `NUMBERS` is the order of the numbers in both.

The compiled core gets its constants from here, too: `python -m tests.core.make_layout` writes
`core/layout.pxd`, and a test compares the two.
"""

import re
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    InvalidOperation,
    localcontext,
)
from typing import Final, Literal, Self, cast

from fastopts import keys
from fastopts.errors import BadInput, shown

# How users may write an expiry, for help and errors.
EXPIRY_TEXT_FORMS: Final = "27MAR26, 27MAR2026, 260327, 2026-03-27 or front"

# Field name in the hash, name everywhere else. Numbers that change with every tick come first:
# Redis searches a small hash (a listpack) from its start.
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
# A 0 in one of these means "not computed"...
NEVER_ZERO: Final = (
    *("last_price", "high_24h", "low_24h", "predicted_delivery_price"),
    *("index_price", "underlying_price"),
)
# ...and so do zeros in all of these at once: a delta of 0 alone can be correct. When a tick with
# five zeros counted as having greeks, `by_delta(0.05)` returned a deep in-the-money call.
NEVER_ALL_ZERO: Final = ("delta", "gamma", "vega", "theta", "mark_iv")
NUMBER_INDEX: Final = {short: index for index, (short, _) in enumerate(NUMBERS)}
# Fields of the hash. Behind the numbers: exchange time in s (an old name) and in ms, receive time
# in ms, sequence number, and the epoch and connection that delivered the tick.
HASH_FIELDS: Final = (*(short for short, _ in NUMBERS), "ts", "tm", "rt", "sq", "cn")
FROM_REST: Final = "rest"  # value of `cn` for a row of a REST answer

RECORD_VERSION: Final = 1
NO_SEQUENCE: Final = -1
TIME_MAX_MS: Final = 253_402_300_799_999  # the last ms of the year 9999: a datetime's maximum
FLAG_TIME_SUSPECT: Final = 1  # the exchange time is ahead of the venue's clock, or absurd
FLAG_REST: Final = 2  # a row of a REST answer: never live
FLAG_MERGED: Final = 4  # partly from a delta
FLAG_SUSPECT: Final = 8  # contradicted by two REST answers: not live

# Limits beyond which an exchange time is suspect. A tick that arrives late is judged by the lag of
# its connection instead.
TIME_AHEAD_MAX_MS: Final = 2_000
TIME_BEHIND_MAX_MS: Final = 24 * 3600 * 1000

# The packed record: fields before the numbers, in order (`conn` is followed by 4 bytes of padding).
RECORD_HEAD: Final = (
    *("version", "kind", "flags", "epoch", "ts_ms", "rt_ms", "sequence", "conn"),
    *("expiry_ms", "settle", "strike"),
)
RECORD: Final = struct.Struct(f"<BcHIqqqI4xq8sd{len(NUMBERS)}d")

# Rows of int64 that `core.Records.fill` writes beside the numbers.
HEAD_ROWS: Final = ("held", "live", "ts_ms", "rt_ms", "expiry_ms", "sequence", "flags", "conn")

# An announcement on `keys.updates`: version, padding, count of records, epoch, number; then for
# each record the length of its symbol in one byte, the symbol in ASCII, and the stored record. The
# number counts the announcements of an epoch from 1: a gap means that some were missed.
UPDATE_VERSION: Final = 1
UPDATE_HEAD: Final = struct.Struct("<BxHIQ")
UPDATE_BYTES_MAX: Final = 65536

DIGITS_MAX: Final = 20  # of a valid price or quantity, before the decimal point
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_STATUS_MAX: Final = 40
# Years that a key's YYMMDD can express: 2001 to 2099.
_EXPIRY_MS: Final = range(1_000_000_000_000, 4_102_444_800_000)

Kind = Literal["C", "P"]
Rounding = Literal["up", "down", "nearest"]
_ROUNDINGS: Final = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_UP}

# Months as symbols spell them. strftime's %b would depend on the locale.
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# The fields of `instrument:{symbol}`, all of them text.
TERMS: Final = (
    *("base", "quote", "settle", "expiry_ms", "strike", "type"),
    *("tick_size", "lot_size", "status", "launch_ms"),
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """The terms of one option, as the venue lists it.

    *strike_text*, *tick_size* and *lot_size* are the venue's own decimal text. *asset* is the base
    coin, *type* C (call) or P (put); *expiry_ms* and *launch_ms* are ms since 1970 UTC.
    """

    symbol: str
    asset: str
    quote: str
    settle: str
    expiry_ms: int
    strike_text: str
    type: Kind
    tick_size: str
    lot_size: str
    status: str
    launch_ms: int

    @classmethod
    def of_terms(cls, symbol: str, terms: Sequence[str]) -> Self:
        """Build an instrument from stored *terms*, in the order of `TERMS`.

        Raises ValueError for malformed terms and for those that `check` refuses.
        """
        base, quote, settle, expiry_ms, strike, kind, tick, lot, status, launch_ms = terms
        listed = cls(
            symbol=symbol,
            asset=base,
            quote=quote,
            settle=settle,
            expiry_ms=int(expiry_ms),
            strike_text=strike,
            type=cast("Kind", kind),
            tick_size=tick,
            lot_size=lot,
            status=status,
            launch_ms=int(launch_ms),
        )
        listed.check()
        return listed

    def check(self) -> None:
        """Raise ValueError for terms that no option has. An unknown tick or lot size is empty."""
        faults = {
            "coin": not all(map(keys.is_coin, (self.asset, self.quote, self.settle))),
            "expiry": self.expiry_ms not in _EXPIRY_MS,
            "strike": not _is_positive(self.strike_text),
            "type": self.type not in ("C", "P"),
            "tick size": bool(self.tick_size) and not _is_positive(self.tick_size),
            "lot size": bool(self.lot_size) and not _is_positive(self.lot_size),
            "status": len(self.status) > _STATUS_MAX or not self.status.isascii(),
            "launch time": not 0 <= self.launch_ms < _EXPIRY_MS.stop,
        }
        for name, is_bad in faults.items():
            if is_bad:
                raise ValueError(f"{self.symbol}: unusable {name}")

    def terms(self) -> dict[str, str]:
        """Return the terms as they are stored: `TERMS` -> text."""
        return {
            "base": self.asset,
            "quote": self.quote,
            "settle": self.settle,
            "expiry_ms": str(self.expiry_ms),
            "strike": self.strike_text,
            "type": self.type,
            "tick_size": self.tick_size,
            "lot_size": self.lot_size,
            "status": self.status,
            "launch_ms": str(self.launch_ms),
        }

    @property
    def kind(self) -> Kind:
        """Deprecated: use `type`."""
        warnings.warn("Instrument.kind: use Instrument.type", DeprecationWarning, stacklevel=2)
        return self.type

    @property
    def strike(self) -> float:
        """The strike price in quote coin."""
        return float(self.strike_text)

    def round_price(self, price: float | Decimal | str, direction: Rounding) -> str:
        """Return *price* rounded to a multiple of `tick_size`, as the exact text for an order.

        *direction* is up, down or nearest, where half a tick goes up. Raises BadInput for an
        invalid price or direction, and if the tick size is not known.
        """
        rounding = _ROUNDINGS.get(direction) if isinstance(direction, str) else None
        if rounding is None:
            raise BadInput(f"round a price 'up', 'down' or 'nearest', not {shown(direction)}")
        return _on_grid(self.symbol, "price", price, self.tick_size, rounding)

    def round_qty(self, qty: float | Decimal | str) -> str:
        """Return *qty* rounded down to a multiple of `lot_size`, as the exact text for an order.

        Raises BadInput for an invalid quantity, and if the lot size is not known.
        """
        return _on_grid(self.symbol, "quantity", qty, self.lot_size, ROUND_FLOOR)


def _is_positive(text: str) -> bool:
    """Whether *text* is a decimal above 0 in the range of prices and quantities."""
    return _DECIMAL.fullmatch(text) is not None and 1e-15 <= float(text) <= 1e15


def _on_grid(
    symbol: str, quantity: str, value: float | Decimal | str, step: str, rounding: str
) -> str:
    try:
        exact = Decimal(str(value))
    except (InvalidOperation, ValueError):  # ValueError: str() of an integer of 5,000 digits
        exact = Decimal("NaN")
    if not exact.is_finite() or exact < 0 or exact.adjusted() > DIGITS_MAX:
        is_negative = exact.is_finite() and exact < 0
        fault = f"is below 0, and no {quantity} is" if is_negative else f"is not a {quantity}"
        remedy = f"write a number such as {step}" if _is_positive(step) else "write a number"
        raise BadInput(f"{symbol}: {shown(value)} {fault}: {remedy}")
    if not _is_positive(step):
        raise BadInput(f"{symbol}: the step of its {quantity} is not known")
    grid = Decimal(step)
    # The precision of the caller's decimal context must not round a price the other way.
    with localcontext(Context(prec=10 * DIGITS_MAX)):
        steps = (exact / grid).to_integral_value(rounding)
        return format((steps * grid).quantize(grid), "f")
