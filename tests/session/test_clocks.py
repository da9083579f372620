import time

import pytest

from fastopts.session.clocks import RemoteClock, wall_ms


def test_the_quickest_of_the_last_exchanges_counts() -> None:
    clock = RemoteClock(size=3)
    assert not clock.known
    with pytest.raises(ValueError, match="no sample"):
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


def test_our_clock_is_in_ms_since_1970() -> None:
    before = time.time()
    assert before - 1 <= wall_ms() / 1000 <= time.time() + 1
