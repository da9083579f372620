"""Validation of arguments: each function returns the value, or raises BadInput with a remedy.

Users pass what their libraries return, so numpy's numbers, flags and strings are accepted, without
importing numpy: a plain reader must not load it.
"""

import operator
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, Final

from fastopts.errors import BadInput, shown

__all__ = ("EXAMPLE", "count", "flag", "number", "shown", "symbol", "symbols", "text", "timeout")

_WAIT_MAX_S: Final = 1e9  # locks overflow above about 4.3e9 s on some platforms
EXAMPLE: Final = "BTC-25JUN27-100000-C-USDT"


def text(name: str, value: Any, example: str) -> str:
    """Return *value* if it is a str."""
    if isinstance(value, str):
        return value
    raise BadInput(f"{name}: {shown(value)} is not text: write {example!r}", arguments=(name,))


def number(name: str, value: Any, example: str = "a number", kind: str = "a number") -> float:
    """Return *value* as a float if it is a real number other than NaN; a bool is not."""
    if type(value) is not bool and isinstance(value, Real):
        try:
            result = float(value)
        except (OverflowError, ValueError, TypeError):
            raise BadInput(f"{name}: a number is too large", arguments=(name,)) from None
        if result == result:
            return result
    raise BadInput(f"{name}: {shown(value)} is not {kind}: write {example}", arguments=(name,))


def count(name: str, value: Any) -> int:
    """Return *value* as an int if it is a whole number of at least 1."""
    if type(value) is not bool and isinstance(value, Integral):
        result = operator.index(value)
        if result >= 1:
            return result
    fault = f"{shown(value)} is not a positive integer"
    raise BadInput(f"{name}: {fault}: write 1 or more, or leave it out", arguments=(name,))


def flag(name: str, value: Any) -> bool:
    """Return *value* as a bool if it is True or False, or one of numpy's."""
    if isinstance(value, bool):
        return value
    # by its name: numpy's bool is no subclass of bool, and numpy need not be loaded
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise BadInput(f"{name}: {shown(value)}: write True or False", arguments=(name,))


def timeout(name: str, value: Any) -> float | None:
    """Return *value* as seconds to wait; None, as infinity, waits without a limit."""
    if value is None:
        return None
    seconds = number(name, value, "seconds, or None to wait without a limit")
    return seconds if seconds < _WAIT_MAX_S else None


def symbol(value: Any) -> str:
    """Return *value* if it is a str, as the symbol of an option."""
    return text("symbol", value, EXAMPLE)


def symbols(values: Any) -> Sequence[str]:
    """Return symbols out of any iterable: a list, a set, an array, a Series, a generator.

    A single str is refused, since its letters would be taken for symbols.
    """
    if isinstance(values, str | bytes | bytearray | memoryview):
        raise _invalid_symbols(f"{shown(values)} is one symbol" if values else "there is none")
    if not isinstance(values, Iterable):
        raise _invalid_symbols(f"{shown(values)} is not an iterable of symbols")
    names = values if isinstance(values, list | tuple) else list(map(_as_str, values))
    try:
        "".join(names)  # checks that all are text: 3 us for 1,000, isinstance of each 26 us
    except TypeError:
        index = next(i for i, name in enumerate(names) if not isinstance(name, str))
        fault = f"{shown(names[index])} at position {index} is not text"
        raise _invalid_symbols(fault) from None
    return names


def _as_str(name: Any) -> Any:
    """A numpy str as a plain one; any other value as it is, to be refused later."""
    return str.__str__(name) if isinstance(name, str) else name


def _invalid_symbols(fault: str) -> BadInput:
    return BadInput(f"symbols: {fault}: write [{EXAMPLE!r}]", arguments=("symbols",))
