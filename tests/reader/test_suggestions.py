"""Symbols in every accepted form, and the hints for those that are not listed, on each surface."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas
import polars
import pytest

from fastopts.reader import (
    AsyncOptionReader,
    BadInput,
    Expired,
    Mirror,
    NoSuchOption,
    Option,
    OptionReader,
    Unknown,
)
from tests.docs.announcer import MovingAnnouncer
from tests.docs.market import MOVING, list_market
from tests.support.store import Store

USDT, USDC = "BTC-29JAN27-90000-C-USDT", "BTC-29JAN27-90000-C"
CALL = "BTC-25JUN27-90000-C-USDT"
Get = Callable[..., Option]


@pytest.fixture
def announcer(store: Store) -> Iterator[MovingAnnouncer]:
    with MovingAnnouncer(store, list_market(store)) as running:
        yield running


@pytest.fixture(params=["blocking", "async", "mirror"])
def get(request: pytest.FixtureRequest, store: Store, announcer: MovingAnnouncer) -> Iterator[Get]:
    """`get` of a reader of either kind, or of a mirror."""

    def get_async(symbol: str, **options: Any) -> Option:
        async def main() -> Option:
            async with AsyncOptionReader(store.url) as reader:
                return await reader.get(symbol, **options)

        return asyncio.run(main())

    with OptionReader(store.url) as reader:
        if request.param == "blocking":
            yield reader.get
        elif request.param == "async":
            yield get_async
        else:
            with reader.mirror() as mirror:
                yield mirror.get


FORMS = [
    (USDT, USDT),
    (USDT.lower(), USDT),
    ("BTCUSDT-29JAN27-90000-C", USDT),
    ("btcusdt-29jan27-90000-c", USDT),
    (f" {USDT}", USDT),
    (USDC, USDC),
    (USDC.lower(), USDC),
    (f"{USDC}-USDC", USDC),
    ("BTCUSDC-29JAN27-90000-C", USDC),
]


@pytest.mark.parametrize(("written", "symbol"), FORMS)
def test_a_symbol_is_accepted_in_any_case_and_as_the_web_page_shows_it(
    get: Get, written: str, symbol: str
) -> None:
    assert get(written).symbol == symbol


HINTS: list[tuple[str, type[NoSuchOption], str]] = [
    # the strike is off the grid, or beyond it
    (
        "BTC-29JAN27-95000-C-USDT",
        Unknown,
        "here: the nearest strikes are BTC-29JAN27-90000-C-USDT and BTC-29JAN27-100000-C-USDT",
    ),
    (
        "btcusdt-29jan27-95000-p",
        Unknown,
        "no option 'btcusdt-29jan27-95000-p' here: the nearest strikes are BTC-29JAN27-90000-P-",
    ),
    ("BTC-29JAN27-95000-C", Unknown, "BTC-29JAN27-90000-C and BTC-29JAN27-100000-C"),
    ("BTC-25JUN27-500000-C-USDT", Unknown, "the nearest strike is BTC-25JUN27-130000-C-USDT"),
    # the other settle coin, in both directions
    ("BTC-25JUN27-90000-C", Unknown, "did you mean BTC-25JUN27-90000-C-USDT?"),
    ("BTC-25JUN27-90000-C-USDC", Unknown, "did you mean BTC-25JUN27-90000-C-USDT?"),
    ("ETHUSDC-25JUN27-4500-P", Unknown, f"did you mean {MOVING}?"),
    # no such expiry
    (
        "BTC-30JAN27-90000-C-USDT",
        Unknown,
        "no expiry 30JAN27: the nearest expiries are 29JAN27 and",
    ),
    ("BTC-26JUN27-90000-C-USDT", Unknown, "no expiry 26JUN27: the nearest expiry is 25JUN27"),
    # it has expired
    ("BTC-3JAN27-90000-C-USDT", Expired, "expired at 2027-01-03 08:00 UTC, if it ever was listed"),
    ("btc-3jan27-90000-c", Expired, "btc-3jan27-90000-c expired at 2027-01-03 08:00 UTC"),
    # other spellings
    ("BTC-29JAN2027-90000-C-USDT", Unknown, f"did you mean {USDT}?"),
    ("BTC 29JAN27 90,000 call", Unknown, f"did you mean {USDT}?"),
    # nothing is listed
    ("DOGE-29JAN27-1-C-USDT", Unknown, "no options of DOGE here; there are: BTC, ETH"),
    ("NOPE-1", Unknown, "no option 'NOPE-1' here"),
]


@pytest.mark.parametrize(("symbol", "kind", "hint"), HINTS)
def test_a_near_miss_is_explained(get: Get, symbol: str, kind: type, hint: str) -> None:
    with pytest.raises(kind) as error:
        get(symbol)
    assert hint in str(error.value)


def test_the_other_coin_is_suggested_where_only_that_one_is_listed(store: Store) -> None:
    list_market(store)
    store.client.delete(f"optrec:{USDT}", f"instrument:{USDT}")
    store.client.srem("options:BTC", USDT)
    with OptionReader(store.url) as reader, pytest.raises(Unknown, match=f"did you mean {USDC}[?]"):
        reader.get(USDT)


def test_many_symbols_keep_their_order_and_the_names_that_were_asked_for(
    store: Store, announcer: MovingAnnouncer
) -> None:
    written = [USDT.lower(), "nope-1", USDC, "BTC-29JAN27-95000-C-USDT", "BTCUSDC-29JAN27-90000-C"]
    with OptionReader(store.url) as reader, reader.mirror() as mirror:
        texts = reader.text_many(written)
        for results in (reader.get_many(written), mirror.get_many(written)):
            assert [each.symbol for each in results] == [USDT, *written[1:4], USDC]
            assert [bool(each) for each in results] == [True, False, True, False, True]
        assert [isinstance(each, dict) for each in texts] == [True, False, True, False, True]
        assert reader.text(USDT.lower()) == reader.text(USDT)
        assert USDT.lower() in mirror
        assert "nope-1" not in mirror


def test_mirrors_and_watches_take_the_same_forms(store: Store, announcer: MovingAnnouncer) -> None:
    with OptionReader(store.url) as reader:
        written = [USDT.lower(), "BTCUSDC-29JAN27-90000-C", USDT]
        with reader.mirror(written) as mirror:
            assert mirror.symbols == sorted([USDT, USDC])
            assert mirror.get(USDT.lower()).symbol == USDT
            _refuses_as_partial(mirror)
        with reader.watch([MOVING.lower()], initial=True) as watch:
            option = watch.wait(10)
            assert isinstance(option, Option)
            assert option.symbol == MOVING
        with pytest.raises(Unknown, match="the nearest strikes are BTC-29JAN27-90000-C-USDT and"):
            reader.watch(["btcusdt-29jan27-95000-c"])


def _refuses_as_partial(mirror: Mirror) -> None:
    """A mirror of symbols knows nothing of what else is listed, and guesses nothing."""
    with pytest.raises(Unknown, match=r"is not in this mirror, which does not hold everything$"):
        mirror.get("BTC-29JAN27-95000-C-USDT")


SERIES: list[tuple[tuple[Any, ...], type[Exception], str]] = [
    (("BTC", "30JAN27"), Unknown, "BTC 30JAN27: the nearest expiries are 29JAN27 and 25JUN27; the"),
    (("BTC", "25JUN27", "USDC"), Unknown, "in USDC: that expiry is settled in USDT; there are: "),
    (("BTC", "3JAN27"), Unknown, "no series BTC 3JAN27: that day has passed; there are: "),
    (("BTC", "3JAN"), BadInput, "'3JAN' has no year: write 3JAN"),
]


@pytest.mark.parametrize(("arguments", "kind", "hint"), SERIES)
def test_a_series_that_is_not_listed_is_explained(
    store: Store,
    announcer: MovingAnnouncer,
    arguments: tuple[Any, ...],
    kind: type[Exception],
    hint: str,
) -> None:
    with OptionReader(store.url) as reader, pytest.raises(kind) as error:
        reader.chain(*arguments)
    assert hint in str(error.value)


def test_many_symbols_come_in_any_iterable(store: Store, announcer: MovingAnnouncer) -> None:
    symbols = [USDT, USDC, MOVING]
    kinds: list[Callable[[], Any]] = [
        lambda: tuple(symbols),
        lambda: dict.fromkeys(symbols),
        lambda: iter(symbols),
        lambda: (symbol for symbol in symbols),
        lambda: np.array(symbols),
        lambda: np.array(symbols, dtype=object),
        lambda: pandas.Series(symbols),
        lambda: pandas.Index(symbols),
        lambda: pandas.Series(symbols, dtype="category"),
        lambda: pandas.DataFrame({"symbol": symbols})["symbol"],
        lambda: polars.Series(symbols),
        lambda: polars.DataFrame({"symbol": symbols})["symbol"],
    ]
    with OptionReader(store.url) as reader, reader.mirror() as mirror:
        for make in kinds:
            assert [each.symbol for each in reader.get_many(make())] == symbols
            assert [each.symbol for each in mirror.get_many(make())] == symbols
            assert len(reader.text_many(make())) == 3
        assert {each.symbol for each in reader.get_many(set(symbols))} == set(symbols)
        for wrong in (pandas.Series([USDT, None]), np.array([[USDT]]), [b"x"], 7, USDT, None):
            with pytest.raises(BadInput, match=r"^symbols: "):
                reader.get_many(wrong)  # type: ignore[arg-type]


def test_a_chain_takes_what_other_reads_return(store: Store, announcer: MovingAnnouncer) -> None:
    with OptionReader(store.url) as reader:
        series = next(each for each in reader.expiries("BTC") if each.label == "25JUN27")
        moment = reader.snapshot("BTC")["expiry"].max()
        forms: list[Any] = [
            *(series, moment, series.expiry, series.expiry.date(), reader.get(CALL)),
            *(pandas.Timestamp(series.expiry), pandas.Timestamp("2027-06-25")),
            *("25JUN27", "25jun27", "25JUN2027", "270625", "2027-06-25", "2027-06-25T08:00:00Z"),
        ]
        for expiry in forms:
            assert reader.chain("BTC", expiry).series == series, expiry
            assert {each.expiry_ms for each in reader.scan("BTC", expiry=expiry)} == {
                series.expiry_ms
            }, expiry


def test_a_hint_that_cannot_be_read_costs_no_option(store: Store) -> None:
    list_market(store)
    with OptionReader(store.url) as reader:
        good = reader.get_many([USDT], require_live=False)
        store.client.sadd("options:ETH", "garbage")
        mixed = [USDT, "ETH-27NOV99-3000-C-USDT", "DOGE-27NOV99-1-C-USDT"]
        options = reader.get_many(mixed, require_live=False)
    assert options[0] == good[0]
    assert [type(each.reason) for each in options[1:] if not each] == [Unknown, Unknown]
