import csv
import json
import subprocess
import sys
from pathlib import Path

from fastopts.field_registry import COLUMNS
from tests.cli.conftest import Read
from tests.cli.market import LISTED, STALE
from tests.support.processes import environ
from tests.support.store import Store


def test_the_whole_market_goes_to_a_file(read: Read, tmp_path: Path) -> None:
    done = read("export", "market.csv")
    assert done == (0, "", f"fastopts: {LISTED - 1} options of bybit\n")
    written = (tmp_path / "market.csv").read_text().splitlines()
    rows = {row["symbol"]: row for row in csv.DictReader(written)}
    assert len(rows) == LISTED - 1
    assert rows[STALE]["live"] == "false"
    assert rows["BTC-27NOV60-100000-C-USDT"]["bid_price"] == ""
    assert rows["ETH-27NOV60-3000-C-USDT"]["mark_iv"] == "0.9"


def test_a_scan_goes_to_a_file(read: Read, tmp_path: Path) -> None:
    done = read("export", "market.json", "BTC", "--gate", "--min-iv", "80%")
    counts = "2 of 15 options match, 10 out of bounds, excluded: 1 no tick, 1 stale, 1 no bid"
    assert done == (0, "", f"fastopts: bybit: {counts}\n")
    written = json.loads((tmp_path / "market.json").read_text())
    assert (written["venue"], written["schema"]) == ("bybit", 2)
    assert [row["symbol"] for row in written["rows"]] == [
        "BTC-27NOV60-90000-C",
        "BTC-27NOV60-90000-P",
    ]


def test_a_dash_is_a_pipe(market: Store, tmp_path: Path) -> None:
    words = ("export", "-", "ETH", "--format", "parquet")
    done = subprocess.run(
        [sys.executable, "-m", "fastopts.cli", *words],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environ(FASTOPTS_REDIS_URL=market.url),
    )
    (tmp_path / "eth.parquet").write_bytes(done.stdout)
    from pyarrow import parquet

    table = parquet.read_table(tmp_path / "eth.parquet")
    assert table.column_names == list(COLUMNS)
    assert table.column("mark_iv").to_pylist() == [0.9, 0.9]
    assert done.stderr == b"fastopts: 2 options of bybit\n"


def test_another_suffix_is_refused(read: Read, tmp_path: Path) -> None:
    done = read("export", "market.xls")
    assert (done.code, done.out) == (2, "")
    assert "'xls', and must be one of json, csv, parquet, arrow" in done.err
    assert not list(tmp_path.iterdir())
