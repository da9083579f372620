"""The universe from a venue that lists, delists, fails, and says implausible things."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fastopts.collector import cache
from fastopts.collector import market as market_module
from fastopts.collector.market import Market
from fastopts.collector.rest import RestDriver
from fastopts.collector.run import new_table
from fastopts.core import Table
from fastopts.errors import ConnectionLost, VenueBanned, VenueError
from fastopts.model import Instrument
from fastopts.net.http import HttpClient
from fastopts.session.ban import Ban
from fastopts.venues.bybit.fields import REST
from tests import payloads
from tests.payloads import dump

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


class Venue:
    """Answers as Bybit's REST does; what stands for a coin may also be an answer that is none."""

    def __init__(self) -> None:
        self.listed: dict[str, Any] = {}
        self.expiry_ms: dict[str, int] = {}
        self.status: dict[str, str] = {}
        self.tickers: dict[str, Any] = {}
        self.time_ms = payloads.T0
        self.asked: list[tuple[str, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Venue":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.http = HttpClient(self.url, "t")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.http.close()
        self.leave()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def leave(self) -> None:
        """Listen no more."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        target = urlsplit((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
        [coin] = parse_qs(target.query)["baseCoin"]
        what = target.path.rpartition("/")[2]
        self.asked.append((what, coin))
        status, body = self._answer(what, coin)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

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
            "baseCoin": coin,
            "quoteCoin": "USDT",
            "settleCoin": "USDT",
            "optionsType": "Call",
            "launchTime": str(LAUNCH_MS),
            "deliveryTime": str(self.expiry_ms.get(symbol, FAR_MS)),
            "priceFilter": {"tickSize": "5"},
            "lotSizeFilter": {"qtyStep": "0.01"},
        }


def instrument(symbol: str, expiry_ms: int = FAR_MS) -> Instrument:
    """What `Venue` says of it."""
    coin, _, strike, *_ = symbol.split("-")
    return Instrument(
        *(symbol, coin, "USDT", "USDT", expiry_ms, strike, "C", "5", "0.01", "Trading", LAUNCH_MS)
    )


class World:
    """A market over a venue, and what its listener heard."""

    def __init__(self, venue: Venue, path: Path, *coins: str) -> None:
        self.table: Table = new_table()
        self.venue = venue
        self.path = path
        self.market = Market(RestDriver(venue.http, Ban()), "bybit", coins, path, self.table)
        self.progress: list[tuple[str, int]] = []
        self.heard: list[tuple[list[str], list[str]]] = []

    async def load(self, may_use_cache: bool = False) -> list[str]:
        found = await self.market.load(may_use_cache, lambda *args: self.progress.append(args))
        assert {i.symbol: i for i in found} == self.market.instruments
        return [i.symbol for i in found]

    def listen(self, listed: Sequence[Instrument], gone: Sequence[Instrument]) -> None:
        self.heard.append(([i.symbol for i in listed], [i.symbol for i in gone]))

    async def refresh(self) -> tuple[list[str], list[str]] | None:
        """What the listener heard of it, if anything."""
        self.heard.clear()
        await self.market.refresh(self.listen)
        assert len(self.heard) <= 1
        return self.heard[0] if self.heard else None

    def cached(self) -> list[str]:
        content = json.loads(self.path.read_bytes())
        assert content["venue"] == "bybit"
        symbols: list[str] = content["symbols"]
        return symbols


def run(tmp_path: Path, main: Callable[[World], Coroutine[Any, Any, None]], *coins: str) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30), Venue() as venue:
            await main(World(venue, tmp_path / "cache.json", *(coins or ("BTC", "ETH"))))

    asyncio.run(bounded())


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.levelno >= logging.WARNING]


def test_every_coin_is_listed_cached_and_given_its_slots(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(3), "ETH": names(2, "ETH")}
        assert await world.load() == names(3) + names(2, "ETH")
        assert world.progress == [("BTC", 3), ("ETH", 2)]
        assert world.market.instruments[name(2)] == instrument(name(2))
        assert len(world.table) == 5
        assert name(2) in world.table
        assert world.cached() == sorted(names(3) + names(2, "ETH"))

    run(tmp_path, main)
    assert told(caplog) == []


def test_what_has_expired_or_does_not_trade_is_not_tracked(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(5)}
        world.venue.expiry_ms = {name(1): PAST_MS}
        world.venue.status = {name(2): "PreLaunch", name(3): "Delivering", name(4): "Closed"}
        assert await world.load() == [name(5)]
        assert len(world.table) == 1

    run(tmp_path, main)


def test_a_coin_without_options_is_no_failure_while_another_has_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(1)}
        assert await world.load() == names(1)
        assert world.progress == [("BTC", 1), ("ETH", 0)]

    run(tmp_path, main)
    assert told(caplog) == []


@pytest.mark.parametrize("may_use_cache", [False, True])
def test_nothing_listed_at_all_is_told(tmp_path: Path, may_use_cache: bool) -> None:
    async def main(world: World) -> None:
        cache.save(world.path, "bybit", [instrument(name(1))], datetime.now(UTC))
        with pytest.raises(VenueError, match="bybit lists no options on BTC, ETH"):
            await world.load(may_use_cache)

    run(tmp_path, main)


def test_a_coin_that_fails_is_told_and_the_others_are_tracked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": BROKEN, "ETH": names(2, "ETH")}
        assert await world.load() == names(2, "ETH")
        assert world.progress == [("ETH", 2)]

    run(tmp_path, main)
    assert told(caplog) == ["BTC: retCode 10001: out of order"]


def test_a_coin_that_fails_comes_from_the_cache_and_the_others_do_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        held = [*names(3), *names(4, "ETH"), name(1, "SOL")]
        saved_at = datetime.now(UTC) - timedelta(hours=3)
        cache.save(world.path, "bybit", map(instrument, held), saved_at)
        before = world.path.read_bytes()
        world.venue.listed = {"BTC": BROKEN, "ETH": names(2, "ETH")}
        assert sorted(await world.load(may_use_cache=True)) == names(3) + names(2, "ETH")
        assert world.path.read_bytes() == before

    run(tmp_path, main)
    stands_in, failed = told(caplog)
    path = tmp_path / "cache.json"
    assert stands_in == f"REST fails: 3 options from {path} stand in, 3.0 h old"
    assert failed == "BTC: retCode 10001: out of order"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=5), "5 min old"),
        (timedelta(hours=30), "30.0 h old"),  # older than valid is better than nothing
    ],
)
def test_when_every_coin_fails_the_cache_stands_in_whatever_its_age(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, age: timedelta, words: str
) -> None:
    async def main(world: World) -> None:
        held = [*names(3), *names(2, "ETH")]
        cache.save(world.path, "bybit", map(instrument, held), datetime.now(UTC) - age)
        world.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
        assert sorted(await world.load(may_use_cache=True)) == sorted(held)
        assert len(world.table) == 5

    run(tmp_path, main)
    assert told(caplog)[0].endswith(f"5 options from {tmp_path / 'cache.json'} stand in, {words}")


def test_what_has_expired_meanwhile_is_not_taken_from_the_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        held = [
            instrument(name(1), PAST_MS),
            instrument(name(2), now_ms() - 1),
            instrument(name(3)),
        ]
        cache.save(world.path, "bybit", held, datetime.now(UTC))
        world.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
        assert await world.load(may_use_cache=True) == [name(3)]
        assert len(world.table) == 1

    run(tmp_path, main)
    assert told(caplog)[0].startswith("REST fails: 1 options from ")


def test_a_cache_of_symbols_only_is_of_contracts_that_traded(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        world.path.write_text(json.dumps({"symbols": [*names(2), "BTC-1JAN25-1-C", "nonsense"]}))
        world.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
        assert await world.load(may_use_cache=True) == names(2)
        assert world.market.instruments[name(1)].status == "Trading"

    run(tmp_path, main)


@pytest.mark.parametrize("held", [None, "other venue", "expired", "unreadable", "not allowed"])
def test_when_every_coin_fails_and_no_cache_helps_the_first_reason_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, held: str | None
) -> None:
    async def main(world: World) -> None:
        if held == "other venue":
            cache.save(world.path, "sim", [instrument(name(1))], datetime.now(UTC))
        elif held == "expired":
            cache.save(world.path, "bybit", [instrument(name(1), PAST_MS)], datetime.now(UTC))
        elif held == "unreadable":
            world.path.write_bytes(b"{")
        elif held == "not allowed":
            cache.save(world.path, "bybit", [instrument(name(1))], datetime.now(UTC))
        world.venue.listed = {"BTC": BROKEN, "ETH": 404}
        with pytest.raises(VenueError, match="retCode 10001: out of order"):
            await world.load(may_use_cache=held != "not allowed")
        assert len(world.table) == 0

    run(tmp_path, main)
    assert ["can't be read" in words for words in told(caplog)] == [True] * (held == "unreadable")


def test_a_banned_address_is_told_after_one_request(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": FORBIDDEN, "ETH": names(1, "ETH")}
        with pytest.raises(VenueBanned, match="HTTP 403"):
            await world.load()
        assert world.venue.asked == [("instruments-info", "BTC")]

    run(tmp_path, main)


def test_a_cache_file_that_can_not_be_written_does_not_stop_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(1)}
        assert await world.load() == names(1)

    run(tmp_path / "nowhere", main)
    assert ["can't be written" in words for words in told(caplog)] == [True]


def test_a_refresh_lists_what_is_new_and_drops_what_is_gone(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(4), "ETH": names(1, "ETH")}
        await world.load()
        assert await world.refresh() is None
        world.venue.listed["BTC"] = [name(1), name(2), name(3), name(9)]
        world.venue.status = {name(3): "Delivering"}
        assert await world.refresh() == ([name(9)], [name(3), name(4)])
        now = [name(1), name(2), name(9), name(1, "ETH")]
        assert sorted(world.market.instruments) == sorted(now)
        assert world.cached() == sorted(now)
        assert [symbol in world.table for symbol in names(4)] == [True, True, False, False]
        assert name(9) in world.table
        assert await world.refresh() is None

    run(tmp_path, main)


def test_what_expires_goes_even_while_the_venue_still_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(2), "ETH": names(1, "ETH")}
        soon = now_ms() + HOUR_MS
        world.venue.expiry_ms = {name(1): soon}
        await world.load()
        set_wall_clock(monkeypatch, lambda: soon)
        assert await world.refresh() == ([], [name(1)])
        assert sorted(world.market.instruments) == [name(2), name(1, "ETH")]

    run(tmp_path, main)


def test_what_expires_goes_even_while_nothing_can_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(2)}
        soon = now_ms() + HOUR_MS
        world.venue.expiry_ms = {name(1): soon}
        await world.load()
        before = world.path.read_bytes()
        world.venue.listed = {"BTC": BROKEN, "ETH": BROKEN}
        set_wall_clock(monkeypatch, lambda: soon)
        assert await world.refresh() == ([], [name(1)])
        assert world.path.read_bytes() == before

    run(tmp_path, main)


def test_a_coin_that_can_not_be_fetched_stays_as_it_is_and_the_others_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(3), "ETH": names(3, "ETH")}
        await world.load()
        before = world.path.read_bytes()
        world.venue.listed = {"BTC": BROKEN, "ETH": [*names(2, "ETH"), name(7, "ETH")]}
        assert await world.refresh() == ([name(7, "ETH")], [name(3, "ETH")])
        assert set(names(3)) < set(world.market.instruments)
        assert world.path.read_bytes() == before

    run(tmp_path, main)
    assert told(caplog) == ["BTC: its universe stays as it was: retCode 10001: out of order"]


@pytest.mark.parametrize("left", [0, 1, 4])
def test_an_answer_that_is_suddenly_empty_or_much_smaller_drops_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, left: int
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(10), "ETH": names(2, "ETH")}
        await world.load()
        world.venue.listed["BTC"] = names(left)
        for _ in range(3):
            assert await world.refresh() is None
        assert sorted(world.market.instruments) == sorted(names(10) + names(2, "ETH"))
        assert len(world.table) == 12
        assert world.cached() == sorted(names(10) + names(2, "ETH"))
        words = f"BTC: {10 - left} of 10 symbols are not in the answer; nothing of it is dropped"
        assert told(caplog) == [words]
        world.venue.listed["BTC"] = names(10)
        assert await world.refresh() is None
        world.venue.listed["BTC"] = names(left)
        assert await world.refresh() is None
        assert told(caplog) == [words, words]

    run(tmp_path, main)


def test_a_doubtful_answer_may_still_list_what_is_new(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(10)}
        await world.load()
        world.venue.listed["BTC"] = [name(1), name(99)]
        assert await world.refresh() == ([name(99)], [])
        assert len(world.market.instruments) == 11

    run(tmp_path, main)


def test_a_slot_with_an_unwritten_tick_outlives_its_delisting(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(4)}
        await world.load()
        world.table.inlet(1).message(dump(payloads.ticker(name(4))), payloads.T0)
        world.venue.listed["BTC"] = names(2)
        assert await world.refresh() == ([], [name(3), name(4)])
        assert name(3) not in world.table
        assert name(4) in world.table
        assert world.table.pending == 1

    run(tmp_path, main)


def test_a_stranger_that_is_an_option_gets_a_slot_until_it_is_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(2)}
        await world.load()
        assert world.market.adopt(name(3))
        assert name(3) in world.table
        assert name(3) not in world.market.instruments
        assert await world.refresh() is None
        assert name(3) in world.table
        world.venue.listed["BTC"] = names(3)
        assert await world.refresh() == ([name(3)], [])
        assert name(3) in world.table
        assert world.market.instruments[name(3)] == instrument(name(3))

    run(tmp_path, main)
    assert [r.message for r in caplog.records].count(f"{name(3)} ticks before it is listed") == 1


def test_an_adopted_stranger_goes_once_it_has_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(2)}
        world.venue.expiry_ms = dict.fromkeys(names(2), FAR_MS + HOUR_MS)
        await world.load()
        assert world.market.adopt(name(3))
        world.venue.listed["BTC"] = [*names(2), name(5)]
        world.venue.expiry_ms[name(5)] = FAR_MS + HOUR_MS
        set_wall_clock(monkeypatch, lambda: FAR_MS)
        assert await world.refresh() == ([name(5)], [])
        assert name(3) not in world.table
        assert not world.market.adopt(name(3))

    run(tmp_path, main)


def test_once_listed_a_stranger_lives_as_long_as_the_venue_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(world: World) -> None:
        late = dict.fromkeys(names(9), FAR_MS + HOUR_MS)
        world.venue.listed, world.venue.expiry_ms = {"BTC": names(2)}, late
        await world.load()
        assert world.market.adopt(name(3))
        world.venue.listed["BTC"] = names(3)
        assert await world.refresh() == ([name(3)], [])
        set_wall_clock(monkeypatch, lambda: FAR_MS)
        world.venue.listed["BTC"] = names(4)
        assert await world.refresh() == ([name(4)], [])
        assert name(3) in world.table

    run(tmp_path, main)


@pytest.mark.parametrize(
    "symbol",
    [
        "BTC-27NOV25-90000-C-USDT",  # expired
        "BTC-31FEB99-90000-C-USDT",
        "BTC-27XXX99-90000-C-USDT",
        "BTC-27NOV99-90000-X-USDT",
        "BTC-27NOV99-90000-C-USDC",
        "BTC-27NOV99--C-USDT",
        "BTCUSDT",
        "btc-27NOV99-90000-C-USDT",
        " BTC-27NOV99-90000-C-USDT",
        "",
    ],
)
def test_a_stranger_that_can_be_no_live_option_gets_no_slot(tmp_path: Path, symbol: str) -> None:
    async def main(world: World) -> None:
        assert not world.market.adopt(symbol)
        assert len(world.table) == 0

    run(tmp_path, main)


def test_invented_strangers_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_module, "SYMBOLS_MAX", 5)

    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(3)}
        await world.load()
        adopted = [world.market.adopt(name(strike)) for strike in range(10, 15)]
        assert adopted == [True, True, False, False, False]
        assert len(world.table) == 5
        # the venue's own list is not limited
        world.venue.listed["BTC"] = names(6)
        assert await world.refresh() == (names(6)[3:], [])
        assert len(world.table) == 8

    run(tmp_path, main)


def test_an_adopted_option_counts_its_ticks(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        inlet = world.table.inlet(1)
        inlet.message(dump(payloads.ticker(name(3))), payloads.T0)
        [(stranger, message)] = inlet.strangers
        assert world.market.adopt(stranger)
        inlet.message(message, payloads.T0)
        assert world.table.applied == 1
        assert world.table.fields(name(3))["mp"] == payloads.NUMBERS["markPrice"]

    run(tmp_path, main)


def row(symbol: str, **fields: str) -> dict[str, str]:
    """A ticker row under REST's names."""
    numbers = payloads.numbers(**fields)
    return {"symbol": symbol} | {name: numbers[short] for name, short in REST.items()}


def test_a_warm_start_fills_what_has_not_ticked_and_never_takes_a_live_ticks_place(
    tmp_path: Path,
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(3), "ETH": names(1, "ETH")}
        await world.load()
        inlet = world.table.inlet(5)
        inlet.message(dump(payloads.ticker(name(1), payloads.T0, markPrice="11")), payloads.T0)
        world.table.delivering.add(5)
        world.venue.time_ms = payloads.T0 + 60_000  # newer, and yet no better
        world.venue.tickers = {
            "BTC": [row(name(1), markPrice="1"), row(name(2), markPrice="2"), row(name(7))],
            "ETH": [row(name(1, "ETH"), markPrice="3")],
        }
        assert await world.market.warm_up() == 2
        assert world.venue.asked[-2:] == [("tickers", "BTC"), ("tickers", "ETH")]
        live = world.table.fields(name(1))
        assert (live["mp"], live["cn"]) == ("11", "0:5")
        warm = world.table.fields(name(2))
        assert (warm["mp"], warm["cn"]) == ("2", "rest")
        assert warm["tm"] == str(payloads.T0 + 60_000)
        assert warm["bp"] == payloads.NUMBERS["bidPrice"]
        assert world.table.fields(name(1, "ETH"))["mp"] == "3"
        assert name(7) not in world.table
        assert world.table.applied == 1
        # and a live tick takes a row's place, older or not
        inlet.message(dump(payloads.ticker(name(2), payloads.T0, markPrice="22")), payloads.T0)
        assert world.table.fields(name(2))["mp"] == "22"
        assert world.table.fields(name(2))["cn"] == "0:5"

    run(tmp_path, main)


def test_a_warm_start_that_fails_for_one_coin_goes_on_with_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(1), "ETH": names(1, "ETH")}
        await world.load()
        world.venue.tickers = {"BTC": BROKEN, "ETH": [row(name(1, "ETH"))]}
        assert await world.market.warm_up() == 1

    run(tmp_path, main)
    assert told(caplog) == ["BTC: no warm start: retCode 10001: out of order"]


def test_a_warm_start_that_is_banned_asks_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        world.venue.listed = {"BTC": names(1), "ETH": names(1, "ETH")}
        await world.load()
        world.venue.tickers = {"BTC": FORBIDDEN, "ETH": [row(name(1, "ETH"))]}
        assert await world.market.warm_up() == 0
        assert world.venue.asked[-1] == ("tickers", "BTC")

    run(tmp_path, main)
    [words] = told(caplog)
    assert words.startswith("no warm start: HTTP 403")


class Time:
    """The wall clock as the market sees it; only its waits move it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = float(now_ms())
        self.waits: list[float] = []
        self._monkeypatch = monkeypatch
        set_wall_clock(monkeypatch, lambda: round(self.now_ms))

    async def keep_fresh(self, world: World, refresh_s: float, rounds: int) -> list[float]:
        """The waits before each of so many refreshes."""

        async def sleep(delay: float) -> None:
            if len(self.waits) == rounds:
                raise asyncio.CancelledError
            self.waits.append(delay)
            self.now_ms += delay * 1000

        with self._monkeypatch.context() as patched:
            patched.setattr("fastopts.collector.market.asyncio.sleep", sleep)
            with pytest.raises(asyncio.CancelledError):
                await world.market.keep_fresh(refresh_s, world.listen)
        return self.waits


def test_the_universe_is_refreshed_right_after_an_expiry_and_else_at_its_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(world: World) -> None:
        clock = Time(monkeypatch)
        start = round(clock.now_ms)
        world.venue.listed = {"BTC": names(4)}
        world.venue.expiry_ms = {name(1): start + 130_000, name(2): start + 150_000}
        await world.load()
        waits = await clock.keep_fresh(world, 100.0, 6)
        # at 100 s, 5 s after each expiry, and then at the interval
        assert waits == [100.0, 35.0, 20.0, 100.0, 100.0, 100.0]
        assert world.heard == [([], [name(1)]), ([], [name(2)])]
        assert world.venue.asked.count(("instruments-info", "BTC")) == 7

    run(tmp_path, main, "BTC")


def test_a_late_refresh_does_not_spin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(world: World) -> None:
        clock = Time(monkeypatch)
        world.venue.listed = {"BTC": names(4)}
        world.venue.expiry_ms = {name(1): round(clock.now_ms) + 10_000}
        await world.load()
        clock.now_ms += 3_600_000  # a laptop that slept
        assert await clock.keep_fresh(world, 100.0, 2) == [1.0, 100.0]
        assert world.heard == [([], [name(1)])]

    run(tmp_path, main, "BTC")


def test_refreshes_go_on_after_one_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(world: World) -> None:
        clock = Time(monkeypatch)
        world.venue.listed = {"BTC": names(2)}
        await world.load()
        world.venue.listed = {"BTC": BROKEN}

        def listen(listed: Sequence[Instrument], gone: Sequence[Instrument]) -> None:
            pytest.fail("nothing changed")

        monkeypatch.setattr(world, "listen", listen)
        assert await clock.keep_fresh(world, 100.0, 3) == [100.0] * 3
        assert len(told(caplog)) == 3

    run(tmp_path, main, "BTC")


def test_nobody_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(delay: float) -> None:
        """The driver's waits are its own tests' subject."""

    async def main(world: World) -> None:
        world.venue.leave()
        monkeypatch.setattr("fastopts.collector.rest.asyncio.sleep", at_once)
        with pytest.raises(ConnectionLost, match="instruments-info"):
            await world.load(may_use_cache=True)

    run(tmp_path, main, "BTC")
