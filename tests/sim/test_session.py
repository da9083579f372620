import json
from collections import deque
from typing import Any

import pytest

from fastopts.sim.faults import Faults
from fastopts.sim.session import SessionReply, SimSession
from fastopts.sim.settings import SimSettings
from tests.sim.conftest import T0_MS

BTC, XRP = "BTC-27NOV26-90000-C-USDT", "XRP-30OCT27-0.4-P-USDT"
TRADING = {BTC, XRP, *(f"ETH-27NOV26-{strike}-C-USDT" for strike in range(1_000, 4_000))}
MANY = [f"tickers.{symbol}" for symbol in sorted(TRADING)]


class SessionClient:
    """A client and its session."""

    def __init__(self, faults: Faults | None = None, **settings: Any) -> None:
        self.session = SimSession(
            "conn-1", SimSettings(**settings), faults or Faults(), TRADING.__contains__
        )

    def send(self, request: object) -> tuple[Any, SessionReply]:
        message = request if isinstance(request, str | bytes) else json.dumps(request)
        outcome = self.session.receive(message, T0_MS)
        return json.loads(outcome.replies[0]) if outcome.replies else None, outcome

    def subscribe(self, *topics: Any) -> tuple[Any, SessionReply]:
        return self.send({"req_id": "r", "op": "subscribe", "args": list(topics)})


def ack(succeeded: list[str], failed: list[str] | None = None) -> dict[str, Any]:
    return {
        "success": True,
        "conn_id": "conn-1",
        "data": {"failTopics": failed or [], "successTopics": succeeded},
        "type": "COMMAND_RESP",
    }


REFUSAL = {"conn_id": "conn-1", "ret_msg": "3303001", "success": False, "type": "COMMAND_RESP"}


def test_subscribe_and_unsubscribe_are_acked_alike() -> None:
    client = SessionClient()
    topics = [f"tickers.{BTC}", f"tickers.{XRP}"]
    reply, outcome = client.subscribe(*topics)
    assert reply == ack(topics)
    assert outcome.started == [BTC, XRP]

    reply, outcome = client.send({"op": "unsubscribe", "args": topics[:1]})
    assert reply == ack(topics[:1])
    assert (outcome.started, outcome.stopped) == ([], [BTC])
    assert client.session.topics == {topics[1]}


def test_unknown_symbols_fail_without_the_others() -> None:
    unknown = "tickers.BTC-1JAN20-1-C"
    reply, outcome = SessionClient().subscribe(f"tickers.{BTC}", unknown, "nonsense")
    assert reply == ack([f"tickers.{BTC}"], [unknown, "nonsense"])
    assert outcome.started == [BTC]


@pytest.mark.parametrize(
    "topic", ["tickers.BTC", f"kline.1.{BTC}", f"orderbook.1.{BTC}", "publicTrade.BTC", XRP]
)
def test_false_acks(topic: str) -> None:
    reply, outcome = SessionClient().subscribe(topic)
    assert reply == ack([topic])
    assert outcome.started == []


def test_ping() -> None:
    for request in ({"op": "ping"}, {"op": "ping", "req_id": "7"}):
        reply, outcome = SessionClient().send(request)
        assert reply == {"args": [str(T0_MS)], "op": "pong"}
        assert outcome.is_ping
    assert not SessionClient().subscribe(f"tickers.{BTC}")[1].is_ping


@pytest.mark.parametrize("message", ["", "not json", "[]", "7", b"\xff", '{"op":"pong"}', "{}"])
def test_an_invalid_request_is_an_invalid_op(message: str | bytes) -> None:
    reply, outcome = SessionClient().send(message)
    assert (reply["success"], reply["ret_msg"]) == (False, "error:invalid op")
    assert not outcome.is_ping


@pytest.mark.parametrize("args", [[], [1], [f"tickers.{BTC}", None], "tickers.BTC", None])
def test_args_that_are_no_topics_are_refused(args: Any) -> None:
    for op in ("subscribe", "unsubscribe"):
        assert SessionClient().send({"op": op, "args": args})[0] == REFUSAL


def test_at_most_so_many_topics_a_connection() -> None:
    client = SessionClient(topics_max=300, args_chars_max=1_000_000)
    assert client.subscribe(*MANY[:200])[0]["success"]
    reply, outcome = client.subscribe(*MANY[200:301])
    assert reply == REFUSAL
    assert outcome.started == []
    assert client.subscribe(*MANY[200:300])[0]["success"]
    # What is subscribed already does not count again, what is unsubscribed no more.
    assert client.subscribe(*MANY[:50])[0]["success"]
    client.send({"op": "unsubscribe", "args": MANY[:1]})
    assert client.subscribe(MANY[300])[0]["success"]


@pytest.mark.parametrize("mode", ["connection", "frame"])
def test_characters_of_args(mode: str) -> None:
    topics = MANY[:20]
    written = len(json.dumps(topics, separators=(",", ":")))
    assert SessionClient(args_mode=mode, args_chars_max=written).subscribe(*topics)[0]["success"]
    assert (
        SessionClient(args_mode=mode, args_chars_max=written - 1).subscribe(*topics)[0] == REFUSAL
    )

    client = SessionClient(args_mode=mode, args_chars_max=written)
    client.subscribe(*topics[:10])
    assert client.subscribe(*topics[10:])[0]["success"]
    reply, _ = client.subscribe(MANY[20])
    assert reply == (REFUSAL if mode == "connection" else ack([MANY[20]]))


def test_by_default_about_six_hundred_topics_fit() -> None:
    client = SessionClient()
    fitting = 0
    while client.subscribe(MANY[fitting])[0]["success"]:
        fitting += 1
    assert 550 < fitting < 640


def test_scripted_failures() -> None:
    topics = [f"tickers.{BTC}", f"tickers.{XRP}"]
    faults = Faults(fail_topics={topics[0]}, silent_topics={topics[1]})
    reply, outcome = SessionClient(faults).subscribe(*topics)
    assert reply == ack([topics[1]], [topics[0]])
    assert outcome.started == []


def test_what_goes_beyond_a_limit_of_delivery_is_acked_all_the_same() -> None:
    client = SessionClient(Faults(topics_delivered_max=1))
    topics = [f"tickers.{BTC}", f"tickers.{XRP}"]
    reply, outcome = client.subscribe(*topics)
    assert reply == ack(topics)
    assert outcome.started == [BTC]
    client.send({"op": "unsubscribe", "args": topics})
    assert client.subscribe(topics[1])[1].started == [XRP]


@pytest.mark.parametrize(
    "faults",
    [Faults(topics_a_request_max=1), Faults(poisonous_topics={f"tickers.{XRP}"})],
)
def test_a_request_is_refused_as_a_whole_or_hung_up_on(faults: Faults) -> None:
    client = SessionClient(faults)
    assert client.subscribe(f"tickers.{BTC}")[0] == ack([f"tickers.{BTC}"])
    assert client.subscribe(f"tickers.{BTC}", f"tickers.{XRP}")[0] == REFUSAL
    faults.hang_up = True
    reply, outcome = client.subscribe(f"tickers.{BTC}", f"tickers.{XRP}")
    assert (reply, outcome.is_end) == (None, True)


def test_acks_are_lost_doubled_and_late() -> None:
    client = SessionClient(Faults(acks=deque(["lost", "late", "twice"])))
    answers = [client.subscribe(f"tickers.{name}")[1].replies for name in (BTC, XRP, BTC, XRP)]
    xrp, btc = (ack([f"tickers.{name}"]) for name in (XRP, BTC))
    assert [[json.loads(reply) for reply in replies] for replies in answers] == [
        [],
        [],
        [btc, btc, xrp],
        [xrp],
    ]


def test_withheld_answers() -> None:
    client = SessionClient(Faults(withhold_acks=True, withhold_pongs=True))
    reply, outcome = client.subscribe(f"tickers.{BTC}")
    assert (reply, outcome.started) == (None, [BTC])
    reply, outcome = client.send({"op": "ping"})
    assert (reply, outcome.is_ping) == (None, True)
