"""A tick reaches every kind of client: the other tests rely on it."""

from tests.serve.http_server import HttpServerThread, strict
from tests.serve.live_market import BTC, SYMBOLS, LiveMarket


def test_a_tick_reaches_every_kind_of_client(
    live_market: LiveMarket, http_server: HttpServerThread
) -> None:
    feed = http_server.get("/v1/feed").json
    assert (feed["alive"], feed["live"], feed["total"]) == (True, len(SYMBOLS), len(SYMBOLS))
    with (
        http_server.websocket() as socket,
        http_server.events('?subscribe={"asset":"BTC"}') as events,
    ):
        assert strict(socket.recv())["type"] == next(events)["type"] == "hello"
        socket.send('{"op":"subscribe","id":"a","asset":"BTC"}')
        for stream in (events, map(strict, socket)):
            told = next(one for one in stream if one["type"] == "rows")
            assert [row["symbol"] for row in told["rows"]] == sorted(BTC)
        live_market.tick(BTC[0], mark_price=7.25)
        for stream in (events, map(strict, socket)):
            told = next(one for one in stream if one["type"] == "rows" and not one["full"])
            assert told["rows"][0]["mark_price"] == 7.25
    assert http_server.get(f"/v1/options/{BTC[0]}").json["mark_price"] == 7.25
