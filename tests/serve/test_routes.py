"""Responses of the API, compared with a reader of the same Redis."""

import csv
import io
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from fastopts.field_registry import DISPLAY_RULES, FIELDS, JSON_FIELDS
from fastopts.model import EXPIRY_TEXT_FORMS
from fastopts.reader import OptionReader
from fastopts.reader.export import as_dict
from tests.docs.announcer import MovingAnnouncer
from tests.docs.market import MUTED, list_market
from tests.serve.http_server import HttpServerThread, until
from tests.support.store import Store

CALL = "BTC-25JUN27-100000-C-USDT"
PASSING = ("age_s", "dte", "t_years", "as_of_ms")


@pytest.fixture
def server(store: Store) -> Any:
    with MovingAnnouncer(store, list_market(store)), HttpServerThread(store.url) as server:
        until(lambda: server.get("/v1/feed").json["alive"])
        yield server


@pytest.fixture
def reader(store: Store) -> Any:
    with OptionReader(store.url) as opened:
        yield opened


def test_an_option_equals_that_of_a_reader(server: HttpServerThread, reader: OptionReader) -> None:
    payload, option = server.get(f"/v1/options/{CALL}").json, reader.get(CALL)
    expected = option.to_dict()
    assert payload.keys() == expected.keys() | {"simulated", "epoch"}
    assert {name: payload[name] for name in expected if name not in PASSING} == {
        name: value for name, value in expected.items() if name not in PASSING
    }
    assert payload["dte"] == pytest.approx(option.dte, abs=0.01)
    assert payload["t_years"] == payload["dte"] / 365
    assert 0 <= payload["age_s"] < 60
    assert (payload["live"], payload["reason"], payload["simulated"]) == (True, None, False)
    assert payload["time_value"] == option.time_value
    assert payload["spread_ticks"] == option.spread_ticks
    terms = reader.instruments()
    steps = next((each.tick_size, each.lot_size) for each in terms if each.symbol == CALL)
    assert (payload["tick_size"], payload["lot_size"]) == steps
    assert "" not in steps


def test_stale_values_are_refused_or_marked(server: HttpServerThread) -> None:
    refused = server.get(f"/v1/options/{MUTED}")
    assert (refused.status, refused.reason) == (503, "ConnectionMuted")
    assert refused["content-type"] == "application/problem+json"
    assert MUTED in refused.json["detail"]
    payload = server.get(f"/v1/options/{MUTED}?stale=true").json
    assert (payload["live"], payload["reason"]) == (False, "ConnectionMuted")


def test_each_missing_option_has_its_reason(server: HttpServerThread) -> None:
    payload = server.get(f"/v1/options?symbols={CALL},{MUTED},BTC-1JAN99-1-C").json
    assert [entry["symbol"] for entry in payload["options"]] == [CALL]
    assert {entry["symbol"]: entry["reason"] for entry in payload["absent"]} == {
        MUTED: "ConnectionMuted",
        "BTC-1JAN99-1-C": "Unknown",
    }


def test_expiries_are_the_aggregates_of_chains(
    server: HttpServerThread, reader: OptionReader
) -> None:
    payload = server.get("/v1/expiries/btc").json
    chains = reader.chains("BTC")
    assert [(entry["label"], entry["settle"]) for entry in payload["expiries"]] == [
        (chain.series.label, chain.settle) for chain in chains
    ]
    for entry, chain in zip(payload["expiries"], chains, strict=True):
        assert entry["forward"] == chain.forward
        assert entry["atm_iv"] == pytest.approx(chain.atm_iv)
        assert entry["straddle"] == chain.straddle
        assert entry["risk_reversal"] == chain.risk_reversal()
        assert entry["butterfly"] == pytest.approx(chain.butterfly())
        assert entry["open_interest"] == pytest.approx(chain.open_interest)
        assert (entry["live"], entry["total"]) == (len(chain.options), chain.series.count)
        assert entry["max_pain"] == chain.max_pain
        assert entry["put_call_open_interest"] == chain.put_call_ratio()
        assert entry["put_call_volume_24h"] == chain.put_call_ratio("volume_24h")
    assert payload["front"] == reader.chain("BTC").series.label
    options = [option for chain in chains for option in chain.options]
    sums = {
        kind: sum(option.open_interest or 0.0 for option in options if option.type == kind)
        for kind in "CP"
    }
    assert payload["put_call_open_interest"] == pytest.approx(sums["P"] / sums["C"])
    of_one = server.get("/v1/expiries/BTC?settle=usdc").json["expiries"]
    assert {entry["settle"] for entry in of_one} == {"USDC"}


def test_fields_are_the_registry(server: HttpServerThread) -> None:
    body = server.get("/v1/fields").json
    row = server.get(f"/v1/options/{CALL}").json
    # of the message, of the listing, and of the row
    others = {"simulated", "epoch", "tick_size", "lot_size", "reason"}
    assert {field["name"] for field in body["options"]} == row.keys() - others
    series = server.get("/v1/expiries/BTC").json["expiries"][0]
    assert [field["name"] for field in body["series"]] == list(series)
    fields = {field["name"]: field for field in body["options"]}
    assert fields["mark_iv"] == {
        "name": "mark_iv",
        "form": "number",
        "unit": "fraction",
        "meaning": FIELDS["mark_iv"].meaning,
        "heading": "Mark IV",
        "brief": "Mark IV",
        "display": "iv",
        "column_unit": "",
        "short": "miv",
        "formula": None,
        "only_if": None,
        "exported": True,
        "sortable": True,
        "bounds": ["min_iv", "max_iv"],
        "low": 0,
        "high": 10,
    }
    assert fields["expiry_ms"]["form"] == "time"
    assert fields["volume_24h"]["high"] is None
    assert fields["volume_24h"]["column_unit"] == "base coin"
    assert body["display_rules"]["computed"] == asdict(DISPLAY_RULES["computed"])
    assert fields["mid"]["formula"] == "round((bid_price + ask_price) / 2, 9)"
    lines = server.get("/v1/fields.csv").body.splitlines()
    assert len(lines) == len(body["options"]) + 1


def test_a_chain_has_each_strike_and_never_mixes_coins(
    server: HttpServerThread, reader: OptionReader
) -> None:
    for settle in ("USDT", "USDC"):
        payload = server.get(f"/v1/chains/BTC/2027-01-29?settle={settle}").json
        chain = reader.chain("BTC", "29JAN27", settle)
        assert [row["strike"] for row in payload["strikes"]] == chain.strikes
        assert {row[side]["settle"] for row in payload["strikes"] for side in ("call", "put")} == {
            settle
        }
        atm = chain.atm()
        assert [row["strike"] for row in payload["strikes"] if row["atm"]] == [atm and atm.strike]
        assert payload["settles"] == list(chain.settles)
    assert server.get("/v1/chains/BTC/29JAN27").json["settle"] == "USDT"
    assert len(server.get("/v1/chains/BTC").json["chains"]) == len(reader.expiries("BTC"))


def test_a_chain_lists_absent_options(server: HttpServerThread) -> None:
    payload = server.get("/v1/chains/BTC/25JUN27").json
    assert {entry["symbol"]: entry["reason"] for entry in payload["absent"]} == {
        MUTED: "ConnectionMuted"
    }
    [row] = [row for row in payload["strikes"] if row["strike"] == 130_000]
    assert row["call"] is None
    assert row["put"]["symbol"] == MUTED.replace("-C-", "-P-")


def test_a_smile_and_a_surface_are_the_chains(
    server: HttpServerThread, reader: OptionReader
) -> None:
    chain = reader.chain("BTC", "29JAN27")
    smile = server.get("/v1/smile/BTC/29JAN27").json
    names = ("strike", "type", "log_moneyness", "mark_iv", "bid_iv", "ts_ms")
    points = [tuple(entry[name] for name in names) for entry in smile["points"]]
    assert points == [
        (
            *(point.strike, point.option.type, point.log_moneyness, point.iv, point.bid_iv),
            point.option.ts_ms,
        )
        for point in chain.smile()
    ]
    surface = server.get("/v1/surface/BTC?deltas=-0.25,atm,0.25&settle=USDT").json
    assert surface["deltas"] == [-0.25, "atm", 0.25]
    [row] = [entry for entry in surface["expiries"] if entry["label"] == "29JAN27"]
    expected = [chain.iv_at_delta(-0.25), chain.atm_iv, chain.iv_at_delta(0.25)]
    assert row["ivs"] == pytest.approx(expected)


def test_the_command_line_has_the_names_of_http_rows(
    server: HttpServerThread, reader: OptionReader
) -> None:
    chain = reader.chain("BTC", "29JAN27")
    point = chain.smile()[0]
    smile = server.get("/v1/smile/BTC/29JAN27").json
    option = server.get(f"/v1/options/{point.option.symbol}").json
    envelope = {"venue", "simulated", "as_of_ms", "epoch"}
    assert option.keys() - envelope <= as_dict.option_json(point.option).keys()
    series = as_dict.with_ms(as_dict.series_values(chain))
    assert smile.keys() - envelope - {"points"} <= series.keys()
    assert smile["points"][0].keys() <= as_dict.with_ms(as_dict.point_values(point)).keys()


def test_a_scan_equals_that_of_a_reader(server: HttpServerThread, reader: OptionReader) -> None:
    payload = server.get("/v1/scan?asset=BTC&type=P&min_bid_iv=0.5&sort=-bid_iv&limit=3").json
    result = reader.scan("BTC", type="P", min_bid_iv=0.5, sort="-bid_iv", limit=3)
    assert [entry["symbol"] for entry in payload["options"]] == [entry.symbol for entry in result]
    assert result
    assert (payload["considered"], payload["excluded"]) == (result.considered, result.excluded)
    assert (payload["matching"], payload["out_of_bounds"]) == (
        result.matching,
        result.out_of_bounds,
    )
    assert payload["out_of_bounds"] > 0


def test_bounds_are_understood_as_people_write_them(server: HttpServerThread) -> None:
    exact = server.get("/v1/scan?gate=false&type=P&min_strike=90000&max_strike=1e5").json
    written = server.get("/v1/scan?gate=false&type=put&min_strike=90k&max_strike=100,000").json
    symbols = [[row["symbol"] for row in payload["options"]] for payload in (exact, written)]
    assert symbols[0] == symbols[1]
    assert written["considered"] == exact["considered"] > 0
    refused = server.get("/v1/scan?min_strike=90,5")
    assert refused.json["detail"].startswith("min_strike: '90,5' is not a number: write 90000")


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
def test_the_index_lists_every_route_with_one_line(server: HttpServerThread, path: str) -> None:
    payload = server.get(path).json
    document = server.get(payload["openapi"]).json
    routes = {route["path"]: route for route in payload["routes"]}
    assert routes.keys() == document["paths"].keys() | {"/v1/stream"}
    assert len(routes) == len(payload["routes"])
    for route in routes.values():
        assert re.fullmatch(r"[A-Z][^\n`]+\.", route["summary"]), route
    assert {"min_iv", "sort", "limit"} < set(routes["/v1/scan"]["parameters"])
    assert server.get(payload["documentation"]).status == 200


@pytest.mark.parametrize("written", [CALL.lower(), CALL.replace("BTC", "BTCUSDT")[:-5], CALL])
def test_a_symbol_is_accepted_in_any_case_and_as_the_web_page_shows_it(
    server: HttpServerThread, written: str
) -> None:
    assert server.get(f"/v1/options/{written}").json["symbol"] == CALL
    [row] = server.get(f"/v1/options?symbols={written}").json["options"]
    assert row["symbol"] == CALL
    selection = quote(json.dumps({"symbols": [written]}))
    with server.events(f"?subscribe={selection}") as messages:
        rows = next(each for each in messages if each["type"] == "rows")
    assert [row["symbol"] for row in rows["rows"]] == [CALL]


def test_a_near_miss_is_explained_without_a_word_of_mirrors(server: HttpServerThread) -> None:
    refused = server.get("/v1/options/BTC-29JAN27-95000-C-USDT")
    assert refused.status == 404
    assert "the nearest strikes are BTC-29JAN27-90000-C-USDT and" in refused.json["detail"]
    assert "mirror" not in refused.json["detail"]


@pytest.mark.parametrize("path", ["/v1/chains/BTC/soon", "/v1/scan?expiry=soon"])
def test_an_invalid_expiry_is_refused_with_the_forms_of_a_text(
    server: HttpServerThread, path: str
) -> None:
    detail = server.get(path).json["detail"]
    assert detail == f"'soon' is not an expiry: write {EXPIRY_TEXT_FORMS}"


def test_instruments_are_all_listed_options(server: HttpServerThread, reader: OptionReader) -> None:
    payload = server.get("/v1/instruments").json["instruments"]
    listed = reader.instruments()
    assert [entry["symbol"] for entry in payload] == [entry.symbol for entry in listed]
    assert payload[0]["tick_size"] == listed[0].tick_size
    assert payload[0]["expiry_ms"] == listed[0].expiry_ms


def test_the_feed_has_coverage_and_ages(server: HttpServerThread) -> None:
    payload = server.get("/v1/feed").json
    assert (payload["alive"], payload["muted"], payload["assets"]) == (True, [2], ["BTC", "ETH"])
    assert (payload["live"], payload["total"]) == (41, 42)
    assert payload["newest_age_s"] <= payload["age_s_p50"] <= payload["age_s_p99"]


@pytest.mark.parametrize("form", ["suffix", "accept"])
def test_csv_has_the_same_rows(server: HttpServerThread, form: str) -> None:
    path = "/v1/chains/BTC/29JAN27"
    if form == "suffix":
        answer = server.get(f"{path}.csv")
    else:
        answer = server.get(path, {"Accept": "text/csv, application/json;q=0.5"})
    assert answer["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    payload = server.get(path).json
    options = [row[side] for row in payload["strikes"] for side in ("call", "put")]
    assert [row["symbol"] for row in rows] == [entry["symbol"] for entry in options]
    for row, entry in zip(rows, options, strict=True):
        fields = [field.name for field in JSON_FIELDS.values()]
        assert list(row) == [*fields, "tick_size", "lot_size", "reason"]
        moment = datetime.fromtimestamp(entry["expiry_ms"] / 1000, UTC)
        assert row["expiry"] == moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert row["live"] == "true"
        for name in ("bid_price", "delta", "mark_iv", "theta"):
            assert row[name] == ("" if entry[name] is None else str(entry[name]))


def test_an_etag_names_a_state_of_the_feed(server: HttpServerThread) -> None:
    path = f"/v1/options/{CALL}"

    def again() -> bool:
        tag = server.get(path)["etag"]
        return tag is not None and server.get(path, {"If-None-Match": tag}).status == 304

    until(again)  # unless something was announced in between
    tag = server.get(path)["etag"]
    assert tag is not None
    until(lambda: server.get(path, {"If-None-Match": tag}).status == 200)
    assert server.get(f"{path}.csv")["etag"] != server.get(path)["etag"]


def test_a_dead_feed_has_no_etag_and_no_values(store: Store) -> None:
    skew_ms = list_market(store)
    with MovingAnnouncer(store, skew_ms), HttpServerThread(store.url) as server:
        until(lambda: server.get("/v1/feed").json["alive"])
        store.client.hset("fastopts:feed", "heartbeat_ms", 0)
        until(lambda: not server.get("/v1/feed").json["alive"])
        for path in (f"/v1/options/{CALL}", "/v1/expiries/BTC", "/v1/scan", "/v1/chains/BTC"):
            refused = server.get(path)
            assert (refused.status, refused.reason) == (503, "FeedDown"), path
        payload = server.get(f"/v1/options/{CALL}?stale=true")
        assert (payload.json["live"], payload.json["reason"], payload["etag"]) == (
            False,
            "FeedDown",
            None,
        )
        assert server.get("/v1/instruments").status == 200


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v1/options/NOPE", 404, "Unknown"),
        ("/v1/expiries/DOGE", 404, "Unknown"),
        ("/v1/expiries/*", 400, "BadInput"),
        ("/v1/chains/BTC/1JAN20", 404, "Unknown"),
        ("/v1/chains/BTC/soon", 400, "BadInput"),
        ("/v1/chains/BTC/29JAN27?settle=EUR", 404, "Unknown"),
        ("/v1/scan?min_iv=80", 400, "BadInput"),
        ("/v1/scan?min_iv=nan", 400, "BadInput"),
        ("/v1/scan?sort=nothing", 400, "BadInput"),
        ("/v1/scan?limit=-1", 400, "BadInput"),
        ("/v1/scan?min_ivs=1", 400, "BadInput"),
        ("/v1/scan?type=X", 400, "BadInput"),
        ("/v1/scan?min_iv=0.1&min_iv=0.2", 400, "BadInput"),
        ("/v1/options?symbols=", 400, "BadInput"),
        ("/v1/options", 400, "BadInput"),
        ("/v1/surface/BTC?deltas=2", 400, "BadInput"),
        ("/v1/events?subscribe=x", 400, "BadInput"),
        (f"/v1/options/{CALL}?max_age_s=-1", 400, "BadInput"),
        (f"/v1/options/{CALL}?stale=perhaps", 400, "BadInput"),
        ("/v2/feed", 404, "NoSuchPath"),
        ("/v1/options/", 404, "NoSuchPath"),
    ],
)
def test_an_invalid_request_gets_its_status_and_reason(
    server: HttpServerThread, path: str, status: int, reason: str
) -> None:
    answer = server.get(path)
    assert (answer.status, answer.reason) == (status, reason), answer.json
    assert answer["content-type"] == "application/problem+json"
    assert answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/chains/BTC/25JUN", r"'25JUN' has no year: write 25JUN\d\d"),
        ("/v1/scan?min_iv=abc", r"min_iv: 'abc' is not a fraction: write 0.8 or 80%"),
        ("/v1/options", "symbols: missing: add it to the query"),
        ("/v1/scan?limit=x", "limit: 'x' is not a whole number: write digits, such as 20"),
        ("/v1/scan?limit=-1", "limit: '-1' is too small: write 0 or more"),
    ],
)
def test_an_invalid_parameter_is_answered_with_the_remedy(
    server: HttpServerThread, path: str, detail: str
) -> None:
    answer = server.get(path)
    assert answer.status == 400
    assert re.fullmatch(detail, answer.json["detail"])


def test_a_bound_on_a_volatility_takes_percentages(server: HttpServerThread) -> None:
    rows = [server.get(f"/v1/scan?min_iv={text}").json["options"] for text in ("45%25", "0.45")]
    symbols = [[row["symbol"] for row in each] for each in rows]
    assert symbols[0] == symbols[1]


def test_sums_of_sizes_have_no_binary_noise(server: HttpServerThread) -> None:
    for row in server.get("/v1/expiries/BTC").json["expiries"]:
        total = row["open_interest"]
        assert total is None or total == round(total, 9)
