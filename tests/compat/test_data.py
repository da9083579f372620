"""The market under the old names."""

import csv
import json
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from fastopts.compat import EfficientTradeExecutor, MinimalTradeBot, OptionsDataReader
from fastopts.errors import BadInput, ConfigError, StoreUnavailable, WrongVenue
from tests.compat.market import BTC_CALL, BTC_LATER, BTC_PUT, ETH_CALL, EVERYTHING, SILENT, fill
from tests.support.store import NUMBERS, Store

LONG_NAMES = [
    *("symbol", "timestamp", "bid_iv", "ask_iv", "last_price", "mark_price", "index_price"),
    *("mark_iv", "underlying_price", "open_interest", "delta", "gamma", "vega", "theta"),
    *("volume_24h", "turnover_24h"),
]
LISTED = [
    *("symbol", "timestamp", "bid_iv", "ask_iv", "last_price", "mark_price", "mark_iv"),
    *("open_interest", "volume_24h", "turnover_24h"),
]
AWAY = "redis://127.0.0.1:1"


def seconds(store: Store, symbol: str) -> int:
    told = store.client.hget(f"option:{symbol}", "ts")
    assert isinstance(told, bytes)
    return int(told)


def symbols(rows: list[dict[str, object]]) -> list[object]:
    return [row["symbol"] for row in rows]


def test_an_option_has_the_long_names_and_whole_seconds(
    store: Store, data: OptionsDataReader
) -> None:
    fill(store)
    option = data.get_option(BTC_CALL)
    assert option is not None
    assert list(option) == LONG_NAMES
    told = {"symbol": BTC_CALL, "timestamp": seconds(store, BTC_CALL)}
    assert option == {name: NUMBERS.get(name) for name in LONG_NAMES} | told
    assert 0 <= time.time() - option["timestamp"] < 60


def test_what_there_is_not_is_0(store: Store, data: OptionsDataReader) -> None:
    fill(store)
    option = data.get_option(ETH_CALL)
    assert option is not None
    assert {name for name, value in option.items() if value == 0} == {
        "mark_iv",
        "last_price",
        "open_interest",
    }
    put = data.get_option(BTC_PUT)
    assert put is not None
    assert (put["bid_iv"], put["ask_iv"]) == (0.0, 0.4955)


def test_an_unknown_option_is_none(
    store: Store, data: OptionsDataReader, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    assert data.get_option("BTC-27NOV65-1-C") is None
    assert capsys.readouterr().out == ""


def test_an_option_that_is_not_live_is_none_and_says_why(
    store: Store, data: OptionsDataReader, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    assert data.get_option(SILENT) is None
    printed = capsys.readouterr().out
    assert printed.startswith(f"Error getting {SILENT}: {SILENT}, 3.")
    assert printed.endswith(" s old: the connection that delivered it is closed\n")


def test_all_options_in_order(store: Store, data: OptionsDataReader) -> None:
    fill(store)
    rows = data.get_all_options()
    assert symbols(rows) == EVERYTHING
    assert [list(row) for row in rows] == [LISTED] * 4
    assert rows[1] == {name: NUMBERS.get(name) for name in LISTED} | {
        "symbol": BTC_CALL,
        "timestamp": seconds(store, BTC_CALL),
    }
    for row in rows:
        option = data.get_option(row["symbol"])
        assert option is not None
        assert row == {name: option[name] for name in LISTED}


@pytest.mark.parametrize(
    ("asset", "found"),
    [("BTC", EVERYTHING[:3]), ("ETH", [ETH_CALL]), ("", EVERYTHING), ("SOL", [])],
)
def test_the_options_of_an_asset(
    store: Store, data: OptionsDataReader, asset: str, found: list[str]
) -> None:
    fill(store)
    assert symbols(data.get_all_options(asset)) == found


def test_what_is_no_asset_is_reported(data: OptionsDataReader) -> None:
    with pytest.raises(BadInput, match="write BTC"):
        data.get_all_options("BTC-27NOV65")


def test_bounds_are_inclusive_and_absent_is_0(store: Store, data: OptionsDataReader) -> None:
    fill(store)
    assert symbols(data.get_high_volume_options()) == [BTC_PUT]
    assert symbols(data.get_high_volume_options(56.81)) == [BTC_PUT, BTC_CALL, ETH_CALL]
    assert symbols(data.get_high_volume_options(0)) == EVERYTHING
    assert symbols(data.get_high_iv_options()) == [BTC_PUT, BTC_LATER]
    assert symbols(data.get_high_iv_options(1.42)) == [BTC_PUT]
    assert symbols(data.get_high_iv_options(0)) == EVERYTHING
    with pytest.raises(BadInput, match=r"write 0\.8"):
        data.get_high_iv_options(80)


@pytest.mark.parametrize("expiry", ["651206", "6DEC65", "2065-12-06", date(2065, 12, 6)])
def test_an_expiry_is_understood(store: Store, data: OptionsDataReader, expiry: str | date) -> None:
    fill(store)
    assert data.get_expiry_options(expiry) == [
        {
            "symbol": BTC_LATER,
            "last_price": 80.0,
            "mark_iv": 1.2,
            "open_interest": 212.37,
            "volume_24h": 0.0,
        }
    ]


def test_expiries_of_all_assets_and_coins(store: Store, data: OptionsDataReader) -> None:
    fill(store)
    for expiry in ("651127", "front"):
        assert symbols(data.get_expiry_options(expiry)) == [BTC_PUT, BTC_CALL, ETH_CALL]
    assert data.get_expiry_options("241129") == []
    with pytest.raises(BadInput, match="27MAR26, 27MAR2026, 260327"):
        data.get_expiry_options("soon")


def test_nothing_is_listed_of_what_is_not_live(
    store: Store, data: OptionsDataReader, silence: Callable[[], object]
) -> None:
    fill(store)
    silence()
    assert data.get_option(BTC_CALL) is None
    assert data.get_all_options() == []
    assert data.get_all_options("BTC") == []
    assert data.get_high_volume_options(0) == []
    assert data.get_high_iv_options(0) == []
    assert data.get_expiry_options("651127") == []
    assert data.get_summary()["total_symbols"] == 0


def test_a_dead_feed_is_reported(
    store: Store, data: OptionsDataReader, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    store.feed(heartbeat_ms=0)
    assert data.get_all_options() == []
    assert capsys.readouterr().out == "Error getting options: the collector has ended\n"


def test_what_was_delivered_is_not_listed(store: Store, data: OptionsDataReader) -> None:
    store.option("BTC-1JAN26-90000-C-USDT")
    assert data.get_all_options() == []


STATS = {"venue": "bybit", "messages": "120", "batches": "7", "last_update": "1795361721.761"}


def test_stats_are_the_collectors_and_the_databases(store: Store, data: OptionsDataReader) -> None:
    store.client.hset("stats", mapping=STATS)  # type: ignore[arg-type]
    stats = data.get_stats()
    local = datetime.fromtimestamp(1795361721).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006
    memory_mb = stats.pop("memory_mb")
    assert stats == {
        "messages": 120,
        "batches": 7,
        "last_update": 1795361721.761,
        "last_update_str": local,
        "db_keys": 2,
        "connected": True,
    }
    assert 0 < memory_mb < 100
    data.redis_client.close()


def test_a_summary_counts_what_is_listed(store: Store, data: OptionsDataReader) -> None:
    fill(store)
    store.option("XRP-27NOV65-1-C-USDT")
    store.client.hset("stats", mapping=STATS)  # type: ignore[arg-type]
    summary = data.get_summary()
    assert summary.pop("memory_usage_mb") > 0
    assert summary == {
        "total_symbols": 5,
        "btc_options": 3,
        "eth_options": 1,
        "sol_options": 0,
        "total_messages": 120,
        "last_update": data.get_stats()["last_update_str"],
    }
    data.redis_client.close()


def test_statistics_of_another_program_are_reported(store: Store, data: OptionsDataReader) -> None:
    store.client.hset("stats", "messages", "many")
    assert data.get_stats() == {
        "error": "invalid literal for int() with base 10: 'many'",
        "connected": False,
    }
    data.redis_client.close()


def test_a_redis_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    data = OptionsDataReader(url=AWAY)
    assert data.is_connected() is False
    assert data.get_option(BTC_CALL) is None
    assert data.get_all_options() == []
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"Error getting {BTC_CALL}: {AWAY}: ")
    assert second.startswith(f"Error getting options: {AWAY}: ")
    stats = data.get_stats()
    assert stats["connected"] is False
    assert set(stats) == {"error", "connected"}
    assert list(data.get_summary()) == ["error"]
    with pytest.raises(StoreUnavailable):
        data.get_expiry_options("651127")


def test_another_venues_options_are_refused(store: Store, data: OptionsDataReader) -> None:
    fill(store)
    store.feed(venue="sim")
    for read in (data.is_connected, data.get_all_options, data.get_summary):
        with pytest.raises(WrongVenue):
            read()
    simulated = OptionsDataReader(url=store.url, venue="sim")
    assert simulated.is_connected()
    assert symbols(simulated.get_all_options()) == EVERYTHING


def test_json(
    store: Store, data: OptionsDataReader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    path = tmp_path / "options.json"
    data.export_to_json(str(path), "BTC")
    assert capsys.readouterr().out == f"Exported 3 options to {path}\n"
    content = json.loads(path.read_text())
    assert list(content) == ["exported_at", "count", "asset", "data"]
    assert (content["count"], content["asset"]) == (3, "BTC")
    assert content["data"] == data.get_all_options("BTC")
    assert path.read_text().startswith('{\n  "exported_at": "')
    exported_at = datetime.fromisoformat(content["exported_at"])
    assert exported_at.tzinfo is None
    assert 0 <= time.time() - exported_at.timestamp() < 60
    data.export_to_json(str(path))
    assert json.loads(path.read_text())["asset"] == "all"


def test_csv(
    store: Store, data: OptionsDataReader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    path = tmp_path / "options.csv"
    data.export_to_csv(str(path))
    assert capsys.readouterr().out == f"Exported 4 options to {path}\n"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = data.get_all_options()
    assert [{name: str(value) for name, value in row.items()} for row in expected] == rows
    store.feed(heartbeat_ms=0)
    data.export_to_csv(str(tmp_path / "none.csv"))
    assert capsys.readouterr().out.endswith("No data to export\n")
    assert not (tmp_path / "none.csv").exists()


def test_a_file_that_can_not_be_written_is_reported(
    store: Store, data: OptionsDataReader, tmp_path: Path
) -> None:
    fill(store)
    for export in (data.export_to_json, data.export_to_csv):
        with pytest.raises(ConfigError, match="can't be written"):
            export(str(tmp_path / "none" / "x"))


def test_no_command_scans_the_keys(
    store: Store,
    data: OptionsDataReader,
    executor: EfficientTradeExecutor,
    bot: MinimalTradeBot,
    tmp_path: Path,
) -> None:
    fill(store)
    store.client.config_resetstat()
    executor.get_option_direct(BTC_CALL)
    executor.get_options_batch(EVERYTHING)
    executor.get_option_cached(BTC_CALL)
    executor.scan_high_iv_opportunities()
    executor.monitor_price_changes(EVERYTHING)
    bot.run_strategy(EVERYTHING)
    data.is_connected()
    data.get_option(BTC_CALL)
    data.get_high_volume_options()
    data.get_high_iv_options()
    data.get_expiry_options("front")
    data.get_summary()
    data.export_to_json(tmp_path / "x.json")
    data.export_to_csv(tmp_path / "x.csv")
    called = {name.removeprefix("cmdstat_") for name in store.client.info("commandstats")}
    reads = {"mget", "hgetall", "hmget", "smembers", "time", "dbsize", "info"}
    assert called - {"config|resetstat", "hello", "client|setinfo", "select"} == reads
    data.redis_client.close()
