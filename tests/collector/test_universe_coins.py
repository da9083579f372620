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
async def world(tmp_path: Path) -> AsyncIterator[UniverseHarness]:
    """A universe whose coins are those that the venue names."""
    async with ScriptedRest() as venue:
        world = UniverseHarness(venue, tmp_path / "cache.json")
        driver = RestDriver(venue.http, Ban())
        world.universe = InstrumentUniverse(driver, "bybit", None, world.path, world.table)
        yield world


def everything(venue: ScriptedRest) -> list[str]:
    return [symbol for coin, listed in venue.listed.items() if coin != "All" for symbol in listed]


async def test_coins_are_those_that_the_venue_names_and_those_that_are_known(
    world: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    world.venue.listed = {"BTC": names(2), "PEPE": names(3, "PEPE")}
    world.venue.listed["All"] = everything(world.venue)
    world.venue.bases_of_all = True
    assert set(await world.load()) == {*names(2), *names(3, "PEPE")}
    assert list(world.universe.coins) == [*KNOWN_COINS, "PEPE"]
    assert world.venue.asked == [(LIST, coin) for coin in ("All", *KNOWN_COINS, "PEPE")]
    # one that comes later is found by a refresh
    world.venue.listed["NEW"] = names(1, "NEW")
    world.venue.listed["All"] = everything(world.venue)
    assert await world.refresh() == (names(1, "NEW"), [])
    assert world.universe.statistics()["coins"] == ",".join((*KNOWN_COINS, "PEPE", "NEW"))
    assert world.universe.statistics()["coins_wanted"] == "all"
    # and stays one of them
    world.venue.listed["All"] = []
    assert await world.refresh() is None
    assert list(world.universe.coins) == [*KNOWN_COINS, "PEPE", "NEW"]
    assert f"coins: {', '.join(KNOWN_COINS)}, PEPE (2 named by the venue)" in caplog.text
    assert "the venue names new coins: NEW" in caplog.text
    assert told(caplog) == []


@pytest.mark.parametrize("answer", [[], BROKEN, 404, "BTC alone"])
async def test_a_venue_that_does_not_name_its_coins_is_asked_for_the_known_ones(
    world: UniverseHarness, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    is_named = answer == "BTC alone"
    world.venue.listed = {"MNT": names(2, "MNT"), "BTC": names(1)}
    world.venue.listed["All"] = names(1) if is_named else answer
    world.venue.bases_of_all = True
    assert set(await world.load()) == {*names(2, "MNT"), *names(1)}
    assert world.universe.coins == KNOWN_COINS
    assert await world.universe.refresh(world.listen)
    assert ("the built-in list" in caplog.text) is (answer != "BTC alone")
    assert told(caplog) == []


async def test_a_coin_that_nobody_named_may_be_refused(world: UniverseHarness) -> None:
    world.venue.listed = dict.fromkeys(KNOWN_COINS, BROKEN)
    world.venue.listed["BTC"] = names(2)
    assert await world.load() == names(2)
    assert await world.universe.refresh(world.listen)  # nothing failed
    world.venue.listed["BTC"] = BROKEN  # this one has options
    assert not await world.universe.refresh(world.listen)
    assert len(world.universe.instruments) == 2


async def test_a_venue_that_shuts_us_out_is_not_asked_for_coin_after_coin(
    world: UniverseHarness,
) -> None:
    world.venue.listed = {"All": FORBIDDEN, "BTC": names(2)}
    with pytest.raises(VenueError, match="403"):
        await world.load()
    assert world.venue.asked == [(LIST, "All")]


async def test_the_cache_has_coins_that_are_not_known_otherwise(world: UniverseHarness) -> None:
    world.venue.listed = {"BTC": names(2), "PEPE": names(3, "PEPE")}
    world.venue.listed["All"] = everything(world.venue)
    world.venue.bases_of_all = True
    await world.load()
    world.venue.leave()
    driver = RestDriver(world.venue.http, Ban())
    again = InstrumentUniverse(driver, "bybit", None, world.path, world.table)
    found = await again.load(True, lambda coin, count: None)
    assert {i.symbol for i in found} == {*names(2), *names(3, "PEPE")}
