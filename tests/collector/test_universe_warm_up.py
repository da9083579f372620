"""REST rows for the first seconds."""

import pytest

from fastopts.venues.bybit.fields import REST
from tests.collector.universe_harness import (
    BROKEN,
    FORBIDDEN,
    UniverseHarness,
    name,
    names,
    told,
)
from tests.support import payloads
from tests.support.payloads import dump


def row(symbol: str, **fields: str) -> dict[str, str]:
    """A ticker row under REST's names."""
    numbers = payloads.numbers(**fields)
    return {"symbol": symbol} | {name: numbers[short] for name, short in REST.items()}


async def test_a_warm_start_fills_what_has_not_ticked_and_never_takes_a_live_ticks_place(
    harness: UniverseHarness,
) -> None:
    harness.venue.listed = {"BTC": names(3), "ETH": names(1, "ETH")}
    await harness.load()
    inlet = harness.table.inlet(5)
    inlet.message(dump(payloads.ticker(name(1), payloads.T0, markPrice="11")), payloads.T0)
    harness.table.delivering.add(5)
    harness.venue.time_ms = payloads.T0 + 60_000  # newer, and yet no better
    harness.venue.tickers = {
        "BTC": [row(name(1), markPrice="1"), row(name(2), markPrice="2"), row(name(7))],
        "ETH": [row(name(1, "ETH"), markPrice="3")],
    }
    assert await harness.universe.warm_up() == 2
    assert harness.venue.asked[-2:] == [("tickers", "BTC"), ("tickers", "ETH")]
    live = harness.table.fields(name(1))
    assert (live["mp"], live["cn"]) == ("11", "0:5")
    warm = harness.table.fields(name(2))
    assert (warm["mp"], warm["cn"]) == ("2", "rest")
    assert warm["tm"] == str(payloads.T0 + 60_000)
    assert warm["bp"] == payloads.NUMBERS["bidPrice"]
    assert harness.table.fields(name(1, "ETH"))["mp"] == "3"
    assert name(7) not in harness.table
    assert harness.table.applied == 1
    # and a live tick takes a row's place, older or not
    inlet.message(dump(payloads.ticker(name(2), payloads.T0, markPrice="22")), payloads.T0)
    assert harness.table.fields(name(2))["mp"] == "22"
    assert harness.table.fields(name(2))["cn"] == "0:5"


async def test_a_warm_start_that_fails_for_one_coin_continues_with_the_next(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": names(1), "ETH": names(1, "ETH")}
    await harness.load()
    harness.venue.tickers = {"BTC": BROKEN, "ETH": [row(name(1, "ETH"))]}
    assert await harness.universe.warm_up() == 1
    assert told(caplog) == ["BTC: no warm start: retCode 10001: out of order"]


async def test_a_warm_start_that_is_banned_asks_no_more(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": names(1), "ETH": names(1, "ETH")}
    await harness.load()
    harness.venue.tickers = {"BTC": FORBIDDEN, "ETH": [row(name(1, "ETH"))]}
    assert await harness.universe.warm_up() == 0
    assert harness.venue.asked[-1] == ("tickers", "BTC")
    [words] = told(caplog)
    assert words.startswith("no warm start: HTTP 403")
