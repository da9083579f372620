import itertools
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from fastopts.sim.faults import Faults
from fastopts.sim.rest import Rest
from tests.sim.conftest import HOUR_MS, T0_MS, market

INSTRUMENTS, TICKERS = "/v5/market/instruments-info", "/v5/market/tickers"


class RestHarness:
    def __init__(self, symbols: int = 400) -> None:
        self.market = market(symbols)
        self.faults = Faults()
        self.refreshed: list[str] = []
        self.rest = Rest(self.market, self.faults, lambda o: self.refreshed.append(o.symbol))

    def get(self, path: str, **query: object) -> Any:
        status, body = self.rest.answer(f"{path}?{urlencode(query)}", T0_MS + 5)
        assert status == 200
        answer = json.loads(body)
        assert list(answer) == ["retCode", "retMsg", "result", "retExtInfo", "time"]
        assert answer["time"] == T0_MS + 5
        return answer

    def symbols(self, path: str = INSTRUMENTS, **query: object) -> list[str]:
        answer = self.get(path, category="option", **query)
        assert answer["retCode"] == 0
        return [row["symbol"] for row in answer["result"]["list"]]

    def of(self, coin: str) -> list[str]:
        return sorted(symbol for symbol in self.market.options if symbol.startswith(f"{coin}-"))


@pytest.fixture(scope="module")
def venue() -> RestHarness:
    return RestHarness()


def test_time(venue: RestHarness) -> None:
    assert venue.get("/v5/market/time")["result"] == {
        "timeSecond": str(T0_MS // 1000),
        "timeNano": f"{T0_MS + 5}000000",
    }


def test_instruments_are_btc_unless_a_coin_is_named(venue: RestHarness) -> None:
    assert venue.symbols() == venue.of("BTC")
    assert venue.symbols(baseCoin="XRP") == venue.of("XRP") != []
    assert venue.symbols(baseCoin="MNT") == []
    everything = venue.symbols(baseCoin="All", limit="1000")
    assert {symbol.split("-")[0] for symbol in everything} == {"BTC", "ETH", "SOL", "XRP"}


def test_one_instrument(venue: RestHarness) -> None:
    symbol = venue.of("ETH")[0]
    assert venue.symbols(symbol=symbol) == [symbol]


@pytest.mark.parametrize("encoded", ["once", "twice"])
def test_paging(encoded: str) -> None:
    venue = RestHarness()
    cursor = ""
    pages: list[list[str]] = []
    while not pages or cursor:
        # requests encodes what it is given; pybit puts it into the URL as it is.
        shown = quote(cursor, safe="") if encoded == "twice" else cursor
        _, body = venue.rest.answer(
            f"{INSTRUMENTS}?category=option&baseCoin=ETH&limit=30&cursor={shown}", T0_MS
        )
        result = json.loads(body)["result"]
        pages.append([row["symbol"] for row in result["list"]])
        cursor = result["nextPageCursor"]
        if cursor:
            first, last = pages[-1][0], pages[-1][-1]
            assert cursor == f"first%3D{first}%26last%3D{last}"
    assert [len(page) for page in pages[:-1]] == [30] * (len(pages) - 1)
    assert len(pages) == -(-len(venue.of("ETH")) // 30)
    assert list(itertools.chain(*pages)) == venue.of("ETH")


def test_a_page_holds_500_unless_another_limit_is_given() -> None:
    venue = RestHarness(5_000)
    btc = venue.of("BTC")
    assert len(btc) > 1_500
    answer = venue.get(INSTRUMENTS, category="option")
    assert len(answer["result"]["list"]) == 500
    assert answer["result"]["nextPageCursor"]
    assert venue.symbols(limit=1_000) == btc[:1_000]
    assert venue.symbols(limit=1) == btc[:1]


def test_the_page_after_a_symbol_that_is_gone() -> None:
    venue = RestHarness()
    btc = venue.of("BTC")
    cursor = venue.get(INSTRUMENTS, category="option", limit=10)["result"]["nextPageCursor"]
    del venue.market.options[btc[9]]
    assert venue.symbols(limit=10, cursor=cursor) == btc[10:20]


def test_the_status_filter() -> None:
    venue = RestHarness()
    venue.market.advance(T0_MS + 22 * HOUR_MS)
    trading, delivering = venue.symbols(status="Trading"), venue.symbols(status="Delivering")
    assert delivering
    assert all("-25NOV26-" in symbol for symbol in delivering)
    assert sorted(trading + delivering) == venue.symbols()
    assert venue.symbols(status="PreLaunch") == venue.symbols(status="Closed") == []
    # Tickers are of what trades.
    assert venue.symbols(TICKERS, baseCoin="BTC") == venue_order(venue, trading)


def venue_order(venue: RestHarness, symbols: list[str]) -> list[str]:
    return [symbol for symbol in venue.market.options if symbol in symbols]


def test_tickers_of_a_coin_a_symbol_or_a_date(venue: RestHarness) -> None:
    assert sorted(venue.symbols(TICKERS, baseCoin="SOL")) == venue.of("SOL")
    symbol = venue.of("SOL")[0]
    assert venue.symbols(TICKERS, symbol=symbol) == [symbol]
    dated = venue.symbols(TICKERS, baseCoin="BTC", expDate="25NOV26")
    assert dated
    assert sorted(dated) == [symbol for symbol in venue.of("BTC") if "-25NOV26-" in symbol]
    assert venue.symbols(TICKERS, baseCoin="BTC", expDate="1JAN30") == []


def test_a_row_is_refreshed_before_it_is_written(venue: RestHarness) -> None:
    venue.refreshed.clear()
    row = venue.get(TICKERS, category="option", symbol=venue.of("SOL")[3])["result"]["list"][0]
    assert venue.refreshed == [row["symbol"]]
    t = venue.market.options[row["symbol"]].ticker
    assert (row["bid1Price"], row["markIv"], row["gamma"]) == (t.bid_price, t.mark_iv, t.gamma)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (INSTRUMENTS, {}),
        (INSTRUMENTS, {"category": "linear"}),
        (INSTRUMENTS, {"category": "option", "limit": 0}),
        (INSTRUMENTS, {"category": "option", "limit": 1001}),
        (INSTRUMENTS, {"category": "option", "limit": "many"}),
        (INSTRUMENTS, {"category": "option", "status": "Open"}),
        (INSTRUMENTS, {"category": "option", "symbol": "BTC-1JAN20-1-C"}),
        (INSTRUMENTS, {"category": "option", "cursor": "nonsense"}),
        (TICKERS, {"category": "option"}),
        (TICKERS, {"category": "option", "symbol": "BTC-1JAN20-1-C"}),
        (TICKERS, {"category": "option", "baseCoin": "BTC", "expDate": "2026-11-25"}),
        (TICKERS, {"baseCoin": "BTC"}),
    ],
)
def test_bad_parameters(venue: RestHarness, path: str, query: dict[str, object]) -> None:
    answer = venue.get(path, **query)
    assert answer["retCode"] == 10001
    assert answer["result"] == {}
    assert answer["retMsg"].startswith("params error: ")


def test_unknown_paths(venue: RestHarness) -> None:
    assert venue.rest.answer("/v5/market/nothing?category=option", T0_MS) == (404, b"")
    assert venue.rest.answer("/", T0_MS) == (404, b"")


def test_faults() -> None:
    venue = RestHarness()
    venue.faults.rest[TICKERS] = (403, "403, access too frequent")
    answer = venue.rest.answer(f"{TICKERS}?category=option&baseCoin=BTC", T0_MS)
    assert answer == (403, b"403, access too frequent")
    venue.faults.empty_coins.add("ETH")
    assert venue.symbols(baseCoin="ETH") == []
    assert venue.symbols() == venue.of("BTC")
