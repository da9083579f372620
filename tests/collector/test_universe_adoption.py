"""Ticks of symbols that nobody listed."""

import logging

import pytest

from tests.collector.universe_harness import (
    FAR_MS,
    HOUR_MS,
    UniverseHarness,
    instrument,
    name,
    names,
    set_wall_clock,
)
from tests.support import payloads
from tests.support.payloads import dump


async def test_a_stranger_that_is_an_option_gets_a_slot_until_it_is_listed(
    world: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    world.venue.listed = {"BTC": names(2)}
    await world.load()
    assert world.universe.adopt(name(3))
    assert name(3) in world.table
    assert name(3) not in world.universe.instruments
    assert await world.refresh() is None
    assert name(3) in world.table
    world.venue.listed["BTC"] = names(3)
    assert await world.refresh() == ([name(3)], [])
    assert name(3) in world.table
    assert world.universe.instruments[name(3)] == instrument(name(3))
    assert [r.message for r in caplog.records].count(f"{name(3)} ticks before it is listed") == 1


async def test_a_stranger_that_is_asked_about_again_is_told_of_once(
    world: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    world.venue.listed = {"BTC": names(2)}
    await world.load()
    assert [world.universe.adopt(name(3)) for _ in range(3)] == [True, True, True]
    assert caplog.text.count("ticks before it is listed") == 1


async def test_an_adopted_stranger_goes_once_it_has_expired(
    world: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.venue.listed = {"BTC": names(2)}
    world.venue.expiry_ms = dict.fromkeys(names(2), FAR_MS + HOUR_MS)
    await world.load()
    assert world.universe.adopt(name(3))
    world.venue.listed["BTC"] = [*names(2), name(5)]
    world.venue.expiry_ms[name(5)] = FAR_MS + HOUR_MS
    set_wall_clock(monkeypatch, lambda: FAR_MS)
    assert await world.refresh() == ([name(5)], [])
    assert name(3) not in world.table
    assert not world.universe.adopt(name(3))


async def test_once_listed_a_stranger_lives_as_long_as_the_venue_says(
    world: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = dict.fromkeys(names(9), FAR_MS + HOUR_MS)
    world.venue.listed, world.venue.expiry_ms = {"BTC": names(2)}, late
    await world.load()
    assert world.universe.adopt(name(3))
    world.venue.listed["BTC"] = names(3)
    assert await world.refresh() == ([name(3)], [])
    set_wall_clock(monkeypatch, lambda: FAR_MS)
    world.venue.listed["BTC"] = names(4)
    assert await world.refresh() == ([name(4)], [])
    assert name(3) in world.table


@pytest.mark.parametrize(
    "symbol",
    [
        "BTC-27NOV25-90000-C-USDT",  # expired
        "BTC-31FEB99-90000-C-USDT",
        "BTC-27XXX99-90000-C-USDT",
        "BTC-27NOV99-90000-X-USDT",
        "BTC-27NOV99-90000-C-USDC",
        "BTC-27NOV99--C-USDT",
        "BTCUSDT",
        "btc-27NOV99-90000-C-USDT",
        " BTC-27NOV99-90000-C-USDT",
        "",
    ],
)
async def test_a_stranger_that_can_be_no_live_option_gets_no_slot(
    world: UniverseHarness, symbol: str
) -> None:
    assert not world.universe.adopt(symbol)
    assert len(world.table) == 0


@pytest.mark.limits(symbols_max=5)
async def test_invented_strangers_do_not_fill_the_memory(world: UniverseHarness) -> None:
    world.venue.listed = {"BTC": names(3)}
    await world.load()
    adopted = [world.universe.adopt(name(strike)) for strike in range(10, 15)]
    assert adopted == [True, True, False, False, False]
    assert len(world.table) == 5
    # what the venue lists takes their place
    world.venue.listed["BTC"] = names(6)
    assert await world.refresh() == (names(5)[3:], [])
    assert len(world.table) == 5
    assert world.universe.skipped.counts == {"limit": 1}


async def test_an_adopted_option_counts_its_ticks(world: UniverseHarness) -> None:
    inlet = world.table.inlet(1)
    inlet.message(dump(payloads.ticker(name(3))), payloads.T0)
    [(stranger, message)] = inlet.unknown_tickers
    assert world.universe.adopt(stranger)
    inlet.message(message, payloads.T0)
    assert world.table.applied == 1
    assert world.table.fields(name(3))["mp"] == payloads.NUMBERS["markPrice"]
