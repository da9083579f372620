"""The spacing of snapshots."""

import pytest

from fastopts.reader.mirrors.resync import ResyncBackoff


def test_the_first_snapshot_is_due_at_once() -> None:
    assert ResyncBackoff().due_at == 0.0


def test_snapshots_in_a_row_are_spaced_out_up_to_a_limit() -> None:
    backoff, now = ResyncBackoff(), 100.0
    for attempt in range(20):
        backoff.begin(now)
        ceiling_s = min(backoff.FIRST_S * 2**attempt, backoff.MAX_S)
        assert ceiling_s / 2 <= backoff.due_at - now <= ceiling_s
        now = backoff.due_at


def test_a_quiet_time_starts_again() -> None:
    backoff, now = ResyncBackoff(), 100.0
    for _ in range(10):
        backoff.begin(now)
        now = backoff.due_at
    backoff.begin(now + backoff.QUIET_S + 0.1)
    assert backoff.due_at - now <= backoff.QUIET_S + 0.1 + backoff.FIRST_S
    assert backoff.due_at == pytest.approx(now + backoff.QUIET_S + 0.1, abs=backoff.FIRST_S)
