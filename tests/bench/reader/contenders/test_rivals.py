"""The rivals of the reader return correct values: a call that skips work would look fast."""

import pytest

from bench.reader.contenders import baseline, pyredis
from bench.reader.contenders.common import Workload
from fastopts.model import NUMBER_INDEX
from tests.support.store import CALL, NUMBERS, PUT, SHORT, Store

LOW = "BTC-27NOV99-95000-C-USDT"
QUOTE = {"price": 1215.0, "iv": 0.75, "volume": 56.81}


@pytest.fixture
def workload(store: Store) -> Workload:
    store.option(CALL, mark_iv=0.75)
    store.option(PUT, mark_iv=0.9)
    store.option(LOW, mark_iv=0.3)
    return Workload(store.url, "bybit", "BTC", [], [CALL, PUT], [CALL, PUT, LOW])


def test_hashes_become_floats(workload: Workload) -> None:
    call = pyredis.hgetall_many(workload)
    first, second = hashes = call.run()
    assert call.is_good(hashes)
    numbers = {SHORT[name]: value for name, value in NUMBERS.items()}
    assert {name: first[name] for name in numbers} == numbers | {"miv": 0.75}
    assert second["miv"] == 0.9
    assert pyredis.hgetall(workload).run() == first


def test_the_texts_stay_texts(workload: Workload) -> None:
    call = pyredis.hgetall_texts(workload)
    hashes = call.run()
    assert call.is_good(hashes)
    assert [fields["miv"] for fields in hashes] == ["0.75", "0.9"]


def test_three_fields_and_whole_records(workload: Workload) -> None:
    assert pyredis.hmget_many(workload).run() == [[1218.5, 0.75, 0.39], [1218.5, 0.9, 0.39]]
    records = pyredis.mget_many(workload).run()
    index = NUMBER_INDEX["miv"] - len(NUMBER_INDEX)
    assert [record[index] for record in records] == [0.75, 0.9]


def test_scans_find_the_same(workload: Workload) -> None:
    assert [symbol for symbol, _ in pyredis.mget_scan(workload).run()] == [CALL, PUT]
    assert baseline.scan(workload).run() == [(PUT, QUOTE | {"iv": 0.9}), (CALL, QUOTE)]


def test_the_baseline_reads_price_iv_and_volume(workload: Workload, store: Store) -> None:
    assert baseline.direct(workload).run() == 1215.0
    assert baseline.batch(workload).run() == {CALL: QUOTE, PUT: QUOTE | {"iv": 0.9}}
    call = baseline.cached(workload)
    assert call.run() == QUOTE
    store.tick(CALL, last_price=1.0)
    assert call.run() == QUOTE
