import re
from typing import Any

import pytest

from fastopts.cli.output import cells
from fastopts.reader.objects.market import NAMES
from fastopts.reader.selection.bounds import Bounds
from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.market import STALE
from tests.cli.terminal import on_terminal
from tests.support.store import Store

EXCLUDED = "excluded: 2 stale, 1 no tick, 1 no bid"
ALL = f"13 of 17 options match, 0 out of bounds, {EXCLUDED}"
NEAR = "BTC-27NOV60-90000-C-USDT"


def symbols(read: Read, *words: str) -> list[str]:
    return [found["symbol"] for found in read("scan", *words, "--json").objects]


def test_the_best_first_and_what_the_gate_kept_out_last(read: Read) -> None:
    words = ("--min-iv", "80%", "--sort", "-mark_iv", "--columns", "symbol,mark_iv,bid_price,dte")
    done = read("scan", *words)
    assert (done.code, done.err) == (0, "")
    *table, last = done.rows
    assert [row[:3] for row in table] == [
        ["option", "mark IV", "bid"],
        ["ETH-27NOV60-3000-C-USDT", "90.0%", "148.1"],
        ["BTC-27NOV60-90000-C", "80.0%", "1,205"],
        ["BTC-27NOV60-90000-P", "80.0%", "1,205"],
    ]
    assert last == [f"3 of 17 options match, 10 out of bounds, {EXCLUDED}"]


def test_units_are_in_the_headings(read: Read) -> None:
    names = ("--columns", "open_interest,turnover_24h,spread_iv,mid")
    assert read("scan", "ETH", *names).rows[0] == ["OI ETH", "turnover USDT", "spread vol", "mid"]
    assert read("scan", *names).rows[0] == ["OI base", "turnover quote", "spread vol", "mid"]


def test_a_screen_shows_the_first_rows_and_how_many_there_are(market: Store) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    lines = on_terminal("scan", columns=80, lines=10, **url).splitlines()
    assert len(lines) == 9  # and the prompt
    assert lines[0].startswith("option ")
    assert lines[-2:] == ["6 of 13 options; --all shows all", ALL]
    for words in (("--all",), ("--limit", "12")):
        shown = on_terminal("scan", *words, columns=80, lines=10, **url).splitlines()
        assert sum(line.startswith(("BTC-", "ETH-")) for line in shown) in (12, 13)


@pytest.mark.parametrize("name", ["open_interest", "gamma"])
@pytest.mark.parametrize("columns", [60, 80])
def test_the_column_that_sorts_is_always_shown(market: Store, name: str, columns: int) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    shown = on_terminal("scan", "--sort", f"-{name}", columns=columns, lines=20, **url)
    heading = shown.splitlines()[0]
    assert cells.column_heading(name) in heading
    assert max(map(len, shown.splitlines())) <= columns


def test_json_leaves_the_count_to_stderr(read: Read) -> None:
    done = read("scan", "ETH", "--json")
    assert (done.code, done.err) == (
        0,
        "fastopts: 1 of 2 options match, 0 out of bounds, excluded: 1 stale\n",
    )
    [found] = done.objects
    assert (found["symbol"], found["mark_iv"]) == ("ETH-27NOV60-3000-C-USDT", 0.9)


def test_every_bound_is_an_option(read: Read) -> None:
    told = read("scan", "--help").out
    for name in Bounds.__annotations__:
        assert re.search(rf"  --{name.replace('_', '-')}[ ,]", told)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--settle", "usdc", "--type", "c"], ["BTC-27NOV60-90000-C"]),
        (["--expiry", "27NOV60", "--max-strike", "80000", "--min-strike", "10000"], None),
        (["ETH", "--min-delta", "0.3", "--max-dte", "36000"], ["ETH-27NOV60-3000-C-USDT"]),
        (["--min-turnover", "1e9", "--limit", "1"], ["BTC-27NOV60-90000-C"]),
        (["--min-iv", "0.9", "--max-iv", "90%"], ["ETH-27NOV60-3000-C-USDT"]),
        (["--max-delta", "-0.4", "--expiry", "27NOV60", "--settle", "USDT"], "puts"),
        (["--settle", "usdc", "--otm"], ["BTC-27NOV60-90000-C"]),
        (["--settle", "usdc", "--no-otm"], ["BTC-27NOV60-90000-P"]),
        (["BTC", "--max-spread-ticks", "4.9"], []),
        (["BTC", "--min-dte", "36000"], []),
    ],
)
def test_a_bound_reaches_the_reader(
    read: Read, words: list[str], found: list[str] | str | None
) -> None:
    named = {
        None: ["BTC-27NOV60-80000-C-USDT"],
        "puts": ["BTC-27NOV60-90000-P-USDT", "BTC-27NOV60-100000-P-USDT"],
    }
    expected = found if isinstance(found, list) else named[found]
    assert symbols(read, *words) == expected


def test_raw_is_without_the_gate(read: Read) -> None:
    assert STALE not in symbols(read, "BTC")
    assert STALE in symbols(read, "BTC", "--raw")
    assert read("scan", "BTC", "--raw").rows[-1] == [
        "14 of 15 options match, 0 out of bounds, excluded: 1 no tick"
    ]


def test_nothing_found_is_code_1(read: Read) -> None:
    done = read("scan", "BTC", "--min-iv", "500%")
    assert done.code == 1
    [counts] = done.rows[-1]
    assert counts == (
        "0 of 15 options match, 12 out of bounds, excluded: 1 no tick, 1 stale, 1 no bid"
    )


def test_a_dead_feed_is_reported(read: Read, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    assert read("scan") == (1, "", "fastopts: the collector has ended\n")
    done = read("scan", "--stale", "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "fastopts: 0 of 17 options match, 0 out of bounds, excluded: 16 stale, 1 no tick",
        "fastopts: NOT LIVE: the collector has ended",
    ]
    assert len(read("scan", "--stale", "--raw", "--json").objects) == 16


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--min-delta", "25"], "--min-delta: 25 is not a delta: write 0.25"),
        (["--min-delta", "0.5", "--max-delta", "0.2"], "--min-delta 0.5 is above --max-delta 0.2"),
        (["--max-dte", "-5"], "--max-dte: -5 is below 0"),
        (["--max-rel-spread", "5"], "--max-rel-spread: 5 is 500%: write 0.05 for 5%"),
        (["--settle", "EUR"], "--settle: no options are settled in EUR; there are: USDC, USDT"),
        (["BTC", "--expiry", "29NOV20"], "--expiry: 29NOV20 was delivered; there are: 27NOV60"),
        (["BTC", "--expiry", "28NOV60"], "no options of BTC are delivered on 28NOV60"),
        (["--type", "P", "--min-delta", "0.2"], "write --max-delta -0.2"),
        (["--min-moneyness", "95"], "--min-moneyness: 95 is 9500%: write 0.95"),
        (["--max-iv", "0"], "--max-iv: 0 matches nothing"),
    ],
)
def test_a_bound_that_nothing_can_meet_is_refused_in_the_terms_of_the_command(
    read: Read, words: list[str], told: str
) -> None:
    for command in (["scan"], ["export", "x.csv", "--gate"]):
        if command[0] == "export" and words[0] == "BTC":
            continue
        done = read(*command, *words)
        assert (done.code, done.out) == (2, ""), done
        assert told in done.err
    assert read("scan", "--limit", "0").code == 2


def test_every_name_to_sort_by_is_a_column() -> None:
    assert cells.UNITS.keys() == NAMES
