"""REST answers that would hold or starve everything that depends on REST."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from fastopts.collector.venue import rest_driver as driver_module
from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.net import http
from fastopts.net.http import HttpClient
from fastopts.session.backoff import Backoff
from fastopts.session.ban import Ban
from fastopts.venues.bybit import rest
from tests.support.payloads import dump
from tests.support.raw import RawServer
from tests.support.waiting import PATIENCE_S

BODY = dump({"retCode": 0, "retMsg": "", "time": 1_795_000_000_000, "result": {"list": []}})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n"
GOOD = HEAD % len(BODY) + b"\r\n" + BODY
BOMB = gzip.compress(bytes(30_000_000))


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not writer.is_closing():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def bomb(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD % len(BOMB) + b"Content-Encoding: gzip\r\n\r\n" + BOMB)


@pytest.mark.parametrize("fault", [drip, bomb])
async def test_WS_32_a_bad_answer_costs_an_attempt_and_the_next_one_is_asked_for(
    fault: Callable[[asyncio.StreamWriter], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "RESPONSE_WITHIN_S", 0.5)
    monkeypatch.setattr(driver_module, "Backoff", partial(Backoff, base_s=0.01, cap_s=0.02))
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if asked == 1:
            await fault(writer)
        else:
            writer.write(GOOD)

    async with asyncio.timeout(PATIENCE_S), RawServer(serve) as server:
        client = HttpClient(f"http://127.0.0.1:{server.port}", "t")
        driver = RestDriver(client, Ban())
        assert (await driver.run(rest.tickers("BTC"))).by_symbol == {}
        assert (driver.requests, driver.failures) == (2, 1)
        client.close()


async def test_WS_32_cookies_under_ever_new_names_do_not_pile_up() -> None:
    sizes = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sizes.append(len(await reader.readuntil(b"\r\n\r\n")))
        cookie = b"Set-Cookie: visit%d=%s; Path=/\r\n\r\n" % (len(sizes), b"v" * 500)
        writer.write(HEAD % len(BODY) + cookie + BODY)

    async with asyncio.timeout(PATIENCE_S), RawServer(serve) as server:
        client = HttpClient(f"http://127.0.0.1:{server.port}", "t")
        driver = RestDriver(client, Ban())
        for _ in range(20):
            await driver.run(rest.tickers("BTC"))
        client.close()
    assert len(sizes) == 20
    assert len(set(sizes)) == 1
