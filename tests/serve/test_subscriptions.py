"""Subscription requests: how they are parsed, and which are refused."""

import pytest

from fastopts.errors import BadInput
from fastopts.serve.streams.subscriptions import ID_MAX, parse, read


def test_a_request_is_its_id_and_its_selection() -> None:
    message = parse('{"id": "a", "asset": "BTC", "expiry": "front"}')
    assert read(message) == ("a", {"asset": "BTC", "expiry": "front"})
    assert message["id"] == "a"  # the message is not changed
    assert read({"scan": {}}, "0") == ("0", {"scan": {}})
    assert read({"id": "x", "scan": {}}, "0") == ("x", {"scan": {}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        (b"\xff", "is not JSON"),
        ("NaN", "is not JSON"),
        ("[]", "not a JSON object"),
        ("7", "not a JSON object"),
        ("null", "not a JSON object"),
    ],
)
def test_a_message_is_a_json_object(text: str | bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({}, "id: write a string of 1 to 32"),
        ({"id": 7, "asset": "BTC"}, "id: write a string"),
        ({"id": "", "asset": "BTC"}, "id: write a string"),
        ({"id": "a" * (ID_MAX + 1), "asset": "BTC"}, "id: write a string"),
        ({"id": "a"}, "exactly one of symbols, asset, scan, expiries, smile, surface"),
        ({"id": "a", "asset": "BTC", "surface": "BTC"}, "exactly one of"),
        ({"id": "a", "symbols": [], "settle": "USDT"}, "symbols: unknown field settle"),
        ({"id": "a", "surface": "BTC", "expiry": "front"}, "surface: unknown field expiry"),
        ({"id": "a", "smile": "BTC", "deltas": "atm"}, "smile: unknown field deltas"),
    ],
)
def test_a_malformed_request_names_its_fault(selection: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(selection)
