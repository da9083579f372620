"""Which silence is a fault, and which is not."""

import asyncio
import time
from pathlib import Path

import pytest

from fastopts.errors import StaleData
from fastopts.reader import OptionReader
from fastopts.sim import SimSettings
from fastopts.sim.feed import text_frame
from fastopts.venues.bybit.session import Probe
from tests.faults.ws.proxied_collector import FEW, brisk, line_of, proxied
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.fault_proxy import Passage
from tests.support.waiting import PATIENCE_S
from tests.venues.bybit.test_session import SYMBOLS, SessionHarness

WATCHFUL = brisk(silence=0.3, probe_within=0.3)
PING = b"\x89"


async def is_read_as_dead_and_comes_back(harness: CollectorHarness, cure: str) -> None:
    """With a fault under way: readers are refused what it mutes, until it is over."""
    [line] = harness.collector.connections
    symbol = harness.venue.symbols[0]
    with OptionReader(harness.valkey.url, venue="sim") as reader:
        await until(lambda: line.reconnects > 0)
        with pytest.raises(StaleData, match=symbol):
            reader.get(symbol)
        setattr(harness.venue.faults, cure, False)
        await harness.covered()
        await until(lambda: reader.get(symbol, require_live=False).live)
        await harness.equal()


@pytest.mark.usefixtures("eager")
async def test_WS_01_a_venue_that_answers_no_pings_is_left_and_data_flows_again(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, FEW, brisk(ping_every=0.1)) as harness:
        await harness.covered()
        harness.venue.faults.withhold_pongs = True
        [line] = harness.collector.connections
        await until(lambda: line.reconnects >= 2)
        harness.venue.faults.withhold_pongs = False
        await harness.covered()
        await harness.equal()


@pytest.mark.usefixtures("eager")
async def test_WS_09_a_connection_that_acks_answers_pings_and_brings_nothing_is_replaced(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, FEW, WATCHFUL) as harness:
        await harness.covered()
        harness.venue.faults.mute = True
        await is_read_as_dead_and_comes_back(harness, cure="mute")


@pytest.mark.usefixtures("eager")
async def test_WS_09_from_the_first_ack_on(tmp_path: Path) -> None:
    async with running_collector(tmp_path, FEW, WATCHFUL) as harness:
        harness.venue.faults.mute_next = 2
        await harness.covered()
        assert harness.collector.connections[0].reconnects == 2


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "flood",
    [
        (PING + b"\x00") * 500,
        PING + b"\x04beat",
        text_frame(b'{"args":["1795000000000"],"op":"pong"}'),
        text_frame(b'{"success":true,"ret_msg":"","op":"subscribe"}'),
    ],
    ids=["pings", "beat", "pongs", "acks"],
)
async def test_WS_10_a_flood_of_other_messages_does_not_keep_a_connection_without_data(
    tmp_path: Path, flood: bytes
) -> None:
    async with running_collector(tmp_path, FEW, WATCHFUL) as harness:
        await harness.covered()
        harness.venue.faults.mute = True
        [line] = harness.collector.connections
        async with asyncio.timeout(PATIENCE_S):
            while line.reconnects == 0:
                harness.venue.write(flood)
                await asyncio.sleep(0.005)
        harness.venue.faults.mute = False
        await harness.covered()


def test_WS_11_half_an_hour_of_a_market_with_a_tick_in_ten_minutes_is_no_fault() -> None:
    """The venue answers pings, acks, and sends a snapshot for each subscription; no more."""
    venue, probes, served = SessionHarness(), 0, 0
    for step in range(30 * 60 * 4):
        venue.wait(0.25, data=step % 2400 == 0)
        assert venue.dead() == []
        if Probe() in venue.events:
            probes += 1
            venue.session.probe(SYMBOLS[0])
        venue.events.clear()
        for request in venue.requests[served:]:
            asked = [topic.removeprefix("tickers.") for topic in request["args"]]
            venue.ack(asked)
            if request["op"] == "subscribe":
                venue.messages += len(asked)
                venue.session.note_data(venue.messages, venue.now)
                venue.session.note_delivered(asked)
        served = len(venue.requests)
    assert probes > 300


async def test_WS_11_a_quiet_market_stays_live(tmp_path: Path) -> None:
    async with running_collector(
        tmp_path, FEW, brisk(silence=0.1, probe_within=1.5, pace=0.01)
    ) as harness:
        await harness.covered()
        harness.venue.pause()
        table, symbol = harness.collector.table, harness.venue.symbols[0]
        before = table.received
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            await until(lambda: table.received >= before + 5)  # the answers to probes
            assert reader.get(symbol).symbol == symbol
        assert harness.collector.connections[0].reconnects == 0
        assert harness.status_covered() == len(harness.venue.symbols)


@pytest.mark.usefixtures("eager")
async def test_WS_12_only_pings_in_json_keep_a_connection_and_data_does_not(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=600, ping_timeout_s=0.5)
    async with running_collector(tmp_path, sim, brisk(ping_every=60.0)) as harness:
        line = await line_of(harness)
        await until(lambda: line.reconnects >= 2)  # a venue that counts them cuts us off
    async with running_collector(tmp_path, sim, brisk(ping_every=0.1)) as harness:
        line = await line_of(harness)
        began = harness.collector.table.received
        await until(lambda: harness.collector.table.received > began + 600)
        assert line.reconnects == 0


async def test_WS_13_pings_go_out_in_time_under_a_flood(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=1200, rate=12_000, ping_timeout_s=2.0)
    async with running_collector(tmp_path, sim, brisk(ping_every=1.0)) as harness:
        await harness.covered()
        began = harness.collector.table.received
        await until(lambda: harness.collector.table.received > began + 30_000)
        assert harness.collector.monitor.status().reconnects == 0
        harness.check_books()


@pytest.mark.usefixtures("eager")
async def test_WS_13_a_cut_after_our_own_stall_is_recovered_from(
    tmp_path: Path,
) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=600, ping_timeout_s=0.4)
    async with running_collector(tmp_path, sim, brisk(ping_every=0.1, stall=0.3)) as harness:
        await harness.covered()
        time.sleep(0.8)  # noqa: ASYNC251 - the fault
        await harness.covered()
        await harness.equal()
        harness.check_books()


@pytest.mark.usefixtures("eager")
async def test_WS_14_a_connection_that_died_without_a_word_is_replaced(tmp_path: Path) -> None:
    async with proxied(tmp_path, timing=WATCHFUL) as (harness, proxy):
        await harness.covered()
        proxy.up.passage = proxy.down.passage = Passage.LOST
        await until(lambda: not harness.collector.connections[0].is_open)
        assert harness.collector.table.delivering == set()
        proxy.up.passage = proxy.down.passage = Passage.OPEN
        await harness.covered()
        await harness.equal()
