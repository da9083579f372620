import time

import pytest

from fastopts.sim.clock import Clock
from tests.sim.conftest import T0_MS


def test_real_utc() -> None:
    before = int(time.time() * 1000)
    assert before - 5 <= Clock().now_ms() <= time.time() * 1000 + 5


def test_a_stopped_clock_moves_when_advanced() -> None:
    clock = Clock(T0_MS, speed=0)
    assert clock.now_ms() == T0_MS
    clock.advance(90.5)
    assert clock.now_ms() == T0_MS + 90_500
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_a_fast_clock() -> None:
    started = time.monotonic()
    clock = Clock(T0_MS, speed=1_000_000)
    while clock.now_ms() < T0_MS + 1_000_000:
        assert time.monotonic() < started + 10
    assert time.monotonic() - started >= 1e-3
