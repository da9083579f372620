"""Connections that end, that never begin, and that are refused."""

import asyncio
import random
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.errors import ConnectionLost, HandshakeRefused
from fastopts.session.backoff import Backoff, Budget, delay_s
from fastopts.sim import SimSettings
from tests.faults.ws.proxied_collector import FEW, brisk, line_of, proxied
from tests.support import payloads
from tests.support.collector_harness import running_collector, until
from tests.support.fault_proxy import Ending, Passage
from tests.support.payloads import T0, dump
from tests.support.virtual_loop import SYMBOLS, VirtualConnections


@pytest.mark.usefixtures("eager")
async def test_WS_02_each_of_fifty_reconnects_subscribes_everything(tmp_path: Path) -> None:
    async with running_collector(tmp_path, FEW) as harness:
        line = await line_of(harness)
        for number in range(50):
            await harness.covered()
            await harness.venue.drop()
            await until(lambda: line.reconnects > number)  # noqa: B023 - at once
        await harness.covered()
        await harness.equal()
        harness.check_books()


@pytest.mark.usefixtures("eager")
async def test_WS_03_wherever_connections_end_there_is_the_next_one_and_only_one(
    tmp_path: Path,
) -> None:
    luck = random.Random(3)
    async with proxied(tmp_path) as (harness, proxy):
        while proxy.accepted < 40:
            proxy.down.cut_with = luck.choice(list(Ending))
            proxy.down.cut_after = luck.choice((luck.randrange(400), luck.randrange(50_000)))
            before = proxy.accepted
            await until(lambda: proxy.accepted > before)  # noqa: B023 - at once
            assert proxy.connections <= 2  # the one that ends, and the next
        proxy.down.cut_after = None
        proxy.drop()
        await harness.covered()
        await harness.equal()
        harness.check_books()
        assert harness.venue.connections == 1


def refusing(status: int | None, retry_after_s: float | None = None) -> Callable[..., Any]:
    async def connect(*args: object, **kwargs: object) -> object:
        if status is None:
            raise ConnectionLost("reset by peer")
        raise HandshakeRefused(f"HTTP {status}", status, retry_after_s)

    return connect


@pytest.mark.parametrize("status", [None, 429, 502])
def test_WS_04_ten_minutes_of_refusals_stay_within_the_budget(
    monkeypatch: pytest.MonkeyPatch, status: int | None
) -> None:
    lines = VirtualConnections(monkeypatch, refusing(status))
    lines.run(600)
    assert 40 < len(lines.attempts) <= 161
    for start in lines.attempts:
        assert sum(start <= at < start + 300 for at in lines.attempts) <= 101 < 500
    assert len(set(lines.attempts[4:])) == len(lines.attempts) - 4  # jitter: none coincide


def test_WS_04_after_a_403_no_request_is_sent_for_ten_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = VirtualConnections(monkeypatch, refusing(403))
    lines.run(599)
    assert len(lines.attempts) == 4


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_WS_05_no_wait_is_zero_and_none_is_over_the_cap(attempt: int, draw: float) -> None:
    assert 0.05 <= delay_s(attempt, draw, 0.5, 30.0) <= 30.0


def test_WS_05_jitter_stays_full_at_the_cap() -> None:
    backoff = Backoff(attempt=50, rng=random.Random(1))
    waits = [backoff.next_s() for _ in range(200)]
    assert min(waits) < 1
    assert max(waits) > 29


@pytest.mark.usefixtures("eager")
async def test_WS_05_the_waits_begin_anew_once_a_connection_was_stable(tmp_path: Path) -> None:
    async with running_collector(tmp_path, FEW, brisk(stable_after=1.5)) as harness:
        line, table = await line_of(harness), harness.collector.table
        backoff = line._backoff
        for number in range(4):
            heard = table.received
            await until(lambda: table.received > heard + 70)  # noqa: B023 - at once
            await harness.venue.drop()
            await until(lambda: line.reconnects > number)  # noqa: B023 - at once
        assert backoff.attempt == 4
        await until(lambda: backoff.attempt == 0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("heard", [0, 40])
async def test_WS_06_a_handshake_that_never_ends_is_given_up(tmp_path: Path, heard: int) -> None:
    """The venue says nothing at all, or half of its answer."""

    async with proxied(tmp_path, timing=brisk(connect_within=0.1)) as (
        harness,
        proxy,
    ):
        proxy.down.lost_after = heard
        await until(lambda: proxy.accepted >= 4)
        assert not (await line_of(harness)).is_open
        proxy.down.lost_after = None
        await harness.covered()


@pytest.mark.usefixtures("eager")
async def test_WS_06_a_close_that_is_never_answered_is_not_awaited(tmp_path: Path) -> None:
    async with proxied(tmp_path, timing=brisk(connect_within=0.1)) as (
        harness,
        proxy,
    ):
        proxy.up.passage = Passage.LOST
        await until(lambda: proxy.accepted >= 4)
        proxy.up.passage = Passage.OPEN
        await harness.covered()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("status", [200, 301, 404, 429, 502, 503])
async def test_WS_07_an_answer_that_is_no_handshake_is_logged_and_tried_again(
    tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, FEW) as harness:
        faults = harness.venue.faults
        faults.refuse_status = status
        faults.refuse_body = b"<html><h1>Sorry</h1></html>"
        faults.refuse_headers = {"Content-Type": "text/html", "Location": "https://x.test/"}
        await until(lambda: harness.venue.handshakes >= 3)
        faults.refuse_status = None
        await harness.covered()
    assert f"the venue refused the WebSocket handshake: HTTP {status}" in caplog.text


@pytest.mark.usefixtures("eager")
async def test_WS_07_a_403_keeps_everybody_away_for_ten_minutes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, FEW) as harness:
        harness.venue.faults.refuse_status = 403
        shared = harness.collector.parts.context
        now = asyncio.get_running_loop().time
        await until(lambda: shared.ban.remaining_s(now()) > 590)
        assert shared.rest_ban.remaining_s(now()) > 590
        await asyncio.sleep(0.5)  # ten times the longest wait
        assert harness.venue.handshakes == 1
    assert "HTTP 403; next attempt in 600 s" in caplog.text


def test_WS_07_retry_after_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = VirtualConnections(monkeypatch, refusing(429, retry_after_s=45.0))
    lines.run(44)
    assert len(lines.attempts) == 4
    lines.run(46)
    assert len(lines.attempts) == 4 + 8


class Closing:
    """A connection that delivers a tick, then ends."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = loop.create_future()
        loop.call_later(0.01, deliver, dump(payloads.ticker(SYMBOLS[0], T0)))
        loop.call_later(0.3, self.closed.set_result, "as it likes")

    def send_text(self, payload: bytes) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


def test_WS_24_a_venue_that_ends_each_connection_costs_ever_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def connect(url: str, scan: object, deliver: Any, **kwargs: object) -> Closing:
        return Closing(deliver)

    monkeypatch.setattr(Budget, "spend", lambda self, now: 0.0)
    lines = VirtualConnections(monkeypatch, connect)
    lines.run(60)
    assert lines.table.received > 4
    assert len(lines.attempts) < 4 * 15


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("code", [1001, 1012])
async def test_WS_27_a_venue_that_restarts_is_back_as_soon_as_it_is(
    tmp_path: Path, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    sim = SimSettings(seed=5, symbols=1200, rate=1000)
    async with running_collector(tmp_path, sim) as harness:
        await harness.covered()
        harness.venue.close(code, "restart")
        await until(lambda: harness.collector.monitor.status().reconnects == 3)
        await harness.covered()
        await harness.equal()
    assert caplog.text.count(f"received {code}") == 3


class Resolver:
    """Answers as planned for one port, and as ever for all others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = 0
        self.plan: list[str] = []
        self.hanging = threading.Event()
        self._resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        step = self.plan.pop(0) if port == self.port and self.plan else "good"
        if step == "fails":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if step == "hangs":
            self.hanging.wait()
        found = self._resolve("127.0.0.1", port, *args, **kwargs)
        dead = [(*found[0][:4], ("127.0.0.1", 1))]
        return {"dead": dead, "dead, then good": dead + found}.get(step, found)


@pytest.mark.usefixtures("eager")
def test_WS_28_a_resolver_that_fails_hangs_and_lies_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(resolver: Resolver) -> None:
        async with proxied(tmp_path, timing=brisk(connect_within=0.2)) as (
            harness,
            proxy,
        ):
            resolver.port = proxy.port
            resolver.plan = ["fails", "fails", "hangs", "dead", "dead, then good"]
            await harness.covered()
            assert resolver.plan == []

    resolver = Resolver(monkeypatch)
    try:
        asyncio.run(main(resolver))  # no exit waits for the thread that hangs
    finally:
        resolver.hanging.set()
    for words in ("Temporary failure", "did not answer in 0.2 s", "('127.0.0.1', 1)"):
        assert words in caplog.text
