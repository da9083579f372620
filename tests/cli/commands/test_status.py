from typing import Any

import pytest

from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.market import COUNTERS, LISTED, LIVE
from tests.cli.terminal import on_terminal
from tests.support.store import Store


@pytest.fixture
def counters(market: Store) -> None:
    market.client.hset("stats", mapping=COUNTERS)


@pytest.mark.usefixtures("counters")
def test_it_shows_feed_losses_and_redis(read: Read) -> None:
    done = read("status")
    assert (done.code, done.err) == (0, "")
    told = [row for row in done.rows if row[0] != "age"]
    assert told[0][1].startswith("alive, epoch 1795000000, heartbeat ")
    assert told[0][1].endswith(" ago, venue +0 ms from Redis")
    assert told[1:3] == [
        ["coverage", f"{LISTED - 1} of {LISTED} symbols have ticked"],
        ["live", f"{LIVE} of {LISTED} listed options"],
    ]
    assert told[3][0] == "conn 1"
    assert told[4:6] == [
        ["loss", "received 1,000 = applied 990 + older 8 + rejected 2", "balanced"],
        ["loss", "applied 990 = written 900 + conflated 83 + pending 7", "balanced"],
    ]
    assert told[6][1].startswith("Valkey 9.")


@pytest.mark.usefixtures("counters")
def test_a_loss_is_red_and_code_1(read: Read, market: Store) -> None:
    market.client.hset("stats", "written", 899)
    done = read("status")
    assert done.code == 1
    words = "applied 990 = written 899 + conflated 83 + pending 7"
    assert ["loss", words, "NOT BALANCED"] in done.rows
    [found] = read("status", "--json").objects
    assert [one["balanced"] for one in found["loss"]] == [True, False]


@pytest.mark.usefixtures("counters")
def test_json_has_the_same_content(read: Read) -> None:
    [found] = read("status", "--json").objects
    assert found["loss"] == [
        {"received": 1000, "applied": 990, "older": 8, "rejected": 2, "balanced": True},
        {"applied": 990, "written": 900, "conflated": 83, "pending": 7, "balanced": True},
    ]
    assert (found["live"], found["total"]) == (LIVE, LISTED)
    assert 0 < found["age_s_p50"] <= found["age_s_p99"]
    assert found["redis"]["name"] == "Valkey"
    assert found["redis"]["memory_bytes"] > 0
    assert found["redis"]["clients"] >= 1
    assert list(found["feed"]["conns"]) == ["1"]


@pytest.mark.usefixtures("counters")
def test_faults_of_the_venue_are_shown_if_there_are_any(read: Read, market: Store) -> None:
    assert "venue" not in [row[0] for row in read("status").rows]
    listed.feed(market, never=1)
    counts: dict[Any, Any] = {
        "reconnects": 0,
        "false_acks": 3,
        "refusals": 1200,
        "moved": 0,
        "suspects": 5,
        "suspects_now": 2,
    }
    market.client.hset("stats", mapping=counts)
    done = read("status")
    assert ["coverage", f"{LISTED - 1} of {LISTED} symbols have ticked, 1 never"] in done.rows
    assert ["venue", "false acks 3, refusals 1,200, suspects 5, suspects now 2"] in done.rows
    [found] = read("status", "--json").objects
    assert found["troubles"] == counts
    assert found["feed"]["never"] == 1


@pytest.mark.usefixtures("counters")
def test_what_is_not_tracked_and_what_is_overdue_is_in_plain_sight(
    read: Read, market: Store
) -> None:
    labels = {row[0] for row in read("status").rows}
    assert not labels & {"coins", "skipped", "missing", "fields", "duties"}
    fields: dict[Any, Any] = {
        "coins": "BTC,MNT",
        "coins_wanted": "all",
        "skipped": 3,
        "skipped:unknown_name": 2,
        "skipped:other_coin": 1,
        "skipped:bad_terms": 0,
        "skipped_example": "BTC-29JAN27-100000-C-USDE",
        "missing": 6,
        "absent_fields": "theta",
        "last_update": "1795000100.5",
        "duty:refresh": "1795000000.000",
        "duty:listing": "",
        "overdue": "listing",
    }
    market.client.hset("stats", mapping=fields)
    rows = {row[0]: row[1:] for row in read("status").rows}
    assert rows["coins"] == ["BTC, MNT (all that the venue lists)"]
    [skipped] = rows["skipped"]
    assert skipped.startswith("3 listed options are not collected: unknown name 2, other coin 1; ")
    assert skipped.endswith("for example BTC-29JAN27-100000-C-USDE")
    assert rows["missing"] == ["6 options are missing from REST, do not tick and are not live"]
    assert rows["fields"] == ["no option has theta"]
    assert rows["duties"] == ["listing not yet OVERDUE, refresh 1m 40s ago"]
    [found] = read("status", "--json").objects
    assert found["duties"] == {"listing": None, "refresh": 100.5}
    assert found["overdue"] == ["listing"]
    assert found["skipped"] == {"unknown_name": 2, "other_coin": 1}
    assert (found["coins"], found["all_coins"], found["missing"]) == (["BTC", "MNT"], True, 6)


def test_a_silent_connection_and_a_skew_are_in_plain_sight(read: Read, market: Store) -> None:
    listed.feed(market, conns={1: 0.0, 2: 7200.0}, skew_ms=-2500)
    market.client.hset("fastopts:feed", "conn:3", 0)
    done = read("status")
    assert done.code == 0
    assert ["conn 2", "MUTED: last data 2h 0m ago"] in done.rows
    assert ["conn 3", "MUTED: no data yet"] in done.rows
    assert "venue -2500 ms from Redis" in done.out


def test_counters_of_another_program_are_no_equation(read: Read, market: Store) -> None:
    market.client.hset("stats", "messages", 3)
    done = read("status")
    assert done.code == 0
    assert ["loss", "unknown: `stats` has no counters of a collector"] in done.rows
    [found] = read("status", "--json").objects
    assert found["loss"] == []


def test_a_dead_feed_is_code_1(read: Read, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read("status")
    assert done.code == 1
    assert ["feed", "DOWN: the collector has ended"] in done.rows
    assert ["age", "-"] in done.rows


@pytest.mark.usefixtures("counters")
def test_balanced_is_green(market: Store) -> None:
    written = on_terminal("status", columns=100, FASTOPTS_REDIS_URL=market.url)
    assert written.count("\x1b[32mbalanced") == 2


def test_a_lag_below_zero_is_none(read: Read, market: Store) -> None:
    listed.feed(market, conns={1: 0.0}, **{"lag:1": -2})
    done = read("status")
    rows = {row[0]: row[1] for row in done.rows if len(row) == 2}
    assert rows["conn 1"].endswith(", 0 ms behind the venue")


def test_a_late_connection_is_in_plain_sight(read: Read, market: Store) -> None:
    lags = {"lag:1": 350, "lag:2": 23_400}
    listed.feed(market, conns={1: 0.0, 2: 0.0}, skew_error_ms=12, **lags)
    market.client.hset("fastopts:feed", "conn:3", market.now_ms())
    done = read("status")
    rows = {row[0]: row[1] for row in done.rows if len(row) == 2}
    assert rows["conn 1"].startswith("last data ")
    assert rows["conn 1"].endswith(", 350 ms behind the venue")
    assert rows["conn 2"].startswith("LATE: last data ")
    assert rows["conn 2"].endswith(", 23.4 s behind the venue")
    assert rows["conn 3"].endswith(", lag unknown")
    assert "venue +0 ± 12 ms from Redis" in done.out
    [found] = read("status", "--json").objects
    assert found["feed"]["late"] == [2, 3]
    assert found["feed"]["lags"] == {"1": 0.35, "2": 23.4, "3": None}
    assert found["feed"]["skew_error_ms"] == 12
