"""A venue that sends whatever a test wants: REST and WebSocket on one port.

It lists options, acks, answers pings and sends a snapshot for a subscription, as the venue does.
Messages given to `push` are sent as they are, true or not; `scripted_collector`
connects a collector to it.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import orjson
import redis
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from fastopts import keys
from fastopts.collector.run import Collector
from fastopts.config import Settings
from fastopts.core import Table
from fastopts.embedded import EmbeddedValkey
from fastopts.net.redis.address import Address
from fastopts.reader import OptionReader
from fastopts.venues.bybit.fields import REST, WEBSOCKET
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import Timing
from tests.support import collector_limits, payloads
from tests.support.collector_harness import until
from tests.support.payloads import dump
from tests.support.waiting import PATIENCE_S

__all__ = ("CALL", "PUT", "ScriptedVenue", "ScriptedVenueHarness", "now_ms", "scripted_collector")

CALL, PUT = "BTC-27NOV99-90000-C-USDT", "BTC-27NOV99-90000-P-USDT"
FAR_MS = 4_099_449_600_000  # 27 November 2099
PATH = "/v5/public/option"
_REST_NAMES = {short: name for name, short in REST.items()}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class ScriptedVenue:
    """The venue; everything in it may be changed at any time.

    `rows` holds the fields of each symbol in the tickers of REST, by the names of the WebSocket; a
    symbol that is not in it has no row.
    """

    def __init__(self, *symbols: str) -> None:
        self.symbols = list(symbols)
        self.rows: dict[str, dict[str, str]] = {}
        self.rest_status = 200
        self.rest_code = 0  # retCode of tickers
        self.broken: set[str] = set()  # coins whose tickers get HTTP 400
        self.status = "Trading"  # of every listed option
        self.greets = True  # a subscription brings a snapshot
        self.requests: list[tuple[str, list[str]]] = []  # op and symbols, pings aside
        self.connections: list[ServerConnection] = []  # the open ones
        self.opened = 0
        self.closings: list[int | None] = []  # the codes with which clients closed
        self._sequence = itertools.count(71_000)

    async def __aenter__(self) -> Self:
        self._server: Server = await serve(
            self._converse,
            "127.0.0.1",
            0,
            process_request=self._answer,
            compression=None,
            ping_interval=None,
        )
        host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.rest_url, self.ws_url = f"http://{host}", f"ws://{host}{PATH}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    def ticker(self, symbol: str = CALL, ts: int | None = None, **fields: Any) -> dict[str, Any]:
        """A snapshot of now, with the next sequence number; None leaves a field out."""
        at = now_ms() if ts is None else ts
        return payloads.ticker(symbol, at, next(self._sequence), **fields)

    async def push(self, *messages: object) -> None:
        """Send to every connection: bytes as they are, as text frames; anything else as JSON."""
        for message in messages:
            payload = message if isinstance(message, bytes) else dump(message)
            for connection in self.connections:
                await connection.send(payload, text=True)

    def write(self, data: bytes) -> None:
        """Write bytes that are no message of the protocol library's, to every connection."""
        for connection in self.connections:
            connection.transport.write(data)

    async def _converse(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.opened += 1
        try:
            async for text in connection:
                request = orjson.loads(text)
                for reply in self._replies(request):
                    await connection.send(dump(reply), text=True)
        except ConnectionClosed:
            pass  # a client may leave as it likes
        finally:
            self.connections.remove(connection)
            self.closings.append(connection.protocol.close_code)

    def _replies(self, request: dict[str, Any]) -> list[object]:
        if request["op"] == "ping":
            return [{"args": [str(now_ms())], "op": "pong"}]
        topics = request["args"]
        symbols = [topic.removeprefix("tickers.") for topic in topics]
        self.requests.append((request["op"], symbols))
        told = {"failTopics": [], "successTopics": topics}
        ack = {"success": True, "conn_id": "c", "data": told, "type": "COMMAND_RESP"}
        is_greeted = self.greets and request["op"] == "subscribe"
        return [ack, *(self.ticker(symbol) for symbol in symbols if is_greeted)]

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        if url.path == PATH:
            return None
        [coin] = parse_qs(url.query)["baseCoin"]
        what = url.path.rpartition("/")[2]
        rows = self._tickers(coin) if what == "tickers" else self._instruments(coin)
        result = {"category": "option", "nextPageCursor": "", "list": rows}
        code = self.rest_code if what == "tickers" else 0
        body = dump({"retCode": code, "retMsg": "", "result": result, "time": now_ms()})
        headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
        status = self.rest_status if what == "tickers" else 200
        if what == "tickers" and coin in self.broken:
            status = 400
        return Response(status, "as told", headers, body)

    def _tickers(self, coin: str) -> list[dict[str, str]]:
        return [
            {"symbol": symbol} | {_REST_NAMES[WEBSOCKET[name]]: text for name, text in row.items()}
            for symbol, row in self.rows.items()
            if symbol.startswith(f"{coin}-")
        ]

    def _instruments(self, coin: str) -> list[dict[str, Any]]:
        symbols = [symbol for symbol in self.symbols if symbol.startswith(f"{coin}-")]
        return [_instrument(symbol) | {"status": self.status} for symbol in symbols]


def _instrument(symbol: str) -> dict[str, Any]:
    settle = "USDT" if symbol.endswith("-USDT") else "USDC"
    return {
        "symbol": symbol,
        "status": "Trading",
        "baseCoin": symbol.split("-")[0],
        "quoteCoin": "USDT" if settle == "USDT" else "USD",
        "settleCoin": settle,
        "optionsType": "Call" if "-C" in symbol else "Put",
        "launchTime": "1700000000000",
        "deliveryTime": str(FAR_MS),
        "priceFilter": {"tickSize": "5"},
        "lotSizeFilter": {"qtyStep": "0.01"},
    }


@dataclass
class ScriptedVenueHarness:
    """A scripted venue, the collector connected to it, and the Redis server it writes to."""

    venue: ScriptedVenue
    collector: Collector
    client: redis.Redis
    valkey: EmbeddedValkey
    running: asyncio.Task[None]

    def held(self, symbol: str = CALL) -> dict[str, str]:
        """The hash of *symbol*."""
        found: dict[str, str] = self.client.hgetall(keys.option(symbol))  # type: ignore[assignment]
        return found

    @property
    def table(self) -> Table:
        return self.collector.table

    def reader(self) -> OptionReader:
        """A reader; close it."""
        return OptionReader(self.valkey.url, venue="sim")

    def keys(self, pattern: str) -> list[str]:
        """The server's keys."""
        found: list[str] = self.client.keys(pattern)  # type: ignore[assignment]
        return found

    async def push(self, *messages: object) -> None:
        """Push tickers, good or bad; return once each is counted, and written if it is good."""
        received = self.table.received + len(messages)
        await self.venue.push(*messages)
        await self.settled(received)

    async def connected(self, times: int) -> None:
        """Wait for so many connections in all, the last of which has delivered every symbol."""
        lines = self.collector.connections
        await until(lambda: self.venue.opened == times)
        await until(lambda: sum(line.live for line in lines) == len(self.venue.symbols))
        await self.settled(0)

    async def settled(self, received: int) -> None:
        """Wait until so many messages were received in all, and everything of them is written."""
        table = self.collector.table
        await until(lambda: table.received >= received and not table.pending and not table.dirty)
        self.check_books()

    def check_books(self) -> None:
        """Both loss equations."""
        table = self.collector.table
        assert table.received == table.applied + table.older + sum(table.rejected.values())
        assert table.applied == table.written + table.conflated + table.pending


@asynccontextmanager
async def scripted_collector(
    tmp_path: Path,
    valkey: EmbeddedValkey,
    *symbols: str,
    timing: Timing | None = None,
    **settings: Any,
) -> AsyncIterator[ScriptedVenueHarness]:
    """A collector of *symbols* (CALL and PUT if none are named), once each has ticked.

    *valkey* is emptied first. The collector ends in order, or the test fails.
    """
    told = Settings(venue="sim", coins=("BTC",), cache_file=str(tmp_path / "cache.json"))
    async with ScriptedVenue(*(symbols or (CALL, PUT))) as venue:
        collector = Collector(
            replace(told, **settings),
            Endpoints("sim", venue.rest_url, venue.ws_url),
            Address("127.0.0.1", valkey.port),
            "fastopts-tests",
            timing,
            collector_limits.current(),
        )
        with redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as client:
            client.flushall()
            running = asyncio.create_task(collector.run(may_use_cache=False))
            try:
                made = ScriptedVenueHarness(venue, collector, client, valkey, running)
                await made.settled(len(venue.symbols) if venue.greets else 0)
                yield made
            finally:
                collector.stop.set()
                async with asyncio.timeout(PATIENCE_S):
                    await running
