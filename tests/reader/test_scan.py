"""Scans against plain Python over options, row by row."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import numpy as np
import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.field_registry import COLUMNS
from fastopts.model import FLAG_REST, FLAG_SUSPECT, NO_SEQUENCE
from fastopts.reader import Absent, BadInput, FeedDown, Option, OptionReader, Unknown
from fastopts.reader.objects.market import NAMES
from fastopts.reader.selection.bounds import Bounds
from tests.support.store import EPOCH, NAN, Store

DAY_MS = 86_400_000
DELIVERIES_DAYS = {"1JAN30": 0.01, "2JAN30": 3.5, "27NOV99": 90.0, "1JAN21": -0.5}
NUMBERS = {
    "bid_price": (1205.0, 0.0, 1235.0, 1230.0),
    "bid_size": (3.4, 3.4, 3.4, 0.0),
    "bid_iv": (0.48, 0.0, 0.9),
    "ask_price": (1230.0, 1230.0, 1230.0, NAN),
    "ask_iv": (0.5, 5.0, 0.0, 1.2),
    "mark_iv": (0.49, 0.0, NAN, 0.8, 1.3),
    "delta": (0.25, -0.25, NAN, 0.6),
    "volume_24h": (0.0, 12.5, NAN),
    "turnover_24h": (1e6, 0.0),
    "open_interest": (3.0, 0.0, 212.4),
    "underlying_price": (88251.0, 88251.0, 0.0, NAN),
}
FLAGS = (0, 0, 0, 0, 0, 0, FLAG_REST, FLAG_SUSPECT)
CONNS = (1, 1, 1, 1, 2)


def symbols() -> Iterator[str]:
    for day, strike, kind, settle in itertools.product(
        DELIVERIES_DAYS, range(80_000, 100_000, 2_000), "CP", ("", "-USDT")
    ):
        yield f"BTC-{day}-{strike}-{kind}{settle}"
    for text, kind in itertools.product(("0.4", "0.45", "0.5"), "CP"):
        yield f"XRP-27NOV99-{text}-{kind}-USDT"


@dataclass
class TroubledMarket:
    """Options of every kind of trouble, and who reads them."""

    listed: list[str]
    reader: OptionReader


@pytest.fixture(scope="module")
def market() -> Iterator[TroubledMarket]:
    with EmbeddedValkey() as server, OptionReader(server.url) as reader:
        yield TroubledMarket(fill(Store(server)), reader)


def fill(store: Store) -> list[str]:
    """Write all options; every seventh has not ticked."""
    luck = Random(7)
    store.feed({1: 0}, heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    listed = list(symbols())
    for place, symbol in enumerate(listed):
        expiry_ms = store.now_ms() + round(DELIVERIES_DAYS[symbol.split("-")[1]] * DAY_MS)
        store.list(symbol, tick_size="0.1" if symbol.endswith("-USDT") else "5")
        store.client.hset(f"instrument:{symbol}", "expiry_ms", expiry_ms)
        numbers = {name: luck.choice(values) for name, values in NUMBERS.items()}
        head = {"flags": luck.choice(FLAGS), "conn": luck.choice(CONNS), "expiry": expiry_ms}
        if place % 7:
            sequence = NO_SEQUENCE if place % 5 == 0 else place
            store.tick(symbol, age_s=place / 100, sequence=sequence, **numbers, **head)
    store.client.close()
    return listed


def held(market: TroubledMarket) -> list[Option]:
    found = market.reader.get_many(market.listed, require_live=False, allow_expired=True)
    return [one for one in found if not isinstance(one, Absent)]


def key(option: Option) -> tuple[Any, ...]:
    return option.asset, option.expiry_ms, option.settle, option.strike, option.type


def fault(option: Option) -> str | None:
    """The first reason for which the gate refuses it."""
    ask_iv = option.ask_iv
    return next(
        (
            reason
            for reason, is_bad in [
                ("expired", option.phase == "expired"),
                ("stale", not option.live),
                ("settling", option.phase == "settling"),
                ("no_bid", option.bid_price is None),
                ("no_ask", option.ask_price is None),
                ("crossed", option.crossed),
                ("no_bid_iv", option.bid_iv is None),
                ("no_ask_iv", ask_iv is None),
                ("ask_iv_capped", ask_iv is not None and ask_iv >= 5),
                ("no_mark_iv", not option.mark_iv),
            ]
            if is_bad
        ),
        None,
    )


def names(options: Iterable[Option]) -> list[str]:
    return [option.symbol for option in options]


def test_the_gate_refuses_by_reason_and_counts(market: TroubledMarket) -> None:
    scan = market.reader.scan()
    options = held(market)
    faults = Counter(fault(option) for option in options)
    passed = sorted((option for option in options if fault(option) is None), key=key)
    assert names(scan) == names(passed)
    assert passed
    del faults[None]
    assert scan.excluded == dict(faults) | {"no_tick": len(market.listed) - len(options)}
    assert len(scan.excluded) == 11
    assert scan.considered == len(market.listed) == len(scan) + sum(scan.excluded.values())


@pytest.mark.parametrize("gate", [True, False])
def test_the_counts_add_up_to_the_options_considered(market: TroubledMarket, gate: bool) -> None:
    passed = [option for option in held(market) if not gate or fault(option) is None]
    # without a forward an option is on neither side of the money
    matching = [option for option in passed if option.forward and not option.otm]
    assert 0 < len(matching) < len(passed)
    scan = market.reader.scan(otm=False, gate=gate, limit=1)
    assert len(scan) == 1
    assert scan.matching == len(matching)
    assert scan.out_of_bounds == len(passed) - len(matching)
    assert sum(scan.excluded.values()) == len(market.listed) - len(passed) > 0
    assert scan.considered == len(market.listed)
    assert f"{len(matching)} of {len(market.listed)} options match" in repr(scan)
    assert f", {scan.out_of_bounds} out of bounds, excluded: " in repr(scan)


def test_raw_returns_everything_that_has_ticked(market: TroubledMarket) -> None:
    scan = market.reader.scan(gate=False)
    options = sorted(held(market), key=key)
    assert names(scan) == names(options)
    assert [option.live for option in scan] == [option.live for option in options]
    assert scan.excluded == {"no_tick": len(market.listed) - len(options)}


BOUNDS: list[tuple[str, str, float]] = [
    *[("min_dte", "dte", 1.0), ("max_dte", "dte", 3.5), ("min_strike", "strike", 90_000.0)],
    *[("max_strike", "strike", 90_000.0), ("min_moneyness", "moneyness", 1.0)],
    *[("max_moneyness", "moneyness", 1.0), ("min_delta", "delta", -0.25)],
    *[("max_delta", "delta", 0.25), ("min_iv", "mark_iv", 0.8), ("max_iv", "mark_iv", 0.8)],
    *[("min_bid_iv", "bid_iv", 0.9), ("max_bid_iv", "bid_iv", 0.48)],
    *[("min_ask_iv", "ask_iv", 1.2), ("max_ask_iv", "ask_iv", 1.2)],
    *[("min_volume", "volume_24h", 12.5), ("min_turnover", "turnover_24h", 1e6)],
    *[("min_open_interest", "open_interest", 212.4), ("max_spread_iv", "spread_iv", 0.02)],
    *[("max_rel_spread", "rel_spread", 0.0), ("max_spread_ticks", "spread_ticks", 5.0)],
]


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize(("bound", "column", "value"), BOUNDS)
def test_a_bound_is_inclusive_and_never_met_by_what_is_absent(
    market: TroubledMarket, gate: bool, bound: str, column: str, value: float
) -> None:
    bounds: Any = {bound: value}
    found = market.reader.scan(gate=gate, **bounds)
    expected = []
    for option in sorted(held(market), key=key):
        has = getattr(option, column)
        meets = has is not None and (has >= value if bound.startswith("min") else has <= value)
        if meets and not (gate and fault(option)):
            expected.append(option.symbol)
    assert names(found) == expected
    if not gate:
        assert 0 < len(expected) < len(held(market))


def test_every_bound_is_tried() -> None:
    assert {name for name, *_ in BOUNDS} == set(Bounds.__annotations__) - {
        *("expiry", "settle", "type", "otm")
    }


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("is_out", [True, False])
def test_out_of_the_money_is_as_the_smile_chooses(
    market: TroubledMarket, gate: bool, is_out: bool
) -> None:
    scan = market.reader.scan(otm=is_out, gate=gate)
    assert scan or gate  # few options of this market pass the gate
    for option in scan:
        assert option.forward is not None
        is_call_side = option.strike >= option.forward
        assert (is_call_side == (option.type == "C")) is is_out
        assert option.otm is is_out
    both = names(market.reader.scan(gate=gate))
    other = names(market.reader.scan(otm=not is_out, gate=gate))
    unknown = [o.symbol for o in market.reader.scan(gate=gate) if o.forward is None]
    assert sorted([*names(scan), *other, *unknown]) == sorted(both)


def test_a_bound_of_none_is_none(market: TroubledMarket) -> None:
    nothing: Any = dict.fromkeys(Bounds.__annotations__)
    assert names(market.reader.scan(gate=False, **nothing)) == names(market.reader.scan(gate=False))


@pytest.mark.parametrize(
    ("asset", "settle"),
    [
        *[("BTC", settle) for settle in ("USDC", "USDT", "usdt", None)],
        *[("xrp", settle) for settle in ("USDT", "usdt", None)],  # it has none in USDC
        *[(None, settle) for settle in ("USDC", "USDT", "usdt", None)],
    ],
)
@pytest.mark.parametrize("kind", ["C", "P", None])
def test_what_it_is_about(
    market: TroubledMarket, settle: str | None, kind: Any, asset: str | None
) -> None:
    scan = market.reader.scan(asset, settle=settle, type=kind, gate=False)

    def is_meant(option: Option) -> bool:
        return (
            settle in (None, option.settle, option.settle.lower())
            and kind in (None, option.type)
            and asset in (None, option.asset, option.asset.lower())
        )

    assert names(scan) == names(sorted(filter(is_meant, held(market)), key=key))
    assert scan.considered == len(
        [
            one
            for one in market.reader.instruments(asset and asset.upper())
            if kind in (None, one.type) and (settle or one.settle).upper() == one.settle
        ]
    )


def test_the_front_is_each_asset_s_own(market: TroubledMarket) -> None:
    found = market.reader.scan(expiry="front", gate=False)
    assert {(one.asset, one.symbol.split("-")[1]) for one in found} == {
        ("BTC", "2JAN30"),
        ("XRP", "27NOV99"),
    }


def test_an_expiry_is_a_day(store: Store, reader: OptionReader) -> None:
    store.option("BTC-27NOV99-90000-C-USDT")
    store.option("BTC-25DEC99-90000-C-USDT")
    days: list[Any] = ["25DEC99", "991225", date(2099, 12, 25), datetime(2099, 12, 25, tzinfo=UTC)]
    for day in days:
        assert names(reader.scan(expiry=day)) == ["BTC-25DEC99-90000-C-USDT"]
    with pytest.raises(
        BadInput, match=r"on 26DEC99: the nearest expiry is 25DEC99; there are: 27NOV99, 25DEC99$"
    ):
        reader.scan(expiry="26DEC99")


def absent_last(values: Sequence[Any], descending: bool) -> list[Any]:
    there = sorted((value for value in values if value is not None), reverse=descending)
    return there + [None] * (len(values) - len(there))


SORTS = ["mark_iv", "delta", "rel_spread", "strike", "dte", "age_s", "symbol", "live", "ts", "mid"]


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_sorted_with_what_is_absent_last(
    market: TroubledMarket, name: str, descending: bool
) -> None:
    scan = market.reader.scan(gate=False, sort="-" * descending + name)
    found = [getattr(option, name) for option in scan]
    assert found == absent_last(found, descending)
    assert sorted(names(scan)) == sorted(names(held(market)))


def test_a_limit_takes_the_first(market: TroubledMarket) -> None:
    whole = names(market.reader.scan(gate=False, sort="-mark_iv"))
    for limit in (1, 5, 10_000):
        cut = market.reader.scan(gate=False, sort="-mark_iv", limit=limit)
        assert (names(cut), cut.considered) == (whole[:limit], len(market.listed))
        assert names(cut[:3]) == whole[:limit][:3]
        assert len(cut.to_numpy()) == len(cut)


def test_high_iv_is_a_scan(market: TroubledMarket) -> None:
    found = market.reader.scan_high_iv(0.8, limit=50)
    assert names(found) == names(market.reader.scan(min_iv=0.8, sort="-mark_iv", limit=50))


NO_NUMBERS: list[Any] = ["0.2", NAN, True, []]
NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"min_iv": 80}, "min_iv: 80 is 8000%: write 0.8"),
    *[({f"{bound}_iv": 10.01}, f"{bound}_iv") for bound in ("max", "min_bid", "max_ask")],
    ({"max_spread_iv": 11}, "max_spread_iv"),
    *[({"min_delta": bad}, "min_delta: .* is not a number") for bad in NO_NUMBERS],
    ({"min_vola": 1}, "there is no bound 'min_vola'; there are: expiry, settle"),
    ({"type": "x"}, "'x' is neither call nor put: write C or P"),
    ({"type": 1}, "type: 1 is neither call nor put"),
    ({"settle": "US T"}, "write USDT or USDC"),
    ({"expiry": "soon"}, "is not an expiry"),
    *[
        ({"sort": bad}, "is not a column; there are: age_s, ")
        for bad in ("iv", "--delta", "", "record")
    ],
    *[({"limit": bad}, "is not a positive integer") for bad in (0, -1, 1.5, "5", True)],
    ({"asset": "B*"}, "write BTC"),
]


@pytest.mark.parametrize(("words", "told"), NONSENSE, ids=lambda value: str(value)[:30])
def test_what_can_not_be_meant_is_refused(
    store: Store, reader: OptionReader, words: dict[str, Any], told: str
) -> None:
    store.option("BTC-27NOV99-90000-C-USDT")
    with pytest.raises(BadInput, match=told):
        reader.scan(**words)


def test_an_iv_of_10_can_be_meant(store: Store, reader: OptionReader) -> None:
    store.option("BTC-27NOV99-90000-C-USDT", mark_iv=10.0)
    assert len(reader.scan(min_iv=10, max_iv=10)) == 1


def test_a_dead_feed_is_reported(store: Store, reader: OptionReader) -> None:
    store.option("BTC-27NOV99-90000-C-USDT")
    store.feed(beat_s=60)
    for ask in (reader.scan, reader.snapshot, reader.table):
        with pytest.raises(FeedDown):
            ask()
    assert reader.scan(require_live=False).excluded == {"stale": 1}
    assert len(reader.scan(require_live=False, gate=False)) == 1
    assert reader.snapshot(require_live=False)["live"].tolist() == [False]


def test_an_asset_without_options(store: Store, reader: OptionReader) -> None:
    with pytest.raises(Unknown, match="no options of BTC here; there are: none"):
        reader.scan("BTC")
    assert (len(reader.scan()), reader.scan().considered) == (0, 0)
    store.client.hset("fastopts:feed", "assets", "BTC,ETH")
    assert (len(reader.scan("BTC")), len(reader.scan(sort="-mark_iv"))) == (0, 0)
    assert len(reader.snapshot()) == 0
    assert reader.instruments() == []


def test_the_first_option_of_all_is_found(store: Store, reader: OptionReader) -> None:
    assert len(reader.scan()) == 0
    with pytest.raises(Unknown):
        reader.get("BTC-27NOV99-90000-C-USDT")
    assert len(reader.scan()) == 0
    store.option("BTC-27NOV99-90000-C-USDT")
    store.client.hset("fastopts:feed", "universe", 2)
    assert len(reader.scan()) == 1
    store.option("ETH-27NOV99-3000-C-USDT")
    store.client.hset("fastopts:feed", "universe", 3)
    assert len(reader.scan()) == 2


def test_an_asset_that_left_is_not_missed(store: Store, reader: OptionReader) -> None:
    store.option("BTC-27NOV99-90000-C-USDT")
    store.option("ETH-27NOV99-3000-C-USDT")
    reader.get("BTC-27NOV99-90000-C-USDT")
    store.client.delete("options:ETH")
    store.client.hset("fastopts:feed", mapping={"assets": "BTC", "universe": 2})
    assert names(reader.scan()) == ["BTC-27NOV99-90000-C-USDT"]
    assert {one.asset for one in reader.instruments()} == {"BTC"}


def test_what_has_no_terms_is_counted_until_it_has(store: Store, reader: OptionReader) -> None:
    placed, unplaced = "BTC-27NOV99-90000-C-USDT", "BTC-27NOV99-95000-C-USDT"
    store.option(placed)
    store.option(unplaced)
    store.client.delete(f"instrument:{unplaced}")
    scan = reader.scan()
    assert (names(scan), scan.considered, scan.excluded) == ([placed], 2, {"no_terms": 1})
    store.client.delete(f"instrument:{placed}")
    store.client.hset("fastopts:feed", "universe", 2)
    assert (len(reader.scan()), reader.scan().excluded) == (0, {"no_terms": 2})
    store.list(placed, unplaced)
    assert (len(reader.scan()), reader.scan().excluded) == (2, {})


def told(option: Option, name: str) -> Any:
    """An option's attribute as a column has it."""
    value = getattr(option, name)
    if isinstance(value, datetime):
        return np.datetime64(value.replace(tzinfo=None), "ms")
    if value is None:
        return -1 if name == "seq" else NAN
    return value


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_column_is_the_options_attribute(market: TroubledMarket, name: str) -> None:
    scan = market.reader.scan(gate=False)
    column = scan.market.column(name)[scan.rows]
    assert len(column) > 40
    for option, value in zip(scan, column, strict=True):
        expected = told(option, name)
        assert value == expected or (value != value and expected != expected), option.symbol


def test_a_column_is_the_options_attribute_for_any_price(
    store: Store, reader: OptionReader
) -> None:
    luck = np.random.default_rng(5)
    for strike in range(1, 301):
        bid = round(float(luck.uniform(0.1, 2000)), 4)
        store.option(
            f"BTC-27NOV99-{strike}-C-USDT",
            bid_price=bid,
            ask_price=bid + float(luck.uniform(0, 90)),
            underlying_price=float(luck.uniform(10, 1000)),
        )
        store.list(f"BTC-27NOV99-{strike}-C-USDT", tick_size=str(luck.choice(["0.1", "5", "1E-7"])))
    store.feed()  # on a busy machine the heartbeat is too old by now
    scan = reader.scan(gate=False)
    for name in ("mid", "rel_spread", "spread", "moneyness", "intrinsic", "time_value", "dte"):
        assert scan.market.column(name).tolist() == [getattr(o, name) for o in scan], name
    for name in ("spread_ticks", "log_moneyness"):  # numpy rounds otherwise in the last digit
        expected = [getattr(option, name) for option in scan]
        assert scan.market.column(name).tolist() == pytest.approx(expected, rel=1e-14), name


def test_a_snapshot_has_the_columns_of_the_export_schema(market: TroubledMarket) -> None:
    made = market.reader.snapshot()
    assert made.dtype.names == COLUMNS
    options = sorted(held(market), key=key)
    assert made["symbol"].tolist() == names(options)
    assert made["live"].tolist() == [option.live for option in options]
    assert made["seq"].tolist() == [-1 if o.seq is None else o.seq for o in options]
    assert {option.epoch for option in options} == {EPOCH}
