"""The rows and the coins of a venue, and its refusals."""

import json
from typing import Any

import pytest

from fastopts.cli.verify.venue import VenueClient, VenueRows, read
from fastopts.errors import VenueBanned, VenueError
from fastopts.net.http import HttpResponse
from tests.sim.conftest import ThreadedVenue

LIST = "/v5/market/instruments-info"


def response(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {}, json.dumps(body).encode())


def test_rows_are_read_by_symbol_with_the_venues_time() -> None:
    row = {"symbol": "BTC-27MAR26-1-C", "markPrice": "1"}
    body = {"retCode": 0, "time": 1_795_000_000_000, "result": {"list": [row]}}
    assert read(response(body)) == VenueRows(1_795_000_000_000, {"BTC-27MAR26-1-C": row})


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (response({}, 403), VenueBanned, "send no requests for 10 minutes"),
        (response({}, 502), VenueError, "HTTP 502 from the venue"),
        (response({"retCode": 10001, "retMsg": "bad"}), VenueError, "retCode 10001: bad"),
        (response({"retCode": 0, "result": {}}), VenueError, "not a list of tickers"),
        (response([]), VenueError, "not a list of tickers"),
        (HttpResponse(200, {}, b"<html>"), VenueError, "not a list of tickers"),
    ],
)
def test_another_response_is_an_error(
    answer: HttpResponse, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        read(answer)
    assert type(caught.value) is error


@pytest.fixture
def client(market: ThreadedVenue) -> VenueClient:
    return VenueClient(market.venue.rest_url, insecure=False)


def test_coins_are_those_of_all_pages(client: VenueClient) -> None:
    assert client.coins() == {"BTC", "ETH"}
    client.close()


@pytest.mark.parametrize("status", [(502, ""), (200, "<html>"), (200, '{"retCode": 1}')])
def test_a_venue_without_the_list_has_no_coins(
    client: VenueClient, market: ThreadedVenue, status: tuple[int, str]
) -> None:
    market.venue.faults.rest[LIST] = status
    assert client.coins() == set()
    client.close()


def test_a_ban_is_not_passed_over(client: VenueClient, market: ThreadedVenue) -> None:
    market.venue.faults.rest[LIST] = (403, "")
    with pytest.raises(VenueBanned):
        client.coins()
    client.close()
