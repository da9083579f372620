from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from fastopts.errors import VenueBanned, VenueError, VenueProtocolError
from fastopts.model import Instrument
from fastopts.venues.bybit import rest
from fastopts.venues.bybit.rest import RequestRefused, RestRequest, TemporaryFailure


@dataclass
class RestAnswer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def envelope(result: Any, **more: Any) -> dict[str, Any]:
    head = {
        "retCode": 0,
        "retMsg": "OK",
        "result": result,
        "retExtInfo": {},
        "time": 1_795_000_000_000,
    }
    return head | more


def row(symbol: str = "BTC-27NOV26-90000-P-USDT", **more: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "symbolId": 401_022,
        "status": "Trading",
        "baseCoin": symbol.split("-")[0],
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "optionsType": "Put",
        "launchTime": "1794000000000",
        "deliveryTime": "1795766400000",
        "deliveryFeeRate": "0.00015",
        "priceFilter": {"minPrice": "5", "maxPrice": "1110000", "tickSize": "5"},
        "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": "0.01", "qtyStep": "0.01"},
        "displayName": "BTCUSDT-27NOV26-90000-P",
    } | more


def converse(
    conversation: Any, answer: Callable[[RestRequest], dict[str, Any]]
) -> tuple[Any, list[RestRequest]]:
    requests = [next(conversation)]
    while True:
        try:
            requests.append(conversation.send(answer(requests[-1])))
        except StopIteration as end:
            return end.value, requests


def listed(coin: str, *rows: dict[str, Any]) -> list[Instrument]:
    """The instruments of an answer of one page."""
    found, _ = converse(rest.instruments(coin), lambda _: page(list(rows)))
    instruments: list[Instrument] = found.instruments
    return instruments


def page(rows: list[dict[str, Any]], cursor: str | None = "") -> dict[str, Any]:
    return envelope({"category": "option", "nextPageCursor": cursor, "list": rows})


def test_instruments_are_asked_for_by_coin_and_read() -> None:
    found, [request] = converse(rest.instruments("BTC"), lambda _: page([row()]))
    assert request == RestRequest(
        "/v5/market/instruments-info", {"category": "option", "baseCoin": "BTC", "limit": "1000"}
    )
    assert found.instruments == [
        Instrument(
            symbol="BTC-27NOV26-90000-P-USDT",
            asset="BTC",
            quote="USDT",
            settle="USDT",
            expiry_ms=1_795_766_400_000,
            strike_text="90000",
            type="P",
            tick_size="5",
            lot_size="0.01",
            status="Trading",
            launch_ms=1_794_000_000_000,
        )
    ]


def test_the_cursor_is_followed_as_it_is() -> None:
    pages = {
        None: page([row("BTC-27NOV26-1-C")], "first%3DBTC%26last%3D2"),
        "first%3DBTC%26last%3D2": page([row("BTC-27NOV26-2-C")], "z"),
        "z": page([row("BTC-27NOV26-3-C"), row("BTC-27NOV26-2-C")], None),
    }
    found, requests = converse(
        rest.instruments("BTC"), lambda request: pages[request.params.get("cursor")]
    )
    assert [i.symbol for i in found.instruments] == [f"BTC-27NOV26-{n}-C" for n in (1, 2, 3)]
    assert len(requests) == 3


def test_pages_in_a_circle_or_without_end_are_an_error() -> None:
    with pytest.raises(VenueProtocolError, match="same cursor"):
        converse(rest.instruments("BTC"), lambda _: page([row()], "same"))
    counter = iter(range(1000))
    with pytest.raises(VenueProtocolError, match="more than 50 pages"):
        converse(rest.instruments("BTC"), lambda _: page([row()], str(next(counter))))


def test_a_usdc_option_and_decimal_strikes() -> None:
    usdc = row("XRP-6NOV26-0.45-C", quoteCoin="USD", settleCoin="USDC", optionsType="Call")
    [found] = listed("XRP", usdc)
    assert (found.settle, found.quote, found.type, found.strike) == ("USDC", "USD", "C", 0.45)


def test_the_list_wins_over_the_symbol_and_the_symbol_fills_in() -> None:
    odd = {"symbol": "BTC-27NOV26-90000-P", "optionsType": "Call", "deliveryTime": "1795766460000"}
    [found] = listed("BTC", odd)
    assert (found.type, found.expiry_ms) == ("C", 1_795_766_460_000)
    assert (found.settle, found.tick_size, found.launch_ms) == ("USDC", "", 0)
    sparse = {"symbol": "BTC-27NOV26-90000-P", "deliveryTime": "0", "priceFilter": None}
    [found] = listed("BTC", sparse)
    assert (found.type, found.expiry_ms) == ("P", 1_795_766_400_000)


def test_rows_that_are_no_options_of_that_coin_are_left_out() -> None:
    rows = [row(), row("ETH-27NOV26-3000-C"), row("BTCUSDT"), {"symbol": None}, "x", {}]
    found = listed("BTC", *rows)  # type: ignore[arg-type]
    assert [i.symbol for i in found] == ["BTC-27NOV26-90000-P-USDT"]


def test_rows_that_can_not_be_tracked_are_counted_by_reason_with_an_example() -> None:
    rows = [
        row(),
        row("BTC-27NOV26-90000-C-USDE"),
        row("BTC-27NOV26-95000-C-USDE"),
        row("BTC-27NOV26-95000-C-USDE"),  # on two pages
        row("BTC-31FEB26-95000-C"),
        row("BTCTEST-27NOV26-90000-P-USDT", baseCoin="BTC"),
        row("BTC-27NOV26-91000-C", settleCoin="us\ndt"),
        row("ETH-27NOV26-3000-C"),  # of another coin, and counted there
        row("ETH-27NOV26-3000-C-USDE"),
        row("BTC-27NOV26-\u0661-C", baseCoin=None),
        7,
    ]
    found, _ = converse(rest.instruments("BTC"), lambda _: page(rows))  # type: ignore[arg-type]
    assert [i.symbol for i in found.instruments] == ["BTC-27NOV26-90000-P-USDT"]
    assert found.skipped.counts == {"unknown_name": 5, "other_coin": 1, "bad_terms": 1}
    assert found.skipped.total == 7
    assert found.skipped.sentences()[2] == (
        "5 listed options are not tracked: the name is not understood,"
        " such as BTC-27NOV26-90000-C-USDE"
    )
    assert "BTCTEST-27NOV26-90000-P-USDT" in found.skipped.sentences()[1]


BAD_TERMS: dict[str, dict[str, Any]] = {
    "no tick size": {"priceFilter": {"tickSize": None}},
    "tick size 0": {"priceFilter": {"tickSize": "0"}},
    "a negative tick size": {"priceFilter": {"tickSize": "-5"}},
    "tick size NaN": {"priceFilter": {"tickSize": "NaN"}},
    "infinite tick size": {"priceFilter": {"tickSize": "Infinity"}},
    "a tick size beyond all prices": {"priceFilter": {"tickSize": "1e99"}},
    "a tick size below all prices": {"priceFilter": {"tickSize": "0." + "0" * 30 + "1"}},
    "a tick size with a blank": {"priceFilter": {"tickSize": " 5"}},
    "a tick size of full-width digits": {"priceFilter": {"tickSize": "\uff15"}},
    "a tick size with an underscore": {"priceFilter": {"tickSize": "1_0"}},
    "a true tick size": {"priceFilter": {"tickSize": True}},
    "a list for a tick size": {"priceFilter": {"tickSize": ["5"]}},
    "a price filter that is no object": {"priceFilter": "5"},
    "no lot size": {"lotSizeFilter": {"qtyStep": None}},
    "a lot size that is no number": {"lotSizeFilter": {"qtyStep": "many"}},
    "a lot filter that is a list": {"lotSizeFilter": []},
    "a delivery that is no time": {"deliveryTime": "tomorrow"},
    "a negative delivery": {"deliveryTime": "-1795766400000"},
    "a delivery in the year 2286": {"deliveryTime": "9999999999999"},
    "a delivery of 19 digits": {"deliveryTime": 10**18},
    "a fractional delivery": {"deliveryTime": 1795766400000.5},
    "an unknown type": {"optionsType": "Straddle"},
    "a type that is a number": {"optionsType": 1},
    "a settle coin that is a number": {"settleCoin": 5},
    "a settle coin of another alphabet": {"settleCoin": "USD\u0422"},
    "a quote coin that is an object": {"quoteCoin": {"name": "USDT"}},
    "a status that is a number": {"status": 1},
    "a status without end": {"status": "x" * 5000},
}


@pytest.mark.parametrize("terms", BAD_TERMS.values(), ids=BAD_TERMS)
def test_a_row_with_unusable_terms_costs_that_row(terms: dict[str, Any]) -> None:
    rows = [row(), row("BTC-27NOV26-91000-P-USDT", **terms), row("BTC-27NOV26-92000-P-USDT")]
    found, _ = converse(rest.instruments("BTC"), lambda _: page(rows))
    assert [i.strike for i in found.instruments] == [90000, 92000]
    assert found.skipped.counts == {"bad_terms": 1}
    assert found.skipped.examples == {"bad_terms": "BTC-27NOV26-91000-P-USDT"}


@pytest.mark.parametrize(
    ("terms", "tick_size"),
    [
        ({"priceFilter": {"tickSize": 5}}, "5"),
        ({"priceFilter": {"tickSize": 0.5}}, "0.5"),
        ({"priceFilter": {"tickSize": 1e-05}}, "1e-05"),
        ({"priceFilter": {}}, ""),
        ({"priceFilter": None, "lotSizeFilter": None, "status": None}, ""),
        ({"priceFilter": {"tickSize": ""}, "deliveryTime": None, "launchTime": "x"}, ""),
    ],
)
def test_a_step_is_any_positive_number_or_not_known(terms: dict[str, Any], tick_size: str) -> None:
    [found] = listed("BTC", row(**terms))
    assert found.tick_size == tick_size
    assert found.expiry_ms == 1_795_766_400_000


def test_a_strike_of_0_is_no_option() -> None:
    found, _ = converse(rest.instruments("BTC"), lambda _: page([row("BTC-27NOV26-0-P-USDT")]))
    assert (found.instruments, found.skipped.total) == ([], 1)


def test_an_option_of_another_prefix_under_the_same_base_coin_is_left_out() -> None:
    found = listed(
        "BTC", row(), row("BTCTEST-27NOV26-90000-P-USDT", baseCoin="BTC"), row("BTC-27NOV26-1-C")
    )
    assert [i.symbol for i in found] == ["BTC-27NOV26-90000-P-USDT", "BTC-27NOV26-1-C"]


def test_tickers_come_under_short_names_with_the_venues_time() -> None:
    ticker = {
        "symbol": "BTC-27NOV26-90000-P",
        "bid1Price": "0",
        "bid1Iv": "0",
        "ask1Price": "435",
        "markIv": "0.7567",
        "markPrice": "0.00000009",
        "unknown": "1",
    }
    answer = envelope({"category": "option", "list": [ticker, {"symbol": 5}, 7]})
    rows, [request] = converse(rest.tickers("BTC"), lambda _: answer)
    assert request == RestRequest("/v5/market/tickers", {"category": "option", "baseCoin": "BTC"})
    assert rows.time_ms == 1_795_000_000_000
    assert rows.by_symbol == {
        "BTC-27NOV26-90000-P": {
            "bp": "0",
            "biv": "0",
            "ap": "435",
            "miv": "0.7567",
            "mp": "0.00000009",
        }
    }


@pytest.mark.parametrize("result", [{"list": None}, {}, {"list": {}}])
def test_a_result_without_rows_is_an_error(result: Any) -> None:
    with pytest.raises(VenueProtocolError, match="without a list"):
        converse(rest.tickers("BTC"), lambda _: envelope(result))
    with pytest.raises(VenueProtocolError, match="without the venue's time"):
        converse(rest.tickers("BTC"), lambda _: envelope({"list": []}, time=None))


@pytest.mark.parametrize("message", ["OK", "success", "SUCCESS", ""])
def test_success_is_the_code_and_not_the_message(message: str) -> None:
    body = orjson.dumps(envelope({"list": []}, retMsg=message))
    assert rest.judge(RestAnswer(body=body))["result"] == {"list": []}


@pytest.mark.parametrize(
    ("answer", "kind", "after_s"),
    [
        (RestAnswer(403), VenueBanned, 600),
        (RestAnswer(404), VenueError, None),
        (RestAnswer(429, headers={"retry-after": "3"}), TemporaryFailure, 3),
        (RestAnswer(429), TemporaryFailure, 0),
        (RestAnswer(500), TemporaryFailure, 0),
        (RestAnswer(503, b"<html>"), TemporaryFailure, 0),
        (RestAnswer(302), VenueError, None),
        (RestAnswer(200, b"<html>maintenance</html>"), TemporaryFailure, 0),
        (RestAnswer(200, b"[]"), TemporaryFailure, 0),
        (RestAnswer(200, b"{}"), TemporaryFailure, 0),
        (RestAnswer(200, orjson.dumps(envelope({}, retCode=10000))), TemporaryFailure, 0),
        (RestAnswer(200, orjson.dumps(envelope({}, retCode=10016))), TemporaryFailure, 0),
        (RestAnswer(200, orjson.dumps(envelope({}, retCode=10429))), TemporaryFailure, 0),
        (
            RestAnswer(
                200,
                orjson.dumps(envelope({}, retCode=10006)),
                {"x-bapi-limit-reset-timestamp": "1795000002500"},
            ),
            TemporaryFailure,
            2.5,
        ),
        (
            RestAnswer(200, orjson.dumps(envelope({}, retCode=10001, retMsg="bad"))),
            RequestRefused,
            None,
        ),
        (RestAnswer(200, orjson.dumps(envelope({}, retCode=10009))), RequestRefused, None),
        (RestAnswer(200, orjson.dumps(envelope([]))), VenueProtocolError, None),
    ],
)
def test_every_class_of_answer_has_its_consequence(
    answer: RestAnswer, kind: type[VenueError], after_s: float | None
) -> None:
    with pytest.raises(VenueError) as caught:
        rest.judge(answer)
    assert type(caught.value) is kind
    if isinstance(caught.value, VenueBanned):
        assert caught.value.retry_after_s == after_s
    if isinstance(caught.value, TemporaryFailure):
        assert caught.value.retry_after_s == after_s


@pytest.mark.parametrize("coin", ["USDTUSDTX", "us\ndt", "usdt", "\u00dcSDT", ["USDT"], 7.5])
def test_a_row_whose_settle_coin_can_not_be_one_is_left_out(coin: object) -> None:
    rows = [row(settleCoin=coin), row("BTC-27NOV26-1-C", settleCoin="ABCDEFG8")]
    found = listed("BTC", *rows)
    assert [(i.symbol, i.settle) for i in found] == [("BTC-27NOV26-1-C", "ABCDEFG8")]


def test_a_row_whose_symbol_is_too_long_for_a_key_is_left_out() -> None:
    longest = f"BTC-27NOV26-{'9' * 12}.{'9' * 8}-P-USDT"
    too_long = f"BTC-27NOV26-{'9' * 12}.{'9' * 12}-P-USDT"
    assert (len(longest), len(too_long)) == (40, 44)
    rows = [row(too_long), row(longest), row("X" * 5000)]
    found = listed("BTC", *rows)
    assert [i.symbol for i in found] == [longest]


@pytest.mark.parametrize(
    "time", ["1" * 17, "9" * 20, "9" * 5000, "17957664000", "-795766400000", "\u0661" * 13, "soon"]
)
def test_a_row_whose_delivery_can_not_be_right_is_left_out(time: str) -> None:
    rows = [row(deliveryTime=time), row("BTC-27NOV26-1-P-USDT", launchTime=time)]
    [found] = listed("BTC", *rows)
    assert (found.symbol, found.launch_ms) == ("BTC-27NOV26-1-P-USDT", 0)


@pytest.mark.parametrize("cursor", [5, ["z"], {"z": 1}, True, 1.5])
def test_a_cursor_of_another_type_is_an_error(cursor: Any) -> None:
    with pytest.raises(VenueProtocolError, match="nextPageCursor is not a string"):
        converse(rest.instruments("BTC"), lambda _: page([row()], cursor))


@pytest.mark.parametrize(
    "time", [0, -1, True, 1_795_000_000, 10**17, 2**64 - 1, 1e300, "1795000000000"]
)
def test_tickers_whose_time_is_out_of_range_are_an_error(time: object) -> None:
    answer = orjson.loads(orjson.dumps(envelope({"list": []}, time=time)))
    with pytest.raises(VenueProtocolError, match="without the venue's time"):
        converse(rest.tickers("BTC"), lambda _: answer)


@pytest.mark.parametrize("reset", ["9" * 5000, "9" * 20, "\u0661" * 13, "0", "soon", ""])
def test_a_reset_time_that_can_not_be_right_is_not_waited_for(reset: str) -> None:
    body = orjson.dumps(envelope({}, retCode=10006))
    with pytest.raises(TemporaryFailure) as caught:
        rest.judge(RestAnswer(200, body, {"x-bapi-limit-reset-timestamp": reset}))
    assert caught.value.retry_after_s == 0


@pytest.mark.parametrize(
    ("reset", "time_ms", "after_s"),
    [
        ("1795009999999", 1_795_000_000_000, 60),
        ("1794000000000", 1_795_000_000_000, 0),
        ("1795000000000", 2**64 - 1, 0),
        ("1795000000000", -(2**63), 60),
    ],
)
def test_a_reset_far_away_is_waited_for_a_minute(reset: str, time_ms: int, after_s: float) -> None:
    body = orjson.dumps(envelope({}, retCode=10006, time=time_ms))
    with pytest.raises(TemporaryFailure) as caught:
        rest.judge(RestAnswer(200, body, {"x-bapi-limit-reset-timestamp": reset}))
    assert caught.value.retry_after_s == after_s


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("after", "expected"),
    [("599", 599), ("601", 600), ("86400", 600), ("9" * 5000, 600), ("-5", 0), ("soon", 0)],
)
def test_no_wait_is_longer_than_after_a_ban(status: int, after: str, expected: float) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        rest.judge(RestAnswer(status, headers={"retry-after": after}))
    assert caught.value.retry_after_s == expected


@pytest.mark.parametrize("code", [10001, 10006])
def test_the_venues_words_stay_on_one_line_and_short(code: int) -> None:
    words = "bad\r\ncoin\n2026-11-22 ERROR forged\t" + "x" * 5000
    with pytest.raises(VenueError) as caught:
        rest.judge(RestAnswer(200, orjson.dumps(envelope({}, retCode=code, retMsg=words))))
    told = str(caught.value)
    assert told.startswith(f"retCode {code}: bad coin 2026-11-22 ERROR forged xxx")
    assert len(told.splitlines()) == 1
    assert len(told) < 250
