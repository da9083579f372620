import json

from fastopts.field_registry import COLUMNS
from fastopts.reader.objects.market import NAMES
from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.market import STALE, UNTICKED
from tests.support.store import Store

CALL = "BTC-25DEC60-90000-C-USDT"
REASON = "fastopts: BTC-27NOV60-80000-P-USDT, "


def test_every_value_comes_with_its_unit(read: Read) -> None:
    done = read("get", CALL)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == CALL
    table = {row[0]: row[1:] for row in done.rows[2:]}
    assert {name: table[name] for name in ("bid_price", "bid_iv", "gamma", "expiry", "mid")} == {
        "bid_price": ["1,205", "quote coin"],
        "bid_iv": ["48.12%"],
        "gamma": ["0.00006", "per 1 quote unit"],
        "expiry": ["2060-12-25 08:00:00Z", "UTC"],
        "mid": ["1,217.5", "quote coin"],
    }
    assert table["predicted_delivery_price"] == ["-", "quote coin"]
    assert table["turnover_24h"] == ["5,012,873.25", "quote coin"]
    assert (table["spread_ticks"], table["live"]) == (["5", "ticks"], ["yes"])


def test_json_has_the_export_schema_and_what_follows_from_it(read: Read) -> None:
    [found] = read("get", CALL.lower(), "--json").objects
    assert list(found)[: len(COLUMNS)] == list(COLUMNS)
    assert found.keys() >= NAMES - {"expiry_ms"}
    assert (found["symbol"], found["mark_iv"], found["expiry"]) == (
        *(CALL, 0.5),
        "2060-12-25T08:00:00Z",
    )
    assert (found["predicted_delivery_price"], found["live"], found["crossed"]) == (
        *(None, True),
        False,
    )


def test_what_is_not_live_is_told_with_the_reason_and_the_rest_shown(read: Read) -> None:
    done = read("get", STALE, CALL, UNTICKED, "--json")
    assert done.code == 1
    assert [found["symbol"] for found in done.objects] == [CALL]
    stale, unticked = done.err.splitlines()
    assert stale.startswith(REASON)
    assert stale.endswith("the connection that delivered it is closed")
    assert unticked == f"fastopts: {UNTICKED} is listed, and has not ticked yet"


def test_what_is_stale_is_shown_on_demand_and_says_so(read: Read) -> None:
    done = read("get", STALE, "--stale")
    assert done.code == 0
    assert done.out.splitlines()[1].startswith(f"NOT LIVE: {STALE}, ")
    assert done.out.splitlines()[1].endswith("the connection that delivered it is closed")
    [found] = read("get", STALE, "--stale", "--json").objects
    assert (found["live"], found["bid_price"]) == (False, 1205.0)


def test_the_texts_are_the_venues_own(read: Read, market: Store) -> None:
    market.client.hset(f"option:{CALL}", "bp", "1205.000")
    [found] = read("get", CALL, "--text", "--json").objects
    assert (found["symbol"], found["bid_price"], found["gamma"]) == (CALL, "1205.000", "6e-05")
    done = read("get", CALL, "--text")
    assert ["bid_price", "1205.000"] in done.rows
    assert read("get", STALE, "--text").code == 1


def test_a_dead_feed_is_told_once(read: Read, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read("get", CALL, STALE, "--json")
    assert done == (1, "", "fastopts: the collector has ended\n")


def test_one_object_a_line(read: Read) -> None:
    done = read("get", CALL, "ETH-27NOV60-3000-C-USDT", "--json")
    assert [json.loads(line)["asset"] for line in done.out.splitlines()] == ["BTC", "ETH"]
