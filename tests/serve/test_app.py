"""A tick reaches every kind of client: the other tests rely on it."""

from tests.serve.living import BTC, SYMBOLS, Living
from tests.serve.serving import Serving, strict


def test_a_tick_reaches_every_kind_of_client(living: Living, serving: Serving) -> None:
    feed = serving.get("/v1/feed").json
    assert (feed["alive"], feed["live"], feed["total"]) == (True, len(SYMBOLS), len(SYMBOLS))
    with serving.websocket() as socket, serving.events('?subscribe={"asset":"BTC"}') as events:
        assert strict(socket.recv())["type"] == next(events)["type"] == "hello"
        socket.send('{"op":"subscribe","id":"a","asset":"BTC"}')
        for stream in (events, map(strict, socket)):
            told = next(one for one in stream if one["type"] == "rows")
            assert [row["symbol"] for row in told["rows"]] == sorted(BTC)
        living.tick(BTC[0], mark_price=7.25)
        for stream in (events, map(strict, socket)):
            told = next(one for one in stream if one["type"] == "rows" and not one["full"])
            assert told["rows"][0]["mark_price"] == 7.25
    assert serving.get(f"/v1/options/{BTC[0]}").json["mark_price"] == 7.25
