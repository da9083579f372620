import random

from hypothesis import given
from hypothesis import strategies as st

from fastopts.session.backoff import Backoff, Budget, delay_s


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_zero_and_never_over_the_cap(attempt: int, draw: float) -> None:
    assert 0 < delay_s(attempt, draw, 0.5, 30.0) <= 30.0


def test_the_ceiling_doubles_until_the_cap() -> None:
    ceilings = [delay_s(attempt, 1.0, 0.5, 30.0) for attempt in range(9)]
    assert ceilings == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_stays_full_at_the_cap() -> None:
    delays = [delay_s(100, draw / 10, 0.5, 30.0) for draw in range(10)]
    assert delays == sorted(delays)
    assert delays[0] < 1
    assert delays[-1] > 26


def test_reset_begins_anew() -> None:
    backoff = Backoff(rng=random.Random(1))
    for _ in range(10):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_the_budget_lets_a_burst_through_and_then_paces() -> None:
    budget = Budget(burst=3, per_s=0.5)
    assert [budget.spend(0.0) for _ in range(5)] == [0, 0, 0, 2, 4]
    assert budget.spend(100.0) == 0


@given(st.lists(st.floats(0, 60), min_size=1, max_size=300))
def test_attempts_never_exceed_the_venues_limit(gaps: list[float]) -> None:
    budget, now, made = Budget(), 0.0, []
    for gap in gaps:
        now += gap
        now += budget.spend(now)
        made.append(now)
    for start in made:
        assert sum(start <= at < start + 300 for at in made) <= 500 / 4
