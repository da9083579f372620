"""The official client against the simulated venue. It has no host option: its URLs are patched."""

import json
import queue
from collections.abc import Iterator
from typing import Any

import pytest
from pybit import (  # type: ignore[import-untyped]
    _http_manager,
    exceptions,
    unified_trading,
)

from tests.sim.conftest import ThreadedVenue, until


@pytest.fixture
def http(running: ThreadedVenue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(_http_manager, "HTTP_URL", running.venue.rest_url)
    client = unified_trading.HTTP()
    yield client
    client.client.close()


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert answer["retCode"] == 0
    found: list[dict[str, Any]] = answer["result"]["list"]
    return found


def test_instruments_page_by_page(running: ThreadedVenue, http: Any) -> None:
    found, cursor = [], None
    while cursor != "":
        answer = http.get_instruments_info(
            category="option", baseCoin="BTC", limit=20, cursor=cursor
        )
        found += rows(answer)
        cursor = answer["result"]["nextPageCursor"]
    expected = {s for s in running.call(lambda: running.venue.symbols) if s.startswith("BTC-")}
    assert {row["symbol"] for row in found} == expected
    assert len(found) == len(expected) > 40
    for row in found:
        assert row["status"] == "Trading"
        assert (row["settleCoin"] == "USDT") == row["symbol"].endswith("-USDT")
        assert float(row["priceFilter"]["tickSize"]) == 5


def test_tickers(http: Any) -> None:
    for row in rows(http.get_tickers(category="option", baseCoin="ETH")):
        assert float(row["indexPrice"]) == pytest.approx(3_050, rel=0.2)
        assert 0.3 < float(row["markIv"]) < 3
        sign = -1 if "-P" in row["symbol"] else 1
        assert 0 <= sign * float(row["delta"]) <= 1  # 0: worthless in its last hours


def test_bad_parameters_are_an_error_of_the_client_s_own(http: Any) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="10001"):
        http.get_tickers(category="option")


def test_the_ticker_stream(running: ThreadedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    url = running.venue.ws_url.replace("option", "{CHANNEL_TYPE}")
    monkeypatch.setattr(unified_trading, "PUBLIC_WSS", url)
    symbols = running.call(lambda: running.venue.symbols)[:10]
    messages: queue.Queue[dict[str, Any]] = queue.Queue()
    stream = unified_trading.WebSocket(channel_type="option", testnet=False)
    try:
        # It notes its subscription after sending it, and is lost if the ack is faster.
        with running.held():
            stream.ticker_stream(symbols, messages.put)
        seen: dict[str, list[dict[str, Any]]] = {}
        while len(seen) < 10 or max(len(ticks) for ticks in seen.values()) < 3:
            message = messages.get(timeout=10)
            assert message["type"] == "snapshot"
            seen.setdefault(message["data"]["symbol"], []).append(message)
        assert seen.keys() == set(symbols)
        for symbol, ticks in seen.items():
            assert {tick["topic"] for tick in ticks} == {f"tickers.{symbol}"}
            # not by the mark price: that of a far strike stands still in its last hours
            assert len({json.dumps(tick["data"], sort_keys=True) for tick in ticks}) == len(ticks)
    finally:
        stream.exit()
    until(lambda: running.call(lambda: running.venue.connections) == 0)
