"""How far behind a connection is, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.session.lateness import Lateness


def test_the_smallest_lag_of_five_seconds_counts() -> None:
    lateness = Lateness()
    assert (lateness.lag_ms, lateness.is_late) == (None, False)
    lateness.note(40, 90, 100.0)
    lateness.note(3000, 3500, 101.0)
    assert lateness.lag_ms == 40
    lateness.note(None, None, 105.0)
    assert lateness.lag_ms == 40
    lateness.note(None, None, 105.25)
    assert (lateness.lag_ms, lateness.is_late) == (3000, True)


def test_where_no_tick_comes_the_newest_one_counts() -> None:
    lateness = Lateness()
    lateness.note(40, 2100, 100.0)
    lateness.note(None, None, 105.25)
    assert (lateness.lag_ms, lateness.is_late) == (2100, True)
    lateness.note(None, None, 900.0)
    assert lateness.lag_ms == 2100
    lateness.note(30, 30, 901.0)
    assert (lateness.lag_ms, lateness.is_late) == (30, False)


def test_a_connection_is_overdue_when_it_stays_late() -> None:
    lateness = Lateness()
    for now in range(10):
        lateness.note(2001, 2001, 100.0 + now)
        assert not lateness.is_overdue(100.0 + now)
    lateness.note(2001, 2001, 110.0)
    assert lateness.is_overdue(110.0)
    lateness.note(2000, 2000, 111.0)
    assert not lateness.is_overdue(111.0)
    lateness.note(None, None, 130.0)  # the newest tick was on time
    assert not lateness.is_overdue(130.0)


def test_a_corrected_clock_corrects_the_lags() -> None:
    lateness = Lateness()
    lateness.note(500, 600, 100.0)
    lateness.shift(22_000)
    lateness.note(None, None, 100.25)
    assert (lateness.lag_ms, lateness.is_late) == (22_500, True)
    lateness.note(None, None, 105.5)
    assert lateness.lag_ms == 22_600
    lateness.shift(-22_000)
    lateness.note(None, None, 106.0)
    assert (lateness.lag_ms, lateness.is_late) == (600, False)


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9))),
        max_size=30,
    )
)
def test_the_lag_is_as_the_contract_has_it(
    steps: list[tuple[float, tuple[int, int] | None]],
) -> None:
    lateness, now, taken, newest = Lateness(), 0.0, [], None
    for wait_s, ticks in steps:
        now += wait_s
        if ticks is None:
            lateness.note(None, None, now)
        else:
            taken.append((now, min(ticks)))
            newest = ticks[1]
            lateness.note(min(ticks), newest, now)
        recent = [lag_ms for at, lag_ms in taken if now - at <= 5.0]
        assert lateness.lag_ms == min(recent, default=newest)


@pytest.mark.parametrize("limit_ms", [100, 2000, 60_000])
def test_the_limit_itself_is_not_late(limit_ms: int) -> None:
    lateness = Lateness(limit_ms)
    lateness.note(limit_ms, limit_ms, 0.0)
    assert not lateness.is_late
    lateness.shift(1)
    assert lateness.is_late
