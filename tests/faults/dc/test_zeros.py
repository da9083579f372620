"""A value that the venue has not computed is 0 in its ticks, and absent for every reader."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fastopts.reader import OptionReader
from tests.serve.live_market import LiveMarket
from tests.support.store import CALL, PUT, Store

WING = "BTC-27NOV99-104000-C-USDT"
GREEKS = ("delta", "gamma", "vega", "theta", "mark_iv")
PRICES = ("index_price", "underlying_price")
OF_FORWARD = ("forward", "moneyness", "log_moneyness", "intrinsic", "time_value")


@pytest.fixture
def reader(store: Store) -> Iterator[OptionReader]:
    with LiveMarket(store, (CALL, PUT, WING)) as live_market, OptionReader(store.url) as opened:
        live_market.tick(CALL, **dict.fromkeys((*GREEKS, *PRICES), 0.0))
        live_market.tick(PUT, **dict.fromkeys(GREEKS, 0.0))
        live_market.tick(WING, delta=0.12)
        yield opened


def test_DC_27_greeks_and_prices_that_are_all_0_are_absent_however_they_are_read(
    reader: OptionReader, tmp_path: Path
) -> None:
    path = tmp_path / "market.csv"
    with reader.mirror() as mirror_of_all:
        options = [reader.get(CALL), mirror_of_all.get(CALL), *reader.scan(gate=False, limit=1)]
    column_of = reader.scan(gate=False).market.column
    row = reader.snapshot()[0]
    reader.export(path)
    for option in options:
        assert option.symbol == CALL
        assert [getattr(option, name) for name in (*GREEKS, *PRICES, *OF_FORWARD)] == [None] * 12
        assert not option.greeks_ok
        assert option.mark_price == 1218.5
    assert all(np.isnan(column_of(name)[0]) for name in (*GREEKS, *PRICES, *OF_FORWARD))
    assert all(np.isnan(row[name]) for name in (*GREEKS, *PRICES))
    lines = csv.DictReader(path.read_text().splitlines())
    exported = next(line for line in lines if line["symbol"] == CALL)
    assert all(exported[name] == "" for name in (*GREEKS, *PRICES))


def test_DC_27_no_selection_by_delta_or_volatility_finds_them(reader: OptionReader) -> None:
    chain = reader.chain("BTC", "27NOV99")
    scan = reader.scan("BTC", gate=False, max_delta=0.05)
    wing = chain.by_delta(0.05)
    assert wing is not None
    assert wing.symbol == WING
    assert chain.by_delta(-0.05) is None
    assert [point.strike for point in chain.smile()] == [104000]
    assert len(scan) == 0
