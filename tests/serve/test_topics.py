"""Topics without a server: who has heard how much is told what, and once."""

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


class Table:
    """Rows that tick as they are told, beat by beat."""

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


def told(topic: Any, heard: Subscription) -> list[dict[str, Any]]:
    return [json.loads(f"{{{tail}") for _, tail in topic.since(heard)]


def prices(message: dict[str, Any]) -> dict[str, Any]:
    return {row["symbol"]: row.get("mark_price") for row in message["rows"]}


def test_a_newcomer_is_told_everything_then_what_changes() -> None:
    table = Table("A", "B")
    heard = Subscription(table.topic)
    [first] = told(table.topic, heard)
    assert (first["full"], prices(first)) == (True, {"A": 0, "B": 0})
    assert set(first["rows"][0]) == set(STREAMED)
    table.beat(A=1)
    [second] = told(table.topic, heard)
    assert (second["full"], second["rows"]) == (False, [{"symbol": "A", "mark_price": 1}])
    assert second["as_of_ms"] == 1000
    assert told(table.topic, heard) == []
    table.beat()
    assert told(table.topic, heard) == []


def test_who_missed_a_beat_is_told_the_newest_whole_and_how_much_that_replaced() -> None:
    table = Table("A", "B", "C")
    heard, other = Subscription(table.topic), Subscription(table.topic)
    told(table.topic, heard)
    told(table.topic, other)
    for value in (1, 2, 3):
        table.beat(A=value, **({"B": value} if value == 1 else {}))
        told(table.topic, other)
    [caught_up] = told(table.topic, heard)
    assert (caught_up["full"], prices(caught_up)) == (True, {"A": 3, "B": 1})
    assert caught_up["skipped"] == heard.skipped == 2  # A's 1 and 2
    assert other.skipped == 0
    table.beat(C=9)
    assert told(table.topic, heard) == told(table.topic, other)


def test_all_who_have_heard_the_same_share_one_message() -> None:
    table = Table("A")
    crowd = [Subscription(table.topic) for _ in range(3)]
    for one in crowd:
        told(table.topic, one)
    table.beat(A=1)
    tails = [next(iter(table.topic.since(one)))[1] for one in crowd]
    assert all(tail is tails[0] for tail in tails)


def test_a_tick_that_says_the_same_is_no_change() -> None:
    table = Table("A")
    heard = Subscription(table.topic)
    told(table.topic, heard)
    table.beat(A=0)
    assert told(table.topic, heard) == []


def test_what_is_gone_is_told_once_to_each_who_knew_it() -> None:
    table = Table("A", "B")
    quick, slow = Subscription(table.topic), Subscription(table.topic)
    told(table.topic, quick)
    told(table.topic, slow)
    table.relist("A")
    table.beat()
    [message] = told(table.topic, quick)
    assert (message["gone"], message["rows"]) == (["B"], [])
    table.beat(A=1)
    [message] = told(table.topic, quick)
    assert (message["gone"], prices(message)) == ([], {"A": 1})
    [message] = told(table.topic, slow)
    assert (message["gone"], prices(message)) == (["B"], {"A": 1})
    newcomer = Subscription(table.topic)
    [message] = told(table.topic, newcomer)
    assert (message["gone"], prices(message)) == ([], {"A": 1})


def test_a_long_message_comes_in_parts() -> None:
    table = Table(*(f"S{number}" for number in range(400)))
    parts = told(table.topic, Subscription(table.topic))
    assert len(parts) > 3
    assert [part["more"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(len(json.dumps(part["rows"])) < 2 * MESSAGE_BYTES for part in parts)
    assert sum(len(part["rows"]) for part in parts) == 400
    assert {part["skipped"] for part in parts} == {0}


def test_a_whole_is_told_when_it_is_another() -> None:
    bodies = iter([{"n": 1}, {"n": 1}, {"n": 2}])
    topic = SnapshotTopic(MessageType.SCAN, 1.0, lambda: next(bodies))
    heard = Subscription(topic)
    topic.renew(0, 10)
    assert told(topic, heard) == [{"as_of_ms": 10, "n": 1}]
    topic.renew(5, 20)
    assert told(topic, heard) == []
    topic.renew(10, 30)
    assert told(topic, heard) == [{"as_of_ms": 30, "n": 2}]


def test_what_goes_wrong_is_raised_first_and_told_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors: list[Exception | None] = [Unknown("no such"), None, Unknown("gone"), ValueError("x")]

    def make() -> dict[str, Any]:
        if (error := errors.pop(0)) is not None:
            raise error
        return {"n": 1}

    topic = SnapshotTopic(MessageType.SCAN, 1.0, make)
    heard = Subscription(topic)
    with pytest.raises(Unknown):
        topic.renew(0, 10)
    topic.renew(1, 10)
    assert [kind for kind, _ in topic.since(heard)] == ["scan"]
    topic.renew(2, 20)
    assert list(topic.since(heard)) == [
        ("error", '"as_of_ms":20,"reason":"Unknown","detail":"gone"}')
    ]
    topic.renew(3, 30)
    [(kind, tail)] = topic.since(heard)
    assert kind == "error"
    assert "InternalError" in tail
    assert "ValueError" not in tail
    assert "ValueError: x" in caplog.text


def test_what_is_not_listed_any_more_is_told_once_it_is_known() -> None:
    faults: list[FastoptsError | None] = [None]
    topic = RowTopic({}, lambda: {"A"}, lambda: raised(faults[0]))
    heard = Subscription(topic)

    def relisted(number: int, fault: FastoptsError | None) -> list[dict[str, Any]]:
        faults[0] = fault
        topic.relist(number, 1)
        topic.beat(number, set(), 1)
        return [one for one in told(topic, heard) if "reason" in one]

    assert relisted(1, None) == []
    assert relisted(2, FeedDown("not current")) == []  # it is not known
    faults[0] = Expired("A was delivered")
    topic.beat(3, set(), 1)
    expected = [{"reason": "Expired", "detail": "A was delivered"}]
    assert [one for one in told(topic, heard) if "reason" in one] == expected
    assert told(topic, heard) == []
    assert relisted(4, Expired("A was delivered")) == []  # told already
    assert relisted(5, Expired("A and B were delivered"))[0]["detail"] == "A and B were delivered"


def raised(fault: FastoptsError | None) -> FastoptsError | None:
    if isinstance(fault, FeedDown):
        raise fault
    return fault
