"""The venue's clock against ours: what may be believed of its answers."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastopts.session.venue_clock import DRIFT, LIFETIME_MS, Judgement, VenueClock

OFFSET = 1_795_000_000_000.0


def answered(clock: VenueClock, sent: float, there: float, back: float, early: float = 0.0) -> None:
    """One question: *there* and *back* are the ways, *early* is by how much the stamp is wrong."""
    stamp = int(OFFSET + sent + there - early)
    clock.add(stamp, sent, sent + there + back)


def assert_right(clock: VenueClock, now: float, offset: float = OFFSET) -> None:
    assert abs(clock.at(now) - now - offset) <= clock.error_ms(now)


def test_the_interval_of_one_answer_is_its_round_trip_and_a_ms() -> None:
    clock = VenueClock()
    assert not clock.known
    with pytest.raises(ValueError, match="not known"):
        clock.at(0.0)
    assert clock.add(10_000, 1000.0, 1100.0) is Judgement.AGREES
    assert clock.at(1100.0) == 10_000 + 50.5  # it was read half a round trip ago, and rounded down
    assert clock.error_ms(1100.0) == pytest.approx(50.5 + 100 * DRIFT)


def test_answers_that_agree_are_intersected() -> None:
    clock = VenueClock()
    clock.add(10_000, 1000.0, 1100.0)  # 8900 to 9001
    clock.add(20_990, 12_000.0, 12_040.0)  # 8950 to 8991
    assert clock.error_ms(12_040.0) == pytest.approx(20.5 + 40 * DRIFT)
    assert clock.at(12_040.0) - 12_040 == pytest.approx(8970.5)


def test_a_slow_answer_is_counted_and_not_used() -> None:
    clock = VenueClock()
    assert clock.add(10_000, 1000.0, 2000.1) is Judgement.SLOW
    assert (clock.known, clock.slow, clock.early) == (False, 1, 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_stamp_from_a_cache_is_discarded_in_any_order(order: tuple[int, int]) -> None:
    clock = VenueClock()
    for number in order:
        answered(clock, 1000.0 * number, 20, 30, early=30_000 if number else 0)
    assert clock.early == 1
    assert_right(clock, 2000.0)
    assert clock.error_ms(2000.0) < 30


def test_one_right_answer_disproves_any_number_of_wrong_ones() -> None:
    clock = VenueClock()
    for number in range(20):
        answered(clock, 1000.0 * number, 5, 5, early=15_000)
    answered(clock, 21_000.0, 100, 100)
    assert clock.early == 20
    assert_right(clock, 21_200.0)


def test_between_two_answers_the_error_grows_with_the_drift() -> None:
    clock = VenueClock()
    clock.add(10_000, 1000.0, 1010.0)
    assert clock.error_ms(61_010.0) == pytest.approx(clock.error_ms(1010.0) + 60_000 * DRIFT)


def test_a_clock_that_was_set_forward_is_followed_at_once() -> None:
    clock = VenueClock()
    answered(clock, 0.0, 5, 5)
    answered(clock, 1000.0, 5, 5, early=-7000)
    assert_right(clock, 1010.0, OFFSET + 7000)


def test_a_clock_that_was_set_back_is_followed_once_nothing_contradicts_it() -> None:
    clock = VenueClock()
    now = 0.0
    answered(clock, now, 5, 5)
    while now < LIFETIME_MS:
        now += 15_000
        answered(clock, now, 5, 5, early=7000)
    answered(clock, now + 15_000, 5, 5, early=7000)
    assert_right(clock, now + 15_010, OFFSET - 7000)


def test_it_knows_nothing_after_clear() -> None:
    clock = VenueClock()
    answered(clock, 0.0, 5, 5)
    clock.clear()
    assert not clock.known


class AnsweringVenue:
    """Answers with ways of any length, sometimes from a cache, sometimes to another question."""

    def __init__(self, seed: int, wrong_share: float) -> None:
        self.luck = random.Random(seed)
        self.wrong_share = wrong_share
        self.rate = 1 + self.luck.uniform(-DRIFT, DRIFT)

    def offset_at(self, now: float) -> float:
        return OFFSET + now * (self.rate - 1)

    def answers(self, count: int) -> Iterator[tuple[float, float, float]]:
        """Stamp, sent, received."""
        sent = 0.0
        for _ in range(count):
            sent += self.luck.expovariate(1 / 15_000)
            there, back = (self.luck.expovariate(1 / 80) for _ in range(2))
            read_at = sent + there
            if self.luck.random() < self.wrong_share:
                # a cache, or the answer to an earlier question; beyond two round trips
                read_at -= 2000 + self.luck.expovariate(1 / 20_000)
            yield float(int(read_at + self.offset_at(read_at))), sent, sent + there + back


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.9]))
@example(74, 0.3)  # the clocks drift apart during a round trip, too
@settings(max_examples=150, deadline=None)
def test_the_true_offset_is_within_the_error(seed: int, wrong_share: float) -> None:
    venue, clock = AnsweringVenue(seed, wrong_share), VenueClock()
    right_at: float | None = None
    for stamp, sent, received in venue.answers(60):
        is_right = stamp >= int(sent + venue.offset_at(sent))
        judgement = clock.add(stamp, sent, received)
        if is_right and received - sent <= 1000:
            assert judgement in (Judgement.AGREES, Judgement.CORRECTS)
            right_at = received
        # What is wrong is known as such while a right answer is remembered.
        if right_at is not None and received - right_at < LIFETIME_MS:
            assert judgement is not Judgement.CORRECTS or is_right
            for later in (0.0, 7000.0):
                now = received + later
                assert abs(clock.at(now) - now - venue.offset_at(now)) <= clock.error_ms(now)
