"""Black-76 without discounting, in the venue's units.

    d1 = ln(F/K) / (iv * sqrt(T)) + iv * sqrt(T) / 2        d2 = d1 - iv * sqrt(T)
    call = F N(d1) - K N(d2)                                put = K N(-d2) - F N(-d1)

F is the forward of the expiry, K the strike, both in quote coin; T is in years of 365 days; iv is
a fraction (0.53 = 53 %). Prices and greeks are per 1 unit of base coin, in quote coin.
"""

from math import erfc, exp, log, pi, sqrt
from typing import Final

__all__ = ("DAYS_PER_YEAR", "IV_MAX", "YEAR_MS", "implied_iv", "value")

DAYS_PER_YEAR: Final = 365
YEAR_MS: Final = DAYS_PER_YEAR * 86_400_000
IV_MAX: Final = 5.0  # where the venue caps the IV of a quote

_ROOT_HALF = sqrt(0.5)
_PEAK = 1 / sqrt(2 * pi)  # of the normal density
_SETTLED = 1e-6  # a deviation below which nothing is left but the intrinsic value
_STEP_MAX = 5e-4  # after a step of Newton's that is smaller, the error is below 1e-5
_ROUNDS_MAX = 60
_NOISE = 1e-13  # of the forward: prices below are rounding errors


def value(
    forward: float, strike: float, years: float, iv: float, is_call: bool
) -> tuple[float, float, float, float, float]:
    """Return price, delta, gamma, vega and theta.

    The delta of a put is negative; gamma is per 1 quote unit of the forward, vega per vol point
    (0.01), theta per calendar day. In the last day theta is scaled by the days left, as the venue
    does it.
    """
    root = sqrt(years)
    deviation = iv * root
    if deviation < _SETTLED:
        return _settled(forward, strike, is_call)
    d1 = log(forward / strike) / deviation + deviation / 2
    side = 1.0 if is_call else -1.0
    near = side * d1 * _ROOT_HALF
    far = near - side * deviation * _ROOT_HALF
    delta = side * erfc(-near) / 2
    price = forward * delta - side * strike * erfc(-far) / 2
    slope = forward * exp(-d1 * d1 / 2) * _PEAK
    days = years * DAYS_PER_YEAR
    theta = -slope * iv / (2 * root * DAYS_PER_YEAR)
    return (
        price if price > 0 else 0.0,
        delta,
        slope / (forward * forward * deviation),
        slope * root / 100,
        theta if days >= 1 else theta * days,
    )


def implied_iv(
    price: float, forward: float, strike: float, years: float, is_call: bool, guess: float
) -> float:
    """Return the IV at which an option costs *price*: 0 if it has no time value, at most IV_MAX.

    *guess* is where the search begins; near the answer one round is enough.
    """
    # The time value is the price of the out-of-the-money twin. The logarithm of that price is
    # concave in iv, so Newton's method converges from below, wherever it begins.
    moneyness = forward - strike
    side = -1.0 if moneyness > 0 else 1.0  # of the twin: a call if the strike is above
    time_value = price - abs(moneyness) if is_call == (moneyness > 0) else price
    if time_value <= 0 or years <= 0:
        return 0.0
    if time_value >= min(forward, strike):  # what no volatility reaches
        return IV_MAX
    distance, root, iv = log(forward / strike), sqrt(years), guess
    for _ in range(_ROUNDS_MAX):
        deviation = iv * root
        d1 = distance / deviation + deviation / 2
        near = side * d1 * _ROOT_HALF
        far = near - side * deviation * _ROOT_HALF
        twin = side * (forward * erfc(-near) - strike * erfc(-far)) / 2
        if twin < forward * _NOISE:
            iv *= 2
            continue
        vega = forward * exp(-d1 * d1 / 2) * _PEAK * root
        step = log(time_value / twin) * twin / vega
        if -_STEP_MAX < step < _STEP_MAX:
            iv += step
            break
        iv = min(max(iv + step, iv / 4), iv * 2)
        if iv > 2 * IV_MAX:
            break
    return min(iv, IV_MAX)


def _settled(
    forward: float, strike: float, is_call: bool
) -> tuple[float, float, float, float, float]:
    moneyness = forward - strike if is_call else strike - forward
    side = 1.0 if is_call else -1.0
    delta = side * (0.5 if moneyness == 0 else float(moneyness > 0))
    return max(moneyness, 0.0), delta, 0.0, 0.0, 0.0
