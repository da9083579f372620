"""Symbols that die alone, on a connection that lives: a whole collector against a real Valkey."""

import time
from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import NotYetLive, Option, OptionReader
from fastopts.sim import SimSettings
from tests.support import scripted_venue
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.scripted_venue import CALL, PUT

FAST_S = 0.15


async def rounds(harness: CollectorHarness, count: int) -> None:
    """Let *count* comparisons with all coins happen."""
    asked = 0
    answer = harness.venue._rest.answer

    def counted(target: str, now_ms: int) -> tuple[int, bytes]:
        nonlocal asked
        asked += "tickers" in target and "XRP" in target
        return answer(target, now_ms)

    harness.venue._rest.answer = counted  # type: ignore[method-assign]
    await until(lambda: asked > count)


def refused(reader: OptionReader, symbols: list[str]) -> set[str]:
    held = reader.get_many(symbols, require_live=False)
    return {option.symbol for option in held if isinstance(option, Option) and not option.live}


async def test_exactly_the_stuck_are_refused_and_come_back_when_they_tick(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=600)
    async with running_collector(tmp_path, sim, reconcile_s=FAST_S) as harness:
        await harness.covered()
        stuck = set(harness.venue.symbols[::9])
        table = harness.collector.table
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            harness.venue.faults.stuck |= stuck
            await until(lambda: table.suspects_now == len(stuck))
            await until(lambda: not table.dirty and refused(reader, harness.venue.symbols) == stuck)
            with pytest.raises(NotYetLive, match="REST answers differ from it"):
                reader.get(min(stuck))
            await until(lambda: harness.client.hget("stats", "suspects_now") == str(len(stuck)))
            harness.venue.faults.stuck.clear()
            await until(lambda: table.suspects_now == 0)
            await until(lambda: not refused(reader, harness.venue.symbols))
        assert table.suspects == len(stuck)
        harness.check_books()
    assert "does not tick though REST moves on" in caplog.text


@pytest.mark.parametrize("rate", [20, 3000])
async def test_no_symbol_of_a_healthy_market_is_suspect(tmp_path: Path, rate: float) -> None:
    sim = SimSettings(seed=5, symbols=80, rate=rate)
    async with running_collector(tmp_path, sim, reconcile_s=FAST_S) as harness:
        await harness.covered()
        await rounds(harness, 6)
        assert harness.collector.table.suspects == 0


async def test_a_failure_between_two_rows_neither_accuses_nor_acquits(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_venue.scripted_collector(tmp_path, shared_valkey, reconcile_s=0) as harness:
        look, table = harness.collector.rest_check.compare, harness.collector.table
        harness.venue.greets = False
        harness.venue.rows = {CALL: {"bidPrice": "1204"}, PUT: {"bidPrice": "1205"}}
        await look()
        harness.venue.rest_status = 400
        await look()
        assert table.suspects == 0
        harness.venue.rest_status = 200
        await look()
        assert (table.suspects, table.suspects_now) == (1, 1)


async def test_a_suspect_is_subscribed_anew_until_its_snapshot_comes(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_venue.scripted_collector(tmp_path, shared_valkey, reconcile_s=0) as harness:
        look, table = harness.collector.rest_check.compare, harness.collector.table
        harness.venue.greets = False
        harness.venue.rows = {CALL: {"bidPrice": "1204"}, PUT: {"bidPrice": "1205.0"}}
        for again in (1, 2):
            await look()
            await look()
            asked = [("unsubscribe", [CALL]), ("subscribe", [CALL])] * again
            await until(lambda asked=asked: harness.venue.requests[1:] == asked)  # type: ignore[misc]
            assert (table.suspects, table.suspects_now) == (1, 1)
        harness.venue.greets = True
        await look()
        await until(lambda: table.suspects_now == 0)
        await look()
        assert table.suspects == 1


async def test_an_option_that_rest_lists_no_more_is_refused_until_it_ticks(
    tmp_path: Path, shared_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted_venue.scripted_collector(tmp_path, shared_valkey, reconcile_s=0) as harness:
        look, table = harness.collector.rest_check.compare, harness.collector.table
        harness.venue.greets = False
        harness.venue.rows = {PUT: dict(harness.venue.ticker(PUT)["data"])}
        del harness.venue.rows[PUT]["symbol"]
        await look()
        assert table.suspects == 0
        await look()
        assert harness.collector.rest_check.missing == [CALL]
        await until(
            lambda: harness.venue.requests[1:] == [("unsubscribe", [CALL]), ("subscribe", [CALL])]
        )
        with harness.reader() as reader:
            await until(lambda: not table.dirty and not table.pending)
            with pytest.raises(NotYetLive):
                reader.get(CALL)
            assert reader.get(PUT).live
            await harness.push(harness.venue.ticker(CALL))
            assert reader.get(CALL).live
        await look()
        assert harness.collector.rest_check.missing == []
    assert (
        "BTC: 1 options are missing from REST's tickers and do not tick, such as"
        f" {CALL}: not live until they tick"
    ) in caplog.text


@pytest.mark.parametrize("how", ["empty", "refused", "closed", "unlisted"])
async def test_a_coin_that_leaves_the_market_is_not_live_after_two_answers(
    tmp_path: Path, shared_valkey: EmbeddedValkey, how: str
) -> None:
    async with scripted_venue.scripted_collector(tmp_path, shared_valkey, reconcile_s=0) as harness:
        harness.venue.greets = False
        look = harness.collector.rest_check.compare
        if how == "refused":
            harness.venue.rest_code = 10001
        elif how == "closed":
            harness.venue.status = "Closed"
        elif how == "unlisted":
            harness.venue.symbols = []
        market, heard = harness.collector.universe, harness.collector._universe_changed
        for expected in (0, 2, 2):
            if how in ("closed", "unlisted"):
                await market.refresh(heard)
            else:
                await look()
            assert harness.table.suspects_now == expected
        assert sum(line.live for line in harness.collector.connections) == 0
        await harness.push(harness.venue.ticker(CALL))
        assert harness.table.suspects_now == 1
        assert sum(line.live for line in harness.collector.connections) == 1


async def test_a_coin_that_fails_while_others_answer_is_not_live_for_ever(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    eth = "ETH-27NOV99-3000-C-USDT"

    coins = ("BTC", "ETH")
    async with scripted_venue.scripted_collector(
        tmp_path, shared_valkey, CALL, eth, coins=coins, reconcile_s=0
    ) as harness:
        harness.venue.greets = False
        look = harness.collector.rest_check.compare
        tick = dict(harness.venue.ticker(CALL)["data"])
        del tick["symbol"]
        harness.venue.rows = {CALL: tick}
        harness.venue.broken = {"BTC", "ETH"}
        for _ in range(5):  # it is REST that fails
            assert not await look()
        assert harness.table.suspects == 0
        harness.venue.broken = {"ETH"}
        for expected in (0, 0, 0, 1):
            assert not await look()
            assert harness.table.suspects_now == expected
        assert harness.collector.rest_check.missing == [eth]
        harness.venue.broken.clear()
        assert await look()


async def test_what_is_missing_and_sends_a_snapshot_each_time_is_subscribed_ever_more_rarely(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_venue.scripted_collector(
        tmp_path, shared_valkey, CALL, reconcile_s=0
    ) as harness:
        look, market = harness.collector.rest_check.compare, harness.collector.universe
        for _ in range(20):
            renewals = len([op for op, _ in harness.venue.requests if op == "subscribe"])
            await look()
            due = harness.collector.rest_check._rounds_missing[CALL]
            if due.bit_count() == 1 and harness.table.suspects_now:
                await until(lambda: not harness.table.suspects_now)
            assert renewals <= 6
        assert market.instruments


async def test_expiry_is_judged_by_the_venues_clock(
    tmp_path: Path, shared_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_venue.scripted_collector(tmp_path, shared_valkey, reconcile_s=0) as harness:
        harness.venue.greets = False
        await until(lambda: harness.collector.feed.exchange.known)
        venue_ms: int = harness.collector.universe.now_ms()
        assert venue_ms < scripted_venue.FAR_MS
        # the venue of this test runs by its own clock, this host's is set far ahead
        monkeypatch.setattr(scripted_venue, "now_ms", lambda: venue_ms)
        monkeypatch.setattr(time, "time_ns", lambda: (scripted_venue.FAR_MS + 1) * 1_000_000)
        await harness.collector.rest_check.compare()
        await harness.collector.rest_check.compare()
        assert harness.table.suspects_now == 2
