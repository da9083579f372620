"""The load source, as a process: the venue's protocol, and the record of what it sent."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench import verify_store
from bench.contenders import common
from bench.session import ReplayProcess
from fastopts.venues.bybit import rest

SYMBOLS = 20


@pytest.fixture
def replay() -> Iterator[ReplayProcess]:
    process = ReplayProcess(SYMBOLS, None)
    yield process
    process.end()


def universe(replay: ReplayProcess, coin: str) -> list[str]:
    exchange = rest.instruments(coin)
    request = next(exchange)
    url = f"{replay.rest_url}{request.path}?baseCoin={coin}"
    with urllib.request.urlopen(url) as response, pytest.raises(StopIteration) as end:
        exchange.send(json.load(response))
    return [instrument.symbol for instrument in end.value.value.instruments]


def subscribe(websocket: ClientConnection, symbols: list[str]) -> list[bytes]:
    """Return the snapshots."""
    for request in common.subscriptions(symbols):
        websocket.send(request, text=True)
        ack = json.loads(websocket.recv())
        assert ack["success"]
        assert len(ack["data"]["successTopics"]) == len(symbols)
    return [websocket.recv(decode=False) for _ in symbols]


def test_the_last_payloads_are_known(replay: ReplayProcess, tmp_path: Path) -> None:
    with connect(replay.ws_url) as websocket:
        listed = [s for coin in ("BTC", "ETH", "SOL", "XRP") for s in universe(replay, coin)]
        assert len(listed) == SYMBOLS
        received = subscribe(websocket, listed)
        websocket.send('{"op":"ping"}')
        assert json.loads(websocket.recv())["op"] == "pong"
        replay.ask("start 2000 3")
        received += [websocket.recv(decode=False) for _ in range(50)]
        sent = replay.ask("pause")
        received += [websocket.recv(decode=False) for _ in range(sent["messages"] - len(received))]
        assert sum(len(payload) + 4 for payload in received) == sent["bytes"]
        replay.ask(f"last {tmp_path / 'last'}")
    last = {verify_store.expected(payload)[0]: payload for payload in received}
    assert last == {
        verify_store.expected(payload)[0]: payload
        for payload in (tmp_path / "last").read_bytes().splitlines()
    }


def test_tickers_over_rest_agree_with_the_last_tick_of_each_symbol(
    replay: ReplayProcess, tmp_path: Path
) -> None:
    """Otherwise the REST check considers a quiet symbol's subscription dead."""
    with connect(replay.ws_url) as websocket:
        listed = universe(replay, "BTC")
        received = subscribe(websocket, listed)
        between_rounds = True
        while between_rounds:  # within a round, versions differ from symbol to symbol
            replay.ask("start 1000 1")
            received += [websocket.recv(decode=False) for _ in range(2 * len(listed) + 3)]
            sent = replay.ask("pause")["messages"]  # late on a busy machine, also by whole rounds
            received += [websocket.recv(decode=False) for _ in range(sent - len(received))]
            between_rounds = sent % len(listed) == 0
        url = f"{replay.rest_url}/v5/market/tickers?category=option&baseCoin=BTC"
        with urllib.request.urlopen(url) as response:
            rows = {row["symbol"]: row for row in json.load(response)["result"]["list"]}
    ticked = {data["symbol"]: data for data in (json.loads(text)["data"] for text in received)}
    assert rows.keys() == ticked.keys() == set(listed)
    assert len({row["indexPrice"] for row in ticked.values()}) > 1
    for symbol, row in rows.items():
        for name in ("markPrice", "indexPrice", "delta"):
            assert row[name] == ticked[symbol][name], (symbol, name)
        assert row["markIv"] == ticked[symbol]["markPriceIv"]
        assert row["bid1Price"] == ticked[symbol]["bidPrice"]


def test_the_oldest_connection_alone_can_be_dropped(replay: ReplayProcess) -> None:
    with connect(replay.ws_url) as older, connect(replay.ws_url) as newer:
        listed = universe(replay, "BTC")
        subscribe(older, listed[:3])
        subscribe(newer, listed[3:])
        assert replay.ask("drop 1")["topics"] == len(listed) - 3
        with pytest.raises(ConnectionClosed):
            older.recv()
        newer.send('{"op":"ping"}')
        assert json.loads(newer.recv())["op"] == "pong"


def test_dropping_a_connection_with_unread_requests_is_no_error(
    replay: ReplayProcess,
) -> None:
    with connect(replay.ws_url) as websocket:
        subscribe(websocket, universe(replay, "BTC"))
        os.kill(replay.pid, signal.SIGSTOP)  # so that it finds both in one poll
        while Path(f"/proc/{replay.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        replay.send("drop")
        websocket.send('{"op":"ping"}')
        os.kill(replay.pid, signal.SIGCONT)
        assert replay.receive()["topics"] == 0
    assert replay.ask("count")["topics"] == 0
