"""The numbers of records as exact decimals, and back.

A record has the double that is nearest to the venue's decimal text. Text of up to 15 digits can be
had back from it: no other such text has the same nearest double (IEEE 754, DBL_DIG).
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fastopts.history.schema import PRECISION, SCALE, UNIT

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ("decimal_array", "doubles", "scaled", "text")

# Below it, doubles are closer to each other than two decimals of the scale: the check by division
# is then a proof. Above, the shortest text decides, a microsecond a number.
_DENSE_BELOW: Final = 2.0**26
_DIGITS_EXACT: Final = 15
_MAX: Final = 10**PRECISION


def scaled(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return *values* in units of the scale, and whether each is exactly that.

    NaN, a number that the venue left empty, is not.
    """
    dense = np.abs(values) < _DENSE_BELOW  # false for NaN
    units = np.rint(np.where(dense, values, 0.0) * UNIT)
    exact = dense & (units / UNIT == values)
    integers = units.astype(np.int64)
    for index in np.flatnonzero(~exact & np.isfinite(values)):
        number = Decimal(repr(float(values[index])))
        integer = number.scaleb(SCALE)
        digits = len(number.normalize().as_tuple().digits)
        if digits <= _DIGITS_EXACT and integer == integer.to_integral_value() and _fits(integer):
            integers[index], exact[index] = int(integer), True
    return integers, exact


def text(value: float) -> str:
    """Return the shortest decimal text whose nearest double is *value*, without an exponent."""
    return format(Decimal(repr(value)).normalize(), "f")


def doubles(units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the doubles of decimals in units of the scale: those of the record, bit for bit."""
    values = units / UNIT
    # Both operands of the division are exact only up to 2**53.
    for index in np.flatnonzero(np.abs(units) >= 2**53):
        values[index] = float(Decimal(int(units[index])).scaleb(-SCALE))
    result: NDArray[np.float64] = values
    return result


def decimal_array(units: NDArray[np.int64], valid: NDArray[np.bool_], kind: Any) -> "pa.Array":
    """Return an Arrow array of the decimal type *kind*, null where not *valid*."""
    import pyarrow as pa

    # Arrow's decimals have 16 bytes: the upper half only extends the sign.
    wide = np.empty((len(units), 2), np.int64)
    wide[:, 0] = units
    np.right_shift(units, 63, out=wide[:, 1])
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(units), [bits, pa.py_buffer(wide)])


def _fits(integer: Decimal) -> bool:
    return abs(integer) < _MAX
