"""Rounds against a venue that answers now and then."""

from collections.abc import Iterator

import pytest

from fastopts.cli.verify import rounds
from fastopts.cli.verify.rounds import Rounds
from fastopts.cli.verify.store import StoreClient
from fastopts.cli.verify.venue import VenueClient
from fastopts.errors import VenueBanned, VenueError
from fastopts.net.http import HttpResponse
from fastopts.net.redis import address
from tests.cli.verify.conftest import COINS, Rows
from tests.sim.conftest import ThreadedVenue
from tests.support.store import Store


class Moody(VenueClient):
    """A venue whose first answers have these statuses."""

    def __init__(self, url: str, *statuses: int) -> None:
        super().__init__(url, insecure=False)
        self.asked: list[str] = []
        self._statuses = list(statuses)

    def request(self, coin: str) -> HttpResponse:
        self.asked.append(coin)
        answer = super().request(coin)
        return HttpResponse(self._statuses.pop(0), {}, b"") if self._statuses else answer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "GAP_S", 0.01)


@pytest.fixture
def stored(held: Store) -> Iterator[StoreClient]:
    opened = StoreClient(address.parse(held.url, None))
    yield opened
    opened.close()


def test_a_coin_is_asked_again_when_there_was_no_answer(
    stored: StoreClient, market: ThreadedVenue, rows: Rows
) -> None:
    venue = Moody(market.venue.rest_url, 502, 429)
    asked = Rounds(stored, venue, COINS)
    cases = asked.run(rows, seconds=5)
    venue.close()
    assert {case.outcome for case in cases} == {"equal"}
    assert venue.asked == [*COINS, *COINS]
    assert asked.rows.keys() == set(COINS)
    assert asked.ticks.keys() == rows.keys()


def test_only_coins_with_something_open_are_asked_again(
    stored: StoreClient, held: Store, market: ThreadedVenue, rows: Rows
) -> None:
    symbol = next(symbol for symbol in rows if symbol.startswith("ETH"))
    held.client.hset(f"option:{symbol}", "mp", "1.5")
    venue = Moody(market.venue.rest_url)
    cases = Rounds(stored, venue, COINS).run(rows, seconds=5)
    venue.close()
    assert [case.symbol for case in cases if case.outcome == "wrong"] == [symbol]
    assert venue.asked == ["BTC", "ETH", "ETH"]


def test_a_coin_without_any_answer_is_an_error(
    stored: StoreClient, market: ThreadedVenue, rows: Rows
) -> None:
    venue = Moody(market.venue.rest_url, *[502] * 1000)
    with pytest.raises(VenueError, match="HTTP 502"):
        Rounds(stored, venue, COINS).run(rows, seconds=0.1)
    venue.close()
    assert set(venue.asked) == set(COINS)


def test_a_venue_that_bans_us_gets_no_more_requests(
    stored: StoreClient, market: ThreadedVenue, rows: Rows
) -> None:
    venue = Moody(market.venue.rest_url, 403)
    with pytest.raises(VenueBanned, match="HTTP 403"):
        Rounds(stored, venue, COINS).run(rows, seconds=5)
    venue.close()
    assert venue.asked == ["BTC"]
