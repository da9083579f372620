"""Stalled data is never returned as live, whichever part of the pipeline has stalled."""

import ast
import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import fastopts.reader
from fastopts.errors import FastoptsError, StaleData, StoreUnavailable, TooOld
from fastopts.reader import OptionReader
from fastopts.sim import SimSettings
from fastopts.venues.bybit.session import Timing
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.collector_limits import quicken
from tests.support.fault_proxy import FaultProxy, Passage
from tests.support.store import CALL, Store
from tests.support.waiting import PATIENCE_S

LIMIT_MS = 1000
FROZEN_S = 2.0


class Reads:
    """One read after the other in a thread, each with the time at which it began."""

    def __init__(self, port: int, symbol: str) -> None:
        self.served: list[float] = []
        self.refused: list[FastoptsError] = []
        self._port, self._symbol = port, symbol
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reads":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _read(self) -> None:
        with OptionReader(f"redis://127.0.0.1:{self._port}", "sim", timeout_s=0.5) as reader:
            while not self._ended.wait(0.002):
                began = time.monotonic()
                try:
                    reader.get(self._symbol)
                except FastoptsError as error:
                    self.refused.append(error)
                else:
                    self.served.append(began)

    def await_refusals(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while len(self.refused) < 3:
            assert time.monotonic() < deadline, "what stands still is served"
            time.sleep(0.01)


def mute_the_venue(harness: CollectorHarness, proxy: FaultProxy) -> None:
    harness.venue.faults.mute = True


def lose_the_writes(harness: CollectorHarness, proxy: FaultProxy) -> None:
    proxy.up.passage = Passage.LOST


def freeze_the_collector(harness: CollectorHarness, proxy: FaultProxy) -> None:
    time.sleep(FROZEN_S)  # in its own loop


def freeze_the_server(harness: CollectorHarness, proxy: FaultProxy) -> None:
    os.kill(harness.valkey.pid, signal.SIGSTOP)


def thaw(harness: CollectorHarness, proxy: FaultProxy) -> None:
    harness.venue.faults.mute = False
    if proxy.up.passage is Passage.LOST:
        proxy.up.passage = Passage.OPEN
        proxy.drop()
    os.kill(harness.valkey.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("freeze", "error"),
    [
        (mute_the_venue, StaleData),
        (lose_the_writes, StaleData),
        (freeze_the_collector, StaleData),
        (freeze_the_server, StoreUnavailable),
    ],
)
async def test_RR_01_values_that_stopped_changing_are_refused_whatever_froze(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    freeze: Callable[[CollectorHarness, FaultProxy], None],
    error: type[FastoptsError],
) -> None:
    quicken(monkeypatch, heartbeat_limit_ms=LIMIT_MS)

    timing = Timing(silence=0.3, probe_within=0.3)
    sim = SimSettings(seed=5, symbols=40, rate=800)
    with FaultProxy(0) as proxy:
        async with running_collector(tmp_path, sim, timing, redis_port=proxy.port) as harness:
            proxy.target = harness.valkey.port
            harness.collector.feed.watchdog_ms = LIMIT_MS
            with Reads(harness.valkey.port, harness.venue.symbols[0]) as reads:
                await until(lambda: len(reads.served) > 20)
                reads.refused.clear()
                frozen_at = time.monotonic()
                freeze(harness, proxy)
                await asyncio.to_thread(reads.await_refusals)
                lies = [at for at in reads.served if at > frozen_at + 1.2 * LIMIT_MS / 1000]
                thaw(harness, proxy)
                assert all(isinstance(one, error) for one in reads.refused), reads.refused
                assert not lies
                count = len(reads.served)
                await until(lambda: len(reads.served) > count + 5)


def test_RR_01_a_value_that_is_older_than_allowed_is_refused(
    store: Store, reader: OptionReader
) -> None:
    store.tick(age_s=30)
    assert reader.get(CALL).age_s == pytest.approx(30, abs=5)
    with pytest.raises(TooOld, match="more than 20 s"):
        reader.get(CALL, max_age_s=20)


@pytest.mark.parametrize("shift_s", [-300, 300])
def test_RR_08_a_reader_whose_clock_is_wrong_sees_the_same_age(
    store: Store, reader: OptionReader, monkeypatch: pytest.MonkeyPatch, shift_s: float
) -> None:
    store.tick(age_s=30)
    right, right_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: right() + shift_s)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + round(shift_s * 1e9))
    option = reader.get(CALL, max_age_s=60)
    assert option.live
    assert option.age_s == pytest.approx(30, abs=5)
    assert reader.feed().alive


@pytest.mark.parametrize("skew_s", [-300, 300])
def test_RR_08_a_difference_between_the_clocks_of_venue_and_server_is_corrected_and_shown(
    store: Store, reader: OptionReader, caplog: pytest.LogCaptureFixture, skew_s: float
) -> None:
    store.feed(skew_ms=round(skew_s * 1000))
    store.tick(age_s=30 - skew_s)  # by the server's clock: 30 s by the venue's
    assert reader.get(CALL).age_s == pytest.approx(30, abs=5)
    assert reader.feed().skew_is_large
    assert f"{skew_s:+.1f} s off" in caplog.text


def test_RR_08_no_module_of_the_reader_asks_its_own_wall_clock() -> None:
    wall = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("date", "today")}
    for path in Path(*fastopts.reader.__path__).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in wall, f"{path.name}:{node.lineno}"
