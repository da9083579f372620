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


async def is_read_as_dead_and_comes_back(w: CollectorHarness, cure: str) -> None:
    """With a fault under way: readers are refused what it mutes, until it is over."""
    [line] = w.collector.connections
    symbol = w.venue.symbols[0]
    with OptionReader(w.valkey.url, venue="sim") as reader:
        await until(lambda: line.reconnects > 0)
        with pytest.raises(StaleData, match=symbol):
            reader.get(symbol)
        setattr(w.venue.faults, cure, False)
        await w.covered()
        await until(lambda: reader.get(symbol, require_live=False).live)
        await w.equal()


@pytest.mark.usefixtures("eager")
async def test_WS_01_a_venue_that_answers_no_pings_is_left_and_data_flows_again(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, FEW, brisk(ping_every=0.1)) as w:
        await w.covered()
        w.venue.faults.withhold_pongs = True
        [line] = w.collector.connections
        await until(lambda: line.reconnects >= 2)
        w.venue.faults.withhold_pongs = False
        await w.covered()
        await w.equal()


@pytest.mark.usefixtures("eager")
async def test_WS_09_a_connection_that_acks_answers_pings_and_brings_nothing_is_replaced(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, FEW, WATCHFUL) as w:
        await w.covered()
        w.venue.faults.mute = True
        await is_read_as_dead_and_comes_back(w, cure="mute")


@pytest.mark.usefixtures("eager")
async def test_WS_09_from_the_first_ack_on(tmp_path: Path) -> None:
    async with running_collector(tmp_path, FEW, WATCHFUL) as w:
        w.venue.faults.mute_next = 2
        await w.covered()
        assert w.collector.connections[0].reconnects == 2


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
async def test_WS_10_no_flood_of_what_is_no_data_keeps_a_mute_connection(
    tmp_path: Path, flood: bytes
) -> None:
    async with running_collector(tmp_path, FEW, WATCHFUL) as w:
        await w.covered()
        w.venue.faults.mute = True
        [line] = w.collector.connections
        async with asyncio.timeout(PATIENCE_S):
            while line.reconnects == 0:
                w.venue.write(flood)
                await asyncio.sleep(0.005)
        w.venue.faults.mute = False
        await w.covered()


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
    ) as w:
        await w.covered()
        w.venue.pause()
        table, symbol = w.collector.table, w.venue.symbols[0]
        before = table.received
        with OptionReader(w.valkey.url, venue="sim") as reader:
            await until(lambda: table.received >= before + 5)  # the answers to probes
            assert reader.get(symbol).symbol == symbol
        assert w.collector.connections[0].reconnects == 0
        assert w.status_covered() == len(w.venue.symbols)


@pytest.mark.usefixtures("eager")
async def test_WS_12_only_pings_in_json_keep_a_connection_and_data_does_not(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=600, ping_timeout_s=0.5)
    async with running_collector(tmp_path, sim, brisk(ping_every=60.0)) as w:
        line = await line_of(w)
        await until(lambda: line.reconnects >= 2)  # a venue that counts them cuts us off
    async with running_collector(tmp_path, sim, brisk(ping_every=0.1)) as w:
        line = await line_of(w)
        began = w.collector.table.received
        await until(lambda: w.collector.table.received > began + 600)
        assert line.reconnects == 0


async def test_WS_13_pings_go_out_in_time_under_a_flood(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=1200, rate=12_000, ping_timeout_s=2.0)
    async with running_collector(tmp_path, sim, brisk(ping_every=1.0)) as w:
        await w.covered()
        began = w.collector.table.received
        await until(lambda: w.collector.table.received > began + 30_000)
        assert w.collector.monitor.status().reconnects == 0
        w.check_books()


@pytest.mark.usefixtures("eager")
async def test_WS_13_a_stall_of_ours_that_the_venue_answers_with_a_cut_is_made_good(
    tmp_path: Path,
) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=600, ping_timeout_s=0.4)
    async with running_collector(tmp_path, sim, brisk(ping_every=0.1, stall=0.3)) as w:
        await w.covered()
        time.sleep(0.8)  # noqa: ASYNC251 - the fault
        await w.covered()
        await w.equal()
        w.check_books()


@pytest.mark.usefixtures("eager")
async def test_WS_14_a_connection_that_died_without_a_word_is_replaced(tmp_path: Path) -> None:
    async with proxied(tmp_path, timing=WATCHFUL) as (w, proxy):
        await w.covered()
        proxy.up.passage = proxy.down.passage = Passage.LOST
        await until(lambda: not w.collector.connections[0].is_open)
        assert w.collector.table.delivering == set()
        proxy.up.passage = proxy.down.passage = Passage.OPEN
        await w.covered()
        await w.equal()
