"""What the API tells, beside what a reader of the same Redis is handed."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from fastopts.field_registry import COLUMNS, FIELDS
from fastopts.reader import OptionReader
from tests.docs.announcer import Announcer
from tests.docs.market import MUTED, list_market
from tests.serve.serving import Serving, until
from tests.store import Store

CALL = "BTC-25JUN27-100000-C-USDT"
PASSING = ("age_s", "dte")


@pytest.fixture
def held(store: Store) -> Any:
    with Announcer(store, list_market(store)), Serving(store.url) as server:
        until(lambda: server.get("/v1/feed").json["alive"])
        yield server


@pytest.fixture
def reader(store: Store) -> Any:
    with OptionReader(store.url) as made:
        yield made


def row_of(option: Any) -> dict[str, Any]:
    """What the API should tell of *option*, by the vocabulary."""
    values = {name: getattr(option, name) for name in COLUMNS}
    times = {name: one for name, one in values.items() if isinstance(one, datetime)}
    numbers = {f"{name}_ms": round(one.timestamp() * 1000) for name, one in times.items()}
    return {name: one for name, one in values.items() if name not in times} | numbers


def test_an_option_is_what_a_reader_is_handed(held: Serving, reader: OptionReader) -> None:
    told, option = held.get(f"/v1/options/{CALL}").json, reader.get(CALL)
    expected = row_of(option)
    assert {name: told[name] for name in expected if name not in PASSING} == {
        name: value for name, value in expected.items() if name not in PASSING
    }
    assert told["dte"] == pytest.approx(option.dte, abs=0.01)
    assert 0 <= told["age_s"] < 60
    assert (told["live"], told["reason"], told["simulated"]) == (True, None, False)
    assert told["time_value"] == option.time_value
    assert told["spread_ticks"] == option.spread_ticks


def test_what_is_not_live_is_refused_or_says_so(held: Serving) -> None:
    refused = held.get(f"/v1/options/{MUTED}")
    assert (refused.status, refused.reason) == (503, "ConnectionMuted")
    assert refused["content-type"] == "application/problem+json"
    assert MUTED in refused.json["detail"]
    told = held.get(f"/v1/options/{MUTED}?stale=true").json
    assert (told["live"], told["reason"]) == (False, "ConnectionMuted")


def test_several_say_of_each_that_is_missing_why(held: Serving) -> None:
    told = held.get(f"/v1/options?symbols={CALL},{MUTED},BTC-1JAN99-1-C").json
    assert [one["symbol"] for one in told["options"]] == [CALL]
    assert {one["symbol"]: one["reason"] for one in told["absent"]} == {
        MUTED: "ConnectionMuted",
        "BTC-1JAN99-1-C": "Unknown",
    }


def test_expiries_are_the_chains_figures(held: Serving, reader: OptionReader) -> None:
    told = held.get("/v1/expiries/btc").json
    chains = reader.chains("BTC")
    assert [(one["label"], one["settle"]) for one in told["expiries"]] == [
        (chain.series.label, chain.settle) for chain in chains
    ]
    for one, chain in zip(told["expiries"], chains, strict=True):
        assert one["forward"] == chain.forward
        assert one["atm_iv"] == pytest.approx(chain.atm_iv)
        assert one["straddle"] == chain.straddle
        assert one["risk_reversal"] == chain.risk_reversal()
        assert one["butterfly"] == pytest.approx(chain.butterfly())
        assert one["open_interest"] == pytest.approx(chain.open_interest)
        assert (one["live"], one["total"]) == (len(chain.options), chain.series.count)
        assert one["max_pain"] == chain.max_pain
        assert one["put_call_open_interest"] == chain.put_call_ratio()
        assert one["put_call_volume_24h"] == chain.put_call_ratio("volume_24h")
    assert told["front"] == reader.chain("BTC").series.label
    options = [option for chain in chains for option in chain.options]
    sums = {
        kind: sum(option.open_interest or 0.0 for option in options if option.type == kind)
        for kind in "CP"
    }
    assert told["put_call_open_interest"] == pytest.approx(sums["P"] / sums["C"])
    of_one = held.get("/v1/expiries/BTC?settle=usdc").json["expiries"]
    assert {one["settle"] for one in of_one} == {"USDC"}


def test_fields_are_the_registry(held: Serving) -> None:
    body = held.get("/v1/fields").json
    row = held.get(f"/v1/options/{CALL}").json
    envelope = ("simulated", "as_of_ms", "epoch", "reason")
    assert {field["name"] for field in body["options"]} == row.keys() - set(envelope)
    series = held.get("/v1/expiries/BTC").json["expiries"][0]
    assert [field["name"] for field in body["series"]] == list(series)
    fields = {field["name"]: field for field in body["options"]}
    assert fields["mark_iv"] == {
        "name": "mark_iv",
        "form": "number",
        "unit": "fraction",
        "meaning": FIELDS["mark_iv"].meaning,
        "heading": "Mark IV",
        "display": "percent",
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
    assert fields["mid"]["formula"] == "(bid_price + ask_price) / 2"
    lines = held.get("/v1/fields.csv").body.splitlines()
    assert len(lines) == len(body["options"]) + 1


def test_a_chain_has_each_strike_and_never_mixes_coins(held: Serving, reader: OptionReader) -> None:
    for settle in ("USDT", "USDC"):
        told = held.get(f"/v1/chains/BTC/2027-01-29?settle={settle}").json
        chain = reader.chain("BTC", "29JAN27", settle)
        assert [row["strike"] for row in told["strikes"]] == chain.strikes
        assert {row[side]["settle"] for row in told["strikes"] for side in ("call", "put")} == {
            settle
        }
        atm = chain.atm()
        assert [row["strike"] for row in told["strikes"] if row["atm"]] == [atm and atm.strike]
        assert told["settles"] == list(chain.settles)
    assert held.get("/v1/chains/BTC/29JAN27").json["settle"] == "USDT"
    assert len(held.get("/v1/chains/BTC").json["chains"]) == len(reader.expiries("BTC"))


def test_a_chain_names_what_is_absent(held: Serving) -> None:
    told = held.get("/v1/chains/BTC/25JUN27").json
    assert {one["symbol"]: one["reason"] for one in told["absent"]} == {MUTED: "ConnectionMuted"}
    [row] = [row for row in told["strikes"] if row["strike"] == 130_000]
    assert row["call"] is None
    assert row["put"]["symbol"] == MUTED.replace("-C-", "-P-")


def test_a_smile_and_a_surface_are_the_chains(held: Serving, reader: OptionReader) -> None:
    chain = reader.chain("BTC", "29JAN27")
    smile = held.get("/v1/smile/BTC/29JAN27").json
    points = [(one["strike"], one["mark_iv"], one["bid_iv"]) for one in smile["points"]]
    assert points == [(one.strike, one.iv, one.bid_iv) for one in chain.smile()]
    surface = held.get("/v1/surface/BTC?deltas=-0.25,atm,0.25&settle=USDT").json
    assert surface["deltas"] == [-0.25, "atm", 0.25]
    [row] = [one for one in surface["expiries"] if one["label"] == "29JAN27"]
    expected = [chain.iv_at_delta(-0.25), chain.atm_iv, chain.iv_at_delta(0.25)]
    assert row["ivs"] == pytest.approx(expected)


def test_a_scan_finds_and_excludes_what_the_readers_does(
    held: Serving, reader: OptionReader
) -> None:
    told = held.get("/v1/scan?asset=BTC&type=P&min_bid_iv=0.5&sort=-bid_iv&limit=3").json
    found = reader.scan("BTC", type="P", min_bid_iv=0.5, sort="-bid_iv", limit=3)
    assert [one["symbol"] for one in told["options"]] == [one.symbol for one in found]
    assert found
    assert (told["considered"], told["excluded"]) == (found.considered, found.excluded)


def test_instruments_are_all_that_is_listed(held: Serving, reader: OptionReader) -> None:
    told = held.get("/v1/instruments").json["instruments"]
    listed = reader.instruments()
    assert [one["symbol"] for one in told] == [one.symbol for one in listed]
    assert told[0]["tick_size"] == listed[0].tick_size
    assert told[0]["expiry_ms"] == listed[0].expiry_ms


def test_the_feed_says_what_lives(held: Serving) -> None:
    told = held.get("/v1/feed").json
    assert (told["alive"], told["muted"], told["assets"]) == (True, [2], ["BTC", "ETH"])
    assert (told["live"], told["total"]) == (41, 42)
    assert told["newest_age_s"] <= told["age_s_p50"] <= told["age_s_p99"]


@pytest.mark.parametrize("form", ["suffix", "accept"])
def test_csv_has_the_same_rows(held: Serving, form: str) -> None:
    path = "/v1/chains/BTC/29JAN27"
    if form == "suffix":
        answer = held.get(f"{path}.csv")
    else:
        answer = held.get(path, {"Accept": "text/csv, application/json;q=0.5"})
    assert answer["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    told = held.get(path).json
    options = [row[side] for row in told["strikes"] for side in ("call", "put")]
    assert [row["symbol"] for row in rows] == [one["symbol"] for one in options]
    for row, one in zip(rows, options, strict=True):
        assert list(row)[: len(COLUMNS)] == list(COLUMNS)
        moment = datetime.fromtimestamp(one["expiry_ms"] / 1000, UTC)
        assert row["expiry"] == moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert row["live"] == "true"
        for name in ("bid_price", "delta", "mark_iv", "theta"):
            assert row[name] == ("" if one[name] is None else str(one[name]))


def test_an_etag_stands_for_a_state_of_the_feed(held: Serving) -> None:
    path = f"/v1/options/{CALL}"

    def again() -> bool:
        tag = held.get(path)["etag"]
        return tag is not None and held.get(path, {"If-None-Match": tag}).status == 304

    until(again)  # unless something was announced in between
    tag = held.get(path)["etag"]
    assert tag is not None
    until(lambda: held.get(path, {"If-None-Match": tag}).status == 200)
    assert held.get(f"{path}.csv")["etag"] != held.get(path)["etag"]


def test_a_dead_feed_has_no_etag_and_no_values(store: Store) -> None:
    skew_ms = list_market(store)
    with Announcer(store, skew_ms), Serving(store.url) as server:
        until(lambda: server.get("/v1/feed").json["alive"])
        store.client.hset("fastopts:feed", "heartbeat_ms", 0)
        until(lambda: not server.get("/v1/feed").json["alive"])
        for path in (f"/v1/options/{CALL}", "/v1/expiries/BTC", "/v1/scan", "/v1/chains/BTC"):
            refused = server.get(path)
            assert (refused.status, refused.reason) == (503, "FeedDown"), path
        told = server.get(f"/v1/options/{CALL}?stale=true")
        assert (told.json["live"], told.json["reason"], told["etag"]) == (False, "FeedDown", None)
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
def test_what_can_not_be_answered_says_why(
    held: Serving, path: str, status: int, reason: str
) -> None:
    answer = held.get(path)
    assert (answer.status, answer.reason) == (status, reason), answer.json
    assert answer["content-type"] == "application/problem+json"
    assert answer.json["detail"]
