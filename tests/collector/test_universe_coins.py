"""All coins that have options: those that the venue names, and those that are known."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.config import KNOWN_COINS
from fastopts.errors import VenueError
from fastopts.session.ban import Ban
from tests.collector.universe_harness import (
    BROKEN,
    FORBIDDEN,
    ScriptedRest,
    UniverseHarness,
    names,
    told,
)

LIST = "instruments-info"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[UniverseHarness]:
    """A universe whose coins are those that the venue names."""
    async with ScriptedRest() as venue:
        harness = UniverseHarness(venue, tmp_path / "cache.json")
        driver = RestDriver(venue.http, Ban())
        harness.universe = InstrumentUniverse(driver, "bybit", None, harness.path, harness.table)
        yield harness


def everything(venue: ScriptedRest) -> list[str]:
    return [symbol for coin, listed in venue.listed.items() if coin != "All" for symbol in listed]


async def test_coins_are_those_that_the_venue_names_and_those_that_are_known(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    harness.venue.listed = {"BTC": names(2), "PEPE": names(3, "PEPE")}
    harness.venue.listed["All"] = everything(harness.venue)
    harness.venue.bases_of_all = True
    assert set(await harness.load()) == {*names(2), *names(3, "PEPE")}
    assert list(harness.universe.coins) == [*KNOWN_COINS, "PEPE"]
    assert harness.venue.asked == [(LIST, coin) for coin in ("All", *KNOWN_COINS, "PEPE")]
    # one that comes later is found by a refresh
    harness.venue.listed["NEW"] = names(1, "NEW")
    harness.venue.listed["All"] = everything(harness.venue)
    assert await harness.refresh() == (names(1, "NEW"), [])
    assert harness.universe.statistics()["coins"] == ",".join((*KNOWN_COINS, "PEPE", "NEW"))
    assert harness.universe.statistics()["coins_wanted"] == "all"
    # and stays one of them
    harness.venue.listed["All"] = []
    assert await harness.refresh() is None
    assert list(harness.universe.coins) == [*KNOWN_COINS, "PEPE", "NEW"]
    assert f"coins: {', '.join(KNOWN_COINS)}, PEPE (2 named by the venue)" in caplog.text
    assert "the venue names new coins: NEW" in caplog.text
    assert told(caplog) == []


@pytest.mark.parametrize("answer", [[], BROKEN, 404, "BTC alone"])
async def test_a_venue_that_does_not_name_its_coins_is_asked_for_the_known_ones(
    harness: UniverseHarness, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    is_named = answer == "BTC alone"
    harness.venue.listed = {"MNT": names(2, "MNT"), "BTC": names(1)}
    harness.venue.listed["All"] = names(1) if is_named else answer
    harness.venue.bases_of_all = True
    assert set(await harness.load()) == {*names(2, "MNT"), *names(1)}
    assert harness.universe.coins == KNOWN_COINS
    assert await harness.universe.refresh(harness.listen)
    assert ("the built-in list" in caplog.text) is (answer != "BTC alone")
    assert told(caplog) == []


async def test_a_coin_that_the_user_did_not_name_may_be_refused(harness: UniverseHarness) -> None:
    harness.venue.listed = dict.fromkeys(KNOWN_COINS, BROKEN)
    harness.venue.listed["BTC"] = names(2)
    assert await harness.load() == names(2)
    assert await harness.universe.refresh(harness.listen)  # nothing failed
    harness.venue.listed["BTC"] = BROKEN  # this one has options
    assert not await harness.universe.refresh(harness.listen)
    assert len(harness.universe.instruments) == 2


async def test_a_venue_that_bans_us_is_not_asked_for_the_other_coins(
    harness: UniverseHarness,
) -> None:
    harness.venue.listed = {"All": FORBIDDEN, "BTC": names(2)}
    with pytest.raises(VenueError, match="403"):
        await harness.load()
    assert harness.venue.asked == [(LIST, "All")]


async def test_the_cache_has_coins_that_are_not_known_otherwise(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": names(2), "PEPE": names(3, "PEPE")}
    harness.venue.listed["All"] = everything(harness.venue)
    harness.venue.bases_of_all = True
    await harness.load()
    harness.venue.leave()
    driver = RestDriver(harness.venue.http, Ban())
    again = InstrumentUniverse(driver, "bybit", None, harness.path, harness.table)
    found = await again.load(True, lambda coin, count: None)
    assert {i.symbol for i in found} == {*names(2), *names(3, "PEPE")}
