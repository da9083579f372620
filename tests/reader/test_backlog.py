"""The backlog of a watch: conflation, gaps, withheld symbols."""

import contextlib

import pytest

from fastopts.errors import FeedDown
from fastopts.reader import Gap
from fastopts.reader.mirrors.backlog import GAPS_MAX, Backlog


class Woken(Backlog):
    """A backlog that counts its calls of *wake*."""

    def __init__(self) -> None:
        self.count = 0
        super().__init__(contextlib.nullcontext(), self.wake)

    def wake(self) -> None:
        self.count += 1

    def drain(self) -> list[str | Gap]:
        items: list[str | Gap] = []
        while (item := self.take()) is not None:
            items.append(item)
        return items


@pytest.fixture
def backlog() -> Woken:
    return Woken()


def test_changes_come_in_order_and_once(backlog: Woken) -> None:
    assert backlog.is_empty()
    backlog.changed(["A", "B"])
    backlog.changed(["C"])
    assert backlog.count == 2
    assert not backlog.is_empty()
    assert backlog.drain() == ["A", "B", "C"]
    assert backlog.is_empty()


def test_a_slow_consumer_gets_each_symbol_once_and_the_number_skipped(backlog: Woken) -> None:
    for _ in range(5):
        backlog.changed(["A", "B"])
    assert backlog.drain() == [Gap("skipped", 8), "A", "B"]


def test_skipped_changes_are_reported_once_for_each_round(backlog: Woken) -> None:
    backlog.changed("AB")
    backlog.changed("AB")
    assert backlog.take() == Gap("skipped", 2)
    assert backlog.take() == "A"
    backlog.changed("B")
    assert backlog.take() == "B", "not a second Gap before the round is over"
    assert backlog.drain() == [Gap("skipped", 1)]


def test_gaps_come_before_symbols_and_their_number_is_limited(backlog: Woken) -> None:
    backlog.changed("A")
    for number in range(GAPS_MAX + 3):
        backlog.broke(str(number))
    backlog.resumed()
    items = backlog.drain()
    assert items[-2:] == [Gap("resumed"), "A"]
    assert len(items) == GAPS_MAX + 1
    assert not any(isinstance(item, Gap) and item for item in items), "a Gap is false"


def test_withheld_symbols_come_first_once_values_may_be_live_again(backlog: Woken) -> None:
    backlog.changed("A")
    symbol = backlog.take()
    assert isinstance(symbol, str)
    backlog.withhold(symbol)
    backlog.changed("B")
    assert backlog.drain() == ["B"]
    backlog.changed("C")
    backlog.revived()
    assert backlog.drain() == ["A", "C"]
    backlog.revived()
    assert backlog.is_empty()


def test_it_begins_with_given_symbols_and_without_earlier_changes(backlog: Woken) -> None:
    backlog.changed("AAA")
    backlog.broke("earlier")
    backlog.begin("XY")
    assert backlog.drain() == ["X", "Y"]


def test_a_beginning_with_a_problem_is_resumed_when_values_may_be_live(backlog: Woken) -> None:
    backlog.begin([], FeedDown("down"))
    assert backlog.take() == Gap("broken", reason="down")
    backlog.revived()
    assert backlog.take() == Gap("resumed")
    backlog.revived()
    assert backlog.take() is None


def test_a_changed_listing_wakes_and_is_taken_once(backlog: Woken) -> None:
    assert not backlog.take_relisted()
    backlog.relisted()
    assert backlog.count == 1
    assert not backlog.is_empty()
    assert backlog.take_relisted()
    assert not backlog.take_relisted()
    assert backlog.is_empty()
