import time

import pytest

from fastopts.session import clocks
from fastopts.session.clocks import RemoteClock, wall_ms


def test_the_quickest_of_the_last_exchanges_counts() -> None:
    clock = RemoteClock(size=3)
    assert not clock.known
    with pytest.raises(ValueError, match="not known yet"):
        clock.at(0)
    clock.add(1_000_500, sent_ms=0, received_ms=900)
    assert clock.at(450) == 1_000_500
    clock.add(1_002_001, sent_ms=2000, received_ms=2002)
    assert clock.at(2001) == 1_002_001
    assert clock.at(450) == 1_000_450
    for _ in range(3):
        clock.add(2_000_000, sent_ms=3000, received_ms=3100)
    assert clock.at(3050) == 2_000_000
    clock.clear()
    assert not clock.known


def test_a_jump_makes_the_older_samples_count_no_more() -> None:
    clock = RemoteClock()
    assert not clock.add(1_000_000, 0, 2)  # the first is no jump
    assert not clock.add(1_001_500, 1000, 1400)  # within what half a round trip can hide
    assert clock.add(4_602_000, 2000, 2400)
    assert clock.at(3000) == 4_602_000 + 3000 - 2200
    assert clock.add(1_003_000, 3000, 3002)  # and back
    assert not clock.add(1_004_000, 4000, 4002)


def test_a_step_of_our_clock_is_returned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[float] = []
    wall = clocks.wall_ms
    clock = clocks.HostClock(lambda: time.monotonic() * 1000, steps.append)
    for shift_ms in (0, 900, -3_600_000, -3_600_000, 0):
        monkeypatch.setattr(clocks, "wall_ms", lambda shift_ms=shift_ms: wall() + shift_ms)
        clock.observe_ms()
    assert steps == [pytest.approx(-3_600_000, abs=500), pytest.approx(3_600_000, abs=500)]


def test_our_clock_is_in_ms_since_1970() -> None:
    before = time.time()
    assert before - 1 <= wall_ms() / 1000 <= time.time() + 1


def test_only_the_last_exchanges_count() -> None:
    clock = RemoteClock(size=2)
    for sent_ms, round_trip_ms, ahead_ms in ((0, 2, 500), (1000, 100, 520), (2000, 80, 530)):
        remote_ms = sent_ms + round_trip_ms / 2 + ahead_ms
        assert not clock.add(remote_ms, sent_ms, sent_ms + round_trip_ms)
    assert clock.at(3000) == 3530
