import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fastopts.sim.prices.coins import COINS, Coin
from fastopts.sim.prices.expiries import DAY_MS
from fastopts.sim.prices.universe import SimListing, SimUniverse
from tests.sim.conftest import HOUR_MS, T0_MS

SYMBOL = re.compile(r"([A-Z0-9]+)-(\d{1,2}[A-Z]{3}\d{2})-(\d+(?:\.\d+)?)-([CP])(?:-(USDT))?")
DELIVERY_MS = T0_MS + 22 * HOUR_MS  # tomorrow's


class Spots:
    """Where the coins trade: wherever the test puts them."""

    def __init__(self) -> None:
        self.factor = 1.0

    def forward(self, coin: Coin, settle: str, delivery_ms: int) -> float:
        return coin.spot * self.factor


def universe(
    symbols: int = 400, coins: str = "BTC,ETH,SOL,XRP", forward: Callable[..., float] | None = None
) -> SimUniverse:
    known = [COINS[name] for name in coins.split(",")]
    listed = SimUniverse(known, symbols, 4 * HOUR_MS, forward or Spots().forward)
    listed.roll(T0_MS)
    return listed


def strikes(listings: list[SimListing]) -> list[float]:
    return sorted({listing.strike for listing in listings})


@pytest.mark.parametrize("symbols", [20, 200, 2_000, 5_000])
def test_about_as_many_as_asked_for(symbols: int) -> None:
    assert len(universe(symbols).listings) == pytest.approx(symbols, rel=0.1)


def test_symbols_say_what_they_are() -> None:
    for symbol, listing in universe(1_000, ",".join(COINS)).listings.items():
        found = SYMBOL.fullmatch(symbol)
        assert found, symbol
        coin, date, strike, kind, usdt = found.groups()
        series = listing.series
        delivery = datetime.fromtimestamp(series.delivery_ms / 1000, UTC)
        assert coin == series.coin.name
        assert date == f"{delivery:%-d%b%y}".upper()
        assert float(strike) == listing.strike
        assert strike == f"{listing.strike:.6f}".rstrip("0").rstrip(".")
        assert (kind == "C") == listing.is_call
        assert (usdt or "USDC") == series.settle


def test_every_strike_has_a_call_and_a_put() -> None:
    listings = universe().listings
    for symbol in listings:
        twin = symbol.replace("-C", "-P") if "-C" in symbol else symbol.replace("-P", "-C")
        assert twin in listings


def test_strikes_lie_around_the_forward() -> None:
    listings = universe().listings.values()
    for series in {listing.series for listing in listings}:
        grid = strikes([listing for listing in listings if listing.series is series])
        middle = (grid[0] + grid[-1]) / 2
        if grid[0] > float(series.step):  # strikes begin at one step
            assert abs(middle - series.coin.spot) <= float(series.step) * 0.5001


def test_xrp_has_decimal_strikes() -> None:
    listings = universe(coins="XRP").listings
    assert any("." in listing.strike_text for listing in listings.values())


def test_some_series_exist_in_both_settle_coins() -> None:
    listings = universe(2_000).listings
    usdc = [symbol for symbol in listings if not symbol.endswith("-USDT")]
    assert 0.05 < len(usdc) / len(listings) < 0.2
    # A distant expiry's USDC strikes are strikes of the same expiry in USDT too.
    assert all(f"{symbol}-USDT" in listings for symbol in usdc)
    assert {symbol.split("-")[0] for symbol in usdc} == {"BTC", "ETH"}


def test_the_busiest_are_near_the_money_and_near_expiry() -> None:
    listings = [
        listing
        for listing in universe(2_000).listings.values()
        if listing.series.coin.name == "BTC"
    ]
    busiest = max(listings, key=lambda listing: listing.weight)
    quietest = min(listings, key=lambda listing: listing.weight)
    assert abs(busiest.strike / 88_000 - 1) < 0.01
    assert busiest.series.delivery_ms == DELIVERY_MS
    assert busiest.weight > 20 * quietest.weight


def test_new_strikes_when_the_spot_moves() -> None:
    spots = Spots()
    listed = universe(forward=spots.forward)
    before = dict(listed.listings)
    spots.factor = 1.1
    now_ms = T0_MS + 120_000
    came, stopped = listed.roll(now_ms)

    assert came
    assert not stopped
    assert all(listed.listings[symbol] is listing for symbol, listing in before.items())
    for listing in came:
        assert listing.launch_ms == now_ms
        old = strikes([old for old in before.values() if old.series is listing.series])
        assert listing.strike > max(old)
        assert round(listing.strike / float(listing.series.step), 9).is_integer()
    assert not listed.roll(now_ms + 60_000)[0]


def test_from_trading_to_delivering_to_gone() -> None:
    listed = universe()
    due = {s for s, listing in listed.listings.items() if listing.series.delivery_ms == DELIVERY_MS}
    assert due
    while listed.next_roll_ms < DELIVERY_MS:
        assert listed.roll(listed.next_roll_ms) == ([], [])
    assert listed.next_roll_ms == DELIVERY_MS

    came, stopped = listed.roll(DELIVERY_MS)
    assert {listing.symbol for listing in stopped} == due
    assert {listed.listings[symbol].status for symbol in due} == {"Delivering"}
    # The daily of three days ahead is listed instead, launched now.
    dailies = [
        listing for listing in came if listing.series.delivery_ms == DELIVERY_MS + 3 * DAY_MS
    ]
    assert dailies
    assert {listing.launch_ms for listing in came} == {DELIVERY_MS}

    listed.roll(DELIVERY_MS + 4 * HOUR_MS - 1)
    assert due < listed.listings.keys()
    listed.roll(DELIVERY_MS + 4 * HOUR_MS)
    assert not due & listed.listings.keys()


def test_what_is_there_at_the_beginning_was_launched_before() -> None:
    for listing in universe().listings.values():
        assert listing.launch_ms < T0_MS < listing.series.delivery_ms
