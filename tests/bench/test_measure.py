"""Windows are differences of consecutive samples."""

import os

import pytest

from bench import measure
from bench.measure import Sample


def sample(at: float, cpu_s: float, **status: int) -> Sample:
    return Sample(
        at=at,
        status=status,
        client_cpu_s=cpu_s,
        server_cpu_s=cpu_s / 2,
        replay_cpu_s=cpu_s / 4,
        replay_waited_s=0.0,
        rss_mb=50.0,
        rss_mb_max=60.0,
    )


def test_windows_add_up() -> None:
    samples = [sample(n, n / 10, received=1000 * n, written=500 * n) for n in range(7)]
    windows = measure.windows(samples, 3, frame_bytes=700)
    assert [window.messages for window in windows] == [3000, 3000]
    for window in windows:
        assert window.seconds == 3
        assert window.rate == 1000
        assert window.update_rate == 500
        assert window.client_us == pytest.approx(100)
        assert window.server_us == pytest.approx(50)
        assert window.server_us_an_update == pytest.approx(100)


def test_messages_are_estimated_from_bytes() -> None:
    samples = [sample(0, 0.0, bytes=0, reads=0), sample(1, 0.5, bytes=70_000, reads=50)]
    [window] = measure.windows(samples, 1, frame_bytes=700)
    assert (window.messages, window.reads, window.server_us_an_update) == (100, 50, None)


def test_a_process_is_sampled_from_outside() -> None:
    pid = os.getpid()
    state = measure.sample({"received": 1}, pid, pid, pid)
    assert state.client_cpu_s > 0
    assert 0 < state.rss_mb <= state.rss_mb_max
    with pytest.raises(OSError, match="No such process"):
        measure.cpu_s(2**22 + 1)
