"""Checks of arguments: what is accepted, and the remedy in the error for the rest."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastopts.errors import BadInput
from fastopts.reader.selection import arguments
from fastopts.reader.selection.arguments import EXAMPLE


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (lambda v: arguments.number("x", v), 3, 3.0),
        (lambda v: arguments.number("x", v), np.float32(0.5), 0.5),
        (lambda v: arguments.count("x", v), np.int64(2), 2),
        (lambda v: arguments.flag("x", v), np.True_, True),
        (lambda v: arguments.timeout("x", v), None, None),
        (lambda v: arguments.timeout("x", v), float("inf"), None),
        (lambda v: arguments.timeout("x", v), 2, 2.0),
        (arguments.symbol, EXAMPLE, EXAMPLE),
        (arguments.symbols, (EXAMPLE,), (EXAMPLE,)),
        (arguments.symbols, {EXAMPLE: 1}, [EXAMPLE]),
        (arguments.symbols, np.array([EXAMPLE]), [EXAMPLE]),
    ],
)
def test_a_value_is_returned(check: Callable[[Any], Any], value: Any, result: Any) -> None:
    accepted = check(value)
    assert (accepted, type(accepted)) == (result, type(result))


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (lambda v: arguments.number("x", v), float("nan"), "x: nan is not a number: write"),
        (lambda v: arguments.number("x", v), True, "x: True is not a number"),
        (lambda v: arguments.number("x", v, kind="an age"), "1", "x: '1' is not an age"),
        (lambda v: arguments.number("x", v), 10**400, "x: a number is too large"),
        (lambda v: arguments.count("x", v), 0, "x: 0 is not a positive integer: write 1 or more"),
        (lambda v: arguments.flag("x", v), 1, "x: 1: write True or False"),
        (arguments.symbol, 7, "symbol: 7 is not text"),
        (arguments.symbols, EXAMPLE, f"symbols: '{EXAMPLE}' is one symbol: write"),
        (arguments.symbols, "", "symbols: there is none"),
        (arguments.symbols, 7, "symbols: 7 is not an iterable of symbols"),
        (arguments.symbols, [EXAMPLE, 7], "symbols: 7 at position 1 is not text"),
    ],
)
def test_an_invalid_value_is_refused_with_a_remedy(
    check: Callable[[Any], Any], value: Any, message: str
) -> None:
    with pytest.raises(BadInput) as error:
        check(value)
    assert str(error.value).startswith(message)
    assert error.value.arguments


def test_a_value_is_shown_on_one_line_whatever_it_is() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    assert arguments.shown("a\nb") == "'a\\nb'"
    assert "\n" not in arguments.shown(np.zeros((3, 3)))
    assert arguments.shown(Odd()) == "a value of type Odd"
