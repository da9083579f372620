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


async def test_an_unlisted_option_gets_a_slot_until_it_is_listed(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    harness.venue.listed = {"BTC": names(2)}
    await harness.load()
    assert harness.universe.adopt(name(3))
    assert name(3) in harness.table
    assert name(3) not in harness.universe.instruments
    assert await harness.refresh() is None
    assert name(3) in harness.table
    harness.venue.listed["BTC"] = names(3)
    assert await harness.refresh() == ([name(3)], [])
    assert name(3) in harness.table
    assert harness.universe.instruments[name(3)] == instrument(name(3))
    assert [r.message for r in caplog.records].count(f"{name(3)} ticks before it is listed") == 1


async def test_an_unlisted_symbol_is_logged_once(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    harness.venue.listed = {"BTC": names(2)}
    await harness.load()
    assert [harness.universe.adopt(name(3)) for _ in range(3)] == [True, True, True]
    assert caplog.text.count("ticks before it is listed") == 1


async def test_an_adopted_option_is_removed_once_it_has_expired(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.venue.listed = {"BTC": names(2)}
    harness.venue.expiry_ms = dict.fromkeys(names(2), FAR_MS + HOUR_MS)
    await harness.load()
    assert harness.universe.adopt(name(3))
    harness.venue.listed["BTC"] = [*names(2), name(5)]
    harness.venue.expiry_ms[name(5)] = FAR_MS + HOUR_MS
    set_wall_clock(monkeypatch, lambda: FAR_MS)
    assert await harness.refresh() == ([name(5)], [])
    assert name(3) not in harness.table
    assert not harness.universe.adopt(name(3))


async def test_once_listed_a_stranger_lives_as_long_as_the_venue_says(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = dict.fromkeys(names(9), FAR_MS + HOUR_MS)
    harness.venue.listed, harness.venue.expiry_ms = {"BTC": names(2)}, late
    await harness.load()
    assert harness.universe.adopt(name(3))
    harness.venue.listed["BTC"] = names(3)
    assert await harness.refresh() == ([name(3)], [])
    set_wall_clock(monkeypatch, lambda: FAR_MS)
    harness.venue.listed["BTC"] = names(4)
    assert await harness.refresh() == ([name(4)], [])
    assert name(3) in harness.table


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
async def test_an_unlisted_symbol_that_cannot_be_a_live_option_gets_no_slot(
    harness: UniverseHarness, symbol: str
) -> None:
    assert not harness.universe.adopt(symbol)
    assert len(harness.table) == 0


@pytest.mark.limits(symbols_max=5)
async def test_invented_strangers_do_not_fill_the_memory(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": names(3)}
    await harness.load()
    adopted = [harness.universe.adopt(name(strike)) for strike in range(10, 15)]
    assert adopted == [True, True, False, False, False]
    assert len(harness.table) == 5
    # what the venue lists takes their place
    harness.venue.listed["BTC"] = names(6)
    assert await harness.refresh() == (names(5)[3:], [])
    assert len(harness.table) == 5
    assert harness.universe.skipped.counts == {"limit": 1}


async def test_an_adopted_option_counts_its_ticks(harness: UniverseHarness) -> None:
    inlet = harness.table.inlet(1)
    inlet.message(dump(payloads.ticker(name(3))), payloads.T0)
    [(stranger, message)] = inlet.unknown_tickers
    assert harness.universe.adopt(stranger)
    inlet.message(message, payloads.T0)
    assert harness.table.applied == 1
    assert harness.table.fields(name(3))["mp"] == payloads.NUMBERS["markPrice"]
