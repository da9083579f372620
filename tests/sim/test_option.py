import pytest

from fastopts.sim.prices.black76 import YEAR_MS, implied_iv, value
from fastopts.sim.prices.chance import stream
from fastopts.sim.prices.option import SimOption, Ticker
from tests.sim.conftest import HOUR_MS, T0_MS, market

OPTIONS = list(market(2_000).options.values())


def step_count(text: str, step: str) -> float:
    return float(text) / float(step)


def revalue(option: SimOption) -> tuple[float, ...]:
    """Price and greeks by what the ticker itself says."""
    ticker, series = option.ticker, option.listing.series
    years = (series.delivery_ms - option.ts_ms) / YEAR_MS
    forward, iv = float(ticker.underlying_price), float(ticker.mark_iv)
    return value(forward, option.strike, years, iv, option.is_call)


def test_the_texts_agree_with_each_other() -> None:
    for option in OPTIONS:
        t = option.ticker
        said = [float(text) for text in (t.mark_price, t.delta, t.gamma, t.vega, t.theta)]
        assert said == pytest.approx(revalue(option), abs=6e-9), option.symbol
        assert t.index_price == option.curve.spot.text


def test_decimal_places() -> None:
    for option in OPTIONS:
        for name, text in option.ticker._asdict().items():
            places = 4 if name.endswith("_iv") else 8
            assert len(text.partition(".")[2]) <= places, (option.symbol, name, text)
            assert "e" not in text
            assert not text.endswith((".", "-0"))


def test_quotes_are_on_their_grids_around_the_mark() -> None:
    for option in OPTIONS:
        t, coin = option.ticker, option.listing.series.coin
        for text, step in (
            (t.bid_price, coin.tick),
            (t.ask_price, coin.tick),
            (t.bid_size, coin.lot),
            (t.ask_size, coin.lot),
            (t.volume_24h, coin.lot),
            (t.open_interest, coin.lot),
            (t.last_price, coin.tick),
        ):
            assert step_count(text, step) == pytest.approx(round(step_count(text, step)), abs=1e-6)
        if t.bid_price != "0":
            assert float(t.bid_price) < float(t.mark_price)
        if t.ask_price != "0":
            assert float(t.ask_price) > float(t.mark_price)


def test_a_side_without_a_quote_is_zero_throughout() -> None:
    sides = [(t.bid_price, t.bid_size, t.bid_iv) for t in (option.ticker for option in OPTIONS)]
    sides += [(t.ask_price, t.ask_size, t.ask_iv) for t in (option.ticker for option in OPTIONS)]
    assert ("0", "0", "0") in sides
    for price, size, iv in sides:
        assert (price == "0") == (size == "0")
        assert price != "0" or iv == "0"


def test_the_iv_of_a_quote_is_the_iv_of_its_price() -> None:
    luck = stream("quotes")
    options = market(200).options.values()
    for round_ in range(1, 20):
        for option in options:
            option.tick(T0_MS + round_ * 100, luck)
    for option in options:
        t, years = option.ticker, option.curve.years
        for price, iv in ((t.bid_price, t.bid_iv), (t.ask_price, t.ask_iv)):
            if price == "0":
                continue
            forward = float(t.underlying_price)
            expected = implied_iv(float(price), forward, option.strike, years, option.is_call, 0.5)
            assert float(iv) == pytest.approx(expected, abs=1.1e-4), option.symbol
        if "0" not in (t.bid_iv, t.ask_iv):
            assert float(t.bid_iv) <= float(t.mark_iv) <= float(t.ask_iv)


def test_never_traded_is_zero() -> None:
    quiet = [o.ticker for o in OPTIONS if o.ticker.last_price == "0"]
    assert quiet
    for t in quiet:
        assert (t.high_24h, t.low_24h, t.volume_24h, t.turnover_24h, t.change_24h) == ("0",) * 5
        assert (t.total_volume, t.total_turnover, t.open_interest) == ("0",) * 3


def test_what_traded_is_consistent() -> None:
    traded = [o for o in OPTIONS if o.ticker.volume_24h != "0"]
    assert len(traded) > len(OPTIONS) / 2
    for option in traded:
        t = option.ticker
        assert 0 < float(t.low_24h) <= float(t.last_price) <= float(t.high_24h)
        # the underlying's notional, not the premium
        notional = float(t.turnover_24h) / float(t.volume_24h)
        assert notional == pytest.approx(float(t.index_price), rel=0.01)
        assert t.total_volume.isdecimal()
        assert t.total_turnover.isdecimal()
        assert float(t.total_volume) >= float(t.volume_24h) - 0.5


def test_an_option_ticks_only_on_request() -> None:
    option = next(iter(market().options.values()))
    before, luck = option.texts, stream("a tick")
    assert option.ts_ms == T0_MS
    option.curve.spot.advance(T0_MS + 5_000)
    assert option.texts is before
    assert option.tick(T0_MS + 5_000, luck)
    assert option.ts_ms == T0_MS + 5_000
    assert option.ticker.mark_price != before[Ticker._fields.index("mark_price")]


def test_trades_move_volume_price_and_interest() -> None:
    world = market()
    option = max(world.options.values(), key=lambda o: o.listing.weight)
    before = option.ticker
    now_ms = T0_MS
    for _ in range(4_000):
        now_ms += 100
        world.advance(now_ms)
        world.tick(option)
    after = option.ticker
    assert float(after.volume_24h) > float(before.volume_24h)
    assert float(after.total_turnover) > float(before.total_turnover)
    assert after.open_interest != before.open_interest
    assert after.last_price != before.last_price


def test_the_day_s_statistics_end_with_the_day() -> None:
    world = market()
    option = next(
        o
        for o in world.options.values()
        if o.ticker.volume_24h != "0" and o.listing.series.delivery_ms > T0_MS + 72 * HOUR_MS
    )
    total = option.ticker.total_volume
    luck = stream("no trades")
    luck.random = lambda: 0.999  # type: ignore[method-assign]
    option.tick(T0_MS + 25 * HOUR_MS, luck)
    t = option.ticker
    assert (t.high_24h, t.low_24h, t.volume_24h, t.change_24h) == ("0", "0", "0", "0")
    assert t.last_price != "0"
    assert t.total_volume == total
