"""The universe while running: what is listed, goes, fails, or is not to be believed."""

import asyncio
from collections.abc import Sequence

import pytest

from fastopts.collector.operation.duties import Duty
from fastopts.errors import ConnectionLost
from fastopts.model import Instrument
from tests.collector.universe_harness import (
    BROKEN,
    HOUR_MS,
    UniverseHarness,
    name,
    names,
    now_ms,
    set_wall_clock,
    told,
)
from tests.support import payloads
from tests.support.payloads import dump

only_btc = pytest.mark.parametrize("coins", [pytest.param(("BTC",), id="BTC")])


async def test_a_refresh_lists_what_is_new_and_drops_what_is_gone(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": names(4), "ETH": names(1, "ETH")}
    await harness.load()
    assert await harness.refresh() is None
    harness.venue.listed["BTC"] = [name(1), name(2), name(3), name(9)]
    harness.venue.status = {name(3): "Delivering"}
    assert await harness.refresh() == ([name(9)], [name(3), name(4)])
    now = [name(1), name(2), name(9), name(1, "ETH")]
    assert sorted(harness.universe.instruments) == sorted(now)
    assert harness.cached() == sorted(now)
    assert [symbol in harness.table for symbol in names(4)] == [True, True, False, False]
    assert name(9) in harness.table
    assert await harness.refresh() is None


async def test_what_expires_goes_even_while_the_venue_still_lists_it(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.venue.listed = {"BTC": names(2), "ETH": names(1, "ETH")}
    soon = now_ms() + HOUR_MS
    harness.venue.expiry_ms = {name(1): soon}
    await harness.load()
    set_wall_clock(monkeypatch, lambda: soon)
    assert await harness.refresh() == ([], [name(1)])
    assert sorted(harness.universe.instruments) == [name(2), name(1, "ETH")]


async def test_what_expires_goes_even_while_nothing_can_be_fetched(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.venue.listed = {"BTC": names(2)}
    soon = now_ms() + HOUR_MS
    harness.venue.expiry_ms = {name(1): soon}
    await harness.load()
    before = harness.path.read_bytes()
    harness.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
    set_wall_clock(monkeypatch, lambda: soon)
    assert await harness.refresh() == ([], [name(1)])
    assert harness.path.read_bytes() == before


async def test_a_coin_that_can_not_be_fetched_stays_as_it_is_and_the_others_change(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": names(3), "ETH": names(3, "ETH")}
    await harness.load()
    before = harness.path.read_bytes()
    harness.venue.listed = {"BTC": BROKEN, "ETH": [*names(2, "ETH"), name(7, "ETH")]}
    assert await harness.refresh() == ([name(7, "ETH")], [name(3, "ETH")])
    assert set(names(3)) < set(harness.universe.instruments)
    assert harness.path.read_bytes() == before
    assert told(caplog) == ["BTC: its universe stays as it was: retCode 10001: out of order"]


@pytest.mark.parametrize("left", [0, 1, 4])
async def test_a_suddenly_much_smaller_answer_drops_nothing_and_is_logged_once(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture, left: int
) -> None:
    harness.venue.listed = {"BTC": names(10), "ETH": names(2, "ETH")}
    await harness.load()
    harness.venue.listed["BTC"] = names(left)
    for _ in range(3):
        assert await harness.refresh() is None
    assert sorted(harness.universe.instruments) == sorted(names(10) + names(2, "ETH"))
    assert len(harness.table) == 12
    assert harness.cached() == sorted(names(10) + names(2, "ETH"))
    words = (
        f"BTC: {10 - left} of 10 options are no longer listed as trading:"
        " retained, but not live unless they tick"
    )
    assert told(caplog) == [words]
    harness.venue.listed["BTC"] = names(10)
    assert await harness.refresh() is None
    harness.venue.listed["BTC"] = names(left)
    assert await harness.refresh() is None
    assert told(caplog) == [words, words]


@pytest.mark.parametrize("status", [None, "Closed"])
async def test_what_the_guard_keeps_is_distrusted_once_two_answers_lack_it_and_it_did_not_tick(
    harness: UniverseHarness, status: str | None
) -> None:
    distrusted: list[Sequence[str]] = []
    harness.universe._on_distrust = distrusted.append
    harness.venue.listed = {"BTC": names(10), "ETH": names(2, "ETH")}
    await harness.load()
    inlet = harness.table.inlet(1)
    inlet.message(dump(payloads.ticker(name(9))), payloads.T0)
    if status is None:
        harness.venue.listed["BTC"] = names(4)
    else:
        harness.venue.status = dict.fromkeys(names(10)[4:], status)
    await harness.refresh()
    assert distrusted == []
    inlet.message(dump(payloads.ticker(name(9))), payloads.T0 + 1)
    harness.venue.listed["BTC"], good = BROKEN, harness.venue.listed["BTC"]
    await harness.refresh()  # no answer: neither the second nor the first again
    harness.venue.listed["BTC"] = good
    await harness.refresh()
    assert distrusted == [[name(5), name(6), name(7), name(8), name(10)]]
    await harness.refresh()
    assert distrusted[1] == names(10)[4:]
    harness.venue.listed["BTC"], harness.venue.status = names(10), {}
    await harness.refresh()
    harness.venue.listed["BTC"] = []
    await harness.refresh()
    assert len(distrusted) == 2
    assert len(harness.universe.instruments) == 12


@pytest.mark.limits(unlisted_max_s=0.0)
async def test_what_no_list_has_and_what_does_not_tick_for_an_hour_has_left_the_market(
    harness: UniverseHarness,
) -> None:
    harness.venue.listed = {"BTC": names(4), "ETH": names(2, "ETH")}
    await harness.load()
    inlet = harness.table.inlet(1)
    inlet.message(dump(payloads.ticker(name(1))), payloads.T0)
    harness.venue.listed["BTC"] = []
    assert await harness.refresh() is None
    inlet.message(dump(payloads.ticker(name(1))), payloads.T0 + 1)
    assert await harness.refresh() == ([], names(4)[1:])
    harness.venue.listed["BTC"] = names(4)
    assert await harness.refresh() == (names(4)[1:], [])


@pytest.mark.limits(symbols_max=50)
async def test_lists_of_ever_new_options_stay_within_a_bound(
    harness: UniverseHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.venue.listed = {"BTC": names(20)}
    await harness.load()
    for start in range(20, 400, 20):
        harness.venue.listed["BTC"] = [name(strike) for strike in range(start, start + 20)]
        await harness.refresh()
        assert len(harness.universe.instruments) <= 50
        assert len(harness.table) <= 50
    assert harness.universe.skipped.counts == {"limit": 20}
    assert len(harness.universe.instruments) == 50
    # dropped instruments make room, and refused ones are listed then
    harness.venue.listed["BTC"] = sorted(harness.universe.instruments)[:30]
    await harness.refresh()
    assert len(harness.universe.instruments) == 30
    harness.venue.listed["BTC"] += [name(strike) for strike in range(900, 925)]
    listed, _ = await harness.refresh() or ([], [])
    assert len(listed) == 20
    assert harness.universe.skipped.counts == {"limit": 5}
    assert len(harness.universe._delisted) + len(harness.table) <= 50
    assert any("the limit of a collector is reached" in words for words in told(caplog))


@pytest.mark.limits(symbols_max=6)
async def test_one_list_of_too_many_keeps_what_is_known(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": names(4)[2:], "ETH": names(3, "ETH")}
    await harness.load()
    harness.venue.listed["BTC"] = names(40)
    assert await harness.refresh() == (names(1), [])
    assert len(harness.universe.instruments) == 6
    assert harness.universe.skipped.counts["limit"] >= 37
    assert await harness.refresh() is None


async def test_a_doubtful_answer_may_still_list_what_is_new(harness: UniverseHarness) -> None:
    harness.venue.listed = {"BTC": names(10)}
    await harness.load()
    harness.venue.listed["BTC"] = [name(1), name(99)]
    assert await harness.refresh() == ([name(99)], [])
    assert len(harness.universe.instruments) == 11


async def test_a_slot_with_an_unwritten_tick_outlives_its_delisting(
    harness: UniverseHarness,
) -> None:
    harness.venue.listed = {"BTC": names(4)}
    await harness.load()
    harness.table.inlet(1).message(dump(payloads.ticker(name(4))), payloads.T0)
    harness.venue.listed["BTC"] = names(2)
    assert await harness.refresh() == ([], [name(3), name(4)])
    assert name(3) not in harness.table
    assert name(4) in harness.table
    assert harness.table.pending == 1


class Time:
    """The wall clock as the market sees it; only its waits move it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = float(now_ms())
        self.waits: list[float] = []
        self._monkeypatch = monkeypatch
        set_wall_clock(monkeypatch, lambda: round(self.now_ms))

    async def keep_fresh(
        self, harness: UniverseHarness, refresh_s: float, rounds: int
    ) -> list[float]:
        """The waits before each of so many refreshes."""

        async def sleep(delay: float) -> None:
            if len(self.waits) == rounds:
                raise asyncio.CancelledError
            self.waits.append(delay)
            self.now_ms += delay * 1000

        with self._monkeypatch.context() as patched:
            patched.setattr("fastopts.collector.venue.universe.asyncio.sleep", sleep)
            with pytest.raises(asyncio.CancelledError):
                await harness.universe.keep_fresh(Duty("refresh", refresh_s, 60), harness.listen)
        return self.waits


@only_btc
async def test_the_universe_is_refreshed_right_after_an_expiry_and_else_at_its_interval(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Time(monkeypatch)
    start = round(clock.now_ms)
    harness.venue.listed = {"BTC": names(4)}
    harness.venue.expiry_ms = {name(1): start + 130_000, name(2): start + 150_000}
    await harness.load()
    waits = await clock.keep_fresh(harness, 100.0, 6)
    # at 100 s, 5 s after each expiry, and then at the interval
    assert waits == [100.0, 35.0, 20.0, 100.0, 100.0, 100.0]
    assert harness.changes == [([], [name(1)]), ([], [name(2)])]
    assert harness.venue.asked.count(("instruments-info", "BTC")) == 7


@only_btc
async def test_a_late_refresh_does_not_spin(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Time(monkeypatch)
    harness.venue.listed = {"BTC": names(4)}
    harness.venue.expiry_ms = {name(1): round(clock.now_ms) + 10_000}
    await harness.load()
    clock.now_ms += 3_600_000  # a laptop that slept
    assert await clock.keep_fresh(harness, 100.0, 2) == [1.0, 100.0]
    assert harness.changes == [([], [name(1)])]


@only_btc
async def test_refreshes_continue_after_one_that_failed(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Time(monkeypatch)
    harness.venue.listed = {"BTC": names(2)}
    await harness.load()
    harness.venue.listed = {"BTC": BROKEN}

    def listen(listed: Sequence[Instrument], gone: Sequence[Instrument]) -> None:
        pytest.fail("nothing changed")

    monkeypatch.setattr(harness, "listen", listen)
    assert await clock.keep_fresh(harness, 100.0, 3) == [100.0] * 3
    assert len(told(caplog)) == 3


@only_btc
async def test_nobody_there_is_reported(
    harness: UniverseHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(delay: float) -> None:
        """The driver's waits are its own tests' subject."""

    harness.venue.leave()
    monkeypatch.setattr("fastopts.collector.venue.rest_driver.asyncio.sleep", at_once)
    with pytest.raises(ConnectionLost, match="instruments-info"):
        await harness.load(may_use_cache=True)
