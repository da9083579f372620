"""A market over a venue that answers, refuses and fails as a test specifies."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.core import Table
from fastopts.model import Instrument
from fastopts.net.http import HttpClient
from fastopts.session.ban import Ban
from fastopts.venues.bybit.ticker_table import new_table
from tests.support import collector_limits, payloads
from tests.support.payloads import dump
from tests.support.raw import RawServer

HOUR_MS = 3_600_000
FAR_MS = 4_099_449_600_000  # 27 November 2099
PAST_MS = 1_600_000_000_000
LAUNCH_MS = 1_700_000_000_000
BROKEN = {"retCode": 10001, "retMsg": "out of order", "result": {}, "time": 1}
FORBIDDEN = 403


def name(strike: int, coin: str = "BTC") -> str:
    return f"{coin}-27NOV99-{strike}-C-USDT"


def names(count: int, coin: str = "BTC") -> list[str]:
    return [name(strike, coin) for strike in range(1, count + 1)]


def now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)


def set_wall_clock(monkeypatch: pytest.MonkeyPatch, ms: Callable[[], int]) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: ms() * 1_000_000)


class ScriptedRest:
    """Answers as Bybit's REST does; what stands for a coin may also be an answer that is none."""

    def __init__(self) -> None:
        self.listed: dict[str, Any] = {}
        self.expiry_ms: dict[str, int] = {}
        self.status: dict[str, str] = {}
        self.tickers: dict[str, Any] = {}
        self.bases_of_all = False  # rows of the coin `All` have the base coins of their symbols
        self.time_ms = payloads.T0
        self.asked: list[tuple[str, str]] = []
        self._server = RawServer(self._serve)

    async def __aenter__(self) -> "ScriptedRest":
        await self._server.__aenter__()
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.http = HttpClient(self.url, "t")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.http.close()
        await self._server.__aexit__()

    def leave(self) -> None:
        """Listen no more."""
        self._server.leave()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = urlsplit((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
        [coin] = parse_qs(target.query)["baseCoin"]
        what = target.path.rpartition("/")[2]
        self.asked.append((what, coin))
        status, body = self._answer(what, coin)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)

    def _answer(self, what: str, coin: str) -> tuple[int, bytes]:
        held = (self.tickers if what == "tickers" else self.listed).get(coin, [])
        if isinstance(held, int):
            return held, b""
        if isinstance(held, dict):
            return 200, dump(held)
        rows = held if what == "tickers" else [self._row(symbol, coin) for symbol in held]
        result = {"category": "option", "nextPageCursor": "", "list": rows}
        return 200, dump({"retCode": 0, "retMsg": "", "result": result, "time": self.time_ms})

    def _row(self, symbol: str, coin: str) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "status": self.status.get(symbol, "Trading"),
            "baseCoin": symbol.split("-")[0] if self.bases_of_all else coin,
            "quoteCoin": "USDT",
            "settleCoin": "USDT",
            "optionsType": "Call",
            "launchTime": str(LAUNCH_MS),
            "deliveryTime": str(self.expiry_ms.get(symbol, FAR_MS)),
            "priceFilter": {"tickSize": "5"},
            "lotSizeFilter": {"qtyStep": "0.01"},
        }


def instrument(symbol: str, expiry_ms: int = FAR_MS) -> Instrument:
    """The instrument as `ScriptedRest` lists it."""
    coin, _, strike, *_ = symbol.split("-")
    return Instrument(
        *(symbol, coin, "USDT", "USDT", expiry_ms, strike, "C", "5", "0.01", "Trading", LAUNCH_MS)
    )


class UniverseHarness:
    """A market over a venue, and the changes that its listener received."""

    def __init__(self, venue: ScriptedRest, path: Path, *coins: str) -> None:
        self.table: Table = new_table()
        self.venue = venue
        self.path = path
        self.universe = InstrumentUniverse(
            RestDriver(venue.http, Ban()),
            "bybit",
            coins,
            path,
            self.table,
            limits=collector_limits.current(),
        )
        self.progress: list[tuple[str, int]] = []
        self.changes: list[tuple[list[str], list[str]]] = []

    async def load(self, may_use_cache: bool = False) -> list[str]:
        found = await self.universe.load(may_use_cache, lambda *args: self.progress.append(args))
        assert {i.symbol: i for i in found} == self.universe.instruments
        return [i.symbol for i in found]

    def listen(self, listed: Sequence[Instrument], gone: Sequence[Instrument]) -> None:
        self.changes.append(([i.symbol for i in listed], [i.symbol for i in gone]))

    async def refresh(self) -> tuple[list[str], list[str]] | None:
        """Refresh; return the change that the listener received, if any."""
        self.changes.clear()
        await self.universe.refresh(self.listen)
        assert len(self.changes) <= 1
        return self.changes[0] if self.changes else None

    def cached(self) -> list[str]:
        content = json.loads(self.path.read_bytes())
        assert content["venue"] == "bybit"
        symbols: list[str] = content["symbols"]
        return symbols


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.levelno >= logging.WARNING]
