from typing import Any

import pytest

from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.terminal import on_terminal
from tests.support.store import Store


def test_a_row_per_series_has_the_figures_of_a_desk(read: Read) -> None:
    done = read("expiries", "BTC", "--json")
    assert (done.code, done.err) == (0, "")
    assert [(row["expiry"], row["settle"], row["live"], row["total"]) for row in done.objects] == [
        ("2060-11-27T08:00:00.000Z", "USDC", 2, 2),
        ("2060-11-27T08:00:00.000Z", "USDT", 5, 7),
        ("2060-12-25T08:00:00.000Z", "USDT", 6, 6),
    ]
    december = done.objects[2]
    basis = (90000 / 88214.5 - 1) * 365 / december["dte"]
    expected = {
        "venue": "bybit",
        "asset": "BTC",
        "forward": 90000.0,
        "index_price": 88214.5,
        "basis": pytest.approx(basis),
        "atm_iv": pytest.approx(0.50),
        "straddle": 2437.0,
        "open_interest": pytest.approx(6 * 212.37),
        "turnover_24h": pytest.approx(6 * 5012873.25),
        "max_pain": 90000.0,
        "put_call_open_interest": 1.0,
        "put_call_volume_24h": 1.0,
    }
    wings = (0.5 + 0.05 * 0.25 / 0.3, 0.5 + 0.10 * 0.25 / 0.3)
    expected["risk_reversal"] = pytest.approx(wings[0] - wings[1])
    expected["butterfly"] = pytest.approx(sum(wings) / 2 - 0.5)
    assert {name: december[name] for name in expected} == expected


def test_the_table_says_the_same_and_a_dash_for_what_is_not_known(read: Read) -> None:
    done = read("expiries", "BTC")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("BTC, index 88,214.50, 20")
    # USDC and USDT are different coins
    assert done.rows[0][0].endswith(", prices in quote coin")
    head, *rows = done.rows[1:]
    usdc, november, december = (dict(zip(head, row, strict=True)) for row in rows)
    assert head == [
        *("expiry", "settle", "DTE", "forward", "basis %/y", "ATM IV", "straddle", "RR vol"),
        *("BF vol", "OI BTC", "volume BTC", "turnover quote", "max pain", "put/call"),
        *("put/call volume", "ATM strike", "oldest tick", "live", "delivery (UTC)"),
    ]
    assert (
        december.items()
        >= {
            "expiry": "25DEC60",
            "settle": "USDT",
            "forward": "90,000.00",
            "basis %/y": "+0.1",
            "ATM IV": "50.0%",
            "straddle": "2,437.0",
            "RR vol": "-4.2",
            "BF vol": "+6.2",
            "OI BTC": "1.27k",
            "turnover quote": "30.1M",
            "max pain": "90,000",
            "put/call": "1.00",
            "live": "6/6",
            "delivery (UTC)": "2060-12-25 08:00",
        }.items()
    )
    assert (
        usdc.items()
        >= {
            "settle": "USDC",
            "ATM IV": "-",
            "RR vol": "-",
            "OI BTC": "425",
            "live": "2/2",
            "turnover quote": "2.00B",
            "max pain": "90,000",
            "basis %/y": "0.0",
        }.items()
    )
    assert november.items() >= {"ATM IV": "55.4%", "RR vol": "-", "live": "5/7"}.items()


def test_a_single_coin_is_named_in_the_heading(read: Read) -> None:
    title, head, _ = read("expiries", "ETH").rows
    assert title[0].endswith(", prices in USDT")
    assert {"OI ETH", "turnover USDT"} <= set(head)


def test_a_settle_coin_may_be_chosen(read: Read) -> None:
    assert [
        row["settle"] for row in read("expiries", "btc", "--settle=usdc", "--json").objects
    ] == ["USDC"]
    done = read("expiries", "ETH", "--settle", "USDC")
    assert (done.code, done.out) == (1, "")
    assert done.err == "fastopts: no options of ETH settled in USDC; there are: USDT\n"


def test_a_dead_feed_is_reported_and_read_only_on_demand(read: Read, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read("expiries", "BTC")
    assert (done.code, done.out) == (1, "")
    assert done.err == "fastopts: the collector has ended\n"
    done = read("expiries", "BTC", "--stale", "--json")
    assert [(row["live"], row["forward"]) for row in done.objects] == [
        (0, 88251.0),
        (0, 88251.0),
        (0, 90000.0),
    ]


def test_an_asset_that_is_not_listed_is_reported(read: Read) -> None:
    done = read("expiries", "DOGE")
    assert (done.code, done.out) == (1, "")
    assert done.err == "fastopts: no options of DOGE here; there are: BTC, ETH\n"


def test_simulated_data_say_so_first(read: Read, market: Store) -> None:
    listed.feed(market, venue="sim")
    done = read("expiries", "BTC")
    assert (done.code, done.out) == (1, "")
    assert "holds the data of sim" in done.err
    done = read("expiries", "BTC", "--venue", "sim")
    assert done.out.splitlines()[0] == "SIMULATED: not the market"
    assert {row["venue"] for row in read("expiries", "BTC", "--venue=sim", "--json").objects} == {
        "sim"
    }


@pytest.mark.parametrize(
    ("columns", "there", "dropped"),
    [
        (60, "RR vol", "BF vol"),
        (80, "BF vol", "straddle"),
        (120, "OI BTC", "turnover"),
        (200, "oldest tick", "delivery"),
    ],
)
def test_a_terminal_gets_the_columns_that_fit(
    market: Store, columns: int, there: str, dropped: str
) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    lines = on_terminal("expiries", "BTC", columns=columns, **url).splitlines()
    assert max(map(len, lines)) <= columns
    [head] = [line for line in lines if line.startswith("expiry")]
    assert {"expiry", "forward", "live"} <= set(head.split())
    assert there in head
    assert dropped not in head
