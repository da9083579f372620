"""Topics without a server: each subscriber gets what it lacks, once."""

import json
from typing import Any

import pytest

from fastopts.errors import Expired, FastoptsError, FeedDown, Unknown
from fastopts.serve.payloads.rows import STREAMED
from fastopts.serve.protocol import MessageType
from fastopts.serve.streams.topics import (
    MESSAGE_BYTES,
    OptionRow,
    RowTopic,
    SnapshotTopic,
    Subscription,
)


class BeatTable:
    """Rows whose ticks the test sets, beat by beat."""

    def __init__(self, *symbols: str) -> None:
        self.rows = {symbol: OptionRow(symbol) for symbol in symbols}
        self.listed = set(symbols)
        self.topic = RowTopic(self.rows, lambda: set(self.listed))
        self.topic.relist(0, 1)
        self.number = 0
        for symbol in symbols:
            self._put(symbol, 0)

    def _put(self, symbol: str, value: int) -> bool:
        values = [None] * len(STREAMED)
        row: list[Any] = [symbol, *values[1:]]
        row[STREAMED.index("mark_price")] = value
        return self.rows[symbol].update(tuple(row), self.number)

    def beat(self, **ticks: int) -> None:
        self.number += 1
        fresh = {symbol for symbol, value in ticks.items() if self._put(symbol, value)}
        self.topic.beat(self.number, fresh, self.number * 1000)

    def relist(self, *symbols: str) -> None:
        self.listed = set(symbols)
        self.topic.relist(self.number + 1, 1)


def messages(topic: Any, subscription: Subscription) -> list[dict[str, Any]]:
    return [json.loads(f"{{{tail}") for _, tail in topic.since(subscription)]


def prices(message: dict[str, Any]) -> dict[str, Any]:
    return {row["symbol"]: row.get("mark_price") for row in message["rows"]}


def test_a_new_subscriber_gets_all_rows_then_changes() -> None:
    table = BeatTable("A", "B")
    subscription = Subscription(table.topic)
    [first] = messages(table.topic, subscription)
    assert (first["full"], prices(first)) == (True, {"A": 0, "B": 0})
    assert set(first["rows"][0]) == set(STREAMED)
    table.beat(A=1)
    [second] = messages(table.topic, subscription)
    assert (second["full"], second["rows"]) == (False, [{"symbol": "A", "mark_price": 1}])
    assert second["as_of_ms"] == 1000
    assert messages(table.topic, subscription) == []
    table.beat()
    assert messages(table.topic, subscription) == []


def test_a_slow_subscriber_gets_whole_rows_and_the_number_skipped() -> None:
    table = BeatTable("A", "B", "C")
    subscription, other = Subscription(table.topic), Subscription(table.topic)
    messages(table.topic, subscription)
    messages(table.topic, other)
    for value in (1, 2, 3):
        table.beat(A=value, **({"B": value} if value == 1 else {}))
        messages(table.topic, other)
    [message] = messages(table.topic, subscription)
    assert (message["full"], prices(message)) == (True, {"A": 3, "B": 1})
    assert message["skipped"] == subscription.skipped == 2  # A's 1 and 2
    assert other.skipped == 0
    table.beat(C=9)
    assert messages(table.topic, subscription) == messages(table.topic, other)


def test_subscribers_at_the_same_beat_share_one_message() -> None:
    table = BeatTable("A")
    crowd = [Subscription(table.topic) for _ in range(3)]
    for item in crowd:
        messages(table.topic, item)
    table.beat(A=1)
    tails = [next(iter(table.topic.since(item)))[1] for item in crowd]
    assert all(tail is tails[0] for tail in tails)


def test_a_tick_with_equal_values_is_no_change() -> None:
    table = BeatTable("A")
    subscription = Subscription(table.topic)
    messages(table.topic, subscription)
    table.beat(A=0)
    assert messages(table.topic, subscription) == []


def test_a_gone_symbol_is_sent_once_to_each_subscriber_that_had_it() -> None:
    table = BeatTable("A", "B")
    quick, slow = Subscription(table.topic), Subscription(table.topic)
    messages(table.topic, quick)
    messages(table.topic, slow)
    table.relist("A")
    table.beat()
    [message] = messages(table.topic, quick)
    assert (message["gone"], message["rows"]) == (["B"], [])
    table.beat(A=1)
    [message] = messages(table.topic, quick)
    assert (message["gone"], prices(message)) == ([], {"A": 1})
    [message] = messages(table.topic, slow)
    assert (message["gone"], prices(message)) == (["B"], {"A": 1})
    newcomer = Subscription(table.topic)
    [message] = messages(table.topic, newcomer)
    assert (message["gone"], prices(message)) == ([], {"A": 1})


def test_a_long_message_comes_in_parts() -> None:
    table = BeatTable(*(f"S{number}" for number in range(400)))
    parts = messages(table.topic, Subscription(table.topic))
    assert len(parts) > 3
    assert [part["more"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(len(json.dumps(part["rows"])) < 2 * MESSAGE_BYTES for part in parts)
    assert sum(len(part["rows"]) for part in parts) == 400
    assert {part["skipped"] for part in parts} == {0}


def test_a_snapshot_is_sent_when_it_changes() -> None:
    bodies = iter([{"n": 1}, {"n": 1}, {"n": 2}])
    topic = SnapshotTopic(MessageType.SCAN, 1.0, lambda: next(bodies))
    subscription = Subscription(topic)
    topic.renew(0, 10)
    assert messages(topic, subscription) == [{"as_of_ms": 10, "n": 1}]
    topic.renew(5, 20)
    assert messages(topic, subscription) == []
    topic.renew(10, 30)
    assert messages(topic, subscription) == [{"as_of_ms": 30, "n": 2}]


def test_the_first_failure_is_raised_and_later_ones_are_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors: list[Exception | None] = [Unknown("no such"), None, Unknown("gone"), ValueError("x")]

    def make() -> dict[str, Any]:
        if (error := errors.pop(0)) is not None:
            raise error
        return {"n": 1}

    topic = SnapshotTopic(MessageType.SCAN, 1.0, make)
    subscription = Subscription(topic)
    with pytest.raises(Unknown):
        topic.renew(0, 10)
    topic.renew(1, 10)
    assert [kind for kind, _ in topic.since(subscription)] == ["scan"]
    topic.renew(2, 20)
    assert list(topic.since(subscription)) == [
        ("error", '"as_of_ms":20,"reason":"Unknown","detail":"gone"}')
    ]
    topic.renew(3, 30)
    [(kind, tail)] = topic.since(subscription)
    assert kind == "error"
    assert "InternalError" in tail
    assert "ValueError" not in tail
    assert "ValueError: x" in caplog.text


def test_a_selection_that_left_the_listing_is_reported_once() -> None:
    faults: list[FastoptsError | None] = [None]
    topic = RowTopic({}, lambda: {"A"}, lambda: raised(faults[0]))
    subscription = Subscription(topic)

    def relisted(number: int, fault: FastoptsError | None) -> list[dict[str, Any]]:
        faults[0] = fault
        topic.relist(number, 1)
        topic.beat(number, set(), 1)
        return [item for item in messages(topic, subscription) if "reason" in item]

    assert relisted(1, None) == []
    assert relisted(2, FeedDown("not current")) == []  # it is not known
    faults[0] = Expired("A was delivered")
    topic.beat(3, set(), 1)
    expected = [{"reason": "Expired", "detail": "A was delivered"}]
    assert [item for item in messages(topic, subscription) if "reason" in item] == expected
    assert messages(topic, subscription) == []
    assert relisted(4, Expired("A was delivered")) == []  # sent already
    assert relisted(5, Expired("A and B were delivered"))[0]["detail"] == "A and B were delivered"


def raised(fault: FastoptsError | None) -> FastoptsError | None:
    if isinstance(fault, FeedDown):
        raise fault
    return fault
