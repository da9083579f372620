"""The conversation, by plain calls: time is an argument, and nothing is waited for."""

import json
from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from fastopts.venues.bybit.session import (
    PING,
    TOPICS_PER_FRAME,
    Dead,
    Pong,
    Probe,
    StreamSession,
    SubscriptionHistory,
    Timing,
    TopicRefused,
)

SYMBOLS = [f"BTC-27NOV26-{strike}-C-USDT" for strike in range(10_000, 10_550)]


class SessionHarness:
    """Drives a session through time and notes what it sends."""

    def __init__(
        self,
        symbols: Iterable[str] = SYMBOLS[:3],
        learned: SubscriptionHistory | None = None,
        now: float = 100.0,
        timing: Timing | None = None,
    ) -> None:
        self.now = now
        self.session = StreamSession(self.now, timing or Timing(), learned or SubscriptionHistory())
        self.session.subscribe(symbols)
        self.messages = 0
        self.requests: list[dict[str, Any]] = []
        self.pings: list[float] = []
        self.events: list[Any] = []
        self.answers = True

    def tick(self) -> None:
        self.session.tick(self.now)
        self.events += self.session.take_events()
        for message in self.session.data_to_send():
            if message == PING:
                self.pings.append(self.now)
                if self.answers:
                    self.say({"args": ["1795000000000"], "op": "pong"})
            else:
                self.requests.append(json.loads(message))

    def wait(self, seconds: float, step: float = 0.25, data: bool = True) -> None:
        for _ in range(round(seconds / step)):
            self.now += step
            if data:
                self.messages += 1
                self.session.note_data(self.messages, self.now)
            self.tick()

    def say(self, message: dict[str, Any]) -> None:
        self.session.receive(orjson.dumps(message), self.now)
        self.events += self.session.take_events()

    def ack(self, ok: Iterable[str] = (), failed: Iterable[str] = (), success: bool = True) -> None:
        data = {
            "failTopics": [f"tickers.{symbol}" for symbol in failed],
            "successTopics": [f"tickers.{symbol}" for symbol in ok],
        }
        self.say({"success": success, "conn_id": "c", "data": data, "type": "COMMAND_RESP"})

    def asked(self) -> list[str]:
        """The symbols of the newest request."""
        return [topic.removeprefix("tickers.") for topic in self.requests[-1]["args"]]

    def subscribe_all(self) -> None:
        """Ack and deliver whatever is asked for, until nothing is."""
        while True:
            before = len(self.requests)
            self.wait(0.25)
            if len(self.requests) == before:
                return
            self.ack(self.asked())
            self.session.note_delivered(self.asked())

    def dead(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, Dead)]


def test_the_first_ping_goes_out_at_once_and_then_every_15_s() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.wait(60)
    assert venue.pings == [100, 115, 130, 145, 160]
    assert venue.dead() == []


def test_a_pong_contains_the_venues_clock() -> None:
    venue = SessionHarness()
    venue.tick()
    assert venue.events == [Pong(1_795_000_000_000, 100.0, 100.0)]


@pytest.mark.parametrize(
    "message",
    [
        {"args": ["1777226678908"], "conn_id": "yzr7", "op": "pong"},
        {"success": True, "ret_msg": "pong", "conn_id": "0970", "op": "ping"},
        {"op": "pong"},
    ],
)
def test_every_form_of_pong_counts(message: dict[str, Any]) -> None:
    venue = SessionHarness()
    venue.answers = False
    venue.tick()
    venue.now += 1
    venue.say(message)
    [pong] = venue.events
    assert (pong.sent_at, pong.received_at) == (100, 101)
    assert pong.venue_ms in (None, 1_777_226_678_908)


def pong(at: float) -> dict[str, Any]:
    return {"args": [str(round(at * 1000) + 1_795_000_000_000)], "op": "pong"}


def test_pongs_that_come_late_are_paired_with_their_own_pings() -> None:
    venue = SessionHarness()
    venue.answers = False
    late_s, answered = 40.0, 0
    venue.tick()
    while venue.now < 300:
        venue.wait(0.25)
        while answered < len(venue.pings) and venue.pings[answered] + late_s <= venue.now:
            venue.say(pong(venue.pings[answered]))
            answered += 1
    pongs = [event for event in venue.events if isinstance(event, Pong)]
    assert len(pongs) == answered > 8
    for event in pongs:
        assert event.venue_ms == round(event.sent_at * 1000) + 1_795_000_000_000
        assert event.received_at - event.sent_at == pytest.approx(late_s, abs=0.3)
    assert venue.dead() == []  # they are answered, if late


def test_a_pong_that_never_comes_makes_the_later_ones_seem_slow_never_early() -> None:
    venue = SessionHarness()
    venue.answers = False
    venue.tick()
    venue.wait(15.5)
    venue.say(pong(venue.pings[1]))
    [event] = [event for event in venue.events if isinstance(event, Pong)]
    assert event.sent_at == venue.pings[0]
    venue.wait(120)
    assert "pings without an answer" in venue.dead()[0]


def test_pongs_to_pings_before_a_doubt_measure_nothing() -> None:
    venue = SessionHarness()
    venue.answers = False
    venue.tick()
    venue.session.invalidate(venue.now)
    venue.tick()
    for sent_at in venue.pings:
        venue.say(pong(sent_at))
    [event] = [event for event in venue.events if isinstance(event, Pong)]
    assert event.sent_at == venue.pings[1]
    assert len(venue.pings) == 2


def test_three_unanswered_pings_end_the_connection() -> None:
    venue = SessionHarness()
    venue.answers = False
    venue.tick()
    venue.wait(44)
    assert venue.dead() == []
    venue.wait(1.5)
    assert venue.dead()[0] == "3 pings without an answer"


def test_subscribes_in_frames_of_200_one_at_a_time_200_ms_apart() -> None:
    venue = SessionHarness(SYMBOLS)
    venue.tick()
    assert venue.requests[0]["op"] == "subscribe"
    assert venue.asked() == SYMBOLS[:200]
    venue.wait(1)
    assert len(venue.requests) == 1  # the first is not acked yet
    venue.ack(SYMBOLS[:200])
    venue.tick()
    assert venue.asked() == SYMBOLS[200:400]
    venue.ack(SYMBOLS[200:400])
    venue.tick()
    assert len(venue.requests) == 2
    venue.wait(0.25)
    assert venue.asked() == SYMBOLS[400:]


def test_an_ack_that_never_comes_holds_nothing_up_for_long() -> None:
    venue = SessionHarness(SYMBOLS[:201])
    venue.tick()
    venue.wait(4.75)
    assert len(venue.requests) == 1
    venue.wait(1)
    assert venue.asked() == [SYMBOLS[200]]


def test_an_ack_for_one_request_does_not_confirm_another() -> None:
    venue = SessionHarness(SYMBOLS[:201])
    venue.tick()
    venue.ack([SYMBOLS[200], "BTC-1JAN30-1-C"])
    venue.wait(1)
    assert len(venue.requests) == 1


def test_a_refused_topic_is_logged_quarantined_and_tried_again_later() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.ack(SYMBOLS[:2], failed=[SYMBOLS[2]])
    assert venue.events[-1] == TopicRefused(SYMBOLS[2], "in failTopics")
    venue.session.note_delivered(SYMBOLS[:2])
    venue.wait(299)
    assert len(venue.requests) == 1
    venue.wait(2)
    assert venue.asked() == [SYMBOLS[2]]


def test_a_whole_refusal_is_halved_until_the_culprit_stands_alone() -> None:
    venue = SessionHarness(SYMBOLS[:20])
    bad = SYMBOLS[13]
    for _ in range(100):
        before = len(venue.requests)
        venue.wait(0.25)
        if len(venue.requests) == before:
            continue
        if bad in venue.asked():
            venue.say(
                {"conn_id": "c", "ret_msg": "3303001", "success": False, "type": "COMMAND_RESP"}
            )
        else:
            venue.ack(venue.asked())
            venue.session.note_delivered(venue.asked())
    assert [event for event in venue.events if isinstance(event, TopicRefused)] == [
        TopicRefused(bad, "3303001")
    ]
    assert venue.session.awaited() == []
    assert len(venue.requests) < 20


def test_acks_of_the_other_categories_are_understood() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.say({"success": True, "ret_msg": "", "conn_id": "c", "req_id": "", "op": "subscribe"})
    venue.session.subscribe([SYMBOLS[5]])
    venue.wait(0.25)
    assert venue.asked() == [SYMBOLS[5]]
    words = f"error:already subscribed,topic:tickers.{SYMBOLS[5]}"
    venue.say({"success": False, "ret_msg": words, "conn_id": "c", "req_id": "", "op": "subscribe"})
    assert not [event for event in venue.events if isinstance(event, TopicRefused)]


def test_a_false_ack_is_found_and_the_topic_subscribed_anew_ever_more_patiently() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.ack(SYMBOLS[:3])
    venue.session.note_delivered(SYMBOLS[:2])
    venue.wait(9.5)
    assert len(venue.requests) == 1
    asked_at = []
    for _ in range(400):
        before = len(venue.requests)
        venue.wait(0.25)
        if len(venue.requests) > before:
            request = venue.requests[-1]
            assert venue.asked() == [SYMBOLS[2]]
            venue.ack([SYMBOLS[2]])
            if request["op"] == "subscribe":
                asked_at.append(venue.now - 100)
    assert asked_at == [10.5, 30.75 + 0.25, 71.5]
    assert venue.session.history.false_acks == 3
    assert venue.session.undelivered() == [SYMBOLS[2]]
    venue.session.note_delivered([SYMBOLS[2]])
    assert venue.session.undelivered() == []
    assert venue.dead() == []


def test_what_is_renewed_is_unsubscribed_and_subscribed_all_together() -> None:
    venue = SessionHarness(SYMBOLS[:5])
    venue.subscribe_all()
    del venue.requests[:]
    venue.session.resubscribe([SYMBOLS[1], SYMBOLS[3], "BTC-27NOV26-1-C-USDT"])
    venue.session.resubscribe([SYMBOLS[3]])
    venue.subscribe_all()
    topics = [f"tickers.{SYMBOLS[1]}", f"tickers.{SYMBOLS[3]}"]
    assert venue.requests == [
        {"op": "unsubscribe", "args": topics},
        {"op": "subscribe", "args": topics},
    ]


def test_a_refused_topic_that_is_renewed_is_asked_for_once() -> None:
    venue = SessionHarness(SYMBOLS[:1])
    venue.tick()
    venue.ack(failed=SYMBOLS[:1])
    venue.session.resubscribe(SYMBOLS[:1])
    venue.subscribe_all()
    venue.wait(400)
    assert [request["op"] for request in venue.requests] == [
        "subscribe",
        "unsubscribe",
        "subscribe",
    ]


@pytest.mark.parametrize(
    ("in_row", "reasons"), [(19, []), (20, ["20 unreadable messages in a row"])]
)
def test_a_connection_that_can_not_be_read_is_given_up(in_row: int, reasons: list[str]) -> None:
    venue = SessionHarness()
    venue.session.note_unreadable(in_row)
    venue.tick()
    assert venue.dead() == reasons


def test_many_false_acks_take_two_requests() -> None:
    venue = SessionHarness(SYMBOLS[:100])
    venue.tick()
    venue.ack(SYMBOLS[:100])
    venue.session.note_delivered(SYMBOLS[:10])
    venue.wait(10.5)
    venue.ack(venue.asked())
    venue.wait(0.5)
    assert [request["op"] for request in venue.requests[1:]] == ["unsubscribe", "subscribe"]
    assert [len(request["args"]) for request in venue.requests[1:]] == [90, 90]


def test_repeated_and_long_past_refusals_are_reported() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.ack(SYMBOLS[:2], failed=[SYMBOLS[2]])
    venue.session.note_delivered(SYMBOLS[:1])
    venue.wait(29)
    assert venue.session.unserved(venue.now) == []
    venue.wait(2)
    assert venue.session.unserved(venue.now) == [SYMBOLS[2]]
    venue.wait(10)
    venue.session.unsubscribe([SYMBOLS[2]])
    assert venue.session.unserved(venue.now) == [SYMBOLS[1]]


def test_what_was_refused_stays_so_on_the_next_connection() -> None:
    first = SessionHarness()
    first.tick()
    first.ack(SYMBOLS[:2], failed=[SYMBOLS[2]])
    venue = SessionHarness(learned=first.session.history, now=first.now + 100)
    venue.subscribe_all()
    assert venue.requests[0]["args"] == [f"tickers.{symbol}" for symbol in SYMBOLS[:2]]
    venue.wait(198)
    assert len(venue.requests) == 1
    venue.wait(3)
    assert venue.asked() == [SYMBOLS[2]]


def test_a_venue_that_ends_connections_is_asked_for_half_as_much() -> None:
    learned, sizes = SubscriptionHistory(), []
    for _ in range(6):
        venue = SessionHarness(SYMBOLS, learned)
        venue.tick()
        sizes.append(len(venue.asked()))
        venue.session.note_closed()
    assert sizes == [200, 100, 50, 25, 12, 10]
    assert learned.refused == {}


def test_an_end_while_nothing_is_asked_for_is_nobodys_fault() -> None:
    venue = SessionHarness(learned=SubscriptionHistory(frame_size=10))
    venue.subscribe_all()
    venue.session.note_closed()
    assert venue.session.history == SubscriptionHistory(frame_size=TOPICS_PER_FRAME)


def test_new_symbols_are_subscribed_and_old_ones_unsubscribed() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.session.unsubscribe([SYMBOLS[0]])
    venue.session.subscribe([SYMBOLS[7]])
    venue.subscribe_all()
    assert [(r["op"], r["args"]) for r in venue.requests[1:]] == [
        ("unsubscribe", [f"tickers.{SYMBOLS[0]}"]),
        ("subscribe", [f"tickers.{SYMBOLS[7]}"]),
    ]


def test_a_symbol_dropped_before_it_was_asked_for_is_not_asked_for() -> None:
    venue = SessionHarness()
    venue.session.unsubscribe([SYMBOLS[1]])
    venue.subscribe_all()
    assert venue.requests[0]["args"] == [f"tickers.{SYMBOLS[0]}", f"tickers.{SYMBOLS[2]}"]


def test_a_silent_connection_is_probed_and_then_given_up() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.wait(5, data=False)
    assert Probe() not in venue.events
    venue.wait(0.5, data=False)
    assert venue.events[-1] == Probe()
    venue.session.probe(SYMBOLS[1])
    venue.wait(0.25, data=False)
    venue.ack([SYMBOLS[1]])
    venue.wait(0.5, data=False)
    assert [(r["op"], r["args"]) for r in venue.requests[1:]] == [
        ("unsubscribe", [f"tickers.{SYMBOLS[1]}"]),
        ("subscribe", [f"tickers.{SYMBOLS[1]}"]),
    ]
    assert venue.dead() == []
    venue.wait(5, data=False)
    assert venue.dead()[0] == "no data for 10 s, not even for a probe"


def test_a_quiet_market_that_answers_its_probes_is_left_alone_for_hours() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    for _ in range(400):
        probed = len([event for event in venue.events if isinstance(event, Probe)])
        while len([event for event in venue.events if isinstance(event, Probe)]) == probed:
            venue.wait(0.25, data=False)
        venue.session.probe(SYMBOLS[0])
        for _ in range(2):
            venue.wait(0.25, data=False)
            venue.ack([SYMBOLS[0]])
        venue.wait(0.25, data=True)
    assert venue.dead() == []


def test_pongs_and_acks_are_no_data() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    for _ in range(60):
        venue.wait(0.25, data=False)
        venue.say({"args": ["1795000000000"], "op": "pong"})
        venue.ack(SYMBOLS[:3])
    assert venue.dead()


def test_a_connection_that_acks_and_never_delivers_is_given_up() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.ack(SYMBOLS[:3])
    venue.wait(12, data=False)
    assert venue.dead()


def test_with_nothing_to_listen_to_silence_is_no_fault() -> None:
    venue = SessionHarness(())
    venue.wait(120, data=False)
    assert venue.dead() == []
    assert venue.requests == []


def test_our_own_stall_does_not_count_against_the_venue() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.wait(5.5, data=False)
    venue.session.probe(SYMBOLS[0])
    venue.now += 90
    venue.tick()
    assert venue.dead() == []
    venue.wait(12, data=False)
    assert venue.dead()


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"[]", b"5", b"{", b"\xff", b'{"op":"x"}', b'{"success":true}'),
        *(b'{"success":true,"data":{"failTopics":5,"successTopics":[5,null]}}',),
        *(b'{"success":false}', b'{"op":"pong","args":5}', b'{"op":"pong","args":["x"]}'),
    ],
)
def test_any_message_is_taken(payload: bytes) -> None:
    venue = SessionHarness()
    venue.tick()
    venue.session.receive(payload, venue.now)
    venue.wait(3)
    assert venue.dead() == []


def test_a_stall_is_no_delivery_and_no_silence() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    heard_at = venue.session.data_at
    venue.now += 90
    venue.tick()
    assert venue.session.data_at == heard_at
    assert venue.dead() == []
    assert Probe() not in venue.events
    venue.wait(5, data=False)
    assert Probe() not in venue.events
    venue.wait(0.5, data=False)
    assert venue.events[-1] == Probe()
    assert venue.session.data_at == heard_at


def test_what_came_during_a_stall_is_no_delivery_until_the_socket_is_read_empty() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    before = venue.session.data_at
    venue.now += 90
    venue.tick()
    venue.wait(0.25)
    assert venue.session.data_at == before
    venue.wait(Timing().catch_up)
    assert venue.session.data_at == venue.now


@pytest.mark.parametrize(
    "text",
    [
        *("1" * 20, "9" * 5000, "0", "now", "", "-795000000000", "1795000000000.5"),
        *("\u0661" * 13, "1795000000000\n", 1_795_000_000_000, None),
    ],
)
def test_a_pong_with_an_impossible_time_is_no_clock_sample(text: object) -> None:
    venue = SessionHarness()
    venue.answers = False
    venue.tick()
    venue.say({"args": [text], "op": "pong"})
    assert venue.events == [Pong(None, 100.0, 100.0)]


def test_a_symbol_added_twice_is_subscribed_once_and_an_unknown_one_is_not_dropped() -> None:
    venue = SessionHarness()
    venue.session.subscribe(SYMBOLS[:3])
    venue.session.unsubscribe(["ETH-27NOV26-3000-C-USDT"])
    venue.subscribe_all()
    assert [(r["op"], len(r["args"])) for r in venue.requests] == [("subscribe", 3)]


def test_a_probe_of_what_is_queued_or_unknown_asks_for_nothing_more() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    asked = len(venue.requests)
    venue.session.probe("ETH-27NOV26-3000-C-USDT")
    venue.session.probe(SYMBOLS[0])
    venue.session.probe(SYMBOLS[0])
    venue.subscribe_all()
    assert [r["op"] for r in venue.requests[asked:]] == ["unsubscribe", "subscribe"]


def test_a_refused_unsubscription_refuses_no_subscription() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.session.unsubscribe([SYMBOLS[0]])
    venue.wait(0.25)
    assert venue.requests[-1]["op"] == "unsubscribe"
    venue.say({"success": False, "ret_msg": "error: no", "conn_id": "c", "op": "unsubscribe"})
    venue.say({"success": False, "ret_msg": "error: late", "conn_id": "c", "op": "unsubscribe"})
    assert not [event for event in venue.events if isinstance(event, TopicRefused)]


def test_the_watchdog_waits_for_silence_and_for_the_probe() -> None:
    assert Timing(silence=4.0, probe_within=3.0).watchdog == 7.0


def test_what_was_dropped_before_its_turn_is_only_unsubscribed() -> None:
    venue = SessionHarness(SYMBOLS[:1])
    venue.session.unsubscribe(SYMBOLS[:1])
    venue.wait(2)
    assert [r["op"] for r in venue.requests] == ["unsubscribe"]


def test_the_same_count_of_messages_is_no_sign_of_life() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    for _ in range(8 * round(Timing().watchdog)):
        venue.session.note_data(venue.messages, venue.now)
        venue.wait(0.25, data=False)
    assert Probe() in venue.events
    assert len(venue.dead()) > 0


def test_an_answer_to_no_request_changes_nothing() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.ack(SYMBOLS[:1])
    assert venue.session.awaited() == []
    assert not [event for event in venue.events if isinstance(event, TopicRefused)]


def test_what_was_dropped_while_it_was_refused_is_not_asked_for_again() -> None:
    venue = SessionHarness(SYMBOLS[:4])
    venue.tick()
    venue.session.unsubscribe(SYMBOLS[:1])
    venue.say({"conn_id": "c", "ret_msg": "no", "success": False, "type": "COMMAND_RESP"})
    venue.subscribe_all()
    again = [topic for r in venue.requests[1:] if r["op"] == "subscribe" for topic in r["args"]]
    assert sorted(again) == [f"tickers.{symbol}" for symbol in SYMBOLS[1:4]]


def test_a_request_is_open_until_each_of_its_topics_is_answered() -> None:
    venue = SessionHarness()
    venue.tick()
    venue.session.subscribe([SYMBOLS[5]])
    venue.ack(SYMBOLS[:2])
    venue.wait(1)
    assert venue.asked() == SYMBOLS[:3]
    venue.ack(SYMBOLS[2:3])
    venue.wait(1)
    assert venue.asked() == [SYMBOLS[5]]


def test_what_is_in_doubt_is_taken_for_delivered_long_ago_and_asked_about_at_once() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.wait(1)
    pings = len(venue.pings)
    venue.session.invalidate(venue.now)
    assert venue.session.data_at == venue.now - Timing().watchdog
    venue.tick()
    assert len(venue.pings) == pings + 1


def test_an_end_while_more_is_to_be_asked_for_teaches_nothing() -> None:
    venue = SessionHarness(SYMBOLS[:3])
    size = venue.session.history.frame_size
    venue.session.note_closed()
    assert venue.session.history.frame_size == size


def test_a_late_refusal_of_what_is_unknown_changes_nothing() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.ack(failed=["ETH-27NOV26-3000-C-USDT"])
    assert not [event for event in venue.events if isinstance(event, TopicRefused)]
    assert venue.session.awaited() == []


def test_after_a_doubt_nothing_is_delivered_until_data_comes_again() -> None:
    venue = SessionHarness()
    venue.subscribe_all()
    venue.wait(1)
    venue.session.invalidate(venue.now)
    assert venue.now - venue.session.data_at >= venue.session.timing.watchdog
    pings = len(venue.pings)
    venue.wait(0.5, data=False)
    assert venue.now - venue.session.data_at >= venue.session.timing.watchdog
    assert len(venue.pings) == pings + 1
    venue.wait(venue.session.timing.catch_up + 0.5)
    assert venue.now - venue.session.data_at < 1
    assert venue.dead() == []
