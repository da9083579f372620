"""Chains: the values that a desk reads off one series, and the listing while it changes."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from fastopts.field_registry import BASE_COLUMNS, COLUMNS
from fastopts.model import FLAG_REST, FLAG_TIME_SUSPECT
from fastopts.net.redis.resp import Replies
from fastopts.reader import (
    Absent,
    BadInput,
    Chain,
    FeedDown,
    NotYetLive,
    OptionReader,
    StoreError,
    Unknown,
)
from tests.support.store import EPOCH, NAN, Store, expiry_of

FORWARD = 88251.0
NOVEMBER = "27NOV99"


def name(strike: float | str, kind: str, settle: str = "USDT", asset: str = "BTC") -> str:
    symbol = f"{asset}-{NOVEMBER}-{strike}-{kind}"
    return symbol if settle == "USDC" else f"{symbol}-{settle}"


def volatility(strike: float) -> float:
    """A smile: skewed, and curved in log-moneyness."""
    k = math.log(strike / FORWARD)
    return 0.5 - 0.12 * k + 0.9 * k * k


def normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def black(strike: float, years: float, kind: str) -> dict[str, float]:
    """Delta and mark price of Black-76 on the smile."""
    iv = volatility(strike)
    deviation = iv * math.sqrt(years)
    d1 = math.log(FORWARD / strike) / deviation + deviation / 2
    d2, sign = d1 - deviation, 1 if kind == "C" else -1
    price = sign * (FORWARD * normal(sign * d1) - strike * normal(sign * d2))
    return {"delta": sign * normal(sign * d1), "mark_iv": iv, "mark_price": price}


STRIKES = tuple(range(50_000, 165_000, 5_000))
YEARS = 0.25  # for the prices, whatever the calendar says


@pytest.fixture
def smile(store: Store, reader: OptionReader) -> Chain:
    for strike in STRIKES:
        for kind in "CP":
            told = {"underlying_price": FORWARD} | black(strike, YEARS, kind)
            store.option(name(strike, kind), **told)
    return reader.chain("BTC", NOVEMBER)


def line(points: list[tuple[float, float]], x: float) -> float | None:
    for (x0, y0), (x1, y1) in pairwise(sorted(points)):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None


def iv_at(kind: str, delta: float) -> float | None:
    quotes = [black(strike, YEARS, kind) for strike in STRIKES]
    return line([(quote["delta"], quote["mark_iv"]) for quote in quotes], delta)


def test_a_chain_is_its_strikes_in_order(smile: Chain) -> None:
    assert smile.strikes == [float(strike) for strike in STRIKES]
    assert [row.strike for row in smile] == smile.strikes
    assert (len(smile), len(smile.options), dict(smile.absent)) == (23, 46, {})
    assert (smile.asset, smile.settle, smile.settles) == ("BTC", "USDT", ("USDT",))
    assert smile.expiry == datetime(2099, 11, 27, 8, tzinfo=UTC)
    for row in smile:
        assert row.call is not None
        assert row.put is not None
        assert (row.call.symbol, row.put.symbol) == (
            name(round(row.strike), "C"),
            name(round(row.strike), "P"),
        )
        assert smile[row.strike] is row


def test_the_volatility_at_the_forward_is_on_the_line_of_total_variance(smile: Chain) -> None:
    assert smile.forward == FORWARD
    low, high = 85_000, 90_000
    share = math.log(FORWARD / low) / math.log(high / low)
    variance = volatility(low) ** 2 * (1 - share) + volatility(high) ** 2 * share
    assert smile.atm_iv == pytest.approx(math.sqrt(variance), rel=1e-12)
    assert smile.atm_iv == pytest.approx(volatility(FORWARD), abs=1e-3)


@pytest.mark.parametrize("delta", [0.1, 0.25, 0.4, 0.5])
def test_risk_reversal_and_butterfly_are_the_smile_s(smile: Chain, delta: float) -> None:
    call, put, middle = iv_at("C", delta), iv_at("P", -delta), smile.atm_iv
    assert call is not None
    assert put is not None
    assert middle is not None
    assert smile.iv_at_delta(delta) == pytest.approx(call, rel=1e-12)
    assert smile.risk_reversal(delta) == pytest.approx(call - put, rel=1e-9)
    assert smile.butterfly(delta) == pytest.approx((call + put) / 2 - middle, rel=1e-9)
    assert smile.risk_reversal(-delta) == smile.risk_reversal(delta)
    assert (smile.risk_reversal(), smile.butterfly()) == (
        smile.risk_reversal(0.25),
        smile.butterfly(0.25),
    )


@pytest.mark.parametrize(("delta", "kind"), [(0.25, "C"), (-0.25, "P"), (0.99, "C"), (-0.01, "P")])
def test_by_delta_takes_the_nearest_of_its_side(smile: Chain, delta: float, kind: str) -> None:
    found = smile.by_delta(delta)
    nearest = min(STRIKES, key=lambda strike: abs(black(strike, YEARS, kind)["delta"] - delta))
    assert found is not None
    assert found.symbol == name(nearest, kind)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1.0, 25, -25, NAN, math.inf])
def test_a_delta_is_between_0_and_1(smile: Chain, delta: float) -> None:
    for ask in (smile.by_delta, smile.iv_at_delta, smile.risk_reversal, smile.butterfly):
        with pytest.raises(BadInput, match=r"write 0\.25 for a call, -0\.25 for a put"):
            ask(delta)


def test_what_is_not_bracketed_is_none(smile: Chain) -> None:
    lowest = black(STRIKES[-1], YEARS, "C")["delta"]
    assert smile.iv_at_delta(lowest / 2) is None
    assert smile.risk_reversal(lowest / 2) is None
    assert smile.butterfly(lowest / 2) is None
    assert smile.iv_at_delta(lowest) == pytest.approx(volatility(STRIKES[-1]))


def test_the_smile_is_of_what_is_out_of_the_money(smile: Chain) -> None:
    points = smile.smile()
    assert [point.strike for point in points] == smile.strikes
    for point in points:
        assert point.option.type == ("P" if point.strike < FORWARD else "C")
        assert point.log_moneyness == math.log(point.strike / FORWARD)
        assert (point.iv, point.bid_iv) == (volatility(point.strike), 0.4812)
    points.clear()
    assert len(smile.smile()) == len(smile)


def test_the_straddle_is_both_marks_at_the_money(smile: Chain) -> None:
    atm = smile.atm()
    assert atm is not None
    assert atm.strike == 90_000
    marks = [black(90_000, YEARS, kind)["mark_price"] for kind in "CP"]
    assert smile.straddle == pytest.approx(sum(marks))


@pytest.mark.parametrize(
    ("forward", "strikes", "nearest"),
    [
        *[(87_500.0, (85_000, 90_000), 85_000), (87_500.1, (85_000, 90_000), 90_000)],
        *[(10.0, (85_000, 90_000), 85_000), (1e6, (85_000, 90_000), 90_000)],
        *[(0.55, ("0.5", "0.6"), 0.5), (0.35, ("0.3", "0.4"), 0.3), (1.15, ("1.1", "1.2"), 1.1)],
        *[(2.15, ("2.1", "2.2"), 2.1), (0.5500001, ("0.5", "0.6"), 0.6)],
    ],
)
def test_at_the_money_is_the_nearest_strike_and_the_lower_on_a_tie(
    store: Store, reader: OptionReader, forward: float, strikes: tuple[Any, ...], nearest: float
) -> None:
    for strike in strikes:
        store.option(name(strike, "C"), underlying_price=forward)
    atm = reader.chain("BTC", NOVEMBER).atm()
    assert atm is not None
    assert atm.strike == nearest


def test_the_forward_is_of_the_newest_tick_whose_time_can_be_right(
    store: Store, reader: OptionReader
) -> None:
    store.option(name(80_000, "C"), age_s=9, underlying_price=1.0)
    store.option(name(85_000, "C"), age_s=3, underlying_price=100.0)
    store.option(name(90_000, "C"), age_s=1, underlying_price=NAN)
    store.option(name(95_000, "C"), -3600, underlying_price=3.0, flags=FLAG_TIME_SUSPECT)
    chain = reader.chain("BTC", NOVEMBER)
    assert chain.forward == 100.0
    assert chain.forward_spread_bp == pytest.approx(9900.0)
    assert chain.oldest_age is not None
    assert 9 <= chain.oldest_age.total_seconds() < 15


def positions(
    store: Store, reader: OptionReader, calls: dict[int, float], puts: dict[int, float]
) -> Chain:
    """A chain with this open interest and twice that volume; NaN: the venue does not give it."""
    for kind, sizes in (("C", calls), ("P", puts)):
        for strike, size in sizes.items():
            told = {"underlying_price": FORWARD, "open_interest": size, "volume_24h": 2 * size}
            store.option(name(strike, kind), **told)
    return reader.chain("BTC", NOVEMBER)


@pytest.mark.parametrize(
    ("calls", "puts", "strike"),
    [
        # pays 80: 10 x 20 = 200; 90: 5 x 10 + 10 x 10 = 150; 100: 5 x 20 + 20 x 10 = 300 (k USD)
        ({80_000: 5.0, 90_000: 20.0}, {90_000: 2.0, 100_000: 10.0}, 90_000),
        # only puts, so nothing is paid at the highest strike; only calls: at the lowest
        ({80_000: 0.0}, {80_000: 1.0, 90_000: 3.0}, 90_000),
        ({80_000: 1.0, 90_000: 3.0}, {}, 80_000),
        # pays 80: 3 x 10 = 30; 90: 3 x 10 = 30: the lower of equal ones
        ({80_000: 3.0}, {90_000: 3.0}, 80_000),
        # 0.1 + 0.2 - 0.3 is not 0 in binary, and yet a tie
        ({80_000: 0.1, 90_000: 0.2}, {100_000: 0.3}, 90_000),
        # at a strike without a value the others decide, and it may be the answer
        ({80_000: 4.0, 90_000: NAN}, {90_000: NAN, 100_000: 5.0}, 100_000),
        ({80_000: 5.0, 90_000: NAN}, {100_000: 4.0}, 80_000),
    ],
)
def test_max_pain_is_the_strike_that_pays_least(
    store: Store,
    reader: OptionReader,
    calls: dict[int, float],
    puts: dict[int, float],
    strike: float,
) -> None:
    chain = positions(store, reader, calls, puts)
    assert chain.max_pain == strike

    def payout(at: float) -> float:
        sides = [*((k, n, 1) for k, n in calls.items()), *((k, n, -1) for k, n in puts.items())]
        return math.fsum(max(sign * (at - k), 0) * n for k, n, sign in sides if n == n)

    least = min(payout(at) for at in chain.strikes)
    assert next(at for at in chain.strikes if payout(at) <= least + 1e-6) == strike


@pytest.mark.parametrize(
    ("calls", "puts"),
    [
        ({80_000: NAN}, {80_000: NAN}),
        ({80_000: 0.0}, {80_000: 0.0}),
        ({80_000: 0.0}, {90_000: NAN}),
    ],
)
def test_without_open_interest_there_is_no_max_pain(
    store: Store, reader: OptionReader, calls: dict[int, float], puts: dict[int, float]
) -> None:
    assert positions(store, reader, calls, puts).max_pain is None


@pytest.mark.parametrize(
    ("calls", "puts", "ratio"),
    [
        ({80_000: 5.0, 90_000: 15.0}, {80_000: 2.0, 90_000: 8.0}, 0.5),
        ({80_000: 5.0, 90_000: NAN}, {80_000: 2.0, 90_000: 8.0}, 2.0),  # left out, not 0
        ({80_000: 5.0}, {80_000: 0.0}, 0.0),  # known to be 0
        ({80_000: 5.0}, {80_000: NAN}, None),  # not known, and so not 0
        ({80_000: NAN}, {80_000: 5.0}, None),
        ({80_000: 0.0}, {80_000: 5.0}, None),
        ({80_000: 5.0}, {}, None),
    ],
)
def test_the_put_call_ratio_is_of_sums(
    store: Store,
    reader: OptionReader,
    calls: dict[int, float],
    puts: dict[int, float],
    ratio: float | None,
) -> None:
    chain = positions(store, reader, calls, puts)
    assert chain.put_call_ratio() == chain.put_call_ratio("open_interest") == ratio
    assert chain.put_call_ratio("volume_24h") == ratio


def test_the_put_call_ratio_of_another_field_is_refused(smile: Chain) -> None:
    with pytest.raises(BadInput, match="write open_interest or volume_24h"):
        smile.put_call_ratio("delta")  # type: ignore[arg-type]


def test_stale_options_are_left_out_of_positions(store: Store, reader: OptionReader) -> None:
    told = {"underlying_price": FORWARD, "open_interest": 4.0}
    store.option(name(90_000, "C"), **told)
    store.option(name(100_000, "P"), **told)
    store.option(name(80_000, "P"), flags=FLAG_REST, **told)
    chain = reader.chain("BTC", NOVEMBER)
    assert (chain.put_call_ratio(), chain.max_pain, len(chain.absent)) == (1.0, 90_000, 1)
    stale = reader.chain("BTC", NOVEMBER, require_live=False)
    assert (stale.put_call_ratio(), stale.max_pain) == (2.0, 90_000)


def test_a_chain_without_a_forward_has_no_middle(store: Store, reader: OptionReader) -> None:
    for kind in "CP":
        store.option(name(90_000, kind), underlying_price=NAN, delta=NAN)
    chain = reader.chain("BTC", NOVEMBER)
    assert (chain.forward, chain.atm(), chain.atm_iv, chain.straddle) == (None,) * 4
    assert (chain.smile(), chain.by_delta(0.25), chain.risk_reversal()) == ([], None, None)
    assert (chain.butterfly(), chain.forward_spread_bp) == (None, None)


def test_one_strike_brackets_nothing_but_itself(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"), underlying_price=90_000.0, mark_iv=0.6)
    assert reader.chain("BTC", NOVEMBER).atm_iv == 0.6
    store.option(name(90_000, "C"), underlying_price=90_001.0, mark_iv=0.6)
    assert reader.chain("BTC", NOVEMBER).atm_iv is None


def test_a_strike_without_a_mark_volatility_takes_its_twin_s_or_is_left_out(
    store: Store, reader: OptionReader
) -> None:
    for strike, kind, iv in [(80, "P", 0.7), (90, "P", NAN), (90, "C", 0.6), (100, "C", 0.0)]:
        store.option(name(strike, kind), underlying_price=95.0, mark_iv=iv)
    points = reader.chain("BTC", NOVEMBER).smile()
    assert [(point.strike, point.iv) for point in points] == [(80.0, 0.7), (90.0, 0.6)]


@pytest.fixture
def two_coins(store: Store) -> Store:
    """One strike and expiry in two coins, and each coin's own."""
    for strike in (85_000, 90_000):
        for kind in "CP":
            store.option(name(strike, kind), underlying_price=88_000.0, mark_iv=0.5)
            store.option(name(strike, kind, "USDC"), underlying_price=87_000.0, mark_iv=0.9)
    store.option(name(95_000, "C", "USDC"), age_s=0, underlying_price=87_000.0, mark_iv=0.9)
    return store


def test_coins_are_never_mixed(two_coins: Store, reader: OptionReader) -> None:
    for asked, settle, forward, iv, strikes in [
        (None, "USDT", 88_000.0, 0.5, [85_000.0, 90_000.0]),
        ("USDT", "USDT", 88_000.0, 0.5, [85_000.0, 90_000.0]),
        ("usdc", "USDC", 87_000.0, 0.9, [85_000.0, 90_000.0, 95_000.0]),
    ]:
        chain = reader.chain("BTC", NOVEMBER, asked)
        assert (chain.settle, chain.forward, chain.strikes) == (settle, forward, strikes)
        assert chain.atm_iv == pytest.approx(iv)
        assert chain.settles == ("USDC", "USDT")
        assert {one.settle for one in chain.options} == {settle}
        assert all(one.symbol.endswith("-USDT") == (settle == "USDT") for one in chain.options)


def test_the_only_coin_is_taken(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C", "USDC"))
    chain = reader.chain("BTC", NOVEMBER)
    assert (chain.settle, chain.settles) == ("USDC", ("USDC",))
    with pytest.raises(
        Unknown,
        match=r"no series BTC 27NOV99 settled in USDT: that expiry is settled in USDC;",
    ):
        reader.chain("BTC", NOVEMBER, "USDT")


@pytest.mark.parametrize("settle", ["", "US DT", "TOOLONGCOIN", "*"])
def test_an_invalid_coin_is_refused(store: Store, reader: OptionReader, settle: str) -> None:
    with pytest.raises(BadInput, match="write USDT or USDC"):
        reader.chain("BTC", NOVEMBER, settle)


def test_a_strike_is_found_by_its_number(store: Store, reader: OptionReader) -> None:
    for text in ("0.4", "0.45", "0.5"):
        store.option(name(text, "P", asset="XRP"))
    chain = reader.chain("XRP", NOVEMBER)
    put = chain[0.4].put
    assert put is not None
    assert (put.strike, put.strike_text, chain[0.4].call) == (0.4, "0.4", None)
    decimal: Any = Decimal("0.45")
    assert chain["0.45"] is chain[decimal] is chain[np.float64(0.45)]
    for strike, beside in {0.41: "0.4 and 0.45", 0.0: "0.4", 1.0: "0.5"}.items():
        with pytest.raises(KeyError, match=f"listed beside it: {beside}'"):
            chain[strike]


NO_STRIKES: tuple[Any, ...] = (NAN, "90k", "", None, True, [90_000], "BTC-27NOV99-90000-C-USDT")


@pytest.mark.parametrize("strike", NO_STRIKES)
def test_an_invalid_strike_is_refused(smile: Chain, strike: Any) -> None:
    with pytest.raises(BadInput, match=r"is not a strike: write chain\[100000\]"):
        smile[strike]


def test_membership_is_of_strikes_symbols_and_options(smile: Chain) -> None:
    listed: list[Any] = [90_000, 90_000.0, "90000", np.int64(90_000), name(90_000, "C")]
    listed += [smile[90_000], smile[90_000].call]
    assert [item in smile for item in listed] == [True] * 7
    others: list[Any] = [91_000, "91000", name(91_000, "C"), None, object(), NAN, "x", [90_000]]
    assert [item in smile for item in others] == [False] * 8


def test_an_absent_symbol_is_listed_all_the_same(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    store.option(name(90_000, "P"), conn=9)
    chain = reader.chain("BTC", NOVEMBER)
    assert name(90_000, "P") in chain.absent
    assert name(90_000, "P") in chain


def test_a_slice_is_of_strikes_with_both_ends(smile: Chain) -> None:
    assert [row.strike for row in smile[90_000:110_000]] == [
        *(90_000.0, 95_000.0, 100_000.0, 105_000.0, 110_000.0),
    ]
    assert smile[88_000:93_000] == [smile[90_000]]
    assert smile["85000":"90000"] == [smile[85_000], smile[90_000]]
    assert smile[:] == list(smile)
    assert smile[155_000:] == [smile[155_000], smile[160_000]]
    assert smile[:55_000] == [smile[50_000], smile[55_000]]
    assert smile[91_000:92_000] == smile[500_000:] == []


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (slice(110_000, 90_000), "no strike is at least 110000 and at most 90000"),
        (slice(90_000, 110_000, 2), "has no step"),
        (slice("a", None), "'a' is not a strike"),
    ],
)
def test_an_impossible_slice_is_refused(smile: Chain, part: slice, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        smile[part]


def test_calls_and_puts_are_by_strike(smile: Chain) -> None:
    assert [option.symbol for option in smile.calls] == [name(strike, "C") for strike in STRIKES]
    assert [option.symbol for option in smile.puts] == [name(strike, "P") for strike in STRIKES]


def test_the_volatility_at_a_strike_is_on_the_line_of_total_variance(smile: Chain) -> None:
    assert smile.iv_at(strike=90_000) == volatility(90_000)
    assert smile.iv_at(strike=FORWARD) == smile.atm_iv
    share = math.log(96_000 / 95_000) / math.log(100_000 / 95_000)
    variance = volatility(95_000) ** 2 * (1 - share) + volatility(100_000) ** 2 * share
    assert smile.iv_at(strike=96_000) == pytest.approx(math.sqrt(variance), rel=1e-12)
    assert smile.iv_at(strike=STRIKES[0]) == volatility(STRIKES[0])
    assert smile.iv_at(strike=STRIKES[0] - 1) is smile.iv_at(strike=STRIKES[-1] + 1) is None


@pytest.mark.parametrize("delta", [0.25, -0.25, 0.5, 0.001])
def test_the_volatility_at_a_delta_is_that_of_its_side(smile: Chain, delta: float) -> None:
    assert smile.iv_at(delta=delta) == smile.iv_at_delta(delta)


NO_PLACES: list[dict[str, Any]] = [
    *({}, {"strike": 90_000, "delta": 0.25}, {"strike": 0}, {"strike": -1}, {"strike": NAN}),
    *({"strike": "90000"}, {"strike": math.inf}, {"delta": 25}, {"delta": 0}, {"delta": "atm"}),
]


@pytest.mark.parametrize("place", NO_PLACES, ids=str)
def test_the_volatility_is_at_one_valid_place(smile: Chain, place: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        smile.iv_at(**place)


def test_a_chain_is_a_table_of_its_options(store: Store, reader: OptionReader) -> None:
    symbols = [name(90_000, "C"), name(90_000, "P"), name(95_000, "C")]
    for symbol in symbols:
        store.option(symbol, conn=9 if symbol == symbols[1] else 1)
    chain = reader.chain("BTC", NOVEMBER)
    table = chain.table()
    assert list(table) == list(chain.options)
    assert list(chain.to_pandas()["symbol"]) == [symbols[0], symbols[2]]
    assert chain.to_polars().columns == list(COLUMNS)
    assert chain.to_arrow(derived=False).column_names == list(BASE_COLUMNS)
    assert pl.DataFrame(chain)["spread_ticks"].to_list() == [o.spread_ticks for o in chain.options]
    assert chain.to_pandas().attrs["as_of"] == table.provenance.as_of
    loose = reader.chain("BTC", NOVEMBER, require_live=False)
    assert loose.to_pandas()["live"].tolist() == [True, False, True]
    store.client.delete(*(f"optrec:{symbol}" for symbol in symbols))
    assert reader.chain("BTC", NOVEMBER).to_polars().shape == (0, len(COLUMNS))


def test_what_is_not_handed_over_is_named(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    store.option(name(90_000, "P"), conn=9)
    store.list(name(95_000, "C"))
    chain = reader.chain("BTC", NOVEMBER)
    put, call = chain.absent[name(90_000, "P")], chain.absent[name(95_000, "C")]
    assert isinstance(put.reason, NotYetLive)
    assert isinstance(call.reason, NotYetLive)
    assert "has not ticked yet" in str(call.reason)
    assert (chain[90_000].put, chain[95_000]) == (None, (95_000.0, None, None))
    [loose] = [
        one for one in reader.chain("BTC", NOVEMBER, require_live=False).options if not one.live
    ]
    assert loose.symbol == name(90_000, "P")


def test_a_dead_feed_has_no_chain(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    reader.chain("BTC")
    store.feed(beat_s=60)
    with pytest.raises(FeedDown):
        reader.chain("BTC")
    assert len(reader.chain("BTC", require_live=False)) == 1


EST = timezone(timedelta(hours=-5))
FORMS: list[Any] = [
    *["27NOV99", "27nov99", " 27NOV99 ", "991127", "2099-11-27", "20991127", date(2099, 11, 27)],
    *[
        datetime(2099, 11, 27, 8, tzinfo=UTC),
        datetime(2099, 11, 27, 9, tzinfo=UTC).replace(tzinfo=None),
        "2099-11-27T08:00:00Z",
    ],
    *[datetime(2099, 11, 26, 20, tzinfo=EST), "2099-11-26T20:00:00-05:00", "front", "FRONT", None],
]


@pytest.mark.parametrize("expiry", FORMS, ids=repr)
def test_an_expiry_may_be_written_so(store: Store, reader: OptionReader, expiry: Any) -> None:
    store.option(name(90_000, "C"))
    assert reader.chain("btc", expiry).series.label == NOVEMBER


def test_a_day_of_one_digit_is_as_good(store: Store, reader: OptionReader) -> None:
    store.option("BTC-6JAN23-90000-C-USDT")
    for expiry in ("6JAN23", "06JAN23", "230106"):
        found = reader.chain("BTC", expiry, allow_expired=True)
        assert (found.series.label, len(found.options)) == ("6JAN23", 1)


NO_EXPIRIES: list[Any] = [
    *["", "soon", "31FEB99", "27NOV1999", "991327", "99112", "2099-13-01", "27 NOV 99"],
    *[20991127, 4_099_449_600_000, 1.5, True, b"27NOV99", (2099, 11, 27), "٢٧NOV99", "\ud800"],
    *["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"],
    *[datetime.max.replace(tzinfo=EST), datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))],
]


@pytest.mark.parametrize("expiry", NO_EXPIRIES, ids=ascii)
def test_a_text_that_is_no_expiry_is_refused_with_the_forms(
    store: Store, reader: OptionReader, expiry: Any
) -> None:
    store.option(name(90_000, "C"))
    with pytest.raises(
        BadInput, match="27MAR26, 27MAR2026, 260327, 2026-03-27, a date or a datetime"
    ):
        reader.chain("BTC", expiry)


def test_an_unlisted_name_is_refused_with_the_listed_ones(
    store: Store, reader: OptionReader
) -> None:
    store.option(name(90_000, "C"))
    with pytest.raises(
        Unknown,
        match=r"no series BTC 25DEC99: the nearest expiry is 27NOV99; there are: 27NOV99 USDT",
    ):
        reader.chain("BTC", "25DEC99")
    with pytest.raises(Unknown, match=r"no options of ETH here; there are: BTC"):
        reader.chain("ETH")
    for asset in ("", "BTC-", "*", None):
        with pytest.raises(BadInput, match="write BTC"):
            reader.chain(asset)  # type: ignore[arg-type]


def deliver(store: Store, symbol: str, left_s: float) -> None:
    """Have *symbol* delivered in so many seconds, whatever its name says."""
    expiry_ms = store.now_ms() + round(left_s * 1000)
    store.client.hset(f"instrument:{symbol}", "expiry_ms", expiry_ms)
    store.tick(symbol, expiry=expiry_ms)


def test_the_front_is_the_first_that_is_not_settling(store: Store, reader: OptionReader) -> None:
    settling, front, later = (f"BTC-{day}-90000-C-USDT" for day in ("1JAN30", "2JAN30", "3JAN30"))
    store.list(settling, front, later)
    for symbol, left_s in [(settling, 1000), (front, 5000), (later, 90_000)]:
        deliver(store, symbol, left_s)
    [option] = reader.chain("BTC").options
    assert option.symbol == front
    assert reader.chain("BTC", "front").options[0].symbol == front


def test_a_front_settles_between_two_calls(store: Store, reader: OptionReader) -> None:
    first, second = "BTC-1JAN30-90000-C-USDT", "BTC-2JAN30-90000-C-USDT"
    store.list(first, second)
    deliver(store, first, 3000)
    deliver(store, second, 90_000)
    assert reader.chain("BTC").options[0].symbol == first
    store.feed(skew_ms=2000 * 1000)  # the venue's clock is what counts
    store.tick(second, expiry=store.now_ms() + 90_000_000)
    assert reader.chain("BTC").options[0].symbol == second


def test_nothing_but_settling_has_no_front(store: Store, reader: OptionReader) -> None:
    store.list(name(90_000, "C"))
    deliver(store, name(90_000, "C"), 100)
    with pytest.raises(Unknown, match="no series BTC front"):
        reader.chain("BTC")


def bump(store: Store, to: int = 2) -> None:
    store.client.hset("fastopts:feed", "universe", to)


def test_a_strike_listed_between_two_calls_is_there(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    assert reader.chain("BTC").strikes == [90_000.0]
    store.option(name(95_000, "C"))
    bump(store)
    assert reader.chain("BTC").strikes == [90_000.0, 95_000.0]
    store.client.srem("options:BTC", name(90_000, "C"))
    bump(store, 3)
    assert reader.chain("BTC").strikes == [95_000.0]


def test_a_series_listed_between_two_calls_is_there(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    reader.chain("BTC", NOVEMBER)
    store.option("BTC-25DEC99-90000-C-USDT")
    bump(store)
    assert reader.chain("BTC", "25DEC99").series.label == "25DEC99"
    store.option(name(90_000, "C", "USDC"))
    bump(store, 3)
    assert reader.chain("BTC", NOVEMBER, "USDC").settle == "USDC"
    assert [(one.label, one.settle, one.count) for one in reader.expiries("BTC")] == [
        ("27NOV99", "USDC", 1),
        ("27NOV99", "USDT", 1),
        ("25DEC99", "USDT", 1),
    ]


def test_new_terms_are_announced(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    assert reader.get(name(90_000, "C")).round_price(7, "up") == "10"
    store.list(name(90_000, "C"), tick_size="0.1")
    bump(store)
    assert reader.get(name(90_000, "C")).round_price(7, "up") == "7.0"


def test_terms_that_come_late_are_announced(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    store.client.delete(f"instrument:{name(90_000, 'C')}")
    with pytest.raises(Unknown, match="no series BTC"):
        reader.chain("BTC", NOVEMBER)
    assert reader.get(name(90_000, "C")).instrument is None
    store.list(name(90_000, "C"))
    assert len(reader.chain("BTC", NOVEMBER)) == 1
    assert reader.get(name(90_000, "C")).instrument is not None


def test_another_epoch_is_another_universe(store: Store, reader: OptionReader) -> None:
    store.option(name(90_000, "C"))
    reader.chain("BTC")
    store.client.srem("options:BTC", name(90_000, "C"))
    store.option(name(95_000, "C"), epoch=EPOCH + 1)
    store.feed(epoch=EPOCH + 1)  # its counter begins again
    assert reader.chain("BTC").strikes == [95_000.0]


@pytest.fixture
def meddle(
    reader: OptionReader, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Callable[[], None]]]:
    """What is done before each of the next exchanges."""
    deeds: list[Callable[[], None]] = []
    channel: Any = reader._connection
    exchange = channel.exchange

    def meddled(payload: bytes, make_replies: Callable[[], Replies]) -> Replies:
        if deeds:
            deeds.pop(0)()
        found: Replies = exchange(payload, make_replies)
        return found

    monkeypatch.setattr(channel, "exchange", meddled)
    yield deeds
    assert not deeds


def nothing() -> None:
    pass


@pytest.mark.parametrize("exchange", range(3))
def test_what_changes_under_a_call_is_whole_before_or_after(
    store: Store, reader: OptionReader, meddle: list[Callable[[], None]], exchange: int
) -> None:
    store.option(name(90_000, "C"))

    def change() -> None:
        store.client.srem("options:BTC", name(90_000, "C"))
        store.option(name(95_000, "C"))
        store.option(name(95_000, "P"))
        bump(store)

    meddle += [nothing] * exchange + [change]
    chain = reader.chain("BTC")
    assert (chain.strikes, len(chain.options)) == ([95_000.0], 2)


def test_a_listing_that_never_rests_is_reported(
    store: Store, reader: OptionReader, meddle: list[Callable[[], None]]
) -> None:
    store.option(name(90_000, "C"))
    reader.chain("BTC")
    meddle += [partial(bump, store, version) for version in range(3, 40)]
    with pytest.raises(StoreError, match="the listing changed during each attempt"):
        reader.chain("BTC")
    meddle.clear()
    assert len(reader.chain("BTC")) == 1


def test_an_absent_option_has_a_reason(store: Store, reader: OptionReader) -> None:
    store.list(name(90_000, "C"))
    [absent] = reader.chain("BTC").absent.values()
    assert isinstance(absent, Absent)
    assert name(90_000, "C") in str(absent.reason)
    assert expiry_of(absent.symbol) == reader.chain("BTC").series.expiry_ms
