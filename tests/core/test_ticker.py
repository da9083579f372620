"""One message -> Tick, or not a ticker, or Rejected with a reason."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastopts import model
from fastopts.core import ticker
from fastopts.core.pure import ticker as pure
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX, WEBSOCKET
from tests.support import payloads
from tests.support.payloads import SYMBOL, T0, dump

COMPILED = ticker.Grammar(TOPIC_PREFIX, TICKER_FIELDS)
BAD_TIMES: tuple[Any, ...] = (-1, 1.5, "", "x", None, [])
PURE = pure.Grammar(TOPIC_PREFIX, TICKER_FIELDS)


def outcome(parse: Any, grammar: Any, payload: bytes) -> Any:
    try:
        return parse(payload, grammar)
    except pure.Rejected as verdict:
        return verdict.reason


def both(payload: bytes) -> Any:
    """The pure twin's result for *payload*, after checking that the compiled scan has the same."""
    expected = outcome(pure.parse, PURE, payload)
    assert outcome(ticker.parse, COMPILED, payload) == expected
    return expected


def texts(tick: pure.TickerMessage) -> dict[str, str]:
    return {model.NUMBERS[index][0]: text for index, text in tick.values.items()}


def with_field(name: str, raw: str) -> bytes:
    """A ticker in which the value of *name* is *raw* JSON."""
    frame = payloads.ticker()
    frame["data"][name] = "@@"
    return dump(frame).replace(b'"@@"', raw.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("order", [dict, payloads.in_2023_order])
def test_a_snapshot_is_taken_whole_in_both_key_orders_seen(order: Any) -> None:
    payload = dump(order(payloads.ticker()))
    tick = both(payload)
    assert (tick.symbol, tick.ts, tick.sequence, tick.is_delta) == (SYMBOL, T0, 71_001, False)
    assert texts(tick) == payloads.numbers()
    assert ticker.is_usual(payload, COMPILED)


def test_every_order_of_the_top_level_keys_gives_the_same_tick() -> None:
    frame = payloads.ticker()
    expected = both(dump(frame))
    for names in itertools.permutations(frame):
        payload = dump({name: frame[name] for name in names})
        assert both(payload) == expected
        assert ticker.is_usual(payload, COMPILED)


@given(st.permutations(list(payloads.NUMBERS)))
def test_any_order_of_the_fields_gives_the_same_tick(names: list[str]) -> None:
    frame = payloads.ticker()
    expected = both(dump(frame))
    frame["data"] = {name: frame["data"][name] for name in (*names[:9], "symbol", *names[9:])}
    assert both(dump(frame)) == expected


@pytest.mark.parametrize("indent", [None, 0, 1, 7])
def test_whitespace_changes_nothing(indent: int | None) -> None:
    payload = json.dumps(payloads.ticker(), indent=indent, separators=(" ,\t", "\r: ")).encode()
    assert both(b" \n" + payload + b"\t ") == both(dump(payloads.ticker()))
    assert ticker.is_usual(payload, COMPILED)


def test_escapes_are_understood() -> None:
    payload = dump(payloads.ticker())
    escaped = payload.replace(b"markPrice", b"mark\\u0050rice").replace(b'"BTC', b'"\\u0042TC')
    assert escaped.count(b"\\") == 3
    assert both(escaped) == both(payload)
    assert not ticker.is_usual(escaped, COMPILED)


def test_bare_numbers_count_as_their_own_text() -> None:
    payload = dump(payloads.ticker())
    for name, text in payloads.NUMBERS.items():
        payload = payload.replace(f'"{name}":"{text}"'.encode(), f'"{name}":{text}'.encode())
    assert both(payload) == both(dump(payloads.ticker()))
    assert ticker.is_usual(payload, COMPILED)


def test_unknown_keys_are_ignored_wherever_they_stand() -> None:
    frame = payloads.ticker()
    expected = both(dump(frame))
    extra = {"rho": "0.1", "x": 1, "y": None, "z": [1, {"markPrice": "9"}], "b": True, "f": False}
    frame["data"] = extra | frame["data"] | {"last": -0.5e-3}
    tick = both(dump({"cs": 1} | frame | {"more": {"ts": 5}}))
    assert tick.unknown_fields == 7
    assert (tick.symbol, tick.ts, tick.values) == (expected.symbol, expected.ts, expected.values)


@pytest.mark.parametrize("raw", ['""', "null"])
def test_an_empty_field_is_absent_and_the_others_stay(raw: str) -> None:
    for name in payloads.NUMBERS:
        tick = both(with_field(name, raw))
        expected = payloads.numbers()
        del expected[WEBSOCKET[name]]
        assert texts(tick) == expected
        assert tick.bad_fields == 0


def test_a_missing_field_is_absent() -> None:
    tick = both(dump(payloads.ticker(bidPrice=None, gamma=None)))
    assert "bp" not in texts(tick)
    assert "g" not in texts(tick)
    assert len(tick.values) == 22


@pytest.mark.parametrize(
    "raw",
    [
        *("true", "false", "[]", "{}", '["1"]', '{"a":1}', '" 1"', '"1 "', '"+1"', '"1_0"', '".5"'),
        *('"5."', '"007"', '"1e999"', "1e999", '"nan"', '"NaN"', '"Infinity"', '"-inf"', '"-"'),
        *(
            '"0x10"',
            '"１２"',
            '"1,5"',
            '"--1"',
            '"1.2.3"',
            '"1e"',
            '"1e+"',
            '"\\u0000"',
            '"\ud800"',
        ),
        f'"{"1" * 33}"',
        f'"0.{"1" * 400}"',
        "9" * 5000,
    ],
)
def test_a_field_that_is_no_finite_decimal_is_absent_and_counted(raw: str) -> None:
    if raw == '"\ud800"':
        raw = '"\\ud800"'
    tick = both(with_field("askIv", raw))
    assert "aiv" not in texts(tick)
    assert len(tick.values) == 23
    assert tick.bad_fields == 1


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "0.0", "-1", "1e5", "1E-8", "-2.5e+10", "1e18", "0.00000001", "9" * 32, "1.50"],
)
def test_a_decimal_keeps_the_text_it_was_sent_in(text: str) -> None:
    for raw in (f'"{text}"', text):
        tick = both(with_field("markPrice", raw))
        assert texts(tick)["mp"] == text


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"<html>502 Bad Gateway</html>", "not_json"),
        (b"[" * 200_000, "not_json"),
        (b"\xef\xbb\xbf" + dump(payloads.ticker()), "not_json"),
        (dump(payloads.ticker()) + b"{}", "not_json"),
        (dump(payloads.ticker())[:-1], "not_json"),
        (dump(payloads.ticker()).replace(b"1205", b"12\x0005"), "not_json"),
        (dump(payloads.ticker()).replace(b'"1205"', b"NaN"), "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (dump(payloads.ticker()).replace(b"1205", b"12\xff05"), "not_utf8"),
        (dump(payloads.ticker("btc-27NOV26-90000-C")), "bad_symbol"),
        (dump(payloads.ticker("BTC-27NOV26-90000-C\r\nFLUSHALL")), "bad_symbol"),
        (dump(payloads.ticker("")), "bad_symbol"),
        (dump(payloads.ticker("B" * 41)), "bad_symbol"),
        (dump(payloads.ticker() | {"data": None}), "no_data"),
        (dump(payloads.ticker() | {"data": []}), "no_data"),
        (dump({k: v for k, v in payloads.ticker().items() if k != "data"}), "no_data"),
        (dump(payloads.ticker() | {"data": {"symbol": "ETH-27NOV26-90000-C"}}), "symbol_mismatch"),
        (dump(payloads.ticker() | {"data": {"symbol": 5}}), "symbol_mismatch"),
        (dump({k: v for k, v in payloads.ticker().items() if k != "ts"}), "bad_ts"),
        *((dump(payloads.ticker() | {"ts": ts}), "bad_ts") for ts in BAD_TIMES),
        (dump(payloads.ticker() | {"ts": 10**18}), "bad_ts"),
        (dump(payloads.ticker() | {"type": "other"}), "bad_type"),
        (dump(payloads.ticker() | {"type": 1}), "bad_type"),
        (dump(payloads.ticker()).replace(b'"ts"', b'"ts":1,"ts"'), "duplicate_key"),
        (dump(payloads.ticker()).replace(b'"delta"', b'"delta":"1","delta"'), "duplicate_key"),
        (dump(payloads.ticker()).replace(b'"symbol"', b'"symbol":"x","symbol"'), "duplicate_key"),
        (dump(payloads.ticker()).replace(b'"topic"', b'"topic":"pong","topic"'), "duplicate_key"),
    ],
)
def test_an_unusable_message_is_rejected_with_its_reason(payload: bytes, reason: str) -> None:
    assert both(payload) == reason
    assert reason in pure.REASONS


@pytest.mark.parametrize(
    "frame",
    [
        {"args": ["1791000000000"], "op": "pong"},
        {"success": True, "conn_id": "c", "data": {"failTopics": []}, "type": "COMMAND_RESP"},
        {"topic": "publicTrade.BTC", "ts": T0, "data": []},
        {"topic": 5},
        {},
        [],
        "tickers.",
        7,
        None,
    ],
)
def test_a_message_that_is_no_ticker_is_left_to_the_session(frame: object) -> None:
    assert both(dump(frame)) is None


def test_topic_alone_names_the_symbol_when_data_does_not() -> None:
    frame = payloads.ticker()
    del frame["data"]["symbol"]
    assert both(dump(frame)).symbol == SYMBOL


def test_type_may_be_missing_and_ts_quoted() -> None:
    frame = payloads.ticker() | {"ts": str(T0)}
    del frame["type"]
    tick = both(dump(frame))
    assert (tick.ts, tick.is_delta) == (T0, False)


@pytest.mark.parametrize(
    ("id_", "sequence"),
    [
        (f"tickers.{SYMBOL}-5-6", 5),
        (f"tickers.{SYMBOL}-123456789012345678-6", 123456789012345678),
        (f"tickers.{SYMBOL}-1234567890123456789-6", None),
        (f"tickers.{SYMBOL}-5", None),
        (f"tickers.{SYMBOL}--5-6", None),
        (f"tickers.{SYMBOL}-5-", None),
        (f"tickers.{SYMBOL}-5-6-7", None),
        (f"tickers.{SYMBOL}-x-6", None),
        (f"tickers.{SYMBOL}-5-1234567890123456789", None),
        ("tickers.ETH-5-6", None),
        (f"tickers.{SYMBOL}", None),
        ("", None),
        (17, None),
    ],
)
def test_the_sequence_is_read_from_an_id_of_the_known_form(
    id_: object, sequence: int | None
) -> None:
    assert both(dump(payloads.ticker() | {"id": id_})).sequence == sequence


def test_a_delta_changes_only_the_fields_that_it_names() -> None:
    tick = both(dump(payloads.delta(askPrice="26200", askIv="")))
    assert tick.is_delta
    assert texts(tick) == {"ap": "26200"}
    assert {model.NUMBERS[index][0] for index in tick.seen} == {"ap", "aiv"}


def test_every_prefix_of_a_message_is_rejected() -> None:
    payload = dump(payloads.ticker())
    for size in range(len(payload)):
        assert both(payload[:size]) == "not_json"


@pytest.mark.parametrize("order", [dict, payloads.in_2023_order])
def test_a_flipped_byte_gives_one_answer(order: Any) -> None:
    payload = dump(order(payloads.ticker()))
    for at in range(len(payload)):
        for byte in b'\x00"\\{}[]:,.-+eE0159 tfnx\x7f\x80\xff':
            both(payload[:at] + bytes([byte]) + payload[at + 1 :])


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "0", "-0.5", "1e5", "1e400", "12.34567890123", "x", "é", "\x7f"]),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=2) | st.dictionaries(st.text(), v, max_size=2)
)
DATA = st.dictionaries(
    st.sampled_from(["symbol", "rho", *payloads.NUMBERS]) | st.text(max_size=5), VALUES, max_size=30
)
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "topic": st.sampled_from([f"tickers.{SYMBOL}", "tickers.", "tickers.x", "pong"]) | SCALARS,
        "ts": st.integers(0, 10**19) | SCALARS,
        "type": st.sampled_from(["snapshot", "delta"]) | SCALARS,
        "id": st.sampled_from([f"tickers.{SYMBOL}-5-6", f"tickers.{SYMBOL}-5"]) | SCALARS,
        "data": DATA | DATA.map(lambda data: data | {"symbol": SYMBOL}) | VALUES,
        "extra": VALUES,
    },
)


@given(FRAMES, st.booleans(), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_scan_and_twin_agree_on_any_json(
    frame: dict[str, Any], is_ascii: bool, separators: tuple[str, str]
) -> None:
    text = json.dumps(frame, ensure_ascii=is_ascii, separators=separators)
    both(text.encode("utf-8", "surrogatepass"))


@given(st.data())
def test_scan_and_twin_agree_on_spliced_messages(data: st.DataObject) -> None:
    payload = dump(data.draw(st.sampled_from([payloads.ticker(), payloads.delta(askIv="0.1")])))
    cut = st.integers(0, len(payload))
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = sorted((data.draw(cut), data.draw(cut)))
        payload = payload[:start] + data.draw(st.binary(max_size=6)) + payload[end:]
    both(payload)


@given(st.binary(max_size=200))
@example(b'{"topic":"tickers.A","ts":1,"data":{}}')
def test_any_bytes_are_taken_left_or_rejected_for_a_documented_reason(payload: bytes) -> None:
    verdict = both(payload)
    assert verdict is None or isinstance(verdict, pure.TickerMessage) or verdict in pure.REASONS


def test_a_grammar_that_can_not_be_hashed_is_refused() -> None:
    with pytest.raises(ValueError, match="not a field"):
        ticker.Grammar("tickers.", {"x" * 31: 0})
    with pytest.raises(ValueError, match="not a field"):
        ticker.Grammar("tickers.", {"x": 25})
    with pytest.raises(ValueError, match="prefix"):
        ticker.Grammar("t" * 33, {})
