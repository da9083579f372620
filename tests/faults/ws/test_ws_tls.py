"""TLS that fails, on the way to the venue and to the database: nothing is said over it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from fastopts.collector.run import Collector
from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConfigError, ConnectionLost, FastoptsError, StoreUnavailable
from fastopts.net import tls, websocket
from fastopts.net.http import HttpClient
from fastopts.net.redis import pipeline as channel
from fastopts.net.redis.address import Address
from fastopts.reader import AsyncOptionReader, OptionReader
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit.hosts import Endpoints
from tests.cli.process import diagnose
from tests.sim.conftest import ThreadedVenue, until, until_async
from tests.support import certificates
from tests.support.loops import finished
from tests.support.raw import RawServer
from tests.support.store import CALL, Store
from tests.support.tlsfront import TlsFront
from tests.support.waiting import PATIENCE_S

WORDS = {
    "expired": "certificate has expired",
    "wrong host": "IP address mismatch",
    "self-signed": "self-signed certificate",
    "wrong CA": "unable to get local issuer certificate",
}
FAULTS = pytest.mark.parametrize("fault", WORDS)
SHORT_S = 0.3


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the only root of the tests that clients trust."""
    monkeypatch.setenv("SSL_CERT_FILE", certificates.authority().root)
    return certificates.authority().root


def good() -> ssl.SSLContext:
    return certificates.context_of(certificates.authority().issue())


def bad(fault: str) -> ssl.SSLContext:
    return certificates.context_of(certificates.faulty()[fault])


@pytest.fixture(scope="module")
def venue() -> Iterator[SimVenue]:
    with ThreadedVenue(SimSettings(seed=5, symbols=20, rate=200)) as running:
        yield running.venue


def port_of(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


def endpoints(venue: SimVenue, front: TlsFront, has_rest: bool = False) -> Endpoints:
    """Those of *venue*, the WebSocket and perhaps REST behind *front*."""
    rest = f"https://127.0.0.1:{front.port}" if has_rest else venue.rest_url
    path = venue.ws_url.partition("://")[2].partition("/")[2]
    return Endpoints("sim", rest, f"wss://127.0.0.1:{front.port}/{path}")


def collector(tmp_path: Path, found: Endpoints, address: Address, **settings: Any) -> Collector:
    told = Settings(
        venue="sim", coins=("BTC",), cache_file=str(tmp_path / "cache.json"), **settings
    )
    return Collector(told, found, address, "fastopts-tests")


@asynccontextmanager
async def running(made: Collector) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run(may_use_cache=False))
    try:
        yield
    finally:
        made.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await task


def live(made: Collector) -> int:
    return sum(line.live for line in made.connections)


@FAULTS
async def test_WS_29_a_bad_certificate_is_logged_and_tried_until_it_is_good(
    tmp_path: Path, venue: SimVenue, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    with EmbeddedValkey() as valkey, TlsFront(port_of(venue.ws_url), bad(fault)) as front:
        address = Address("127.0.0.1", valkey.port)
        made = collector(tmp_path, endpoints(venue, front), address)
        async with running(made):
            await until_async(lambda: front.refused >= 2)
            assert live(made) == 0
            assert front.received == b""
            assert WORDS[fault] in caplog.text
            front.context = good()
            await until_async(lambda: live(made) > 0, 20)


async def test_WS_29_a_connection_cut_without_a_word_of_tls_is_made_anew(
    tmp_path: Path, venue: SimVenue, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedValkey() as valkey, TlsFront(port_of(venue.ws_url), good()) as front:
        address = Address("127.0.0.1", valkey.port)
        made = collector(tmp_path, endpoints(venue, front), address)
        async with running(made):
            await until_async(lambda: live(made) > 0)
            front.cut()
            await until_async(lambda: sum(line.reconnects for line in made.connections) > 0)
            await until_async(lambda: live(made) > 0)
    assert "ended: " in caplog.text


@FAULTS
def test_WS_29_rest_with_a_bad_certificate_is_an_error_that_names_it(
    venue: SimVenue, fault: str
) -> None:
    with TlsFront(port_of(venue.rest_url), bad(fault)) as front:
        client = HttpClient(f"https://127.0.0.1:{front.port}", "fastopts-tests")
        with closing(client), pytest.raises(ConnectionLost, match=WORDS[fault]):
            client.get("/v5/market/tickers", {"category": "option", "baseCoin": "BTC"})
        assert front.received == b""
        front.context = good()
        with closing(client):
            found = client.get("/v5/market/tickers", {"category": "option", "baseCoin": "BTC"})
        assert found.status == 200


@FAULTS
async def test_WS_29_a_writer_gives_its_password_to_no_server_with_a_bad_certificate(
    tmp_path: Path, venue: SimVenue, fault: str
) -> None:
    with EmbeddedValkey(password="s3cret") as valkey, TlsFront(valkey.port, bad(fault)) as front:
        address = Address("127.0.0.1", front.port, tls=True, password="s3cret")
        found = Endpoints("sim", venue.rest_url, venue.ws_url)
        with pytest.raises(StoreUnavailable, match=WORDS[fault]):
            async with asyncio.timeout(PATIENCE_S):
                await collector(tmp_path, found, address).run(may_use_cache=False)
        await until_async(lambda: front.refused == 1)
        assert front.received == b""
        front.context = good()
        made = collector(tmp_path, found, address)
        async with running(made):
            await until_async(lambda: live(made) > 0)


@FAULTS
async def test_WS_29_a_reader_gives_its_password_to_no_server_with_a_bad_certificate(
    store: Store, fault: str
) -> None:
    def mirror(url: str) -> None:
        with OptionReader(url, timeout_s=PATIENCE_S) as reader:
            reader.mirror([CALL])

    def get(url: str) -> None:
        with OptionReader(url) as reader:
            reader.get(CALL)

    async def get_async(url: str) -> None:
        async with AsyncOptionReader(url) as reader:
            await reader.get(CALL)

    calls: list[Callable[[str], object]] = [get, get_async, mirror]
    port = int(store.url.rpartition(":")[2])
    store.option(CALL)
    with TlsFront(port, bad(fault)) as front:
        url = f"rediss://:s3cret@127.0.0.1:{front.port}"
        for call in calls:
            with pytest.raises(StoreUnavailable, match=WORDS[fault]) as caught:
                await finished(call(url))
            assert "s3cret" not in str(caught.value)
        until(lambda: front.refused >= len(calls))
        assert front.received == b""
        front.context = good()
        store.client.execute_command("ACL", "SETUSER", "default", ">s3cret")  # type: ignore[no-untyped-call]
        try:
            get(url)
            await get_async(url)
        finally:
            store.client.execute_command("ACL", "SETUSER", "default", "nopass")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("fault", ["expired", "wrong host"])
def test_WS_29_the_doctor_reports_a_bad_certificate(
    tmp_path: Path, venue: SimVenue, trusted: str, fault: str
) -> None:
    with TlsFront(port_of(venue.ws_url), bad(fault)) as front:
        found = endpoints(venue, front, has_rest=True)
        told = diagnose(
            *("--redis-url", f"rediss://127.0.0.1:{front.port}", "--venue", "sim"),
            *("--rest-url", found.rest_url, "--ws-url", found.ws_url),
            cwd=tmp_path,
            SSL_CERT_FILE=trusted,
        )
        assert front.received == b""
    for check in ("redis", "rest tls", "ws tls"):
        assert told[check]["level"] == "red"
        assert WORDS[fault] in told[check]["words"]


class Stall:
    """Takes connections, and says nothing."""

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._listener.close()


async def test_WS_29_a_handshake_that_stalls_is_given_up() -> None:
    async def feed(port: int) -> None:
        await websocket.connect(
            f"wss://127.0.0.1:{port}/",
            lambda view, start, end: end,
            lambda message: None,
            tls=tls.context("127.0.0.1", insecure=False),
            headers={},
            timeout_s=SHORT_S,
        )

    async def writer(port: int) -> None:
        context = tls.context("127.0.0.1", insecure=False)
        await channel.connect(Address("127.0.0.1", port, tls=True), context, SHORT_S)

    async def reader(port: int) -> None:
        async with AsyncOptionReader(f"rediss://127.0.0.1:{port}", timeout_s=SHORT_S) as made:
            await made.feed()

    def blocking(port: int) -> None:
        with OptionReader(f"rediss://127.0.0.1:{port}", timeout_s=SHORT_S) as made:
            made.feed()

    calls: list[Callable[[int], object]] = [blocking, feed, writer, reader]
    with Stall() as port:
        for call in calls:
            with pytest.raises(FastoptsError, match=r"answer in 0\.3 s"):
                await finished(call(port))


async def test_WS_29_an_answer_cut_without_a_word_of_tls_is_no_answer() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        front.cut()

    async with RawServer(half) as server:
        with TlsFront(server.port, good()) as front:
            client = HttpClient(f"https://127.0.0.1:{front.port}", "fastopts-tests")
            with closing(client), pytest.raises(ConnectionLost):
                await asyncio.to_thread(client.get, "/", {})


@pytest.mark.parametrize("host", ["redis.example", "10.0.0.1", "127.0.0.1.example", "localhost.x"])
async def test_WS_29_no_certificate_of_another_machine_is_waved_through(
    tmp_path: Path, host: str
) -> None:
    here = Endpoints("sim", "http://127.0.0.1:1", "ws://127.0.0.1:1/x")
    there = Endpoints("sim", f"https://{host}", f"wss://{host}/x")
    redis = Address("127.0.0.1", 1)
    for endpoints_of_test, address in ((there, redis), (here, Address(host, tls=True))):
        with pytest.raises(ConfigError, match=f"loopback only, not for {host}"):
            collector(tmp_path, endpoints_of_test, address, insecure=True)


def test_WS_29_no_setting_of_a_reader_accepts_any_certificate(store: Store) -> None:
    port = int(store.url.rpartition(":")[2])
    with (
        TlsFront(port, bad("self-signed")) as front,
        OptionReader(f"rediss://127.0.0.1:{front.port}") as reader,
        pytest.raises(StoreUnavailable, match=WORDS["self-signed"]),
    ):
        reader.feed()
