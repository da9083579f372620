"""The comparison of Redis with the frames detects every kind of difference."""

from typing import Any

import pytest
import redis

from bench import verify_store
from fastopts import keys
from fastopts.core import pure
from fastopts.embedded import EmbeddedValkey
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.support.payloads import SYMBOL, T0, dump, ticker

COUNTS = {
    "received": 10,
    "applied": 8,
    "older": 1,
    "rejected": 1,
    "written": 5,
    "conflated": 2,
    "pending": 1,
}


@pytest.mark.parametrize(
    "frame", [ticker(), ticker(predictedDeliveryPrice=None, bidIv=None), ticker(markPrice="")]
)
def test_the_expected_fields_are_those_of_the_table(frame: dict[str, Any]) -> None:
    table = pure.Table(pure.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    table.add(SYMBOL, T0 + 10**9, 90_000.0, "C", "USDT")
    payload = dump(frame)
    table.inlet(1).message(payload, T0 + 5)
    fields = {name.encode(): text.encode() for name, text in table.fields(SYMBOL).items()}
    assert verify_store.expected(payload) == (SYMBOL, verify_store.comparable(fields))


def test_every_differing_field_is_named() -> None:
    payload = dump(ticker())
    symbol, fields = verify_store.expected(payload)
    with EmbeddedValkey() as server, redis.Redis(port=server.port) as client:
        key = keys.option(symbol)
        client.hset(key, mapping={**fields, b"rt": b"1", b"cn": b"1:1"})
        assert verify_store.differences([payload], server.url) == [f"{symbol} record"]
        client.set(keys.record(symbol), _record(payload))
        assert verify_store.differences([payload], server.url) == []
        client.set(keys.record(symbol), _record(dump(ticker(markPrice="1"))))
        assert verify_store.differences([payload], server.url) == [f"{symbol} record"]
        client.set(keys.record(symbol), _record(payload))
        client.hset(key, mapping={"mp": "0", "new": "1"})
        client.hdel(key, "g")
        names = [fault.split()[1] for fault in verify_store.differences([payload], server.url)]
        assert names == ["g", "mp", "new"]


def _record(payload: bytes) -> bytes:
    table = pure.Table(pure.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    table.add(SYMBOL, T0 + 10**9, 90_000.0, "C", "USDT")
    table.inlet(1).message(payload, T0 + 5)
    return table.record(SYMBOL)


def test_violated_equations_of_the_counters_are_named() -> None:
    assert verify_store.imbalances(COUNTS, sent=10) == []
    assert verify_store.imbalances(COUNTS, sent=11) == ["sent = received: 11 and 10"]
    [fault] = verify_store.imbalances(COUNTS | {"pending": 0}, sent=10)
    assert fault.startswith("applied = ")
