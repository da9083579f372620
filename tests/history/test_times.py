"""Times as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fastopts.errors import BadInput
from fastopts.history.times import Time, duration_us, parse_time, time_text

NOON_US = 1_795_608_000_000_000
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOON, NOON_US),
        (NOON.replace(tzinfo=None), NOON_US),  # naive: UTC
        (NOON.astimezone(timezone(timedelta(hours=5))), NOON_US),
        ("2026-11-25T12:00:00", NOON_US),
        ("2026-11-25 12:00:00.5Z", NOON_US + 500_000),
        ("2026-11-25T13:00+01:00", NOON_US),
        ("2026-11-25", NOON_US - DAY_US // 2),
        (NOON_US // 1000, NOON_US),
        (str(NOON_US // 1000), NOON_US),
        ("11:59:59.25", NOON_US - 750_000),
        ("9:30", NOON_US - 9_000_000_000),
        ("12:00:01", NOON_US + 1_000_000 - DAY_US),  # later than the recording: of the day before
        ("-2h", NOON_US + 5_000_000 - 7_200_000_000),
        ("-1.5m", NOON_US + 5_000_000 - 90_000_000),
    ],
)
def test_a_time_is_in_utc(value: Time, expected: int) -> None:
    assert parse_time(value, NOON_US + 5_000_000, NOON_US) == expected


@pytest.mark.parametrize(
    "value", ["", "yesterday", "25:00", "2026-13-01", "-2", "-h", 12, True, "1795608000", None, 1.5]
)
def test_anything_else_is_refused_with_the_forms(value: Time) -> None:
    with pytest.raises(BadInput, match=r"is not a time: write .*14:32:05, -2h"):
        parse_time(value, NOON_US, NOON_US)


def test_a_duration() -> None:
    assert [duration_us(text) for text in ("250ms", "10s", "1m", "1.5h", "1d")] == [
        *(250_000, 10_000_000, 60_000_000, 5_400_000_000, DAY_US)
    ]
    for text in ("", "1", "0s", "-1m", "1w"):
        with pytest.raises(BadInput, match="is not a duration"):
            duration_us(text)


def test_a_time_is_shown_in_ms_and_never_rounded_up() -> None:
    assert time_text(NOON_US + 999_999) == "2026-11-25 12:00:00.999 UTC"
