"""Doubles become exactly the decimals that they are nearest to, and the same doubles again."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.history.decimals import doubles, scaled, text
from fastopts.history.schema import SCALE


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, SCALE))
def test_text_of_15_digits_is_kept_exactly(digits: int, places: int) -> None:
    venue_text = f"{Decimal(digits).scaleb(-places):f}"
    value = np.array([float(venue_text)])
    units, exact = scaled(value)
    if abs(Decimal(venue_text)) < 10**10:
        assert exact[0]
        assert Decimal(int(units[0])).scaleb(-SCALE) == Decimal(venue_text)
        assert doubles(units).tobytes() == (value + 0.0).tobytes()  # -0 becomes 0
    else:
        assert not exact[0]


@pytest.mark.parametrize("value", ["0.123456789", "1e-9", "1e10", "123456789012.5", "1e300"])
def test_other_numbers_are_not_rounded_to_fit(value: str) -> None:
    _, exact = scaled(np.array([float(value)]))
    assert not exact[0]
    assert Decimal(text(float(value))) == Decimal(value)


def test_numbers_that_are_none_are_not_exact() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert scaled(values)[1].tolist() == [False, False, False, True]


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_doubles_are_the_nearest_ones(units: int) -> None:
    [value] = doubles(np.array([units])).tolist()
    assert value == float(Decimal(units).scaleb(-SCALE))
