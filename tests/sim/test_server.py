import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request

from fastopts.errors import ConfigError
from fastopts.sim import Clock, SimSettings, SimVenue
from tests.sim.conftest import HOUR_MS, T0_MS, ThreadedVenue, until_async


@asynccontextmanager
async def small_venue(clock: Clock | None = None, **settings: Any) -> AsyncIterator[SimVenue]:
    """A small, fast venue."""
    small: dict[str, Any] = {"seed": 7, "symbols": 60, "rate": 600}
    async with SimVenue(SimSettings(**small | settings), clock) as venue:
        yield venue


@pytest.fixture
async def venue() -> AsyncIterator[SimVenue]:
    async with small_venue() as venue:
        yield venue


def client(venue: SimVenue) -> connect:
    return connect(venue.ws_url, compression=None, ping_interval=None, max_queue=None)


async def send(ws: ClientConnection, op: str, *topics: str) -> None:
    await ws.send(json.dumps({"op": op, "args": topics}))


async def subscribe(ws: ClientConnection, *symbols: str) -> dict[str, Any]:
    """Subscribe and return the ack."""
    await send(ws, "subscribe", *(f"tickers.{symbol}" for symbol in symbols))
    return await receive(ws, "data", "success")


async def receive(ws: ClientConnection, *keys: str) -> dict[str, Any]:
    """Return the next message that has all of *keys*."""
    async for text in ws:
        message: dict[str, Any] = json.loads(text)
        if message.keys() >= set(keys):
            return message
    raise AssertionError("the connection ended")


async def pings(ws: ClientConnection) -> None:
    await ws.send('{"op":"ping"}')
    assert (await receive(ws, "op"))["op"] == "pong"


async def get(venue: SimVenue, path: str, **query: object) -> requests.Response:
    params = {name: str(value) for name, value in query.items()}
    return await asyncio.to_thread(requests.get, venue.rest_url + path, params=params, timeout=10)


async def rows(venue: SimVenue, coin: str) -> dict[str, dict[str, str]]:
    answer = await get(venue, "/v5/market/tickers", category="option", baseCoin=coin)
    return {row["symbol"]: row for row in answer.json()["result"]["list"]}


async def raw_subscriber(venue: SimVenue) -> socket.socket:
    """Subscribe to everything through a socket that holds little, and read nothing any more."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", venue.port))
    await loop.sock_sendall(
        sock,
        b"GET /v5/public/option HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
    )
    assert (await loop.sock_recv(sock, 4096)).startswith(b"HTTP/1.1 101 ")
    args = [f"tickers.{symbol}" for symbol in venue.symbols]
    payload = json.dumps({"op": "subscribe", "args": args}).encode()
    head = b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4)
    await loop.sock_sendall(sock, head + payload)
    return sock


async def test_ack_then_a_snapshot_then_changes(venue: SimVenue) -> None:
    symbol = venue.symbols[0]
    async with client(venue) as ws:
        ack = await subscribe(ws, symbol)
        assert ack["data"] == {"failTopics": [], "successTopics": [f"tickers.{symbol}"]}
        assert ack.keys() == {"success", "conn_id", "data", "type"}
        frames = [json.loads(await ws.recv()) for _ in range(5)]
    assert {frame["topic"] for frame in frames} == {f"tickers.{symbol}"}
    # not by the mark price: that of a far strike stands still in its last hours
    assert len({json.dumps(frame["data"], sort_keys=True) for frame in frames}) == 5
    times = [frame["ts"] for frame in frames]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 100
    assert abs(times[0] - venue.clock.now_ms()) < 10_000


async def test_rest_equals_the_last_frames_while_paused(venue: SimVenue) -> None:
    symbols = [symbol for symbol in venue.symbols if symbol.startswith("BTC-")]
    names = {"bidPrice": "bid1Price", "askPrice": "ask1Price", "markPriceIv": "markIv"}
    names |= {"bidSize": "bid1Size", "askSize": "ask1Size"}
    names |= {"bidIv": "bid1Iv", "askIv": "ask1Iv"}
    async with client(venue) as ws:
        await subscribe(ws, *symbols)
        seen: dict[str, Any] = {}
        while venue.sent < 200:
            frame = await receive(ws, "topic")
            seen[frame["data"]["symbol"]] = frame
        venue.pause()
        sent = venue.sent
        by_rest = await rows(venue, "BTC")
        # The pong comes after whatever was on its way.
        await ws.send('{"op":"ping"}')
        while "op" not in (frame := json.loads(await ws.recv())):
            seen[frame["data"]["symbol"]] = frame
        assert venue.sent == sent
        assert by_rest.keys() == seen.keys() == set(symbols)
        for symbol, frame in seen.items():
            assert frame == venue.last_frame(symbol)
            row = {names.get(name, name): text for name, text in frame["data"].items()}
            assert row == by_rest[symbol]

        venue.resume()
        assert (await receive(ws, "topic"))["topic"].startswith("tickers.BTC-")
        # What nobody subscribed to is brought to the present when asked for.
        first = await rows(venue, "ETH")
        while any(first[symbol] == row for symbol, row in (await rows(venue, "ETH")).items()):
            pass


async def test_limits_refuse_the_whole_request() -> None:
    async with small_venue(topics_max=10) as venue, client(venue) as ws:
        await send(ws, "subscribe", *(f"tickers.{symbol}" for symbol in venue.symbols[:11]))
        refusal = await receive(ws, "ret_msg")
        assert refusal.keys() == {"conn_id", "ret_msg", "success", "type"}
        assert refusal["success"] is False
        ack = await subscribe(ws, *venue.symbols[:10])
        assert len(ack["data"]["successTopics"]) == 10


async def test_unsubscribing(venue: SimVenue) -> None:
    one, two = venue.symbols[:2]
    async with client(venue) as ws:
        await subscribe(ws, one, two)
        await send(ws, "unsubscribe", f"tickers.{one}")
        ack = await receive(ws, "success")
        assert ack["data"] == {"failTopics": [], "successTopics": [f"tickers.{one}"]}
        later = [(await receive(ws, "topic"))["topic"] for _ in range(5)]
        assert set(later) == {f"tickers.{two}"}


async def test_without_a_json_ping_a_connection_is_cut_off() -> None:
    async with (
        small_venue(ping_timeout_s=1) as venue,
        client(venue) as ws,
        client(venue) as pinging,
    ):
        await subscribe(ws, *venue.symbols[:5])
        cut = asyncio.create_task(_until_closed(ws))
        while not cut.done():
            # Protocol pings do not count, nor does the data that flows.
            with contextlib.suppress(ConnectionClosed):
                await ws.ping()
            await pings(pinging)
            await asyncio.sleep(0.02)
        assert await cut == 1006
        for _ in range(3):
            await pings(pinging)
        assert venue.connections == 1


async def _until_closed(ws: ClientConnection) -> int | None:
    await ws.wait_closed()
    return ws.close_code


async def test_a_slow_consumer_is_cut_off() -> None:
    async with small_venue(
        symbols=800, rate=8_000, write_buffer_bytes=100_000, args_chars_max=1_000_000
    ) as venue:
        sock = await raw_subscriber(venue)
        async with client(venue) as ws:
            await subscribe(ws, venue.symbols[0])
            await until_async(lambda: venue.connections == 2)
            reader = asyncio.create_task(_until_closed(ws))
            await until_async(lambda: venue.connections == 1, deadline_s=15)
            assert not reader.done()
            reader.cancel()
        sock.close()


async def test_drop(venue: SimVenue) -> None:
    async with client(venue) as first, client(venue) as second:
        await subscribe(first, venue.symbols[0])
        await until_async(lambda: venue.connections == 2)
        await venue.drop()
        assert venue.connections == 0
        assert [await _until_closed(ws) for ws in (first, second)] == [1006, 1006]
    async with client(venue) as ws:
        await subscribe(ws, venue.symbols[0])


async def test_the_end_is_a_proper_close() -> None:
    async with SimVenue(SimSettings(symbols=20)) as venue:
        ws = await client(venue)
        await subscribe(ws, venue.symbols[0])
    assert await _until_closed(ws) == 1001


async def test_a_client_that_does_not_answer_the_close_is_cut_off() -> None:
    async with SimVenue(SimSettings(symbols=20)) as venue:
        sock = await raw_subscriber(venue)
        await until_async(lambda: venue.connections == 1)
    sock.settimeout(10)
    data = b""
    while chunk := sock.recv(1 << 16):
        data += chunk
    sock.close()
    assert b"COMMAND_RESP" in data


async def test_at_eight_utc() -> None:
    clock = Clock(T0_MS)

    async with small_venue(clock, symbols=200) as venue:

        async def listed(**query: object) -> set[str]:
            answer = await get(
                venue, "/v5/market/instruments-info", category="option", limit=1000, **query
            )
            return {row["symbol"] for row in answer.json()["result"]["list"]}

        before = await listed()
        daily = {symbol for symbol in before if "-25NOV26-" in symbol}
        assert daily
        assert daily < before
        async with client(venue) as ws:
            await subscribe(ws, *before)
            clock.advance(22 * 3600)
            after = await listed(status="Trading")
            assert not daily & after
            assert {symbol for symbol in after if "-28NOV26-" in symbol}
            assert await listed(status="Delivering") == daily
            assert not daily & (await rows(venue, "BTC")).keys()

            await pings(ws)
            topics = [(await receive(ws, "topic"))["data"]["symbol"] for _ in range(100)]
            assert not daily & set(topics)
            ack = await subscribe(ws, min(daily))
            assert ack["data"]["failTopics"] == [f"tickers.{min(daily)}"]
        clock.advance(4 * 3600)
        assert not daily & await listed()


async def test_a_clock_that_stands_still_pushes_nothing() -> None:
    async with small_venue(Clock(T0_MS, speed=0)) as venue, client(venue) as ws:
        await subscribe(ws, *venue.symbols[:3])
        first = [await receive(ws, "topic") for _ in range(3)]
        await pings(ws)
        assert venue.sent == 3
        assert {frame["ts"] for frame in first} == {T0_MS}
        venue.clock.advance(1)
        # Round by round, as their turns come.
        frame = await receive(ws, "topic")
        assert frame["ts"] == T0_MS + 1_000


async def test_mute(venue: SimVenue) -> None:
    symbol = venue.symbols[0]
    venue.faults.mute_next = 1
    async with client(venue) as mute, client(venue) as loud:
        for ws in (mute, loud):
            assert (await subscribe(ws, symbol))["success"]
        for _ in range(3):
            await receive(loud, "topic")
        await mute.send('{"op":"ping"}')
        assert json.loads(await mute.recv())["op"] == "pong"
        assert venue.faults.mute_next == 0

        venue.faults.mute = True
        await pings(loud)
        sent = venue.sent
        # The market goes on, as REST shows.
        before = await rows(venue, "BTC")
        while (await rows(venue, "BTC"))[symbol] == before[symbol]:
            pass
        await loud.send('{"op":"ping"}')
        assert json.loads(await loud.recv())["op"] == "pong"
        assert venue.sent == sent
        venue.faults.mute = False
        await receive(loud, "topic")


@pytest.mark.parametrize("status", [403, 429, 502])
async def test_connections_refused(venue: SimVenue, status: int) -> None:
    venue.faults.refuse_status = status
    with pytest.raises(InvalidStatus) as refused:
        await client(venue)
    assert refused.value.response.status_code == status
    assert (await get(venue, "/v5/market/time")).status_code == 200
    venue.faults.refuse_status = None
    async with client(venue) as ws:
        await subscribe(ws, venue.symbols[0])


def test_plain_http(running: ThreadedVenue) -> None:
    base = running.venue.rest_url
    answer = requests.get(f"{base}/v5/market/time", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["retCode"] == 0
    assert requests.get(f"{base}/v5/nothing", timeout=10).status_code == 404
    if hasattr(Request, "method"):  # before websockets 17, the library refuses other methods itself
        assert requests.post(f"{base}/v5/market/time", timeout=10).status_code == 405
    assert requests.get(running.venue.rest_url + "/v5/public/option", timeout=10).status_code == 426


def test_a_cursor_survives_a_client_that_encodes(running: ThreadedVenue) -> None:
    url, cursor = f"{running.venue.rest_url}/v5/market/instruments-info", ""
    found: list[str] = []
    while not found or cursor:
        query = {"category": "option", "baseCoin": "ETH", "limit": "7", "cursor": cursor}
        result = requests.get(url, params=query, timeout=10).json()["result"]
        found += [row["symbol"] for row in result["list"]]
        cursor = result["nextPageCursor"]
    expected = running.call(lambda: [s for s in running.venue.symbols if s.startswith("ETH-")])
    assert sorted(found) == found == sorted(expected)


async def test_a_taken_port_is_a_setting_s_fault(venue: SimVenue) -> None:
    with pytest.raises(ConfigError, match=f"port {venue.port} is in use"):
        async with SimVenue(SimSettings(port=venue.port, symbols=20)):
            pass


def test_over_tls() -> None:
    with ThreadedVenue(SimSettings(symbols=20, tls=True)) as running:
        venue = running.venue
        assert venue.rest_url.startswith("https://127.0.0.1:")
        assert venue.ws_url.startswith("wss://127.0.0.1:")
        answer = requests.get(
            f"{venue.rest_url}/v5/market/time", verify=str(venue.certificate), timeout=10
        )
        assert answer.json()["retCode"] == 0
    assert venue.certificate is not None
    assert not venue.certificate.exists()


async def test_the_same_seed_and_clock_give_the_same_answers() -> None:
    async def rows_of(seed: int) -> dict[str, dict[str, str]]:
        async with small_venue(Clock(T0_MS, speed=0), seed=seed) as venue:
            venue.clock.advance(3 * HOUR_MS / 1000)
            return await rows(venue, "BTC")

    first = await rows_of(5)
    assert first == await rows_of(5)
    assert first != await rows_of(6)
