"""The universe at the start: from the venue, or from the cache where it fails."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fastopts.collector.venue import universe_cache as cache
from fastopts.errors import VenueBanned, VenueError
from tests.collector.universe_harness import (
    BROKEN,
    FORBIDDEN,
    PAST_MS,
    ScriptedRest,
    UniverseHarness,
    instrument,
    name,
    names,
    now_ms,
    told,
)


async def test_every_coin_is_listed_cached_and_given_its_slots(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": names(3), "ETH": names(2, "ETH")}
    assert await harness.load() == names(3) + names(2, "ETH")
    assert harness.progress == [("BTC", 3), ("ETH", 2)]
    assert harness.universe.instruments[name(2)] == instrument(name(2))
    assert len(harness.table) == 5
    assert name(2) in harness.table
    assert harness.cached() == sorted(names(3) + names(2, "ETH"))
    assert told(caplog) == []


async def test_what_has_expired_or_does_not_trade_is_not_tracked(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": names(5)}
    harness.venue.expiry_ms = {name(1): PAST_MS}
    harness.venue.status = {name(2): "PreLaunch", name(3): "Delivering", name(4): "Closed"}
    assert await harness.load() == [name(5)]
    assert len(harness.table) == 1


async def test_a_coin_without_options_is_no_failure_while_another_has_some(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": names(1)}
    assert await harness.load() == names(1)
    assert harness.progress == [("BTC", 1), ("ETH", 0)]
    assert told(caplog) == []


@pytest.mark.parametrize("may_use_cache", [False, True])
async def test_nothing_listed_at_all_is_reported(
    harness: UniverseHarness, may_use_cache: bool
) -> None:
    cache.save(harness.path, "bybit", [instrument(name(1))], datetime.now(UTC))
    with pytest.raises(VenueError, match="bybit lists no options on BTC, ETH"):
        await harness.load(may_use_cache)


async def test_a_coin_that_fails_is_logged_and_the_others_are_tracked(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": BROKEN, "ETH": names(2, "ETH")}
    assert await harness.load() == names(2, "ETH")
    assert harness.progress == [("ETH", 2)]
    assert told(caplog) == ["BTC: retCode 10001: out of order"]


async def test_a_coin_that_fails_comes_from_the_cache_and_the_others_do_not(
    harness: UniverseHarness, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = [*names(3), *names(4, "ETH"), name(1, "SOL")]
    saved_at = datetime.now(UTC) - timedelta(hours=3)
    cache.save(harness.path, "bybit", map(instrument, held), saved_at)
    before = harness.path.read_bytes()
    harness.venue.listed = {"BTC": BROKEN, "ETH": names(2, "ETH")}
    assert sorted(await harness.load(may_use_cache=True)) == names(3) + names(2, "ETH")
    assert harness.path.read_bytes() == before
    stands_in, failed = told(caplog)
    path = tmp_path / "cache.json"
    assert stands_in == f"REST fails: using 3 options of the cache file {path}, 3.0 h old"
    assert failed == "BTC: retCode 10001: out of order"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=5), "5 min old"),
        (timedelta(hours=30), "30.0 h old"),  # older than valid is better than nothing
    ],
)
async def test_when_every_coin_fails_the_cache_is_used_whatever_its_age(
    harness: UniverseHarness,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    age: timedelta,
    words: str,
) -> None:
    held = [*names(3), *names(2, "ETH")]
    cache.save(harness.path, "bybit", map(instrument, held), datetime.now(UTC) - age)
    harness.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
    assert sorted(await harness.load(may_use_cache=True)) == sorted(held)
    assert len(harness.table) == 5
    assert told(caplog)[0].endswith(
        f"5 options of the cache file {tmp_path / 'cache.json'}, {words}"
    )


async def test_what_has_expired_meanwhile_is_not_taken_from_the_cache(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    held = [
        instrument(name(1), PAST_MS),
        instrument(name(2), now_ms() - 1),
        instrument(name(3)),
    ]
    cache.save(harness.path, "bybit", held, datetime.now(UTC))
    harness.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
    assert await harness.load(may_use_cache=True) == [name(3)]
    assert len(harness.table) == 1
    assert told(caplog)[0].startswith("REST fails: using 1 options of ")


@pytest.mark.parametrize("ahead", [timedelta(days=-1), timedelta(hours=-1), timedelta(hours=1)])
async def test_the_cache_expires_by_the_clock_of_the_venue(
    harness: UniverseHarness, ahead: timedelta
) -> None:
    """The host's clock is an hour or a day off."""

    venue_now = datetime.now(UTC) + ahead
    venue_ms = round(venue_now.timestamp() * 1000)
    harness.universe.now_ms = lambda: venue_ms
    held = [instrument(name(1), venue_ms - 1), instrument(name(2), venue_ms + 60_000)]
    cache.save(harness.path, "bybit", held, venue_now)
    harness.venue.listed = {"BTC": BROKEN, "ETH": names(1, "ETH")}
    assert await harness.load(may_use_cache=True) == [name(1, "ETH"), name(2)]
    harness.venue.listed = {"BTC": [name(2)], "ETH": names(1, "ETH")}
    harness.venue.expiry_ms = {name(2): venue_ms + 60_000}
    await harness.refresh()
    content = json.loads(harness.path.read_bytes())
    assert abs(datetime.fromisoformat(content["updated_at"]) - venue_now) < timedelta(seconds=1)


async def test_a_cache_of_symbols_only_is_of_contracts_that_traded(
    harness: UniverseHarness,
) -> None:
    harness.path.write_text(json.dumps({"symbols": [*names(2), "BTC-1JAN25-1-C", "nonsense"]}))
    harness.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
    assert await harness.load(may_use_cache=True) == names(2)
    assert harness.universe.instruments[name(1)].status == "Trading"


@pytest.mark.parametrize("held", [None, "other venue", "expired", "unreadable", "not allowed"])
async def test_when_every_coin_fails_and_no_cache_helps_the_first_reason_is_raised(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture, held: str | None
) -> None:
    if held == "other venue":
        cache.save(harness.path, "sim", [instrument(name(1))], datetime.now(UTC))
    elif held == "expired":
        cache.save(harness.path, "bybit", [instrument(name(1), PAST_MS)], datetime.now(UTC))
    elif held == "unreadable":
        harness.path.write_bytes(b"{")
    elif held == "not allowed":
        cache.save(harness.path, "bybit", [instrument(name(1))], datetime.now(UTC))
    harness.venue.listed = {"BTC": BROKEN, "ETH": 404}
    with pytest.raises(VenueError, match="retCode 10001: out of order"):
        await harness.load(may_use_cache=held != "not allowed")
    assert len(harness.table) == 0
    assert ["cannot read" in words for words in told(caplog)] == [True] * (held == "unreadable")


async def test_a_banned_address_is_reported_after_one_request(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": FORBIDDEN, "ETH": names(1, "ETH")}
    with pytest.raises(VenueBanned, match="HTTP 403"):
        await harness.load()
    assert harness.venue.asked == [("instruments-info", "BTC")]


async def test_a_cache_file_that_can_not_be_written_does_not_stop_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedRest() as venue:
        harness = UniverseHarness(venue, tmp_path / "nowhere" / "cache.json", "BTC", "ETH")
        harness.venue.listed = {"BTC": names(1)}
        assert await harness.load() == names(1)
    assert ["can't be written" in words for words in told(caplog)] == [True]
