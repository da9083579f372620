"""Readiness of made-up market data."""

from types import SimpleNamespace
from typing import Any

import pytest

from fastopts.errors import FeedDown, StaleData
from fastopts.serve.payloads.health import MarketHealth, measure, readiness_problems


def health(live: int, total: int, newest_age_s: float | None = 0.1, down: Any = None) -> Any:
    feed: Any = SimpleNamespace(down=down)
    return MarketHealth(
        feed=feed, live=live, total=total, age_s_p50=0.2, age_s_p99=0.9, newest_age_s=newest_age_s
    )


def reasons(measured: MarketHealth, share: float = 0.9, age_s: float = 10.0) -> list[str]:
    problems = readiness_problems(measured, share_min=share, age_s_max=age_s)
    assert all(problem["detail"] for problem in problems)
    return [problem["reason"] for problem in problems]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (health(10, 10), []),
        (health(9, 10), []),
        (health(8, 10), ["Coverage"]),
        (health(0, 10, None), ["Coverage"]),
        (health(0, 0, None), ["Empty"]),
        (health(10, 10, 10.0), []),
        (health(10, 10, 10.1), ["TooOld"]),
        (health(0, 10, None, FeedDown("the collector has ended")), ["FeedDown", "Coverage"]),
        (health(0, 0, None, FeedDown("nothing was written")), ["FeedDown", "Empty"]),
        (health(1, 10, 60.0), ["Coverage", "TooOld"]),
    ],
)
def test_each_problem_has_its_reason(measured: MarketHealth, expected: list[str]) -> None:
    assert reasons(measured) == expected


def test_thresholds_are_settings() -> None:
    assert reasons(health(5, 10), share=0.5) == []
    assert reasons(health(10, 10, 2.0), age_s=1.0) == ["TooOld"]


def test_values_are_the_numbers_of_the_response() -> None:
    assert health(9, 12).values == {
        "live": 9,
        "total": 12,
        "share": 0.75,
        "age_s_p50": 0.2,
        "age_s_p99": 0.9,
        "newest_age_s": 0.1,
    }
    assert health(0, 0).share == 0.0


def test_a_mirror_without_data_has_no_ages() -> None:
    def table(**_: object) -> Any:
        raise StaleData("no data")

    mirror: Any = SimpleNamespace(feed=lambda: SimpleNamespace(down=None), table=table)
    measured = measure(mirror)
    assert (measured.live, measured.total, measured.newest_age_s) == (0, 0, None)
