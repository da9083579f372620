"""Phases: options whose phase changed between two times of the venue's clock."""

from fastopts.field_registry import SETTLING_MS
from fastopts.reader.objects.phases import Phases

NEAR_MS, FAR_MS = 10_000_000, 20_000_000


def following() -> Phases:
    phases = Phases()
    phases.follow([("far", FAR_MS), ("near", NEAR_MS)])
    return phases


def test_each_turn_is_reported_once() -> None:
    phases = following()
    assert phases.passed(0) == []  # the first call only sets the time
    assert phases.passed(NEAR_MS - SETTLING_MS - 1) == []
    assert phases.passed(NEAR_MS - SETTLING_MS) == ["near"]
    assert phases.passed(NEAR_MS - SETTLING_MS) == []
    assert phases.passed(FAR_MS) == ["near", "far", "far"]


def test_a_clock_that_was_corrected_backwards_turns_them_again() -> None:
    phases = following()
    phases.passed(NEAR_MS)
    assert phases.passed(NEAR_MS - 1) == ["near"]


def test_options_that_are_not_followed_any_more_are_not_reported() -> None:
    phases = following()
    phases.passed(0)
    phases.follow([("far", FAR_MS)])
    assert phases.passed(NEAR_MS) == []
