"""When a difference between clocks is worth a warning."""

import pytest

from fastopts.cli.doctor.clock import judge_clock


@pytest.mark.parametrize(
    ("ahead_ms", "round_trip_ms", "level", "summary"),
    [
        (12, 4, "green", "Redis is 12 ms ahead (± 2 ms)"),
        (-999, 0, "green", "Redis is 999 ms behind (± 0 ms)"),
        (-1001, 0, "yellow", "Redis is 1.0 s behind (± 0 ms)"),
        (60_000, 20, "yellow", "Redis is 1m 0s ahead (± 10 ms)"),
        # within the error of a slow answer it proves nothing
        (1500, 1200, "green", "Redis is 1.5 s ahead (± 600 ms)"),
    ],
)
def test_a_second_beyond_the_error_is_yellow(
    ahead_ms: float, round_trip_ms: float, level: str, summary: str
) -> None:
    finding = judge_clock("Redis", ahead_ms, round_trip_ms)
    assert (finding.level, finding.summary) == (level, summary)
    assert ("NTP" in finding.remedy) is (level == "yellow")
