"""What the other tests stand on: the market lives, the server has it, each kind of client hears."""

from tests.serve.living import BTC, SYMBOLS, Living
from tests.serve.serving import Serving, strict


def test_a_tick_comes_through_each_door(living: Living, serving: Serving) -> None:
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
