"""A market on one screen, and `python -m fastopts.reader`."""

import subprocess
import sys
from pathlib import Path

import pytest

from fastopts.reader import OptionReader
from fastopts.reader.objects.summary import AssetCount, Summary, summarise
from tests.cli.market import LISTED, LIVE, STALE, feed, fill
from tests.support.processes import environ
from tests.support.store import Store


@pytest.fixture
def market(store: Store) -> Store:
    fill(store)
    return store


def summary(reader: OptionReader, top: int = 3) -> Summary:
    return summarise(reader.table(require_live=False).market, top)


@pytest.mark.usefixtures("market")
def test_only_what_is_live_counts(reader: OptionReader) -> None:
    found = summary(reader)
    assert (found.live, found.total) == (LIVE, LISTED)
    assert found.assets[1] == AssetCount("ETH", 1, 2, 212.37, 56.81, 5012873.25, ("USDT",))
    assert [option.symbol for option in found.by_turnover] == [
        "BTC-27NOV60-90000-C",
        "BTC-27NOV60-90000-P",
        "BTC-27NOV60-80000-C-USDT",
    ]
    assert [option.mark_iv for option in found.by_iv] == [0.9, 0.8, 0.8]
    assert found.age_s_p50 is not None
    assert found.age_s_p99 is not None
    assert 0.5 <= found.age_s_p50 <= found.age_s_p99


def test_of_a_dead_feed_nothing_is_shown(market: Store, reader: OptionReader) -> None:
    feed(market, heartbeat_ms=0)
    found = summary(reader)
    assert (found.live, found.total, found.feed.alive) == (0, LISTED, False)
    assert found.by_turnover == found.by_iv == ()
    assert found.age_s_p50 is found.age_s_p99 is None
    assert STALE not in str(found)
    assert str(found).startswith("feed    DOWN: the collector has ended, 0 of 17")


def run(cwd: Path, **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "fastopts.reader"],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environ(**variables),
    )
    return done.returncode, done.stdout, done.stderr


def test_the_module_prints_it(market: Store, tmp_path: Path) -> None:
    code, out, err = run(tmp_path, FASTOPTS_REDIS_URL=market.url)
    assert (code, err) == (0, "")
    assert out.startswith(f"feed    alive, {LIVE} of {LISTED} options live\nage     median ")


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({"FASTOPTS_REDIS_URL": "redis://127.0.0.1:1"}, 1, "Connection refused"),
        ({"FASTOPTS_REDIS_URL": "http://localhost"}, 2, "a URL that begins with redis://"),
        ({"FASTOPTS_VENUE": "sim"}, 1, "holds the data of bybit, not of sim"),
        ({"FASTOPTS_TESTNET": "1"}, 1, "holds the data of bybit, not of bybit-testnet"),
    ],
)
def test_what_is_wrong_is_one_line(
    market: Store, tmp_path: Path, variables: dict[str, str], code: int, said: str
) -> None:
    found, out, err = run(tmp_path, **{"FASTOPTS_REDIS_URL": market.url} | variables)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("fastopts: ")
    assert said in err
