import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.sim.prices.black76 import DAYS_PER_YEAR, IV_MAX, implied_iv, value

FORWARD = 88_000.0
OPTIONS = [
    (strike, days, iv, is_call)
    for strike in (70_000.0, 88_000.0, 95_000.0)
    for days in (1.5, 30.0, 200.0)
    for iv in (0.35, 0.9)
    for is_call in (True, False)
]


def price(forward: float, strike: float, days: float, iv: float, is_call: bool) -> float:
    return value(forward, strike, days / DAYS_PER_YEAR, iv, is_call)[0]


def test_a_price_worked_out_by_hand() -> None:
    # d1 = ln(100/110)/0.2 + 0.1 = -0.37655..., N(d1) = 0.353253, N(d2) = 0.282246
    assert value(100, 110, 1, 0.2, True)[:2] == pytest.approx((4.29201, 0.353253), abs=2e-5)


@pytest.mark.parametrize(("strike", "days", "iv", "is_call"), OPTIONS)
def test_greeks_are_the_differences_of_the_price(
    strike: float, days: float, iv: float, is_call: bool
) -> None:
    at = partial(price, strike=strike, is_call=is_call)
    _, delta, gamma, vega, theta = value(FORWARD, strike, days / DAYS_PER_YEAR, iv, is_call)

    up, mid, down = (at(FORWARD + step, days=days, iv=iv) for step in (5, 0, -5))
    assert delta == pytest.approx((up - down) / 10, rel=1e-4, abs=1e-7)
    assert gamma == pytest.approx((up - 2 * mid + down) / 25, rel=1e-3, abs=1e-9)
    # a vol point is 0.01
    higher, lower = at(FORWARD, days=days, iv=iv + 1e-4), at(FORWARD, days=days, iv=iv - 1e-4)
    assert vega == pytest.approx((higher - lower) / 2e-4 / 100, rel=1e-4, abs=1e-7)
    # a day that passes takes a day away
    tomorrow, yesterday = at(FORWARD, days=days - 1e-3, iv=iv), at(FORWARD, days=days + 1e-3, iv=iv)
    assert theta == pytest.approx((tomorrow - yesterday) / 2e-3, rel=1e-4, abs=1e-6)


def test_signs() -> None:
    for is_call in (True, False):
        _, delta, gamma, vega, theta = value(100, 105, 0.1, 0.5, is_call)
        assert (delta > 0) == is_call
        assert gamma > 0
        assert vega > 0
        assert theta < 0


def test_theta_of_the_last_day_is_scaled_by_the_days_left() -> None:
    days = 0.25
    theta = value(100, 100, days / DAYS_PER_YEAR, 0.5, True)[4]
    slope = (
        price(100, 100, days + 1e-4, 0.5, True) - price(100, 100, days - 1e-4, 0.5, True)
    ) / 2e-4
    assert theta == pytest.approx(-slope * days, rel=1e-5)


def test_put_call_parity() -> None:
    for strike, days, iv, _ in OPTIONS:
        call = price(FORWARD, strike, days, iv, True)
        put = price(FORWARD, strike, days, iv, False)
        assert call - put == pytest.approx(FORWARD - strike, abs=1e-9)


@pytest.mark.parametrize(
    ("strike", "is_call", "expected"),
    [
        (90.0, True, (10.0, 1.0)),
        (110.0, True, (0.0, 0.0)),
        (110.0, False, (10.0, -1.0)),
        (100.0, True, (0.0, 0.5)),
    ],
)
def test_at_delivery_the_intrinsic_value_is_left(
    strike: float, is_call: bool, expected: tuple[float, float]
) -> None:
    assert value(100, strike, 0, 0.5, is_call) == (*expected, 0, 0, 0)


@given(
    iv=st.floats(0.05, 4.5),
    guess=st.floats(0.02, 5),
    days=st.floats(0.1, 400),
    distance=st.floats(-3, 3),
    is_call=st.booleans(),
)
def test_implied_iv_finds_the_iv_of_a_price(
    iv: float, guess: float, days: float, distance: float, is_call: bool
) -> None:
    years = days / DAYS_PER_YEAR
    strike = 100 * math.exp(distance * iv * math.sqrt(years))
    cost, _, _, vega, _ = value(100, strike, years, iv, is_call)
    # A double holds a price to some 1e-13: no more is known of an IV that hardly moves it.
    found = implied_iv(cost, 100, strike, years, is_call, guess)
    assert found == pytest.approx(iv, abs=1e-5 + 1e-12 / vega)


@pytest.mark.parametrize(
    ("cost", "strike", "is_call", "expected"),
    [
        (9.5, 90.0, True, 0.0),  # less than the intrinsic value
        (0.0, 110.0, True, 0.0),
        (9.5, 110.0, False, 0.0),
        (100.0, 110.0, True, IV_MAX),  # a call costs less than the forward
        (40.0, 300.0, True, IV_MAX),  # capped
    ],
)
def test_implied_iv_at_its_limits(
    cost: float, strike: float, is_call: bool, expected: float
) -> None:
    assert implied_iv(cost, 100, strike, 0.02, is_call, 0.5) == expected
    assert implied_iv(cost, 100, strike, 0, is_call, 0.5) == 0
