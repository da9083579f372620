"""Clocks that are set, a process that stands still, a machine that slept, a venue that hangs up."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from fastopts import keys, model
from fastopts.collector.store.heartbeat import Heartbeat
from fastopts.collector.venue.venue_time import VenueTime
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import FastoptsError, StaleData
from fastopts.reader import OptionReader
from fastopts.session.venue_clock import VenueClock
from fastopts.sim import SimSettings, SimVenue
from fastopts.sim.clock import Clock
from fastopts.venues.bybit.session import Timing
from tests.support.collector_harness import running_collector, until
from tests.support.processes import environ, wait_for_line

HOUR_S = 3600.0


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
async def test_LC_07_a_clock_that_is_set_mid_run_changes_nothing_but_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step_s: float
) -> None:
    timing = Timing(ping_every=0.2)
    async with running_collector(tmp_path, timing=timing, refresh_s=1.0) as harness:
        await harness.covered()
        await until(lambda: harness.collector.feed.exchange.known)
        await until(lambda: harness.collector.table.pending == 0)
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            await until(lambda: all(reader.get_many(harness.venue.symbols)))
            received = harness.collector.table.received
            wall, wall_ns = time.time, time.time_ns
            monkeypatch.setattr(time, "time", lambda: wall() + step_s)
            monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + round(step_s * 1e9))
            refused = []
            while harness.collector.table.received < received + 4000:
                refused += [one for one in reader.get_many(harness.venue.symbols) if not one]
                await asyncio.sleep(0.01)
            assert not refused
            options = reader.get_many(harness.venue.symbols, strict=True, max_age_s=60)
            assert not [one for one in options if one.flags & model.FLAG_TIME_SUSPECT]  # type: ignore[union-attr]
        assert sum(line.reconnects for line in harness.collector.connections) == 0
        assert f"this machine's clock was set by {step_s:+.1f} s" in caplog.text
        assert harness.status_covered() == len(harness.venue.symbols)
        await harness.equal()


@pytest.mark.parametrize("ahead_s", [-25 * HOUR_S, -HOUR_S, HOUR_S, 25 * HOUR_S])
async def test_LC_07_a_host_whose_clock_is_wrong_from_the_start_decides_nothing(
    tmp_path: Path, ahead_s: float
) -> None:
    """Expiry, ages and lags go by the venue's clock, which the host's is far from."""

    clock = Clock(round((time.time() + ahead_s) * 1000))
    async with running_collector(tmp_path, timing=Timing(ping_every=0.2), clock=clock) as harness:
        await harness.covered()
        assert abs(harness.collector.parts.venue_time.skew_ms - ahead_s * 1000) < 5000
        assert set(harness.collector.universe.instruments) == set(harness.venue.symbols)
        await until(
            lambda: bool(harness.client.exists(keys.FEED)) and not harness.collector.table.pending
        )
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            await until(lambda: all(reader.get_many(harness.venue.symbols)))
            option = reader.get(harness.venue.symbols[0], max_age_s=60)
            assert not option.flags & model.FLAG_TIME_SUSPECT
        content = json.loads((tmp_path / "cache.json").read_bytes())
        written_s = datetime.fromisoformat(content["updated_at"]).timestamp()
        assert abs(written_s - clock.now_ms() / 1000) < 600


def test_LC_07_distant_times_of_the_venue_are_believed_when_two_agree() -> None:
    day_ms, now_ms = 86_400_000, round(time.time() * 1000)
    at = time.monotonic()

    def known(*answers: tuple[float, float]) -> bool:
        venue_time = VenueTime(VenueClock(), lambda: now_ms, lambda *_: None)
        for ahead_ms, passed_s in answers:
            received_at = at + passed_s
            stamp_ms = round(now_ms + ahead_ms + passed_s * 1000)
            venue_time.process_answer("a question", stamp_ms, received_at - 0.01, received_at)
        return venue_time.is_known

    assert not known((2 * day_ms, 0))
    assert known((2 * day_ms, 0), (2 * day_ms, 0.5))
    assert not known((2 * day_ms, 0), (2 * day_ms - 500, 0.5))  # the same time again: a cache
    assert not known((2 * day_ms, 0), (3 * day_ms, 0.5))
    assert not known((-2 * day_ms, 0), (2 * day_ms, 0.5), (-2 * day_ms, 1.0))
    assert known((day_ms / 24, 0))


async def test_LC_08_after_a_sleep_of_the_machine_nothing_counts_until_it_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Our monotonic clock stood still meanwhile: to us the server's seems to have jumped."""
    slept_s = 0
    heard = Heartbeat._add_server_time

    def hear(self: Heartbeat, reply: list[str], sent_at: float) -> None:
        heard(self, [str(int(reply[0]) + slept_s), reply[1]], sent_at)

    monkeypatch.setattr(Heartbeat, "_add_server_time", hear)

    async with running_collector(tmp_path) as harness:
        await harness.covered()
        feed, table = harness.collector.feed, harness.collector.table
        await until(lambda: all(at is not None for at in feed.conns.values()))
        harness.venue.pause()
        await until(lambda: table.pending == 0)
        slept_s = 3600
        await until(lambda: "or this machine was suspended" in caplog.text)
        assert list(feed.conns.values()) == [None]
        assert table.delivering == set()
        await asyncio.sleep(0.6)  # two turns of the line, in which nothing comes
        assert list(feed.conns.values()) == [None]
        harness.venue.resume()
        await until(lambda: feed.conns != {1: None} and table.delivering == {1})
        assert sum(line.reconnects for line in harness.collector.connections) == 0


PROGRAM = (
    "import sys; from functools import partial; from fastopts import track;"
    "from fastopts.collector import run;"
    "from fastopts.collector.store import feed_status as feed;"
    "feed.HEARTBEAT_LIMIT_MS = 1200;"
    "run.Timing = partial(run.Timing, stall=0.8, catch_up=0.3);"
    "sys.exit(track.main())"
)


@contextmanager
def collecting(words: list[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, *words, "--status-s", "0.2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environ())
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def is_live(reader: OptionReader, symbol: str) -> bool:
    try:
        return reader.get(symbol).live
    except FastoptsError:
        return False


async def test_LC_08_a_process_that_was_stopped_is_suspect_until_it_delivers_again(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    async with SimVenue(SimSettings(seed=5, symbols=40, rate=400)) as venue:
        words = [
            *("--venue", "sim", "--coins", "BTC,ETH,SOL,XRP", "--redis-url", valkey.url),
            *("--rest-url", venue.rest_url, "--ws-url", venue.ws_url),
        ]
        symbol = venue.symbols[0]
        with collecting(words, tmp_path) as process, OptionReader(valkey.url, "sim") as reader:
            await until(lambda: is_live(reader, symbol))
            process.send_signal(signal.SIGSTOP)
            await until(lambda: not is_live(reader, symbol))
            with pytest.raises(StaleData, match=symbol):
                reader.get(symbol)
            await asyncio.sleep(1.0)  # longer than the stall that it must notice
            pings = count_pings(venue)
            process.send_signal(signal.SIGCONT)
            await asyncio.to_thread(wait_for_line, process.stderr, "this process stood still")
            await until(lambda: is_live(reader, symbol))
            assert venue.connections == 1
            assert len(pings) <= 2  # no burst of pings that became due meanwhile


def count_pings(venue: SimVenue) -> list[str]:
    heard: list[str] = []
    receive = venue._receive

    def counting(link: object, message: str | bytes) -> bool:
        is_ping = receive(link, message)  # type: ignore[arg-type]
        if is_ping:
            heard.append(str(message))
        return is_ping

    venue._receive = counting  # type: ignore[method-assign]
    return heard


async def test_LC_09_all_connections_cut_at_once_come_back_one_by_one_and_miss_nothing(
    tmp_path: Path,
) -> None:
    """As when the venue ends each after 24 hours and all were opened together."""

    sim = SimSettings(seed=5, symbols=1700, rate=2500)
    async with running_collector(tmp_path, sim) as harness:
        await harness.covered()
        count = len(harness.collector.connections)
        assert count >= 3
        assert harness.venue.connections == count
        rounds, together = 0, count
        while together == count:  # a loop that stood still meanwhile sees them all at once
            await harness.venue.drop()
            together = await opened_together(harness.venue, count)
            await harness.covered()
            rounds += 1
        assert [line.reconnects for line in harness.collector.connections] == [rounds] * count
        await harness.equal()


async def opened_together(venue: SimVenue, count: int) -> int:
    """Wait for *count* connections; return how many at most came between two looks."""
    seen, together = 0, 0
    while seen < count:
        now_open = venue.connections
        together = max(together, now_open - seen)
        seen = now_open
        await asyncio.sleep(0)
    return together
