"""One option with unusable terms, or a foreign record, costs that option alone."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastopts.errors import StoreError
from fastopts.reader import Absent, OptionReader
from tests.serve.http_server import HttpServerThread, until
from tests.serve.live_market import BTC, FRONT, LiveMarket
from tests.support.store import Store

BAD, GOOD = BTC[2], [symbol for symbol in BTC if symbol != BTC[2]]
TERMS: dict[str, dict[Any, Any]] = {
    "strike abc": {"strike": "abc"},
    "strike NaN": {"strike": "nan"},
    "strike 0": {"strike": "0"},
    "an infinite strike": {"strike": "1e400"},
    "no number for an expiry": {"expiry_ms": "tomorrow"},
    "an expiry of another age": {"expiry_ms": "99999999999999999"},
    "a negative expiry": {"expiry_ms": "-1"},
    "tick size None": {"tick_size": "None"},
    "tick size NaN": {"tick_size": "NaN"},
    "a negative tick size": {"tick_size": "-5"},
    "tick size 0": {"tick_size": "0"},
    "lot size abc": {"lot_size": "abc"},
    "type X": {"type": "X"},
    "no base coin": {"base": ""},
    "a coin of another alphabet": {"settle": "USD\u0422"},
    "no launch time": {"launch_ms": ""},
}
RECORDS: dict[str, bytes] = {
    "full of ff": b"\x01" + b"\xff" * 255,
    "full of 00": b"\x01" + bytes(255),
    "random": b"\x01" + bytes(range(255)),
    "short": b"\x01",
    "empty": b"",
    "huge": b"\x01" * 60_000,
}


def spoil_terms(store: Store, terms: dict[Any, Any]) -> None:
    store.client.hset(f"instrument:{BAD}", mapping=terms)
    store.client.hincrby("fastopts:feed", "universe", 1)


def spoil_type(store: Store) -> None:
    store.client.set(f"instrument:{BAD}", "another program's")
    store.client.hincrby("fastopts:feed", "universe", 1)


def spoil_record(store: Store, record: bytes) -> None:
    store.client.set(f"optrec:{BAD}", record)


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_RR_12_an_option_with_unusable_terms_is_left_out_and_counted(
    store: Store, reader: OptionReader, tmp_path: Path, terms: dict[Any, Any]
) -> None:
    with LiveMarket(store, BTC):
        spoil_terms(store, terms)
        scan = reader.scan("BTC")
        table = reader.table()
        assert [one.symbol for one in scan] == GOOD
        assert (scan.excluded, scan.unplaced) == ({"no_terms": 1}, (BAD,))
        assert list(reader.snapshot("BTC")["symbol"]) == GOOD
        assert table.unplaced == (BAD,)
        assert [len(chain) for chain in reader.chains("BTC")] == [3, 3]
        assert BAD not in {one.symbol for one in reader.chain("BTC", FRONT).options}
        assert [series.count for series in reader.expiries("BTC")] == [5, 6]
        assert len(reader.instruments("BTC")) == 11
        table.export(tmp_path / "market.csv")
        option = reader.get(BAD)  # its record is whole
    lines = csv.DictReader((tmp_path / "market.csv").read_text().splitlines())
    assert [line["symbol"] for line in lines] == sorted(GOOD, key=GOOD.index)
    assert (option.mark_price, option.instrument, option.spread_ticks) == (1218.5, None, None)
    with pytest.raises(StoreError, match=f"{BAD}: its terms"):
        option.round_price(1, "up")


def test_RR_12_terms_of_another_type_cost_that_option(store: Store, reader: OptionReader) -> None:
    with LiveMarket(store, BTC):
        spoil_type(store)
        assert [one.symbol for one in reader.scan("BTC")] == GOOD
        with reader.mirror("BTC") as mirror:
            assert [one.symbol for one in mirror.scan("BTC")] == GOOD


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_RR_12_a_foreign_record_costs_that_option(
    store: Store, reader: OptionReader, record: bytes
) -> None:
    with LiveMarket(store, BTC), reader.mirror("BTC") as old:
        spoil_record(store, record)
        found = reader.get_many(BTC)
        assert [one.symbol for one in found if one] == GOOD
        with pytest.raises(StoreError, match=f"{BAD}: a record that"):
            reader.get(BAD)
        for source in (reader, old):
            assert [one.symbol for one in source.scan("BTC")][:2] == GOOD[:2]
            assert len(source.chain("BTC", FRONT).options) >= 5
        with reader.mirror("BTC") as fresh:
            assert [one.symbol for one in fresh.scan("BTC")] == GOOD
            assert isinstance(fresh.get_many([BAD])[0], Absent)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: spoil_terms(store, {"tick_size": "None", "strike": "abc"}),
        spoil_type,
        lambda store: spoil_record(store, RECORDS["full of ff"]),
    ],
    ids=["terms", "type", "record"],
)
def test_RR_12_the_server_continues(store: Store, spoil: Callable[[Store], None]) -> None:
    with LiveMarket(store, BTC) as live_market, HttpServerThread(store.url) as http_server:
        http_server.ready()
        with http_server.websocket() as stream:
            stream.send('{"op": "subscribe", "id": "a", "asset": "BTC"}')
            spoil(store)
            with HttpServerThread(store.url) as fresh:  # its mirror has never seen the option whole
                fresh.ready()
                for one in (http_server, fresh):
                    check_answers(one)
            live_market.tick(BTC[0], bid_price=1207.0)
            until(lambda: '"bid_price":1207.0' in str(stream.recv(timeout=20)))
        assert http_server.get("/live").status == 204


def check_answers(http_server: HttpServerThread) -> None:
    def body(path: str) -> Any:
        answer = http_server.get(f"/v1{path}")
        assert answer.status == 200, (path, answer.body)
        return answer.json

    assert body(f"/options/{BTC[0]}")["symbol"] == BTC[0]
    until(lambda: len(body("/scan?asset=BTC")["options"]) >= len(GOOD))
    assert {one["symbol"] for one in body("/scan?asset=BTC")["options"]} >= set(GOOD)
    assert len(body("/expiries/BTC")["expiries"]) == 2
    assert len(body("/chains/BTC")["chains"]) == 2
    assert len(body("/instruments")["instruments"]) >= len(GOOD)
    assert len(body(f"/options?symbols={','.join(BTC)}")["options"]) >= len(GOOD)
    assert http_server.get("/metrics").status == 200
