"""The clock of the streams."""

import pytest

from fastopts.serve.streams.broadcaster import beats


@pytest.mark.parametrize(("beat_s", "expected"), [(0.05, 20), (0.2, 5), (0.3, 3), (5.0, 1)])
def test_beats_until_the_next_second(beat_s: float, expected: int) -> None:
    assert beats(1.0, beat_s) == expected
