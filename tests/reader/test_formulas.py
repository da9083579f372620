"""Formulas: an option and a column agree, and missing values follow one rule."""

import math
from typing import Any

import numpy as np
import pytest

from fastopts.field_registry import FIELDS
from fastopts.reader.objects import formulas
from fastopts.reader.objects.market import NAMES
from tests.reader.options import make, terms
from tests.support.store import NAN

# Each case changes some numbers of the option; the others are those of tests.support.store.
CASES: dict[str, dict[str, Any]] = {
    "usual": {},
    "no bid": {"bid_price": NAN},
    "crossed": {"bid_price": 60.0, "ask_price": 50.0},
    "locked": {"bid_price": 50.0, "ask_price": 50.0},
    "no forward": {"underlying_price": NAN},
    "capped": {"ask_iv": 5.0, "mark_iv": NAN},
    "no gamma": {"gamma": NAN},
    "no mark": {"mark_price": NAN},
}
WITH_FORMULA = [name for name, field in FIELDS.items() if field.formula]


class Columns(dict[str, Any]):
    """Columns of length one, made from an option."""

    def __init__(self, option: Any) -> None:
        super().__init__(
            venue_ms=option.moment.venue_ms,
            ts_ms=np.array([option.ts_ms]),
            expiry_ms=np.array([option.expiry_ms]),
            tick_size=np.array([option._tick_size or math.nan]),
            call_sign=np.array([1.0 if option.type == "C" else -1.0]),
        )
        self._option = option

    def __missing__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        value = getattr(self._option, name)
        return np.array([math.nan if value is None else value])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", WITH_FORMULA)
def test_an_option_and_a_column_agree(name: str, case: str) -> None:
    option = make(instrument=terms(), **CASES[case])
    value = getattr(option, name)
    [computed] = formulas.column(name, Columns(option)).tolist()
    assert (None if computed != computed else computed) == value
    assert value is None or type(computed) is type(value)


def test_a_number_without_one_of_its_inputs_is_none() -> None:
    option = make(bid_price=NAN)
    assert (option.mid, option.spread, option.rel_spread) == (None, None, None)
    assert make(instrument=None).spread_ticks is None


def test_a_number_whose_condition_fails_is_none() -> None:
    assert make(bid_price=60.0, ask_price=50.0).mid is None
    assert make(bid_price=60.0, ask_price=50.0).spread == -10.0


def test_a_result_that_is_not_a_number_is_none() -> None:
    assert make(bid_price=math.inf, ask_price=math.inf).spread is None


def test_a_flag_ignores_missing_values() -> None:
    assert make(ask_iv=5.0, mark_iv=NAN).iv_capped is True
    assert make(bid_price=NAN).crossed is False
    assert make(gamma=NAN).greeks_ok is False


def test_a_field_without_a_formula_has_no_column_here() -> None:
    with pytest.raises(KeyError):
        formulas.column("mark_iv", {})


def test_an_attribute_is_documented_and_read_only() -> None:
    option = make()
    assert type(option).mid.__doc__ == str(FIELDS["mid"])
    with pytest.raises(AttributeError):
        option.mid = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "numbers", "value"),
    [
        ("spread", {"bid_price": 0.1, "ask_price": 0.3}, 0.2),
        ("mid", {"bid_price": 0.1, "ask_price": 0.2}, 0.15),
        ("spread_iv", {"bid_iv": 0.4383, "ask_iv": 0.4466}, 0.0083),
        ("intrinsic", {"underlying_price": 90000.1}, 0.1),
        ("time_value", {"underlying_price": 90000.1, "mark_price": 0.3}, 0.2),
    ],
)
def test_sums_of_decimals_have_no_digits_that_their_inputs_lack(
    name: str, numbers: dict[str, Any], value: float
) -> None:
    option = make(instrument=terms(), **numbers)
    assert getattr(option, name) == value
    [computed] = formulas.column(name, Columns(option)).tolist()
    assert computed == value
