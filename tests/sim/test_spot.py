import itertools
import math
import statistics

import pytest

from fastopts.sim.prices.coins import COINS
from fastopts.sim.prices.expiries import DAY_MS
from fastopts.sim.prices.spot import STEP_MS, Spot
from tests.sim.conftest import HOUR_MS, T0_MS

SETTLING_MS = T0_MS + 21 * HOUR_MS + HOUR_MS // 2  # tomorrow 07:30 UTC


def test_the_price_is_what_the_text_says() -> None:
    spot = Spot(COINS["BTC"], 1, T0_MS)
    for n in range(1, 50):
        spot.advance(
            T0_MS + n * 1000,
        )
        assert spot.price == float(spot.text)
        assert len(spot.text.partition(".")[2]) <= 8


def test_a_step_too_small_changes_nothing() -> None:
    spot = Spot(COINS["BTC"], 1, T0_MS)
    before = spot.text
    spot.advance(T0_MS + STEP_MS - 1)
    assert (spot.text, spot.steps) == (before, 0)
    spot.advance(T0_MS + STEP_MS)
    assert spot.text != before
    assert spot.steps == 1


@pytest.mark.parametrize("step_ms", [60_000, DAY_MS])
def test_it_walks_as_far_as_its_volatility_says(step_ms: int) -> None:
    spot = Spot(COINS["ETH"], 3, T0_MS)
    prices = [spot.price]
    for n in range(1, 2_000):
        spot.advance(T0_MS + n * step_ms)
        prices.append(spot.price)
    moves = [math.log(b / a) for a, b in itertools.pairwise(prices)]
    yearly = statistics.stdev(moves) * math.sqrt(365 * DAY_MS / step_ms)
    assert yearly == pytest.approx(COINS["ETH"].vol, rel=0.1)


def test_it_predicts_the_delivery_price_in_the_last_half_hour_only() -> None:
    spot = Spot(COINS["BTC"], 1, SETTLING_MS - 60_000)
    spot.advance(SETTLING_MS - STEP_MS)
    assert spot.predicted == "0"
    seen = []
    for minute in range(30):
        spot.advance(SETTLING_MS + minute * 60_000)
        seen.append(spot.price)
        assert min(seen) <= float(spot.predicted) <= max(seen)
    assert float(spot.predicted) == pytest.approx(statistics.mean(seen), rel=1e-4)
    spot.advance(SETTLING_MS + 30 * 60_000)
    assert spot.predicted == "0"
