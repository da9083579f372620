from decimal import Decimal

import pytest

from fastopts.sim.prices.coins import COINS
from fastopts.sim.prices.curve import Curve
from fastopts.sim.prices.expiries import DAY_MS
from fastopts.sim.prices.spot import Spot
from fastopts.sim.prices.universe import SimSeries
from tests.sim.conftest import T0_MS

SPOT = Spot(COINS["BTC"], 1, T0_MS)


def curve(settle: str, days: float) -> Curve:
    delivery_ms = T0_MS + int(days * DAY_MS)
    result = Curve(SimSeries(SPOT.coin, settle, delivery_ms, "", Decimal(1), 1), SPOT)
    result.advance(T0_MS)
    return result


def test_the_forward_is_what_its_text_says_and_grows_with_time() -> None:
    forwards = [curve("USDT", days).forward for days in (1, 30, 300)]
    assert forwards == sorted(forwards)
    assert SPOT.price < forwards[0]
    assert forwards[-1] < SPOT.price * 1.1
    assert curve("USDT", 30).forward == float(curve("USDT", 30).forward_text)


def test_the_settle_coins_have_forwards_of_their_own() -> None:
    assert curve("USDC", 90).forward > curve("USDT", 90).forward * 1.0001


def test_years_are_of_365_days() -> None:
    assert curve("USDT", 73).years == pytest.approx(0.2)


@pytest.mark.parametrize("days", [0.01, 1, 30, 300])
def test_it_smiles(days: float) -> None:
    smile = curve("USDT", days)
    middle = smile.iv(smile.forward)
    assert smile.iv(smile.forward * 0.5) > middle
    assert smile.iv(smile.forward * 2) > middle
    # Puts of the same distance cost more, as they do for crypto.
    assert smile.iv(smile.forward * 0.5) > smile.iv(smile.forward * 2)
    assert 0.3 < middle < 0.8


def test_a_settled_series_has_no_time_left() -> None:
    assert curve("USDT", -1).years == 0
