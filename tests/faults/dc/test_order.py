"""Ticks that come late, twice, from another time, or only in part."""

import asyncio
import logging
import random
from pathlib import Path
from typing import Any

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import NotYetLive
from tests.support import payloads
from tests.support.collector_harness import until
from tests.support.oracle import expected_hash
from tests.support.scripted_venue import (
    CALL,
    PUT,
    ScriptedVenue,
    ScriptedVenueHarness,
    now_ms,
    scripted_collector,
)

Frame = dict[str, Any]
HOUR_MS = 3_600_000


def holds(harness: ScriptedVenueHarness, frame: Frame) -> bool:
    return expected_hash(frame).items() <= harness.held(frame["data"]["symbol"]).items()


async def test_DC_19_the_newest_tick_wins_in_any_order_of_arrival(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    luck = random.Random(19)

    async with scripted_collector(tmp_path, shared_valkey) as harness:
        newest: dict[str, int] = {}
        older = 0
        for _ in range(20):
            start = now_ms()
            frames = [
                harness.venue.ticker(luck.choice((CALL, PUT)), ts=start + luck.randrange(50))
                for _ in range(30)
            ]
            await harness.push(*frames)
            for frame in frames:
                symbol = frame["data"]["symbol"]
                older += frame["ts"] < newest.get(symbol, 0)
                newest[symbol] = max(frame["ts"], newest.get(symbol, 0))
            assert {s: int(harness.held(s)["tm"]) for s in newest} == newest
        assert harness.table.older == older > 100


async def test_DC_19_a_new_connection_does_not_bring_back_the_past(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        newest = harness.venue.ticker(ts=now_ms() + 1000, markPrice="7")
        await harness.push(newest)
        late = harness.venue.ticker(ts=newest["ts"] - 1, markPrice="666")
        harness.venue.greets = False
        await harness.venue.connections[0].close()
        await until(lambda: harness.venue.requests[-1] == ("subscribe", [CALL, PUT]))
        await until(lambda: len(harness.venue.requests) == 2)
        await harness.push(late)
        assert (holds(harness, newest), harness.table.older) == (True, 1)
        with harness.reader() as reader, pytest.raises(NotYetLive, match="is closed"):
            reader.get(CALL)
        # the same time again is news of the same: live, by the new connection
        await harness.push(newest)
        with harness.reader() as reader:
            assert reader.get(CALL).mark_price == 7


@pytest.mark.parametrize("poison", [10**15, 4_102_444_800_000, 0, 1_700_000_000, 1])
@pytest.mark.parametrize("is_first", [True, False])
async def test_DC_20_a_time_that_can_not_be_right_blocks_nothing(
    tmp_path: Path, shared_valkey: EmbeddedValkey, poison: int, is_first: bool
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        with harness.reader() as reader:
            symbol = CALL
            if is_first:
                symbol = "BTC-27NOV99-1-C-USDT"
                assert harness.collector.universe.adopt(symbol)
            bad = harness.venue.ticker(symbol, ts=poison, markPrice="666")
            await harness.push(bad)
            is_kept = is_first or poison > now_ms()
            assert holds(harness, bad) == is_kept
            assert reader.get(symbol).time_suspect == is_kept
            assert harness.table.older == (not is_kept)
            good = harness.venue.ticker(symbol, markPrice="7")
            await harness.push(good)
            assert holds(harness, good)
            assert not reader.get(symbol).time_suspect


async def test_DC_20_a_time_that_stands_still_is_found_by_comparing_with_rest(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    """Each tick is older than the stored values, so these stay as they are."""

    async with scripted_collector(tmp_path, shared_valkey, reconcile_s=0.05) as harness:
        with harness.reader() as reader:
            harness.venue.greets = False
            assert reader.get(CALL).live
            harness.venue.rows = {CALL: {"markPrice": "1300"}}
            while harness.table.suspects_now == 0:
                await harness.push(harness.venue.ticker(ts=1_700_000_000_000, markPrice="1300"))
                await asyncio.sleep(0.01)
            await harness.settled(0)
            with pytest.raises(NotYetLive, match="REST"):
                reader.get(CALL)


@pytest.mark.parametrize("times", [2, 5])
async def test_DC_21_a_message_that_comes_again_changes_nothing(
    tmp_path: Path, shared_valkey: EmbeddedValkey, times: int
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        for number in range(20):
            frame = harness.venue.ticker(markPrice=str(number))
            await harness.push(*[frame] * times)
            held = harness.held()
            assert {n: held[n] for n in held.keys() - {"rt", "cn"}} == expected_hash(frame)
        assert harness.table.applied == 2 + 20 * times
        assert (harness.table.older, harness.table.vanished) == (0, 0)


async def test_DC_22_crossed_and_locked_quotes_are_handed_on_and_flagged(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        with harness.reader() as reader:
            for bid, ask in (("1250", "1230"), ("1230", "1230.0"), ("1229", "1230")):
                frame = harness.venue.ticker(bidPrice=bid, askPrice=ask)
                await harness.push(frame)
                assert holds(harness, frame)
                option = reader.get(CALL)
                assert (option.bid_price, option.ask_price) == (float(bid), float(ask))
                assert option.crossed == (float(bid) > float(ask))
                assert option.locked == (float(bid) == float(ask))
                assert (option.mid is None) == option.crossed


def delta(venue: ScriptedVenue, symbol: str = CALL, **fields: str) -> Frame:
    whole = venue.ticker(symbol)
    return {**whole, "type": "delta", "data": {"symbol": symbol, **fields}}


async def test_DC_23_a_delta_is_merged_into_what_its_connection_delivered(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        await harness.push(
            delta(harness.venue, askPrice="1240", askIv=""), delta(harness.venue, markPrice="7")
        )
        expected = payloads.numbers(askPrice="1240", markPrice="7")
        del expected["aiv"]
        held = harness.held()
        assert {n: t for n, t in held.items() if n in payloads.numbers()} == expected
        assert (harness.table.deltas, harness.table.rejected["delta_without_base"]) == (2, 0)


async def test_DC_23_without_its_base_a_delta_is_dropped_counted_and_shown(
    tmp_path: Path, shared_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fastopts")

    async with scripted_collector(tmp_path, shared_valkey, status_s=0.05) as harness:
        await until(lambda: "2 of 2 symbols live" in caplog.text)
        before = harness.held()
        harness.venue.greets = False
        await harness.venue.connections[0].close()
        await until(lambda: len(harness.venue.requests) == 2)
        # what is held came over the connection before: a change of another state
        await harness.push(delta(harness.venue, askPrice="1240"))
        assert harness.table.rejected["delta_without_base"] == 1
        assert harness.held() == before
        await until(lambda: "rejected (delta_without_base), for example:" in caplog.text)
        await harness.push(harness.venue.ticker(), delta(harness.venue, askPrice="1241"))
        assert harness.held()["ap"] == "1241"
