"""A reader under a real collector whose venue and process fail, and under a writer that races."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import (
    Absent,
    AsyncOptionReader,
    ConnectionMuted,
    FeedDown,
    NotYetLive,
    Option,
    OptionReader,
    Unknown,
)
from fastopts.sim import SimSettings, SimVenue
from tests.reader.racing import SYMBOLS
from tests.support.processes import environ
from tests.support.store import NUMBERS, Store
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
COINS = ("BTC", "ETH")
SILENCE_MS, BEAT_MS = 12_000, 5_000  # the limits that the collector announces
SLACK_MS = 1_000  # for data in flight when a fault began
CONNECTION_SYMBOLS = 550  # at most so many topics a connection


@dataclass
class LiveHarness:
    """A venue, a collector in a process of its own, and who reads what it wrote."""

    venue: SimVenue
    valkey: EmbeddedValkey
    reader: AsyncOptionReader
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def collect(self) -> None:
        """Start a collector."""
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fastopts.track", "--venue", "sim", "--coins", "BTC,ETH"),
            *("--rest-url", self.venue.rest_url, "--ws-url", self.venue.ws_url),
            *("--redis-url", self.valkey.url, "--cache-file", os.devnull),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environ(),
        )
        self.processes.append(started)

    async def end(self, number: signal.Signals) -> None:
        """End the collector with a signal."""
        process = self.processes[-1]
        process.send_signal(number)
        await process.wait()

    async def look(self) -> list[Option | Absent]:
        return await self.reader.get_many(self.venue.symbols, require_live=False)

    async def live(self) -> list[Option]:
        """The options that the reader returns in strict mode; none of a dead feed."""
        try:
            found = await self.reader.get_many(self.venue.symbols)
        except FeedDown:
            return []
        return [one for one in found if isinstance(one, Option)]

    async def reasons(self) -> set[type[Exception]]:
        """Why each of the others is refused."""
        found = await asyncio.gather(
            *(self.reader.get(symbol) for symbol in self.venue.symbols), return_exceptions=True
        )
        reasons = [one for one in found if isinstance(one, Exception)]
        told = zip(self.venue.symbols, map(str, reasons), strict=True)
        assert all(words.startswith(f"{symbol}, ") for symbol, words in told)
        return {type(reason) for reason in reasons}

    async def all_live(self) -> list[Option]:
        await until(self._covers)
        return await self.live()

    async def _covers(self) -> bool:
        return len(await self.live()) == len(self.venue.symbols)

    async def server_ms(self) -> int:
        return (await self.reader.feed()).now_ms


async def until(condition: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.02)


@asynccontextmanager
async def world(symbols: int = 120) -> AsyncIterator[LiveHarness]:
    settings = SimSettings(seed=5, symbols=symbols, rate=1500, coins=COINS)
    with EmbeddedValkey() as valkey:
        async with SimVenue(settings) as venue, AsyncOptionReader(valkey.url, "sim") as reader:
            made = LiveHarness(venue, valkey, reader)
            await made.collect()
            try:
                yield made
            finally:
                if made.processes[-1].returncode is None:
                    await made.end(signal.SIGTERM)


async def none_live_after(w: LiveHarness, limit_ms: int) -> None:
    """Read on until nothing is live; nothing may be returned as live after *limit_ms*."""
    while options := await w.live():
        assert options[0].moment.now_ms <= limit_ms
        await asyncio.sleep(0.02)


async def test_a_muted_feed_is_refused_in_time_and_back_when_it_delivers() -> None:
    async with world() as w:
        await w.all_live()
        muted_ms = await w.server_ms()
        w.venue.faults.mute = True
        await none_live_after(w, muted_ms + SILENCE_MS + SLACK_MS)
        assert await w.reasons() <= {ConnectionMuted, NotYetLive}
        assert (await w.reader.feed()).alive
        back_ms = await w.server_ms()
        w.venue.faults.mute = False
        for option in await w.all_live():
            assert option.rt_ms >= back_ms - SLACK_MS


async def test_a_killed_collector_is_refused_in_time_and_its_heir_starts_anew() -> None:
    async with world() as w:
        old = (await w.all_live())[0].epoch
        killed_ms = await w.server_ms()
        await w.end(signal.SIGKILL)
        await none_live_after(w, killed_ms + BEAT_MS + SLACK_MS)
        assert await w.reasons() == {FeedDown}
        restarted_ms = await w.server_ms()
        await w.collect()
        for option in await w.all_live():
            assert option.epoch > old
            assert option.rt_ms >= restarted_ms


async def test_a_collector_that_ends_in_order_is_refused_at_once() -> None:
    async with world() as w:
        await w.all_live()
        await w.end(signal.SIGTERM)
        assert await w.live() == []
        with pytest.raises(FeedDown, match="the collector has ended"):
            await w.reader.get(w.venue.symbols[-1])  # of a late expiry
        assert len(await w.look()) == len(w.venue.symbols)


async def test_one_connection_of_many_that_drops_takes_only_its_own() -> None:
    async with world(CONNECTION_SYMBOLS + 300) as w:
        conn_of = {option.symbol: option.conn for option in await w.all_live()}
        conns = set(conn_of.values())
        assert len(conns) >= 2
        gone = await drop_one(w, conns)
        kept = {symbol for symbol, conn in conn_of.items() if conn != gone}
        back: set[str] = set()
        while len(back) < len(conn_of) - len(kept):
            options = await w.live()
            assert kept <= {option.symbol for option in options}
            assert gone not in {option.conn for option in options}
            back = {option.symbol for option in options} - kept


async def drop_one(w: LiveHarness, conns: set[int]) -> int:
    """Cut one of the collector's connections; return its number once readers are notified."""
    link = next(iter(w.venue._links.values()))
    link.connection.transport.abort()

    async def is_told() -> bool:
        return not conns <= set((await w.reader.feed()).conns)

    await until(is_told)
    [gone] = conns - set((await w.reader.feed()).conns)
    return gone


async def test_chains_of_a_live_feed_are_of_one_coin_and_whole() -> None:
    async with world(400) as w:
        await w.all_live()
        seen: set[str] = set()
        both = 0
        for asset in COINS:
            for series in await w.reader.expiries(asset):
                chain = await w.reader.chain(asset, series.expiry, series.settle)
                assert {option.settle for option in chain.options} == {series.settle}
                assert {option.expiry_ms for option in chain.options} == {series.expiry_ms}
                assert len(chain.options) == series.count
                assert len({o.forward for o in chain.options}) <= len(chain.options)
                seen |= {option.symbol for option in chain.options}
                both += len(chain.settles) == 2
        assert seen == set(w.venue.symbols)
        assert both


@contextmanager
def racing(url: str) -> Iterator[None]:
    """A writer that writes without pause until it is stopped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.reader.racing", url],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environ(),
    )
    try:
        yield
    finally:
        _, complaints = process.communicate(b"end", timeout=30)
    assert process.returncode == 0, complaints.decode()


TIMES = ("ts_ms", "rt_ms")
MAY_LACK = {"change_24h", "gamma", "bid_size"}
OF_A_SIDE = {"bid_price", "bid_size", "bid_iv"}  # without a size no bid


def torn_text(text: dict[str, str]) -> bool:
    numbers = {name: value for name, value in text.items() if name not in TIMES}
    lacking = (NUMBERS.keys() | {"seq"}) - numbers.keys()
    return len(set(numbers.values())) != 1 or lacking not in (set(), MAY_LACK)


def torn(option: Option) -> bool:
    values: dict[str, Any] = {name: getattr(option, name) for name in (*NUMBERS, "seq")}
    lacking = {name for name, value in values.items() if value is None}
    return len(set(values.values()) - {None}) != 1 or lacking not in (set(), MAY_LACK | OF_A_SIDE)


def race(url: str, ended: threading.Event, faults: list[object], rounds: list[int]) -> None:
    """Look for an answer that mixes two ticks, or goes back in time."""
    newest = dict.fromkeys(SYMBOLS, 0)
    with OptionReader(url) as reader:
        while not ended.is_set() and not faults:
            options = reader.get_many(SYMBOLS, strict=True)
            texts = reader.text_many(SYMBOLS, strict=True)
            rows = reader.snapshot()
            faults += judge(options, texts, newest)
            faults += [row for row in rows if row["mark_price"] != row["seq"]]
            rounds[0] += 1


def judge(options: Sequence[Any], texts: Sequence[Any], newest: dict[str, int]) -> list[object]:
    faults: list[object] = []
    for option, text in zip(options, texts, strict=True):
        if torn(option) or torn_text(text):
            faults.append((option.record, text))
        elif not newest[option.symbol] <= option.seq <= int(text["seq"]):
            faults.append((option.symbol, newest[option.symbol], option.seq, text["seq"]))
        newest[option.symbol] = option.seq
    return faults


def is_there(reader: OptionReader) -> bool:
    try:
        return all(reader.get_many(SYMBOLS))
    except Unknown:
        return False


def test_no_answer_mixes_two_ticks(store: Store) -> None:
    store.list(*SYMBOLS)
    store.feed({1: 0}, heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    ended = threading.Event()
    faults: list[object] = []
    rounds = [0]
    words = (store.url, ended, faults, rounds)
    with racing(store.url):
        with OptionReader(store.url) as reader:
            while not is_there(reader):
                time.sleep(0.01)
        threads = [threading.Thread(target=race, args=words) for _ in range(3)]
        for thread in threads:
            thread.start()
        ended.wait(3)
        ended.set()
        for thread in threads:
            thread.join()
    assert faults == []
    assert rounds[0] > 50
