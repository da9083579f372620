"""Forward and volatility smile of one series."""

from math import copysign, exp, log, sqrt

from fastopts.sim.prices.black76 import YEAR_MS
from fastopts.sim.prices.spot import SETTLEMENT_MS, Spot
from fastopts.sim.prices.universe import SimSeries
from fastopts.sim.text import decimal

__all__ = ("Curve", "forward_price")

_CARRY = 0.05  # annual premium of the forward over the spot
_USDC_BASIS = 0.0003  # forwards in USDC trade above those in USDT
_FRONT, _FRONT_YEARS = (
    0.12,
    0.08,
)  # extra IV of short expiries, relative to the coin's, and its decay in years
_SKEW, _CURVATURE = -0.04, 0.025  # per standard deviation of log-moneyness
_WINGS = 4.0  # standard deviations past which the smile is flat
_IV_MIN = 0.03
_YEARS_MIN = 1 / (365 * 24)  # for the smile's width: it stays finite at delivery


def forward_price(spot: float, settle: str, years: float) -> float:
    """Return the forward in quote coin."""
    return spot * exp(_CARRY * years + (_USDC_BASIS if settle == "USDC" else 0.0))


class Curve:
    """One series at the time of the last `advance`.

    `forward` equals `forward_text` exactly. `predicted` is the predicted delivery price as text
    during the settlement window, else "0".
    """

    __slots__ = (
        "_atm",
        "_now_ms",
        "_slope",
        "_steps",
        "forward",
        "forward_text",
        "predicted",
        "series",
        "spot",
        "years",
    )

    def __init__(self, series: SimSeries, spot: Spot) -> None:
        self.series = series
        self.spot = spot
        self._now_ms = self._steps = -1

    def advance(self, now_ms: int) -> None:
        """Move to *now_ms* (UTC milliseconds)."""
        if now_ms == self._now_ms:
            return
        self._now_ms = now_ms
        spot = self.spot
        left_ms = max(self.series.delivery_ms - now_ms, 0)
        self.years = left_ms / YEAR_MS
        self.predicted = spot.predicted if 0 < left_ms <= SETTLEMENT_MS else "0"
        if spot.steps != self._steps:
            self._follow(spot)

    def _follow(self, spot: Spot) -> None:
        """Recompute forward and smile from the spot."""
        self._steps = spot.steps
        years = self.years
        self.forward_text = decimal(forward_price(spot.price, self.series.settle, years))
        self.forward = float(self.forward_text)
        front = _FRONT * exp(-years / _FRONT_YEARS)
        self._atm = max(spot.coin.vol * (1 + front) + spot.vol_shift, _IV_MIN)
        self._slope = 1 / (self._atm * sqrt(max(years, _YEARS_MIN)))

    def iv(self, strike: float) -> float:
        """Return the mark IV at *strike*: a parabola in standard deviations from the forward."""
        x = log(strike / self.forward) * self._slope
        if not -_WINGS < x < _WINGS:
            x = copysign(_WINGS, x)
        return self._atm * (1 + x * (_SKEW + x * _CURVATURE))
