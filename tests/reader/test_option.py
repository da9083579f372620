"""The values of an option, against the contract's table."""

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.errors import BadInput, StoreError
from fastopts.field_registry import COLUMNS, FIELDS
from fastopts.model import FLAG_REST, FLAG_SUSPECT, FLAG_TIME_SUSPECT, NO_SEQUENCE, Rounding
from fastopts.reader import Option
from tests.reader.options import NOW_MS, make, terms
from tests.support.store import CALL, EXPIRY_MS, NAN, NUMBERS, PUT

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ABSENT_AT_0 = (
    *("last_price", "high_24h", "low_24h", "predicted_delivery_price"),
    *("index_price", "underlying_price"),
)
ABSENT_AT_ALL_0 = ("delta", "gamma", "vega", "theta", "mark_iv")
DIRECTIONS: tuple[Rounding, Rounding] = ("down", "up")
DERIVED = (
    *(
        "crossed",
        "locked",
        "otm",
        "iv_capped",
        "greeks_ok",
        "mid",
        "spread",
        "rel_spread",
        "spread_iv",
    ),
    *("spread_ticks", "moneyness", "log_moneyness", "intrinsic", "time_value"),
)

Numbers = dict[str, float]
Told = dict[str, Any]


def number(value: float) -> float | None:
    return None if math.isnan(value) else value


def quote(n: Numbers, side: str) -> Told:
    """No quote: price 0 or size 0. A price without an IV: only that is absent."""
    price, size, iv = (n[f"{side}_{what}"] for what in ("price", "size", "iv"))
    there = price > 0 and size > 0
    return {
        f"{side}_price": price if there else None,
        f"{side}_size": size if there else None,
        f"{side}_iv": iv if there and iv > 0 else None,
    }


def difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else round(a - b, 9)


def oracle(n: Numbers, strike: float, kind: str, tick: float | None, phase: str) -> Told:
    """Every number, flag and derived value."""
    told: Told = {name: number(value) for name, value in n.items()}
    told |= quote(n, "bid") | quote(n, "ask")
    told |= {name: None for name in ABSENT_AT_0 if n[name] == 0}
    if all(n[name] == 0 for name in ABSENT_AT_ALL_0):
        told |= dict.fromkeys(ABSENT_AT_ALL_0)
    bid, ask = told["bid_price"], told["ask_price"]
    both = bid is not None and ask is not None
    told["crossed"] = both and bid > ask
    told["locked"] = both and bid == ask
    told["mid"] = round((bid + ask) / 2, 9) if both and bid <= ask else None
    told["spread"] = difference(ask, bid)
    told["rel_spread"] = told["spread"] / told["mid"] if told["mid"] else None
    told["spread_iv"] = difference(told["ask_iv"], told["bid_iv"])
    told["spread_ticks"] = round(told["spread"] / tick, 6) if both and tick else None
    told["iv_capped"] = any((told[f"{one}_iv"] or 0) >= 5 for one in ("bid", "ask", "mark"))
    greeks = [told[name] for name in ("delta", "gamma", "vega", "theta")]
    told["greeks_ok"] = phase == "trading" and None not in greeks
    return told | of_forward(told["underlying_price"], told["mark_price"], strike, kind)


def of_forward(forward: float | None, mark: float | None, strike: float, kind: str) -> Told:
    value = None
    if forward is not None:
        value = round(max(forward - strike if kind == "C" else strike - forward, 0.0), 9)
    return {
        "forward": forward,
        "otm": forward is not None and (strike >= forward if kind == "C" else strike < forward),
        "moneyness": strike / forward if forward else None,
        "log_moneyness": math.log(strike / forward) if forward else None,
        "intrinsic": value,
        "time_value": difference(mark, value),
    }


PRICES = st.sampled_from([0.0, NAN, 5.0, 10.0, 1205.0, 1230.0]) | st.floats(0, 1e6)
SIZES = st.sampled_from([0.0, NAN, 0.01, 3.4])
IVS = st.sampled_from([0.0, NAN, 0.48, 4.999, 5.0, 7.5]) | st.floats(0, 9)
OTHERS = st.sampled_from([0.0, NAN, -0.5, 1.0]) | st.floats(-1e6, 1e6)
FORWARDS = st.sampled_from([0.0, NAN, 90000.0]) | st.floats(1, 1e6)


def strategy(name: str) -> st.SearchStrategy[float]:
    for ending, found in (("_price", PRICES), ("_size", SIZES), ("_iv", IVS)):
        if name == "underlying_price":
            return FORWARDS
        if name.endswith(ending):
            return found
    return OTHERS


@given(
    st.fixed_dictionaries({name: strategy(name) for name in NUMBERS}),
    st.sampled_from([CALL, PUT]),
    st.sampled_from([None, "5", "0.1", "0.0001", ""]),
    st.sampled_from([("trading", 31), ("settling", 30), ("settling", 1), ("expired", 0)]),
)
def test_everything_is_as_the_contract_has_it(
    n: Any, symbol: str, tick: str | None, situation: tuple[str, int]
) -> None:
    phase, minutes_left = situation
    instrument = None if tick is None else terms(symbol, tick_size=tick)
    option = make(symbol, instrument, expiry=NOW_MS + minutes_left * 60_000, **n)
    assert option.phase == phase
    step = float(tick) if tick else None
    for name, value in oracle(n, 90000.0, symbol.split("-")[3], step, phase).items():
        assert getattr(option, name) == value, name


CASES: list[tuple[str, Numbers, Told]] = [
    (
        "both sides absent",
        {"bid_price": 0.0, "ask_size": 0.0},
        {"mid": None, "spread": None, "spread_iv": None, "crossed": False, "locked": False},
    ),
    (
        "crossed",
        {"bid_price": 1235.0},
        {"mid": None, "spread": -5.0, "rel_spread": None, "crossed": True, "locked": False},
    ),
    (
        "locked",
        {"bid_price": 1230.0},
        {"mid": 1230.0, "spread": 0.0, "rel_spread": 0.0, "crossed": False, "locked": True},
    ),
    ("IV 0", {"bid_iv": 0.0}, {"bid_price": 1205.0, "bid_size": 3.4, "bid_iv": None}),
    ("IV 5", {"ask_iv": 5.0}, {"ask_iv": 5.0, "iv_capped": True}),
    ("IV below 5", {"ask_iv": 4.9999}, {"ask_iv": 4.9999, "iv_capped": False}),
    ("mark IV above 5", {"mark_iv": 6.0}, {"mark_iv": 6.0, "iv_capped": True}),
    (
        "forward 0",
        {"underlying_price": 0.0},
        {"forward": None, "moneyness": None, "intrinsic": None, "time_value": None},
    ),
    ("index 0", {"index_price": 0.0}, {"index_price": None}),
    (
        "greeks not computed",
        dict.fromkeys(ABSENT_AT_ALL_0, 0.0),
        dict.fromkeys(ABSENT_AT_ALL_0) | {"greeks_ok": False},
    ),
    (
        "a rounded wing",
        dict.fromkeys(ABSENT_AT_ALL_0, 0.0) | {"mark_iv": 0.9},
        dict.fromkeys(ABSENT_AT_ALL_0, 0.0) | {"mark_iv": 0.9, "greeks_ok": True},
    ),
    (
        "a delta of 1",
        dict.fromkeys(ABSENT_AT_ALL_0, 0.0) | {"delta": 1.0},
        {"delta": 1.0, "gamma": 0.0, "mark_iv": 0.0},
    ),
    ("no forward", {"underlying_price": NAN}, {"intrinsic": None, "time_value": None}),
    ("in the money", {"underlying_price": 91000.0}, {"intrinsic": 1000.0, "time_value": 218.5}),
    (
        "below intrinsic",
        {"underlying_price": 92000.0},
        {"intrinsic": 2000.0, "time_value": -781.5},
    ),
    ("no gamma", {"gamma": NAN}, {"gamma": None, "greeks_ok": False}),
    ("nothing changed", {"change_24h": 0.0}, {"change_24h": 0.0, "greeks_ok": True}),
]


@pytest.mark.parametrize(
    ("changes", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_case_of_the_table(changes: Told, told: Told) -> None:
    option = make(**changes)
    assert {name: getattr(option, name) for name in told} == told


def test_a_put_is_worth_what_the_forward_is_below() -> None:
    put = make(PUT, underlying_price=88251.0, mark_price=1700.0)
    assert (put.intrinsic, put.time_value) == (1749.0, -49.0)
    assert (put.type, put.moneyness) == ("P", 90000 / 88251)


@pytest.mark.parametrize(
    ("left_ms", "phase", "dte"),
    [
        (36 * HOUR_MS, "trading", 1.5),
        (30 * 60_000 + 1, "trading", 1_800_001 / DAY_MS),
        (30 * 60_000, "settling", 1_800_000 / DAY_MS),
        (1, "settling", 1 / DAY_MS),
        (0, "expired", 0.0),
        (-1, "expired", 0.0),
    ],
)
def test_time_to_expiry_is_the_venue_s_to_the_millisecond(
    left_ms: int, phase: str, dte: float
) -> None:
    skewed = make(now_ms=EXPIRY_MS - left_ms - 700, skew_ms=700)
    assert (skewed.phase, skewed.dte) == (phase, dte)
    assert skewed.greeks_ok is (phase == "trading")


def test_times_are_utc_and_the_age_is_by_the_venue_s_clock() -> None:
    option = make(now_ms=NOW_MS, skew_ms=250, ts=NOW_MS - 1000)
    assert (option.age_s, option.age) == (1.25, timedelta(seconds=1.25))
    assert option.ts == datetime(2026, 11, 22, 11, 59, 59, tzinfo=UTC)
    assert option.rt - option.ts == timedelta(milliseconds=40)
    assert option.expiry == datetime(2099, 11, 27, 8, tzinfo=UTC)
    assert (option.ts_ms, option.rt_ms) == (NOW_MS - 1000, NOW_MS - 960)


@pytest.mark.parametrize("ts", [10**18, -(10**18), 2**62, -(2**63)])
def test_a_time_beyond_all_calendars_is_the_first_or_last_of_one(ts: int) -> None:
    option = make(ts=ts, flags=FLAG_TIME_SUSPECT)
    assert option.ts.year in (1970, 9999)
    assert option.rt.year in (1970, 9999)
    assert abs(option.age) > timedelta(days=365 * 8000)
    assert option.ts_ms == ts
    assert "s old" in repr(option)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (0, {"live": True, "source": "ws", "suspect": False, "time_suspect": False}),
        (FLAG_REST, {"live": False, "source": "rest"}),
        (FLAG_SUSPECT, {"live": False, "source": "ws", "suspect": True}),
        (FLAG_TIME_SUSPECT, {"live": True, "time_suspect": True}),
    ],
)
def test_flags(flags: int, told: Told) -> None:
    option = make(flags=flags)
    assert {name: getattr(option, name) for name in told} == told


def test_terms_come_from_the_store_or_not_at_all() -> None:
    known, unknown = make(instrument=terms()), make()
    assert (known.quote, known.strike_text, known.spread_ticks) == ("USDT", "90000", 5.0)
    assert (unknown.quote, unknown.strike_text, unknown.spread_ticks) == (None, None, None)
    assert (unknown.strike, unknown.settle, unknown.asset) == (90000.0, "USDT", "BTC")
    assert make("BTC-27NOV99-90000-C").settle == "USDC"
    assert make(sequence=NO_SEQUENCE).seq is None
    assert make(sequence=0).seq == 0


PRICE_GRIDS = [
    ("5", 1206.0, "1205", "1210"),
    ("5", 1205.0, "1205", "1205"),
    ("5", "0", "0", "0"),
    ("0.1", 7.34, "7.3", "7.4"),
    ("0.1", "7.3", "7.3", "7.3"),
    ("0.1", 1e-9, "0.0", "0.1"),
    ("0.0001", Decimal("0.00015"), "0.0001", "0.0002"),
    ("0.5", 2, "2.0", "2.0"),
    ("0.5", 2.75, "2.5", "3.0"),
    ("0.1", 0.1 + 0.2, "0.3", "0.4"),  # a float is taken as Python prints it, 0.30000000000000004
    ("0.1", 0.3, "0.3", "0.3"),
    ("1E-7", "0.00000015", "0.0000001", "0.0000002"),
    ("0.0000001", 1e-7, "0.0000001", "0.0000001"),
    ("1E+1", 15, "10", "20"),
    ("0.01", 88214.37, "88214.37", "88214.37"),
    ("0.01", Decimal("123456789012345.678"), "123456789012345.67", "123456789012345.68"),
]


@pytest.mark.parametrize(("tick", "price", "down", "up"), PRICE_GRIDS)
def test_a_price_is_put_on_the_grid_as_exact_text(
    tick: str, price: Any, down: str, up: str
) -> None:
    option = make(instrument=terms(tick_size=tick))
    assert (option.round_price(price, "down"), option.round_price(price, "up")) == (down, up)


@pytest.mark.parametrize(
    ("lot", "qty", "text"),
    [
        *[("0.01", 0.019, "0.01"), ("0.01", "0.02", "0.02"), ("0.01", 0.009, "0.00")],
        *[("0.1", 3, "3.0"), ("1", 2.9999, "2"), ("0.1", Decimal("0.3"), "0.3")],
    ],
)
def test_a_quantity_is_rounded_down_to_lots(lot: str, qty: Any, text: str) -> None:
    assert make(instrument=terms(lot_size=lot)).round_qty(qty) == text


@given(
    st.decimals(0, 10**9, places=8),
    st.sampled_from(["5", "0.5", "0.1", "0.01", "0.0001", "1E-7", "2.5"]),
)
def test_a_rounded_price_is_the_nearest_of_the_grid(price: Decimal, tick: str) -> None:
    option, step = make(instrument=terms(tick_size=tick)), Decimal(tick)
    down, up = (Decimal(option.round_price(price, to)) for to in DIRECTIONS)
    assert down % step == up % step == 0
    assert down <= price <= up
    assert up - down in (0, step)
    nearest = Decimal(option.round_price(price, "nearest"))
    assert nearest == (down if price - down < up - price else up)
    assert option.round_price(str(down), "up") == option.round_price(down, "down")


NOT_NUMBERS: tuple[Any, ...] = (
    -1,
    "-0.1",
    NAN,
    "nan",
    math.inf,
    "Infinity",
    "",
    "5 USD",
    "1,5",
    None,
    True,
    [],
)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_a_value_that_is_no_number_is_refused_with_the_symbol(value: Any) -> None:
    option = make(instrument=terms())
    with pytest.raises(BadInput, match=f"{CALL}: .* (is not a|is below 0, and no) price"):
        option.round_price(value, "up")
    with pytest.raises(BadInput, match=f"{CALL}: .* (is not a|is below 0, and no) quantity"):
        option.round_qty(value)


@pytest.mark.parametrize("direction", ["sideways", "", "UP", None, 1, ["up"]])
def test_a_direction_is_up_down_or_nearest(direction: Any) -> None:
    with pytest.raises(BadInput, match="'up', 'down' or 'nearest', not "):
        make(instrument=terms()).round_price(5, direction)


NEAREST = [
    ("5", 1206.0, "1205"),
    ("5", 1207.5, "1210"),  # half a tick goes up, also where that is the odd multiple
    ("5", 1202.5, "1205"),
    ("5", "1207.4999999999999999", "1205"),
    ("0.1", 7.34, "7.3"),
    ("0.1", Decimal("7.35"), "7.4"),
    ("0.0001", 0.00004, "0.0000"),
]


@pytest.mark.parametrize(("tick", "price", "nearest"), NEAREST)
def test_the_nearest_price_of_the_grid(tick: str, price: Any, nearest: str) -> None:
    instrument = terms(tick_size=tick)
    assert make(instrument=instrument).round_price(price, "nearest") == nearest
    assert instrument.round_price(price, "nearest") == nearest


def test_without_terms_nothing_is_rounded() -> None:
    with pytest.raises(StoreError, match=f"{CALL}: its terms are not in the store"):
        make().round_price(5, "up")
    with pytest.raises(BadInput, match="step of its price is not known"):
        make(instrument=terms(tick_size="")).round_price(5, "up")


ROUND_TRIPS: list[Callable[[Option], Option]] = [
    *(copy.copy, copy.deepcopy),
    *(lambda o, p=p: pickle.loads(pickle.dumps(o, p)) for p in (2, 3, 4, 5)),
]


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
@pytest.mark.parametrize("flags", [0, FLAG_REST])
def test_a_pickled_option_is_the_same(round_trip: Callable[[Option], Option], flags: int) -> None:
    option = make(instrument=terms(), skew_ms=70, flags=flags, bid_iv=0.0, gamma=NAN)
    again = round_trip(option)
    assert type(again) is Option
    for name in (*COLUMNS, *DERIVED, "age_s", "record", "instrument", "epoch", "conn", "flags"):
        assert getattr(again, name) == getattr(option, name), name


def test_it_has_an_attribute_for_each_column_of_the_export_schema() -> None:
    option = make(instrument=terms())
    for name in COLUMNS:
        value = getattr(option, name)
        form = {"number": float, "time": datetime, "flag": bool, "count": int, "text": str}
        if name != "predicted_delivery_price":
            assert isinstance(value, form[FIELDS[name].form]), name


@pytest.mark.parametrize("name", [n for n, w in FIELDS.items() if w.form == "number"])
def test_help_tells_the_meaning_of_a_number(name: str) -> None:
    told = inspect.getdoc(inspect.getattr_static(Option, name, None)) or ""
    assert len(told) > 10
    if name in NUMBERS:
        assert told == str(FIELDS[name])


PUBLIC = [name for name in dir(Option) if not name.startswith("_")]


@pytest.mark.parametrize("name", [n for n in PUBLIC if n not in ("live", "moment", "symbol")])
def test_every_public_name_explains_itself(name: str) -> None:
    assert inspect.getdoc(inspect.getattr_static(Option, name))


@pytest.mark.parametrize("name", [n for n in PUBLIC if not n.startswith("round")])
def test_nothing_of_it_can_be_set(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(make(), name, 1)


@pytest.mark.parametrize("arguments", [(), (CALL,), (1, 2, 3)])
def test_only_a_reader_makes_one(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="options are returned by readers"):
        Option(*arguments)


def test_it_has_no_dict_and_takes_no_new_names() -> None:
    option = make()
    assert not hasattr(option, "__dict__")
    with pytest.raises(AttributeError):
        option.note = "mine"  # type: ignore[attr-defined]
