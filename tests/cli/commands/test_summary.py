import re
import subprocess
import sys

from fastopts.cli.commands import summary
from fastopts.cli.output.printing import Column
from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.market import LISTED, LIVE
from tests.support.processes import environ
from tests.support.store import Store

ASSETS = [
    ["asset", "live", "listed", "OI (coins)", "volume (coins)", "turnover USD + USDT"],
    ["BTC", "13", "15", "2,761", "823", "2,055,141,606"],
    ["ETH", "1", "2", "212", "57", "5,012,873"],
]


def test_the_market_fits_one_screen(read: Read) -> None:
    done = read("summary")
    assert (done.code, done.err) == (0, "")
    first, *_ = done.out.splitlines()
    assert first.startswith(f"feed alive, {LIVE} of {LISTED} options live, median age ")
    assert done.rows[2:5] == ASSETS
    assert done.rows[6:9] == [
        ["highest turnover", "turnover quote", "highest mark IV", "mark IV"],
        ["BTC-27NOV60-90000-C", "1,000,000,000", "ETH-27NOV60-3000-C-USDT", "90.0%"],
        ["BTC-27NOV60-90000-P", "1,000,000,000", "BTC-27NOV60-90000-C", "80.0%"],
    ]
    assert max(map(len, done.out.splitlines())) <= 80
    assert len(done.out.splitlines()) <= 24


def test_the_readers_module_prints_the_same_options(read: Read, market: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fastopts.reader"],
        capture_output=True,
        text=True,
        check=True,
        env=environ(FASTOPTS_REDIS_URL=market.url),
    )
    assert done.stdout.startswith(f"feed    alive, {LIVE} of {LISTED} options live")
    symbols = re.findall(r"\S+-[CP]\S*", done.stdout)
    assert symbols == re.findall(r"\S+-[CP]\S*", read("summary").out)
    assert len(symbols) > 10


def test_json_has_the_options_whole(read: Read) -> None:
    [found] = read("summary", "--json").objects
    assert (found["live"], found["total"], found["feed"]["alive"]) == (LIVE, LISTED, True)
    assert [option["symbol"] for option in found["by_iv"]][:1] == ["ETH-27NOV60-3000-C-USDT"]
    assert found["by_turnover"][0]["turnover_24h"] == 1e9
    assert found["assets"][1] == {
        "asset": "ETH",
        "live": 1,
        "total": 2,
        "open_interest": 212.37,
        "volume_24h": 56.81,
        "turnover_24h": 5012873.25,
        "quotes": ["USDT"],
    }


def test_a_dead_feed_is_code_1_and_nothing_of_it_is_shown(read: Read, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read("summary")
    assert done.code == 1
    first = f"feed DOWN: the collector has ended, 0 of {LISTED} options live"
    assert done.out.splitlines()[0] == first
    assert "-C-USDT" not in done.out


def test_simulated_data_say_so_first(read: Read, market: Store) -> None:
    listed.feed(market, venue="sim")
    done = read("summary", FASTOPTS_VENUE="sim")
    assert done.out.splitlines()[0] == "SIMULATED: not the market"


def test_an_empty_server_is_a_dead_feed(read: Read, market: Store) -> None:
    market.client.flushall()
    for command in ("summary", "status"):
        done = read(command)
        assert (done.code, done.err) == (1, "")
        assert "DOWN: no collector has ever written to this database" in done.out


def test_lists_of_different_length_stand_side_by_side() -> None:
    columns = [Column("a", ["1", "2"]), Column("b", ["3"]), Column("c", [])]
    padded = [summary._padded(column, 2).cells for column in columns]
    assert padded == [["1", "2"], ["3", ""], ["", ""]]
