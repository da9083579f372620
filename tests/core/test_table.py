"""The order and provenance rules, and the first loss equation."""

import math
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from fastopts import model
from fastopts.core.pure import table as pure
from fastopts.core.pure import ticker
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.support import payloads
from tests.support.payloads import SYMBOL, T0, dump

OTHER = "ETH-27NOV26-3000-P"
EXPIRY = 1_795_766_400_000


@pytest.fixture
def table(core: Any) -> Any:
    table = core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    table.epoch = 1_795_000_000
    table.add(SYMBOL, EXPIRY, 90_000.0, "C", "USDT")
    table.add(OTHER, EXPIRY, 3_000.0, "P", "USDC")
    return table


def send(table: Any, frame: dict[str, Any], conn: int = 1, rt: int = T0 + 40) -> Any:
    inlet = table.inlet(conn)
    inlet.message(dump(frame), rt)
    return inlet


def counts(table: Any) -> tuple[int, int, int, int]:
    rejected = sum(table.rejected.values())
    assert table.received == table.applied + table.older + rejected
    assert table.applied == table.written + table.conflated + table.pending
    return table.received, table.applied, table.older, rejected


def unpack(record: bytes) -> dict[str, Any]:
    version, kind, flags, epoch, tm, rt, sequence, conn, expiry, settle, strike, *rest = (
        model.RECORD.unpack(record)
    )
    names = [name for _, name in model.NUMBERS]
    head = {
        "version": version,
        "kind": kind,
        "flags": flags,
        "epoch": epoch,
        "tm": tm,
        "rt": rt,
        "sequence": sequence,
        "conn": conn,
        "expiry": expiry,
        "settle": settle.rstrip(b"\0"),
        "strike": strike,
    }
    return head | dict(zip(names, rest, strict=True))


def test_a_tick_fills_hash_and_record(table: Any) -> None:
    send(table, payloads.ticker(), conn=7)
    assert table.fields(SYMBOL) == payloads.numbers() | {
        "ts": str(T0 // 1000),
        "tm": str(T0),
        "rt": str(T0 + 40),
        "sq": "71001",
        "cn": "1795000000:7",
    }
    record = unpack(table.record(SYMBOL))
    assert record == {
        "version": 1,
        "kind": b"C",
        "flags": 0,
        "epoch": 1_795_000_000,
        "tm": T0,
        "rt": T0 + 40,
        "sequence": 71_001,
        "conn": 7,
        "expiry": EXPIRY,
        "settle": b"USDT",
        "strike": 90_000.0,
    } | {name: float(payloads.numbers()[short]) for short, name in model.NUMBERS}
    assert counts(table) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-0", "1", "0.1", "0.3", "88214.51907211", "0.00006318", "-96.40117215", "1e-8"),
        *("9007199254740993", "9007199254740992", "123456789012345678901234567890.1", "1E30"),
        *("0.000000000000000000000000000001", "0.12345678901234567890123456789", "4.35", "2.5e+10"),
    ],
)
def test_a_number_in_the_record_is_the_double_nearest_to_its_text(table: Any, text: str) -> None:
    send(table, payloads.ticker(markPrice=text))
    value = unpack(table.record(SYMBOL))["mark_price"]
    assert (value, math.copysign(1, value)) == (float(text), math.copysign(1, float(text)))


def test_absent_numbers_are_absent_and_never_zero(table: Any) -> None:
    send(table, payloads.ticker(bidPrice="", askIv=None))
    fields, record = table.fields(SYMBOL), unpack(table.record(SYMBOL))
    assert "bp" not in fields
    assert "aiv" not in fields
    assert math.isnan(record["bid_price"])
    assert math.isnan(record["ask_iv"])
    assert fields["pdp"] == "0"


def test_a_newer_and_an_equal_time_are_applied_an_older_one_is_counted(table: Any) -> None:
    send(table, payloads.ticker(ts=T0, markPrice="1"), conn=1)
    send(table, payloads.ticker(ts=T0, markPrice="2"), conn=2, rt=T0 + 90)
    assert (table.fields(SYMBOL)["mp"], table.origin_of(SYMBOL)[0]) == ("2", 2)
    assert table.fields(SYMBOL)["rt"] == str(T0 + 90)
    send(table, payloads.ticker(ts=T0 - 1, markPrice="3"), conn=3)
    assert (table.fields(SYMBOL)["mp"], table.origin_of(SYMBOL)[0]) == ("2", 2)
    assert counts(table) == (3, 2, 1, 0)


def test_a_newer_tick_replaces_every_field(table: Any) -> None:
    send(table, payloads.ticker())
    send(table, payloads.ticker(ts=T0 + 5, bidPrice="", bidSize=None))
    assert {"bp", "bq"}.isdisjoint(table.fields(SYMBOL))


def test_a_tick_without_a_sequence_has_none(table: Any) -> None:
    send(table, payloads.ticker())
    send(table, payloads.ticker(ts=T0 + 5) | {"id": "x"})
    assert "sq" not in table.fields(SYMBOL)
    assert unpack(table.record(SYMBOL))["sequence"] == model.NO_SEQUENCE


@pytest.mark.parametrize("poison", [10**15, 0, T0 // 1000, T0 + 2041, T0 - 86_400_000])
def test_a_time_that_can_not_be_right_is_flagged_and_blocks_nothing(
    table: Any, poison: int
) -> None:
    send(table, payloads.ticker(ts=poison))
    assert unpack(table.record(SYMBOL))["flags"] == model.FLAG_TIME_SUSPECT
    assert table.fields(SYMBOL)["tm"] == str(poison)
    send(table, payloads.ticker(ts=T0 - 500, markPrice="17"))
    assert table.fields(SYMBOL)["mp"] == "17"
    assert unpack(table.record(SYMBOL))["flags"] == 0
    assert counts(table) == (2, 2, 0, 0)


@pytest.mark.parametrize("poison", [10**15, T0 + 60_041, T0 + 2041])
def test_a_time_too_far_ahead_replaces_what_is_there_until_a_good_one_comes(
    table: Any, poison: int
) -> None:
    send(table, payloads.ticker(ts=T0))
    send(table, payloads.ticker(ts=poison))
    assert table.fields(SYMBOL)["tm"] == str(poison)
    send(table, payloads.ticker(ts=T0 - 500, markPrice="17"))
    assert table.fields(SYMBOL)["mp"] == "17"
    assert counts(table) == (3, 3, 0, 0)


@pytest.mark.parametrize("poison", [0, T0 // 1000, T0 - 59_961, T0 - 7_200_000])
def test_a_time_too_far_back_is_older_than_a_good_one(table: Any, poison: int) -> None:
    send(table, payloads.ticker(ts=T0))
    send(table, payloads.ticker(ts=poison, markPrice="17"))
    assert table.fields(SYMBOL)["mp"] != "17"
    assert counts(table) == (2, 1, 1, 0)


def test_what_a_clock_that_was_wrong_let_in_blocks_nothing_once_it_is_right(table: Any) -> None:
    table.skew_ms = 7_200_000
    send(table, payloads.ticker(ts=T0 + 7_200_000))
    assert unpack(table.record(SYMBOL))["flags"] == 0
    table.skew_ms = 0
    send(table, payloads.ticker(ts=T0, markPrice="17"))
    assert table.fields(SYMBOL)["mp"] == "17"
    assert unpack(table.record(SYMBOL))["flags"] == 0
    assert counts(table) == (2, 2, 0, 0)


def test_times_within_the_bound_are_not_suspect(table: Any) -> None:
    for ts in (T0 + 40 - 24 * 3_600_000, T0 + 40 - 60_001, T0, T0 + 40 + 2000):
        send(table, payloads.ticker(ts=ts))
        assert unpack(table.record(SYMBOL))["flags"] == 0


def test_the_bound_is_measured_on_the_venues_clock(table: Any) -> None:
    table.skew_ms = -3_600_000
    send(table, payloads.ticker(ts=T0 - 3_600_000))
    assert unpack(table.record(SYMBOL))["flags"] == 0
    send(table, payloads.ticker(ts=T0))
    assert unpack(table.record(SYMBOL))["flags"] == model.FLAG_TIME_SUSPECT


def test_suspect_times_are_ordered_among_themselves(table: Any) -> None:
    send(table, payloads.ticker(ts=100, markPrice="1"))
    send(table, payloads.ticker(ts=99, markPrice="2"))
    assert table.fields(SYMBOL)["mp"] == "1"
    assert counts(table) == (2, 1, 1, 0)


def test_a_delta_is_merged_into_what_the_same_conn_delivered(table: Any) -> None:
    send(table, payloads.ticker(bidIv=None), conn=1)
    send(table, payloads.delta(ts=T0 + 5, askPrice="1240", askIv="", bidIv="0.4"), conn=1)
    expected = payloads.numbers(askPrice="1240", bidIv="0.4")
    del expected["aiv"]
    assert expected.items() <= table.fields(SYMBOL).items()
    assert "aiv" not in table.fields(SYMBOL)
    assert unpack(table.record(SYMBOL))["flags"] == model.FLAG_MERGED
    assert table.deltas == 1


@pytest.mark.parametrize("base", ["none", "rest", "another conn"])
def test_a_delta_without_its_base_is_rejected(table: Any, base: str) -> None:
    if base == "rest":
        table.put_rest(SYMBOL, {"mp": "5"}, T0, T0)
    elif base == "another conn":
        send(table, payloads.ticker(), conn=1)
    before = table.applied
    delta = payloads.delta(ts=T0 + 5, askPrice="1")
    assert send(table, delta, conn=2).messages == 1
    assert table.samples == {"delta_without_base": dump(delta)}
    assert table.rejected["delta_without_base"] == 1
    assert table.applied == before
    counts(table)


def test_an_old_delta_is_dropped(table: Any) -> None:
    send(table, payloads.ticker(ts=T0))
    send(table, payloads.delta(ts=T0 - 1, askPrice="1"))
    assert table.fields(SYMBOL)["ap"] == "1230"
    assert counts(table) == (2, 1, 1, 0)


def test_any_tick_replaces_a_rest_row(table: Any) -> None:
    assert table.put_rest(SYMBOL, {"mp": "5", "bp": ""}, T0 + 9_000, T0 + 9_100)
    assert table.fields(SYMBOL) == {
        "tm": str(T0 + 9_000),
        "rt": str(T0 + 9_100),
        "mp": "5",
        "ts": str((T0 + 9_000) // 1000),
        "cn": "rest",
    }
    assert unpack(table.record(SYMBOL))["flags"] == model.FLAG_REST
    assert counts(table) == (0, 0, 0, 0)
    send(table, payloads.ticker(ts=T0))
    assert table.fields(SYMBOL)["mp"] == payloads.NUMBERS["markPrice"]
    assert table.fields(SYMBOL)["cn"] == "1795000000:1"


def test_a_rest_row_yields_to_a_delivering_conn_and_to_anything_newer(table: Any) -> None:
    send(table, payloads.ticker(ts=T0), conn=4)
    table.delivering.add(4)
    assert not table.put_rest(SYMBOL, {"mp": "5"}, T0 + 9_000, T0 + 9_100)
    table.delivering.discard(4)
    assert not table.put_rest(SYMBOL, {"mp": "5"}, T0 - 1, T0 + 9_100)
    assert table.put_rest(SYMBOL, {"mp": "5"}, T0 + 9_000, T0 + 9_100)
    assert not table.put_rest(SYMBOL, {"mp": "6"}, T0 + 8_999, T0 + 9_200)
    assert table.fields(SYMBOL)["mp"] == "5"


def test_a_tick_replaced_by_a_rest_row_counts_as_conflated(table: Any) -> None:
    send(table, payloads.ticker(ts=T0), conn=4)
    assert table.pending == 1
    table.put_rest(SYMBOL, {"mp": "5"}, T0 + 9_000, T0 + 9_100)
    assert (table.pending, table.conflated) == (0, 1)
    counts(table)


def test_ticks_of_one_symbol_are_conflated(table: Any) -> None:
    for i in range(10):
        send(table, payloads.ticker(ts=T0 + i))
    send(table, payloads.ticker(OTHER))
    assert (table.dirty, table.pending, table.conflated) == (2, 2, 9)
    counts(table)


def test_a_message_that_is_no_ticker_is_left_and_not_counted(table: Any) -> None:
    inlet = send(table, {"op": "pong", "args": []})
    assert inlet.others == [b'{"op":"pong","args":[]}']
    assert inlet.messages == 0
    assert counts(table) == (0, 0, 0, 0)


def test_an_unlisted_symbol_is_left_to_the_owner_until_it_has_a_slot(table: Any) -> None:
    symbol = "SOL-27NOV26-150-C-USDT"
    inlet = send(table, payloads.ticker(symbol))
    assert [name for name, _ in inlet.unknown_tickers] == [symbol]
    assert counts(table) == (0, 0, 0, 0)
    table.add(symbol, EXPIRY, 150.0, "C", "USDT")
    inlet.message(inlet.unknown_tickers.pop()[1], T0)
    assert counts(table) == (1, 1, 0, 0)
    table.reject("unknown_symbol", b"x" * 2000)
    assert counts(table) == (2, 1, 0, 1)
    assert table.samples == {"unknown_symbol": b"x" * pure.SAMPLE_SIZE}


def test_messages_counts_data_only(table: Any) -> None:
    inlet = table.inlet(1)
    for frame in (payloads.ticker(), {"op": "pong"}, payloads.ticker(ts=T0 - 5), {"topic": 1}):
        inlet.message(dump(frame), T0)
    inlet.message(b"nonsense", T0)
    assert inlet.messages == 2


def test_bad_fields_are_counted(table: Any) -> None:
    send(table, payloads.ticker(bidPrice="x", askPrice=True))
    assert table.bad_fields == 2


def test_unreadable_messages_in_a_row_are_counted(table: Any) -> None:
    inlet = table.inlet(1)
    seen = []
    good = dump(payloads.ticker())
    delta = dump(payloads.delta(OTHER))
    stranger = dump(payloads.ticker("SOL-27NOV26-150-C-USDT"))
    escaped = good.replace(b'"BTC', b'"\\u0042TC')
    pong = b'{"op":"pong"}'
    for message in (b"<", b"<", good, b"<", escaped, b"<", pong, b"<", delta, b"<", stranger, b"<"):
        inlet.message(message, T0)
        seen.append(inlet.unreadable)
    assert seen == [1, 2, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]


def test_fields_that_a_tick_does_not_name_are_counted(table: Any) -> None:
    send(table, payloads.ticker(bidPrice="", askPrice="x"))
    assert table.missing_fields == 0
    send(table, payloads.ticker(bidPrice=None, gamma=None))
    send(table, payloads.delta(ts=T0 + 5, bidPrice="1"))
    assert table.missing_fields == 2


def test_unknown_fields_are_counted_and_their_names_noted(table: Any) -> None:
    inlet = table.inlet(1)
    frame = payloads.ticker()
    for extra in ({"rho": "1"}, {"rho": "1"}, {"rho": "1", "x": [{"markPrice": "2"}]}, {}):
        inlet.message(dump(frame | {"data": frame["data"] | extra, "more": 1}), T0)
    assert table.unknown_fields == 4
    assert table.unknown_names == {"rho", "x"}
    assert table.samples == {}


def test_invented_field_names_do_not_fill_the_memory(table: Any) -> None:
    inlet = table.inlet(1)
    frame = payloads.ticker()
    for start in range(0, 3000, 1000):
        extra = {f"field-{i}" * 50: "1" for i in range(start, start + 1000)}
        inlet.message(dump(frame | {"data": extra | frame["data"] | extra}), T0)
    assert table.unknown_fields == 3000
    assert len(table.unknown_names) == pure.UNKNOWN_NAMES_MAX
    assert {len(name) for name in table.unknown_names} == {ticker.UNKNOWN_NAME_LENGTH}
    assert table.fields(SYMBOL)["mp"] == payloads.NUMBERS["markPrice"]


def test_a_retired_symbol_is_dropped_at_once_when_nothing_waits(table: Any) -> None:
    table.retire(SYMBOL)
    assert SYMBOL not in table
    with pytest.raises(KeyError, match=SYMBOL):
        table.record(SYMBOL)


def test_a_retired_symbol_stays_until_its_tick_is_written(table: Any) -> None:
    send(table, payloads.ticker())
    table.retire(SYMBOL)
    assert SYMBOL in table
    inlet = send(table, payloads.ticker(ts=T0 + 1))
    assert len(inlet.unknown_tickers) == 1
    table.add(SYMBOL, EXPIRY, 90_000.0, "C", "USDT")
    send(table, payloads.ticker(ts=T0 + 1))
    assert table.applied == 2


@pytest.mark.parametrize("symbol", ["", "btc", "A" * 41, "A B", "A\r\nB", "A*", "-A", ".A", "É"])
def test_a_symbol_unfit_for_a_key_gets_no_slot(table: Any, symbol: str) -> None:
    with pytest.raises(ValueError, match="not a symbol"):
        table.add(symbol, EXPIRY, 1.0, "C", "USDT")


@pytest.mark.parametrize(("kind", "settle"), [("X", "USDT"), ("C", "TOOLONGCOIN")])
def test_a_slot_needs_terms_that_fit_its_record(table: Any, kind: str, settle: str) -> None:
    with pytest.raises(ValueError, match="not an option"):
        table.add("A-1", EXPIRY, 1.0, kind, settle)


def test_thousands_of_symbols_keep_apart(core: Any) -> None:
    table = core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    symbols = [f"BTC-27NOV26-{strike}-{kind}" for strike in range(1000, 4000) for kind in "CP"]
    for symbol in symbols:
        table.add(symbol, EXPIRY, float(symbol.split("-")[2]), symbol[-1], "USDC")
    inlet = table.inlet(1)
    for i, symbol in enumerate(symbols):
        inlet.message(dump(payloads.ticker(symbol, sequence=i, markPrice=str(i))), T0)
    for symbol in symbols[::3]:
        table.retire(symbol)
    assert len(table) == 6000  # each waits to be written
    assert all(table.fields(symbol)["mp"] == str(i) for i, symbol in enumerate(symbols))


def test_reasons_are_all_counted_from_zero(table: Any) -> None:
    assert table.rejected == dict.fromkeys(ticker.REASONS, 0)


def test_of_each_kind_of_rejected_message_the_first_is_kept(table: Any) -> None:
    inlet = table.inlet(1)
    first = dump(payloads.ticker("btc"))
    long = b'{"topic":"tickers.BTC' + b"x" * 5000
    for payload in (first, long, dump(payloads.ticker("eth")), b'{"topic":"tickers.'):
        inlet.message(payload, T0)
    inlet.message(dump(payloads.ticker()), T0)
    assert table.samples == {
        "bad_symbol": first,
        "not_json": long[: pure.SAMPLE_SIZE],
    }
    assert {reason for reason, count in table.rejected.items() if count} == table.samples.keys()


def test_adding_a_symbol_again_renews_its_terms(table: Any) -> None:
    send(table, payloads.ticker())
    before = unpack(table.record(SYMBOL))
    table.add(SYMBOL, EXPIRY + 60_000, 0.5, "P", "USDC")
    assert unpack(table.record(SYMBOL)) == before | {
        "expiry": EXPIRY + 60_000,
        "strike": 0.5,
        "kind": b"P",
        "settle": b"USDC",
    }
    # a shorter coin leaves nothing of the longer one
    table.add(SYMBOL, EXPIRY, 90_000.0, "C", "ABCDEFGH")
    table.add(SYMBOL, EXPIRY, 90_000.0, "C", "X")
    assert unpack(table.record(SYMBOL)) == before | {"settle": b"X"}
    assert len(table) == 2
    assert counts(table) == (1, 1, 0, 0)


def frame(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_an_inlet_takes_whole_plain_frames_and_leaves_the_rest(table: Any) -> None:
    inlet = table.inlet(1)
    taken = frame(dump(payloads.ticker())) + frame(b'{"op":"pong"}')
    stream = taken + frame(dump(payloads.ticker("ETH-4DEC26-3100-C"))) + b"\x89\x00"
    position = inlet.scan(memoryview(stream), 0, len(stream), T0)
    assert position == ~(len(stream) - 2)
    assert (inlet.messages, inlet.others) == (1, [b'{"op":"pong"}'])
    assert [symbol for symbol, _ in inlet.unknown_tickers] == ["ETH-4DEC26-3100-C"]
    for end in (len(taken), len(taken) + 1):
        assert inlet.scan(memoryview(stream), 0, end, T0) == len(taken)
    assert table.fields(SYMBOL)["mp"] == payloads.NUMBERS["markPrice"]
    for start, end in ((-1, 1), (0, len(stream) + 1), (2, 1)):
        with pytest.raises(ValueError, match="no such part"):
            inlet.scan(memoryview(stream), start, end, T0)


def test_an_unlisted_symbol_in_an_unusual_message_is_left_to_the_owner_too(table: Any) -> None:
    inlet = table.inlet(1)
    message = dump(payloads.ticker("ETH-4DEC26-3100-C")).replace(b"markPrice", b"mark\\u0050rice")
    inlet.message(message, T0)
    assert inlet.unknown_tickers == [("ETH-4DEC26-3100-C", message)]
    assert (table.general, table.received, inlet.messages) == (1, 0, 0)


def test_symbols_that_go_leave_the_others_where_they_are(core: Any) -> None:
    table = core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    symbols = [f"BTC-27NOV26-{strike}-C" for strike in range(900)]
    for number, symbol in enumerate(symbols):
        table.add(symbol, EXPIRY, float(number), "C", "USDC")
    for symbol in symbols[::2]:
        table.retire(symbol)
    assert len(table) == 450
    assert [symbol in table for symbol in symbols] == [False, True] * 450
    strikes = [unpack(table.record(symbol))["strike"] for symbol in symbols[1::2]]
    assert strikes == list(range(1, 900, 2))
    with pytest.raises(KeyError):
        table.record(symbols[0])


def test_a_table_without_symbols_has_nothing_to_write(core: Any) -> None:
    table = core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    table.mark_whole()
    table.mark_whole(5)
    assert (len(table), table.dirty) == (0, 0)


def test_a_table_needs_a_grammar_of_its_own_kind(core: Any) -> None:
    if core.name == "compiled":
        with pytest.raises(TypeError, match="grammar"):
            core.Table(None)


def ages(histogram: Any) -> tuple[list[tuple[float, int]], int]:
    """The bounds under which there is something, and the sum."""
    bounds = (*histogram.bounds, math.inf)
    found = [(b, n) for b, n in zip(bounds, histogram.counts, strict=True) if n]
    return found, histogram.sum_ms


def test_the_ages_of_applied_ticks_are_counted_by_the_venues_clock(table: Any) -> None:
    table.skew_ms = 7
    for number, age_ms in enumerate((0, 1, 2, 3, 100, 101, 10_000, 10_001)):
        send(table, payloads.ticker(ts=T0 + number), rt=T0 + number + age_ms - 7)
    assert ages(table.ages) == (
        [(1, 2), (2, 1), (5, 1), (100, 1), (200, 1), (10_000, 1), (math.inf, 1)],
        20_208,
    )


def test_a_tick_from_the_future_has_no_age_and_one_that_is_not_applied_none_at_all(
    table: Any,
) -> None:
    send(table, payloads.ticker(ts=T0), rt=T0 - 30)
    assert ages(table.ages) == ([(1, 1)], 0)
    send(table, payloads.ticker(ts=T0 - 1), rt=T0 + 40)
    send(table, payloads.delta(OTHER, ts=T0), rt=T0 + 40)
    send(table, payloads.ticker(ts=T0 + 10**12), rt=T0 + 40)
    assert counts(table) == (4, 2, 1, 1)
    assert ages(table.ages) == ([(1, 1)], 0)


@pytest.mark.parametrize("ts", [T0 + 40 + 2001, T0 + 40 - 24 * 3_600_000 - 1])
def test_times_beyond_the_bounds_are_suspect(table: Any, ts: int) -> None:
    send(table, payloads.ticker(ts=ts))
    assert unpack(table.record(SYMBOL))["flags"] == model.FLAG_TIME_SUSPECT


def test_the_age_of_a_late_tick_stays_in_the_histogram(table: Any) -> None:
    for late_ms in (90_000, 7_200_000):
        send(table, payloads.ticker(ts=T0 + 40 - late_ms), conn=late_ms)
    assert table.ages.counts[-1] == 1  # the second is older
    assert table.ages.sum_ms == 90_000


def test_an_inlet_returns_its_smallest_and_its_newest_lag_once(table: Any) -> None:
    table.skew_ms = 1000
    inlet = table.inlet(1)
    assert inlet.take_lags_ms() == (None, None)
    for ts in (T0 - 300, T0 - 700, T0 - 500):  # the second is older, and counts as well
        inlet.message(dump(payloads.ticker(ts=ts)), T0 + 40)
    assert inlet.take_lags_ms() == (1340, 1540)
    assert inlet.take_lags_ms() == (None, None)
    assert (inlet.messages, inlet.applied) == (3, 1)


def test_a_tick_ahead_of_its_time_makes_no_connection_seem_on_time(table: Any) -> None:
    inlet = table.inlet(1)
    late, ahead = payloads.ticker(ts=T0 - 9000), payloads.ticker(ts=T0 + 2001)
    inlet.message(dump(late), T0)
    inlet.message(dump(ahead), T0)
    assert inlet.take_lags_ms() == (9000, -2001)
    inlet.message(dump(ahead), T0)
    assert inlet.take_lags_ms() == (None, -2001)


def test_an_absurd_time_is_no_lag(table: Any) -> None:
    inlet = table.inlet(1)
    inlet.message(dump(payloads.ticker(ts=T0 // 1000)), T0)
    assert inlet.applied == 1
    assert inlet.take_lags_ms() == (None, None)
