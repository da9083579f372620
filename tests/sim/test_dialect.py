"""The wire, spelled out once more: what is expected here is copied from the facts, not the code."""

import json
from typing import Any

import pytest

from fastopts.sim import dialect
from fastopts.sim.prices.option import SimOption
from fastopts.sim.settings import KeyOrder
from tests.sim.conftest import T0_MS, market

WORLD = market(2_000)
DATA = """
    symbol bidPrice bidSize bidIv askPrice askSize askIv lastPrice highPrice24h lowPrice24h
    markPrice indexPrice markPriceIv underlyingPrice openInterest turnover24h volume24h
    totalVolume totalTurnover delta gamma vega theta predictedDeliveryPrice change24h
"""
ROW = """
    symbol bid1Price bid1Size bid1Iv ask1Price ask1Size ask1Iv lastPrice highPrice24h lowPrice24h
    markPrice indexPrice markIv underlyingPrice openInterest turnover24h volume24h
    totalVolume totalTurnover delta gamma vega theta predictedDeliveryPrice change24h
"""


def option(suffix: str = "-USDT") -> SimOption:
    return next(o for s, o in WORLD.options.items() if s.startswith("BTC") and s.endswith(suffix))


def load(payload: bytes) -> Any:
    # compact, as the venue sends it
    assert b'": ' not in payload
    assert b", " not in payload
    return json.loads(payload)


@pytest.mark.parametrize(
    ("order", "sequence", "keys"),
    [
        ("2026", 8, ["topic", "ts", "type", "id", "data"]),
        ("2023", 8, ["id", "topic", "ts", "data", "type"]),
        ("mixed", 8, ["id", "topic", "ts", "data", "type"]),
        ("mixed", 9, ["topic", "ts", "type", "id", "data"]),
    ],
)
def test_a_snapshot(order: KeyOrder, sequence: int, keys: list[str]) -> None:
    it = option()
    frame = load(dialect.snapshot(it, sequence, order))
    assert list(frame) == keys
    data = frame.pop("data")
    assert frame == {
        "topic": f"tickers.{it.symbol}",
        "ts": T0_MS,
        "type": "snapshot",
        "id": f"tickers.{it.symbol}-{sequence}-{T0_MS}",
    }
    assert list(data) == DATA.split()
    assert data["symbol"] == it.symbol
    t = it.ticker
    assert (data["bidIv"], data["markPriceIv"], data["theta"]) == (t.bid_iv, t.mark_iv, t.theta)
    assert all(isinstance(text, str) for text in data.values())


def test_the_size_of_a_frame() -> None:
    sizes = [len(dialect.snapshot(o, 76_000_000_000, "2026")) for o in WORLD.options.values()]
    assert 600 < sum(sizes) / len(sizes) < 760


def test_a_row_has_other_names_and_the_same_values() -> None:
    it = option()
    row = dialect.row(it)
    assert list(row) == ROW.split()
    assert list(row.values()) == list(load(dialect.snapshot(it, 1, "2026"))["data"].values())


def test_an_instrument_in_usdt() -> None:
    it = option("-P-USDT")
    date, strike = it.symbol.split("-")[1:3]
    row = dialect.instrument(it)
    for name in ("symbolId", "launchTime", "deliveryTime"):
        assert int(row.pop(name)) > 0
    assert row == {
        "symbol": it.symbol,
        "optionsType": "Put",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "deliveryFeeRate": "0.00015",
        "priceFilter": {"minPrice": "5", "maxPrice": "1110000", "tickSize": "5"},
        "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": "0.01", "qtyStep": "0.01"},
        "displayName": f"BTCUSDT-{date}-{strike}-P",
    }


def test_an_instrument_in_usdc() -> None:
    row = dialect.instrument(option("-C"))
    assert (row["quoteCoin"], row["settleCoin"], row["optionsType"]) == ("USD", "USDC", "Call")
    assert len(row) == 13


def test_answers_to_requests() -> None:
    assert load(dialect.ack("id-1", ["a"], ["b"])) == {
        "success": True,
        "conn_id": "id-1",
        "data": {"failTopics": ["a"], "successTopics": ["b"]},
        "type": "COMMAND_RESP",
    }
    assert load(dialect.refusal("id-1")) == {
        "conn_id": "id-1",
        "ret_msg": "3303001",
        "success": False,
        "type": "COMMAND_RESP",
    }
    assert dialect.pong(T0_MS) == b'{"args":["%d"],"op":"pong"}' % T0_MS


def test_the_envelope() -> None:
    assert load(dialect.envelope({"a": 1}, "OK", T0_MS)) == {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"a": 1},
        "retExtInfo": {},
        "time": T0_MS,
    }
