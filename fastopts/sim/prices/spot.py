"""Index price of one coin, and its predicted delivery price."""

from math import exp, sqrt
from typing import Final

from fastopts.sim.prices.black76 import YEAR_MS
from fastopts.sim.prices.chance import stream
from fastopts.sim.prices.coins import Coin
from fastopts.sim.prices.expiries import DAY_MS, DELIVERY_HOUR
from fastopts.sim.text import decimal

__all__ = ("SETTLEMENT_MS", "Spot")

SETTLEMENT_MS: Final = (
    30 * 60_000
)  # delivery price: mean of the index over the 30 minutes before 08:00 UTC
STEP_MS: Final = 20  # minimum time between two moves of the index

_DELIVERY_MS = DELIVERY_HOUR * 3_600_000  # since midnight
_START_SPREAD = 0.02  # standard deviation of the first price between seeds
_VOL_SPREAD = 0.03  # standard deviation of the volatility level,
_VOL_MEMORY_MS = DAY_MS  # which reverts to its mean with this time constant


class Spot:
    """Geometric random walk with a mean-reverting volatility level.

    `price` equals `text` exactly; `steps` counts the moves. `vol_shift` is added to the IV of every
    option of the coin. `predicted` is the predicted delivery price as text during the settlement
    window, else "0".
    """

    def __init__(self, coin: Coin, seed: int, now_ms: int) -> None:
        self.coin = coin
        self.steps = 0
        self.predicted = "0"
        self._luck = stream(seed, "spot", coin.name)
        self._level = coin.spot * exp(_START_SPREAD * self._luck.gauss())
        self.vol_shift = _VOL_SPREAD * self._luck.gauss()
        self._now_ms = now_ms
        self._sum = self._weight = 0.0
        self._write(now_ms, 0)

    def advance(self, now_ms: int) -> None:
        """Move to *now_ms*, if at least STEP_MS have passed."""
        passed_ms = now_ms - self._now_ms
        if passed_ms < STEP_MS:
            return
        self._now_ms = now_ms
        self.steps += 1
        years, vol = passed_ms / YEAR_MS, self.coin.vol
        self._level *= exp(vol * sqrt(years) * self._luck.gauss() - vol * vol * years / 2)
        decay = exp(-passed_ms / _VOL_MEMORY_MS)
        self.vol_shift *= decay
        self.vol_shift += _VOL_SPREAD * sqrt(1 - decay * decay) * self._luck.gauss()
        self._write(now_ms, passed_ms)

    def _write(self, now_ms: int, passed_ms: int) -> None:
        self.text = decimal(self._level)
        self.price = float(self.text)
        left_ms = (_DELIVERY_MS - now_ms) % DAY_MS
        if not 0 < left_ms <= SETTLEMENT_MS:
            self.predicted, self._sum, self._weight = "0", 0.0, 0.0
            return
        weight = max(min(passed_ms, SETTLEMENT_MS - left_ms), 1)
        self._sum += self.price * weight
        self._weight += weight
        self.predicted = decimal(self._sum / self._weight)
