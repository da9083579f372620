"""What a read returns can be copied, sent to another process, and written as JSON."""

import copy
import json
import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from fastopts.errors import BadInput
from fastopts.field_registry import JSON_FIELDS
from fastopts.reader import Absent, Gap, Move, Option, OptionReader, Scan, Table
from tests.serve.live_market import BTC, ETH, FRONT, LiveMarket
from tests.support.store import Store
from tests.support.writer_thread import until

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda found: pickle.loads(pickle.dumps(found)),
    "the first protocol": lambda found: pickle.loads(pickle.dumps(found, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.fixture
def live_market(store: Store) -> Iterator[LiveMarket]:
    with LiveMarket(store) as made:
        made.tick(BTC[0], last_price=0.0, bid_price=0.0)
        yield made


def same(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    names = a.dtype.names or ()
    return a.dtype == b.dtype and all(
        np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind in "fM") for name in names
    )


@pytest.mark.parametrize("made", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("source", ["reader", "mirror"])
def test_a_scan_and_a_table_are_copied_whole(
    live_market: LiveMarket, reader: OptionReader, source: str, made: Callable[[Any], Any]
) -> None:
    with reader.mirror() as mirror:
        found = reader if source == "reader" else mirror
        scan, table = found.scan("BTC", sort="-strike", limit=4, gate=False), found.table()
    scanned, tabled = made(scan), made(table)
    assert (type(scanned), type(tabled)) == (Scan, Table)
    assert same(scanned.to_numpy(), scan.to_numpy())
    assert same(tabled.to_numpy(), table.to_numpy())
    assert list(scanned) == list(scan)
    assert (scanned.considered, scanned.excluded) == (scan.considered, scan.excluded)
    assert scanned[0].instrument == scan[0].instrument is not None
    assert scanned[0].live
    assert tabled.provenance == table.provenance
    assert np.array_equal(
        scanned.market.column("spread_ticks"), scan.market.column("spread_ticks"), equal_nan=True
    )


@pytest.mark.parametrize("made", COPIES.values(), ids=COPIES)
def test_what_a_mirror_returns_is_copied_while_it_changes(
    live_market: LiveMarket, reader: OptionReader, made: Callable[[Any], Any]
) -> None:
    with reader.mirror() as mirror:
        chain, feed = mirror.chain("BTC", FRONT), mirror.feed()
        copied, fed = made(chain), made(feed)
    assert list(copied.options) == list(chain.options)
    assert [row.strike for row in copied] == [row.strike for row in chain]
    assert copied.options[0].instrument == chain.options[0].instrument is not None
    assert (fed.alive, fed.now_ms, fed.venue) == (feed.alive, feed.now_ms, feed.venue)


def test_a_table_of_nothing_is_copied(store: Store, reader: OptionReader) -> None:
    store.list(BTC[0])
    for table in (reader.table("BTC"), reader.scan("BTC")):
        assert len(pickle.loads(pickle.dumps(table)).to_numpy()) == 0
    store.client.hset("fastopts:feed", "assets", "")
    assert len(copy.deepcopy(reader.table()).to_numpy()) == 0


def read(url: str) -> list[Any]:
    with OptionReader(url) as reader:
        scan, table = reader.scan("BTC", gate=False, limit=2), reader.table("ETH")
        return [scan, table, reader.chain("BTC"), reader.feed()]


def read_others(url: str) -> list[Any]:
    """One of everything else that readers, mirrors and watches return, and its repr or values."""
    with OptionReader(url) as reader, reader.mirror("ETH") as mirror:
        chain = mirror.chain("ETH", settle="USDT")
        symbol = "BTC-27NOV99-1-C-USDT"
        results = [
            *(reader.get(BTC[0]), reader.get_many([BTC[0], symbol])[1], chain.smile()[0]),
            *(chain[3500], chain.series, reader.expiries("BTC"), reader.instruments("ETH")),
            *(reader.snapshot("ETH"), reader.text(BTC[0]), reader.table().provenance),
            *(Gap("skipped", 3), Move(BTC[0], "mark_price", 1.0, 2.0, 1.0, reader.get(BTC[0]))),
        ]
        return [(result, repr(result)) for result in results]


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_a_pool_returns_what_its_workers_read(live_market: LiveMarket, how: str) -> None:
    with multiprocessing.get_context(how).Pool(1) as pool:
        scan, table, chain, feed = pool.apply(read, (live_market.store.url,))
    assert [option.symbol for option in scan] == list(BTC[:2])
    assert sorted(table.to_numpy()["symbol"]) == sorted(ETH)
    assert (len(chain), feed.alive) == (3, True)


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_a_pool_returns_everything_else_that_is_read(live_market: LiveMarket, how: str) -> None:
    with multiprocessing.get_context(how).Pool(1) as pool:
        results = pool.apply(read_others, (live_market.store.url,))
    assert [repr(result) for result, _ in results] == [text for _, text in results]


def test_two_reads_of_one_tick_are_equal(live_market: LiveMarket, reader: OptionReader) -> None:
    first, second = reader.get(BTC[0]), reader.get(BTC[0], require_live=False)
    until(lambda: reader.get(BTC[0]).as_of_ms > first.as_of_ms)
    assert first == second == reader.get(BTC[0])
    assert len({first, second}) == 1
    with live_market.paused():
        live_market.store.feed(heartbeat_ms=1)
        stale = reader.get(BTC[0], require_live=False)
    assert (stale.live, stale == first) == (False, True)


def test_options_are_equal_by_value(live_market: LiveMarket, reader: OptionReader) -> None:
    chain = reader.chain("BTC", FRONT)
    option = chain.options[1]
    twin = copy.deepcopy(option)
    assert twin == option
    assert hash(twin) == hash(option)
    assert twin in chain.options
    assert option != chain.options[2]
    assert option != option.symbol
    live_market.tick(option.symbol, last_price=5.0)
    assert reader.get(option.symbol) != option


def test_an_option_is_a_dictionary_of_all_its_fields(
    live_market: LiveMarket, reader: OptionReader
) -> None:
    option = reader.get(BTC[0])
    values = option.to_dict()
    assert tuple(values) == (*JSON_FIELDS, "tick_size", "lot_size", "reason")
    assert values == {name: getattr(option, name) for name in values if name != "reason"} | {
        "reason": None
    }
    assert (values["tick_size"], values["lot_size"]) == ("5", "0.01")
    assert (values["last_price"], values["bid_price"], values["mid"]) == (None, None, None)
    assert (values["expiry_ms"], values["as_of_ms"]) == (4_099_449_600_000, option.moment.venue_ms)
    assert values["t_years"] == option.dte / 365
    frame = pd.DataFrame([one.to_dict() for one in reader.get_many(BTC)])
    assert list(frame["symbol"]) == list(BTC)


@pytest.mark.parametrize("write", [json.dumps, orjson.dumps])
def test_json_of_an_option_is_its_dictionary(
    live_market: LiveMarket, reader: OptionReader, write: Callable[..., str | bytes]
) -> None:
    option = reader.get(BTC[0])
    values = option.to_dict()
    assert json.loads(write(values)) == values
    assert json.loads(write({"options": [option]}, default=Option.to_dict)) == {"options": [values]}


def test_an_option_that_is_not_live_says_why(live_market: LiveMarket, reader: OptionReader) -> None:
    with live_market.paused():
        live_market.store.feed(heartbeat_ms=1)
        option = reader.get(BTC[0], require_live=False)
    assert (option.to_dict()["live"], option.to_dict()["reason"]) == (False, "FeedDown")


@pytest.mark.parametrize("name", ["expiry", "ts", "rt"])
def test_a_former_name_of_a_time_works_with_a_warning(
    live_market: LiveMarket, reader: OptionReader, name: str
) -> None:
    option = reader.get(BTC[0])
    message = f"use {name}_ms, or the attribute {name}"
    with pytest.warns(DeprecationWarning, match=message) as by_index:
        assert option.to_dict()[name] == getattr(option, name)
    with pytest.warns(DeprecationWarning, match=message) as by_get:
        assert option.to_dict().get(name) == getattr(option, name)
    assert by_index[0].filename == by_get[0].filename == __file__
    assert name in option.to_dict()
    assert name not in list(option.to_dict())
    with pytest.raises(KeyError):
        option.to_dict()["no field"]
    assert option.to_dict().get("no field", 5) == 5
    assert "no field" not in option.to_dict()


def test_an_absent_option_is_a_dictionary_too(
    live_market: LiveMarket, reader: OptionReader
) -> None:
    [absent] = reader.get_many(["BTC-27NOV99-1-C-USDT"])
    assert isinstance(absent, Absent)
    assert orjson.loads(orjson.dumps(absent.to_dict())) == {
        "symbol": "BTC-27NOV99-1-C-USDT",
        "reason": "Unknown",
        "detail": str(absent.reason),
    }


EXPIRIES: dict[str, Callable[[OptionReader], Any]] = {
    "datetime64[ms]": lambda reader: reader.snapshot("BTC")["expiry"][0],
    "datetime64[D]": lambda _: np.datetime64("2099-11-27"),
    "datetime64[ns]": lambda _: np.datetime64("2099-11-27T08:00:00.000000000"),
    "Timestamp": lambda reader: reader.to_pandas("BTC")["expiry"][0],
    "naive Timestamp": lambda _: pd.Timestamp("2099-11-27 08:00"),
    "Series": lambda reader: reader.expiries("BTC")[0],
    "Chain": lambda reader: reader.chain("BTC", FRONT),
    "Option": lambda reader: reader.get(BTC[0]),
    "date": lambda _: date(2099, 11, 27),
}


@pytest.mark.parametrize("of", EXPIRIES.values(), ids=EXPIRIES)
def test_every_form_of_an_expiry_is_taken(
    live_market: LiveMarket, reader: OptionReader, of: Callable[[OptionReader], Any]
) -> None:
    expiry = of(reader)
    assert reader.chain("BTC", expiry).series.label == FRONT
    assert {one.expiry_ms for one in reader.scan("BTC", expiry=expiry)} == {4_099_449_600_000}
    with reader.mirror() as mirror:
        assert mirror.chain("BTC", expiry).series.label == FRONT


def test_a_series_names_its_coin_and_its_asset(
    live_market: LiveMarket, reader: OptionReader
) -> None:
    usdc, usdt = reader.expiries("ETH")
    assert (usdc.settle, usdt.settle) == ("USDC", "USDT")
    assert reader.chain("ETH", usdc).settle == "USDC"
    assert reader.chain("ETH", usdc, "USDT").settle == "USDT"
    with pytest.raises(BadInput, match="the series 27NOV99 is of ETH, not BTC"):
        reader.chain("BTC", usdc)


@pytest.mark.parametrize(
    "expiry",
    [
        *(np.datetime64("NaT"), pd.NaT, np.datetime64(2**62, "ms"), np.array(["2099-11-27"])),
        *(5, 1.5, None.__class__, object(), ["27NOV99"], {"expiry": "27NOV99"}, b"27NOV99"),
    ],
)
def test_a_text_that_is_no_expiry_is_refused(
    live_market: LiveMarket, reader: OptionReader, expiry: Any
) -> None:
    with pytest.raises(BadInput, match="is not an expiry: write 27MAR26"):
        reader.chain("BTC", expiry)
