"""Windows are differences, end to end."""

import os

import pytest

from bench import measure
from bench.measure import Sample


def sample(at: float, cpu_s: float, **status: int) -> Sample:
    return Sample(at, status, cpu_s, cpu_s / 2, cpu_s / 4, 0.0, 50.0, 60.0)


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


def test_bytes_stand_in_for_messages() -> None:
    samples = [sample(0, 0.0, bytes=0, reads=0), sample(1, 0.5, bytes=70_000, reads=50)]
    [window] = measure.windows(samples, 1, frame_bytes=700)
    assert (window.messages, window.reads, window.server_us_an_update) == (100, 50, None)


def test_a_process_is_looked_at_from_outside() -> None:
    pid = os.getpid()
    found = measure.sample({"received": 1}, pid, pid, pid)
    assert found.client_cpu_s > 0
    assert 0 < found.rss_mb <= found.rss_mb_max
    with pytest.raises(OSError, match="No such process"):
        measure.cpu_s(2**22 + 1)
