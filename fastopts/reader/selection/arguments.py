"""Checks of arguments: each returns the value, or raises BadInput that says what to write."""

import operator
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, Final

from fastopts.errors import BadInput, clipped

__all__ = ("EXAMPLE", "count", "flag", "number", "shown", "symbol", "symbols", "text", "timeout")

_WAIT_MAX_S: Final = 1e9  # more than a lock can wait for on every platform
EXAMPLE: Final = "BTC-25JUN27-100000-C-USDT"


def shown(value: object) -> str:
    """The `repr` of *value* on one line for a message."""
    try:
        return clipped(" ".join(repr(value).split()))
    except Exception:  # noqa: BLE001 - of a foreign object, or an integer of 5,000 digits
        return f"a value of type {type(value).__name__}"


def text(name: str, value: Any, example: str) -> str:
    """A str."""
    if isinstance(value, str):
        return value
    raise BadInput(f"{name}: {shown(value)} is no text: write {example!r}", arguments=(name,))


def number(name: str, value: Any, example: str = "a number", what: str = "number") -> float:
    """A real number, also one of numpy's; neither NaN nor a bool."""
    if type(value) is not bool and isinstance(value, Real):
        try:
            found = float(value)
        except (OverflowError, ValueError, TypeError):
            raise BadInput(f"{name}: a number is too large", arguments=(name,)) from None
        if found == found:
            return found
    raise BadInput(f"{name}: {shown(value)} is no {what}: write {example}", arguments=(name,))


def count(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    if type(value) is not bool and isinstance(value, Integral):
        found = operator.index(value)
        if found >= 1:
            return found
    raise BadInput(
        f"{name}: {shown(value)} is no count: write 1 or more, or leave it out", arguments=(name,)
    )


def flag(name: str, value: Any) -> bool:
    """True or False, also numpy's."""
    if isinstance(value, bool):
        return value
    if type(value).__name__ in ("bool_", "bool"):  # numpy's, which a reader need not have loaded
        return bool(value)
    raise BadInput(f"{name}: {shown(value)}: write True or False", arguments=(name,))


def timeout(name: str, value: Any) -> float | None:
    """Seconds to wait; None for ever, which infinity is too."""
    if value is None:
        return None
    seconds = number(name, value, "seconds, or None to wait for ever")
    return seconds if seconds < _WAIT_MAX_S else None


def symbol(value: Any) -> str:
    """The name of an option."""
    return text("symbol", value, EXAMPLE)


def symbols(values: Any) -> Sequence[str]:
    """The names of options out of any iterable: a list, a set, an array, a Series, a generator."""
    if isinstance(values, str | bytes | bytearray | memoryview):
        raise _no_symbols(f"{shown(values)} is one symbol" if values else "there is none")
    if not isinstance(values, Iterable):
        raise _no_symbols(f"{shown(values)} is no iterable of symbols")
    names = values if isinstance(values, list | tuple) else list(map(_plain, values))
    try:
        "".join(names)  # the fastest way to see that all are text
    except TypeError:
        [place] = [i for i, name in enumerate(names) if not isinstance(name, str)][:1]
        raise _no_symbols(f"{shown(names[place])} at position {place} is no text") from None
    return names


def _plain(name: Any) -> Any:
    """A text of numpy's as Python's own."""
    return str.__str__(name) if isinstance(name, str) else name


def _no_symbols(fault: str) -> BadInput:
    return BadInput(f"symbols: {fault}: write [{EXAMPLE!r}]", arguments=("symbols",))
