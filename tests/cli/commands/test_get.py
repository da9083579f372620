import json
import re
from typing import Any

from fastopts.cli.commands.get import _FIRST
from fastopts.field_registry import COLUMNS, FIELDS
from fastopts.reader.export import as_dict
from fastopts.reader.objects.market import NAMES
from fastopts.reader.objects.option import JSON_NAMES
from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.market import STALE, UNTICKED
from tests.cli.terminal import on_terminal
from tests.reader.options import make
from tests.support.store import Store

CALL = "BTC-25DEC60-90000-C-USDT"
REASON = "fastopts: BTC-27NOV60-80000-P-USDT, "


def test_every_value_comes_with_its_unit(read: Read) -> None:
    done = read("get", CALL)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == CALL
    table = {row[0]: row[1:] for row in done.rows[2:]}
    assert {name: table[name] for name in ("bid_price", "bid_iv", "gamma", "expiry", "mid")} == {
        "bid_price": ["1,205", "USDT"],
        "bid_iv": ["48.12%"],
        "gamma": ["0.000060000", "per 1 quote unit"],
        "expiry": ["2060-12-25 08:00:00Z", "UTC"],
        "mid": ["1,217.50", "USDT"],
    }
    assert table["predicted_delivery_price"] == ["-", "USDT"]
    assert table["turnover_24h"] == ["5,012,873", "USDT"]
    assert table["open_interest"] == ["212.37", "BTC"]
    # vol points, as on the page; an age in the unit beside it, a time with its milliseconds
    assert table["spread_iv"] == ["1.43", "vol points"]
    assert re.fullmatch(r"\d+\.\d{3}", table["age_s"][0])
    assert table["age_s"][1] == "seconds"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", table["ts"][0])
    assert (table["spread_ticks"], table["live"]) == (["5", "ticks"], ["yes"])


def test_full_precision_is_all_digits(read: Read) -> None:
    done = read("get", CALL, "--precision", "full")
    table = {row[0]: row[1:] for row in done.rows[2:]}
    assert table["turnover_24h"] == ["5,012,873.25", "USDT"]
    assert table["gamma"] == ["0.00006", "per 1 quote unit"]
    assert table["mid"] == ["1,217.5", "USDT"]
    assert table["mark_iv"] == ["50%"]
    assert table["moneyness"] == ["1", "strike over forward"]


def test_values_stand_side_by_side_on_a_wide_terminal(market: Store) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    narrow, wide = (
        on_terminal("get", CALL, "--all", columns=columns, **url).splitlines()
        for columns in (80, 200)
    )
    assert wide[1].split() == 3 * ["name", "value", "unit"]
    assert len(wide) < len(narrow) / 2
    for lines, columns in ((narrow, 80), (wide, 200)):
        assert max(map(len, lines)) <= columns
        text = " ".join(lines)
        names = as_dict.option_values(make()).keys() - {"symbol"}
        assert [name for name in names if f" {name} " not in f" {text} "] == []


def test_a_screen_shows_the_values_that_matter_most(market: Store) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    for columns, rows, count, units in ((80, 24, 40, True), (60, 20, 32, False)):
        lines = on_terminal("get", CALL, columns=columns, lines=rows, **url).splitlines()
        assert len(lines) == rows - 1  # and the prompt
        assert max(map(len, lines)) <= columns
        assert lines[0] == CALL
        assert ("unit" in lines[1]) == units
        text = " ".join(lines)
        for name in ("live", "age_s", "bid_price", "ask_iv", "mark_iv", "delta", "open_interest"):
            assert f" {name} " in f" {text} "
        total = len(as_dict.option_values(make())) - 1
        assert lines[-1] == f"{count} of {total} values; --all shows all"


def test_a_screen_for_all_values_has_them_in_their_order(market: Store) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    lines = on_terminal("get", CALL, columns=80, lines=70, **url).splitlines()
    names = [name for name in as_dict.option_values(make()) if name != "symbol"]
    assert [line.split()[0] for line in lines[2:]] == names


def test_values_that_matter_most_are_fields() -> None:
    assert set(_FIRST) <= FIELDS.keys()
    assert len(set(_FIRST)) == len(_FIRST)


def test_json_has_the_export_schema_and_what_follows_from_it(read: Read) -> None:
    [found] = read("get", CALL.lower(), "--json").objects
    assert list(found)[: len(COLUMNS)] == list(COLUMNS)
    assert found.keys() >= NAMES - {"expiry_ms"}
    assert (found["symbol"], found["mark_iv"], found["expiry"]) == (
        *(CALL, 0.5),
        "2060-12-25T08:00:00.000Z",
    )
    assert (found["predicted_delivery_price"], found["live"], found["crossed"]) == (
        *(None, True),
        False,
    )


def test_json_has_the_names_of_the_http_api(read: Read) -> None:
    [found] = read("get", CALL, "--json").objects
    assert found.keys() >= {*JSON_NAMES, "reason"}
    assert found["expiry"] == "2060-12-25T08:00:00.000Z"
    assert found["reason"] is None
    assert found["tick_size"] == "5"
    assert found["ts"].endswith(f"{found['ts_ms'] % 1000:03d}Z")


def test_options_that_are_not_live_have_a_reason_and_the_others_are_shown(read: Read) -> None:
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
    assert (found["live"], found["reason"]) == (False, "NotYetLive")
    assert found["bid_price"] == 1205.0


def test_the_texts_are_the_venues_own(read: Read, market: Store) -> None:
    market.client.hset(f"option:{CALL}", "bp", "1205.000")
    [found] = read("get", CALL, "--text", "--json").objects
    assert (found["symbol"], found["bid_price"], found["gamma"]) == (CALL, "1205.000", "6e-05")
    done = read("get", CALL, "--text")
    assert ["bid_price", "1205.000"] in done.rows
    assert read("get", STALE, "--text").code == 1


def test_a_dead_feed_is_reported_once(read: Read, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read("get", CALL, STALE, "--json")
    assert done == (1, "", "fastopts: the collector has ended\n")


def test_one_object_a_line(read: Read) -> None:
    done = read("get", CALL, "ETH-27NOV60-3000-C-USDT", "--json")
    assert [json.loads(line)["asset"] for line in done.out.splitlines()] == ["BTC", "ETH"]
