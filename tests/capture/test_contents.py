import json

from fastopts.capture import contents
from fastopts.venues.bybit.ticker_table import new_table
from tests.capture.recorder_harness import LISTED, ticker_payload
from tests.support.payloads import SYMBOL, T0


def test_topics_name_the_connection() -> None:
    assert (contents.inbound(12), contents.outbound(12)) == ("in/12", "out/12")


def test_an_exchange_keeps_text_verbatim_and_other_bodies_whole() -> None:
    text = json.loads(contents.rest_exchange("/v5", {}, 200, '{"é":1 }'.encode(), ""))
    assert text == {"path": "/v5", "params": {}, "status": 200, "body": '{"é":1 }'}
    binary = json.loads(contents.rest_exchange("/v5", {}, 200, b"\x80", ""))
    assert binary["body_base64"] == "gA=="
    assert "body" not in binary


def test_a_large_universe_is_split() -> None:
    messages = list(contents.instrument_lists([LISTED] * 1001, [LISTED]))
    parsed = list(map(json.loads, messages))
    assert [len(each["listed"]) for each in parsed[:-1]] == [500, 500, 1]
    assert parsed[-1] == {"delisted": [SYMBOL]}
    assert list(contents.instrument_lists([], [])) == []


def test_only_symbols_with_a_value_have_a_record() -> None:
    table = new_table()
    table.add(SYMBOL, LISTED.expiry_ms, LISTED.strike, "C", "USDT")
    assert list(contents.table_records(table, [SYMBOL, "BTC-1JAN30-1-C"])) == []
    table.inlet(1).message(ticker_payload(1), T0)
    [message] = contents.table_records(table, [SYMBOL])
    assert message == bytes((len(SYMBOL),)) + SYMBOL.encode() + table.record(SYMBOL)
