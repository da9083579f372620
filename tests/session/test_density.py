"""When a feed counts as dense."""

import pytest

from fastopts.session.density import DENSE_FROM, SPARSE_BELOW, Density


def fed(density: Density, arrivals: float, intervals: int) -> bool:
    """Add *arrivals* per interval, for so many intervals."""
    owed = 0.0
    for _ in range(intervals):
        owed += arrivals
        density.add(int(owed))
        owed -= int(owed)
    return density.is_dense


def test_a_feed_is_sparse_at_first() -> None:
    assert not Density().is_dense
    assert not Density().add(0)
    assert not Density().add(10)


@pytest.mark.parametrize("arrivals", [DENSE_FROM + 0.5, 13, 500])
def test_a_dense_feed_is_recognised_and_a_silent_one_after_it(arrivals: float) -> None:
    density = Density()
    assert fed(density, arrivals, 40)
    quiet = 0
    while density.add(0):
        quiet += 1
    assert quiet < 12, "a large burst is forgotten no later than a small one"


@pytest.mark.parametrize("arrivals", [0.1, 1, SPARSE_BELOW - 0.5])
def test_a_sparse_feed_stays_sparse(arrivals: float) -> None:
    density = Density()
    assert not fed(density, arrivals, 1000)


def test_a_rate_between_the_bounds_changes_nothing() -> None:
    between = (DENSE_FROM + SPARSE_BELOW) / 2
    density = Density()
    assert not fed(density, between, 1000)
    fed(density, 20, 40)
    assert density.is_dense
    assert fed(density, between, 1000)


def test_a_burst_within_one_interval_is_no_dense_feed() -> None:
    density = Density()
    assert not density.add(30)
    assert not density.add(0)


@pytest.mark.parametrize("arrivals", [1, 100])
def test_several_intervals_at_once_count_as_one_after_the_other(arrivals: int) -> None:
    together, single = Density(), Density()
    fed(together, 20, 40)
    fed(single, 20, 40)
    together.add(8 * arrivals, 8.0)
    for _ in range(8):
        single.add(arrivals)
    assert together.is_dense == single.is_dense


def test_a_first_arrival_after_a_pause_finds_the_feed_sparse() -> None:
    density = Density()
    fed(density, 100, 100)
    assert not density.add(1, 60 / 0.005)
