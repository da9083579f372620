import pytest

from fastopts.sim.prices.market import SimMarket
from tests.sim.conftest import HOUR_MS, T0_MS, market


def states(world: SimMarket) -> dict[str, tuple[str, ...]]:
    return {symbol: option.texts for symbol, option in world.options.items()}


def drive(world: SimMarket) -> SimMarket:
    """A minute's ticks of everything."""
    for n in range(1, 61):
        world.advance(T0_MS + n * 1000)
        for option in world.options.values():
            world.tick(option)
    return world


def test_the_same_seed_and_times_give_the_same_market() -> None:
    first, second = drive(market(100, seed=3)), drive(market(100, seed=3))
    assert states(first) == states(second)


def test_another_seed_gives_another() -> None:
    first, second = market(100, seed=3), market(100, seed=4)
    symbol = (first.options.keys() & second.options.keys()).pop()
    assert first.options[symbol].ticker.mark_price != second.options[symbol].ticker.mark_price


def test_every_tick_is_a_change() -> None:
    world = market(100)
    for n in range(1, 10):
        world.advance(T0_MS + n * 100)
        assert all(world.tick(option) for option in world.options.values())


def test_put_call_parity_holds_on_the_wire() -> None:
    world = drive(market(200))
    for symbol, call in world.options.items():
        if not call.is_call:
            continue
        put = world.options[symbol.replace("-C", "-P")]
        assert call.ts_ms == put.ts_ms
        c, p = call.ticker, put.ticker
        assert c.mark_iv == p.mark_iv
        parity = float(c.underlying_price) - call.strike
        assert float(c.mark_price) - float(p.mark_price) == pytest.approx(parity, abs=2e-8)
        assert (c.gamma, c.vega, c.theta) == (p.gamma, p.vega, p.theta)
        assert float(c.delta) - float(p.delta) == pytest.approx(1, abs=2e-8)


def test_time_does_not_go_back() -> None:
    world = market()
    before = states(world)
    assert not world.advance(T0_MS - 1000)
    assert world.now_ms == T0_MS
    assert states(world) == before


def test_at_eight_the_daily_is_delivered_and_another_listed() -> None:
    world = market()
    daily = {
        s for s, o in world.options.items() if o.listing.series.delivery_ms == T0_MS + 22 * HOUR_MS
    }
    assert daily
    assert world.advance(T0_MS + 22 * HOUR_MS)
    assert {world.options[s].listing.status for s in daily} == {"Delivering"}
    assert {s.split("-")[1] for s in world.options} >= {"25NOV26", "28NOV26"}
    assert world.advance(T0_MS + 26 * HOUR_MS)
    assert not daily & world.options.keys()


def test_the_predicted_delivery_price_belongs_to_the_expiry_at_hand() -> None:
    world = market()
    world.advance(T0_MS + 21 * HOUR_MS + 45 * 60_000)
    for option in world.options.values():
        world.tick(option)
        is_due = option.listing.series.delivery_ms == T0_MS + 22 * HOUR_MS
        t = option.ticker
        assert t.predicted_delivery_price == (t.index_price if is_due else "0")
