"""Those that our reader is measured against read what they should, or be fast for nothing."""

import pytest

from bench.reader.contenders import baseline, pyredis
from bench.reader.contenders.common import Market
from fastopts.model import NUMBER_INDEX
from tests.store import CALL, NUMBERS, PUT, SHORT, Store

LOW = "BTC-27NOV99-95000-C-USDT"
QUOTE = {"price": 1215.0, "iv": 0.75, "volume": 56.81}


@pytest.fixture
def market(store: Store) -> Market:
    store.option(CALL, mark_iv=0.75)
    store.option(PUT, mark_iv=0.9)
    store.option(LOW, mark_iv=0.3)
    return Market(store.url, "bybit", "BTC", [], [CALL, PUT], [CALL, PUT, LOW])


def test_hashes_become_floats(market: Market) -> None:
    call = pyredis.hgetall_many(market)
    first, second = found = call.run()
    assert call.is_good(found)
    numbers = {SHORT[name]: value for name, value in NUMBERS.items()}
    assert {name: first[name] for name in numbers} == numbers | {"miv": 0.75}
    assert second["miv"] == 0.9
    assert pyredis.hgetall(market).run() == first


def test_the_texts_stay_texts(market: Market) -> None:
    call = pyredis.hgetall_texts(market)
    found = call.run()
    assert call.is_good(found)
    assert [fields["miv"] for fields in found] == ["0.75", "0.9"]


def test_three_fields_and_whole_records(market: Market) -> None:
    assert pyredis.hmget_many(market).run() == [[1218.5, 0.75, 0.39], [1218.5, 0.9, 0.39]]
    records = pyredis.mget_many(market).run()
    place = NUMBER_INDEX["miv"] - len(NUMBER_INDEX)
    assert [record[place] for record in records] == [0.75, 0.9]


def test_scans_find_the_same(market: Market) -> None:
    assert [symbol for symbol, _ in pyredis.mget_scan(market).run()] == [CALL, PUT]
    assert baseline.scan(market).run() == [(PUT, QUOTE | {"iv": 0.9}), (CALL, QUOTE)]


def test_the_old_executor_reads_price_iv_and_volume(market: Market, store: Store) -> None:
    assert baseline.direct(market).run() == 1215.0
    assert baseline.batch(market).run() == {CALL: QUOTE, PUT: QUOTE | {"iv": 0.9}}
    call = baseline.cached(market)
    assert call.run() == QUOTE
    store.tick(CALL, last_price=1.0)
    assert call.run() == QUOTE
