"""The judge's verdicts on a market at rest, and on each kind of fault in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import fastopts
from tests.cli.terminal import terminal
from tests.cli.verify.conftest import COINS, Rows, Verify, feed
from tests.sim.conftest import ThreadedVenue
from tests.support.store import EPOCH, Store

TICKERS = "/v5/market/tickers"


def test_all_is_good_where_redis_holds_what_the_venue_says(verify: Verify, rows: Rows) -> None:
    done = verify("--sample", "500", "--seed", "7")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("SIMULATED")
    count = len(rows)
    assert ["sample", f"{count} of {count} live options (--seed 7)"] in done.rows
    assert ["fields", f"{count} equal, 0 moved, 0 wrong"] in done.rows
    assert ["coverage", f"{count} of {count} options that the venue lists are live"] in done.rows
    assert [row[2] for row in done.rows if row[0] == "loss"] == ["balanced", "balanced"]
    assert done.rows[-1] == ["result", "all checks passed"]


def test_json_has_the_same_content(verify: Verify) -> None:
    [found] = verify("--json", "--sample", "12", "--seed", "7").objects
    assert (found["ok"], found["complaints"], found["simulated"]) == (True, [], True)
    assert (found["equal"], found["moved"], found["wrong"]) == (12, 0, 0)
    assert list(found["outcomes"].values()) == ["equal"] * 12
    assert {symbol.split("-")[0] for symbol in found["outcomes"]} == set(COINS)
    assert all(one["venue"] == one["stored"] == one["live"] for one in found["coverage"]["series"])
    assert [one["balanced"] for one in found["loss"]] == [True, True]
    assert found["greeks"]["agree"] == found["greeks"]["checked"] > 0


def test_a_hash_that_is_not_as_the_venue_says_is_found_with_its_field(
    verify: Verify, held: Store, rows: Rows
) -> None:
    symbol = min(rows)
    held.client.hset(f"option:{symbol}", mapping={"mp": "12345.5", "bq": "0.125"})
    done = verify("--sample", "500")
    assert done.code == 1
    [wrong] = [row[1] for row in done.rows if row[0] == "wrong"]
    assert wrong.startswith(f"{symbol} bid_size (bq): Redis has 0.125, the venue ")
    assert ", and 1 more fields; it ticked " in wrong
    assert done.rows[-1][1].startswith("FAILED: 1 of ")
    [found] = verify("--json", "--sample", "500").objects
    evidence = found["evidence"][symbol]
    assert found["outcomes"][symbol] == "wrong"
    assert evidence["differences"][1] == {
        "field": "mp",
        "stored": "12345.5",
        "venue": rows[symbol]["markPrice"],
    }
    # a second by our clock; the venue stamps the first one late when the machine is busy
    assert evidence["rows_apart_ms"] >= 500
    assert 500 <= evidence["tick_age_ms"] < 60_000


def test_what_was_put_into_a_field_can_not_move_a_terminal(
    verify: Verify, held: Store, rows: Rows
) -> None:
    held.client.hset(f"option:{min(rows)}", "mp", "\x1b[2J1\nloss  balanced")
    done = verify("--sample", "500")
    assert "\x1b" not in done.out
    [wrong] = [row for row in done.rows if row[0] == "wrong"]
    assert f"{min(rows)} mark_price (mp): Redis has \\x1b[2J1\\nloss" in wrong[1]


def test_a_terminal_of_80_columns_has_all_of_it(
    held: Store, market: ThreadedVenue, rows: Rows
) -> None:
    words = ("verify", "--rest-url", market.venue.rest_url, "--redis-url", held.url)
    held.client.hset(f"option:{min(rows)}", "mp", "12345.5")
    with terminal(*words, columns=80, lines=50) as screen:
        assert screen.end() == 1
        lines = re.sub(r"\x1b\[[\d;]*m", "", screen.written).replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 80
    [told] = re.findall(r"^wrong (.*?)^loss", "\n".join(lines), re.DOTALL | re.MULTILINE)
    assert f"{min(rows)} mark_price (mp): Redis has 12345.5," in " ".join(told.split())


def test_missing_items_are_named(verify: Verify, held: Store, rows: Rows) -> None:
    symbol = max(rows)
    asset = symbol.split("-")[0]
    held.client.srem(f"options:{asset}", symbol)
    done = verify()
    assert (done.code, done.rows[-1][1]) == (1, "FAILED: 1 listed options are not live")
    assert f"1 are not in Redis: {symbol}" in done.out


def test_what_is_marked_as_suspect_is_not_live(verify: Verify, held: Store, rows: Rows) -> None:
    held.client.hset(f"option:{min(rows)}", "mp", "12345.5")
    held.client.set(f"optrec:{min(rows)}", b"\x01C\x08\x00" + bytes(252))
    [found] = verify("--json", "--sample", "500").objects
    assert (found["wrong"], found["sample"]) == (0, len(rows) - 1)
    assert found["complaints"] == ["1 listed options are not live"]


def test_losses_that_do_not_balance_are_not_good(verify: Verify, held: Store) -> None:
    held.client.hset("stats", "written", 899)
    done = verify()
    assert (done.code, done.rows[-1][1]) == (1, "FAILED: a loss equation does not balance")
    words = "applied 990 = written 899 + conflated 83 + pending 7"
    assert ["loss", words, "NOT BALANCED"] in done.rows


def test_without_counters_nothing_balances(verify: Verify, held: Store) -> None:
    held.client.delete("stats")
    done = verify()
    assert (done.code, done.rows[-1][1]) == (1, "FAILED: there are no counters to balance")


def test_greeks_in_another_unit_are_found_even_if_the_venue_says_the_same(
    verify: Verify, market: ThreadedVenue, held: Store, rows: Rows
) -> None:
    scaled = [
        {**row, "vega": str(100 * float(row["vega"]))} for s, row in rows.items() if s[:3] == "BTC"
    ]
    for row in scaled:
        held.client.hset(f"option:{row['symbol']}", "v", row["vega"])
    answer = {"retCode": 0, "result": {"list": scaled}, "time": held.now_ms()}
    market.venue.faults.rest[TICKERS] = (200, json.dumps(answer))
    [found] = verify("--json", "--coins", "BTC", "--sample", "500").objects
    assert (found["equal"], found["wrong"]) == (len(scaled), 0)
    greeks = found["greeks"]
    assert greeks["agree"] < 0.5 * greeks["checked"]
    assert greeks["worst"]["greek"] == "vega"
    assert greeks["worst"]["off"] == pytest.approx(99, rel=0.05)
    assert found["complaints"] == [
        f"the greeks of {greeks['checked'] - greeks['agree']} options differ from the model"
    ]


def test_a_feed_whose_connections_are_silent_has_nothing_live(verify: Verify, held: Store) -> None:
    feed(held, conns={1: 7200.0, 2: 7200.0})
    done = verify()
    assert (done.code, done.rows[-1][1]) == (1, "FAILED: no option is live")
    told = f"sim, epoch {EPOCH}, 2 connections, 2 of them silent"
    assert ["feed", told] in done.rows
    assert ["fields", "0 equal, 0 moved, 0 wrong"] in done.rows


@pytest.mark.parametrize(
    ("beat", "said"),
    [
        ({"heartbeat_ms": 0}, "the feed of sim is dead: its collector has ended; start a"),
        ({"beat_s": 90}, "the feed of sim is dead: the last heartbeat is 9"),
        ({"schema": "2"}, "fastopts:feed has schema 2; verify supports schema 1 only"),
        ({"heartbeat_limit_ms": "soon"}, "fastopts:feed has a malformed or missing field"),
    ],
)
def test_a_feed_that_is_dead_or_strange_is_reported(
    verify: Verify, held: Store, beat: dict[str, Any], said: str
) -> None:
    feed(held, **beat)
    done = verify()
    assert done.code == 1
    assert said in done.err


def test_an_empty_redis_is_reported(verify: Verify, held: Store) -> None:
    held.client.flushall()
    done = verify()
    assert (done.code, done.out) == (1, "")
    assert "no collector has written here yet; start one: fastopts track" in done.err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, "no"), "HTTP 403: the venue refuses this address"),
        ((502, "<html>"), "HTTP 502 from the venue"),
        ((200, "<html>"), "the venue's response is not a list of tickers"),
        ((200, '{"retCode": 10001, "retMsg": "params error"}'), "retCode 10001: params error"),
        ((200, '{"retCode": 0, "result": {}, "time": 1}'), "the venue's response is not a list"),
    ],
)
def test_a_venue_that_does_not_answer_is_reported(
    verify: Verify, market: ThreadedVenue, answer: tuple[int, str], said: str
) -> None:
    market.venue.faults.rest[TICKERS] = answer
    done = verify("--duration", "0")
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_a_venue_that_is_not_there_is_reported(held: Store, tmp_path: Path) -> None:
    words = ("--redis-url", held.url, "--rest-url", "http://127.0.0.1:1", "--duration", "0")
    done = fastopts("verify", *words, cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "Connection refused" in done.err


@pytest.mark.parametrize(
    ("venue", "words", "said"),
    [
        ("sim", [], "is from sim: name its REST host with --rest-url URL"),
        ("custom:a.example", [], "is from custom:a.example: name its REST host"),
        (
            "sim",
            ["--rest-url", "https://api.bybit.com"],
            "is from sim, but https://api.bybit.com is of bybit",
        ),
        (
            "bybit",
            ["--rest-url", "http://127.0.0.1:1"],
            "is from bybit, but http://127.0.0.1:1 is of",
        ),
        ("bybit", ["--testnet"], "--testnet: the data in this Redis is from bybit"),
        ("bybit", ["--insecure"], "--insecure works for loopback only"),
        ("sim", ["--coins", "B-C", "--rest-url", "http://127.0.0.1:1"], "write coins as BTC,ETH"),
        ("sim", ["--sample", "0"], "--sample"),
    ],
)
def test_a_setting_that_does_not_fit_is_code_2(
    store: Store, tmp_path: Path, venue: str, words: list[str], said: str
) -> None:
    feed(store, venue=venue)
    done = fastopts("verify", "--redis-url", store.url, *words, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
