"""The fields of `stats`."""

import pytest

from fastopts.collector.store.statistics import Statistics
from fastopts.contract import StatsField
from fastopts.venues.bybit.ticker_table import new_table
from tests.support.payloads import T0, dump, ticker


def test_fields_are_those_of_the_table_and_of_all_sources() -> None:
    table = new_table()
    inlet = table.inlet(1)
    symbol = "BTC-27NOV26-1-C-USDT"
    table.add(symbol, T0 + 10**9, 1.0, "C", "USDT")
    for ts in (T0, T0 + 1):
        inlet.message(dump(ticker(symbol, ts)), ts)
    inlet.message(b"{", T0)
    statistics = Statistics(table, "sim")
    statistics.add_source(lambda: {StatsField.MOVED: "7"})
    fields = statistics.fields()
    assert fields[StatsField.VENUE] == "sim"
    assert fields[StatsField.RECEIVED] == fields[StatsField.MESSAGES] == str(table.received)
    assert fields[StatsField.APPLIED] == "2"
    assert fields[StatsField.CONFLATED] == "1"
    assert fields[StatsField.PENDING] == "1"
    assert fields[StatsField.MOVED] == "7"
    totals = statistics.totals()
    assert totals[StatsField.TOTAL_MESSAGES] == str(table.received)
    assert float(totals[StatsField.SHUTDOWN_TIME]) == pytest.approx(
        float(fields[StatsField.STARTED_AT]), abs=60
    )
