from datetime import UTC, datetime

import pytest

from fastopts.sim.prices.expiries import EXPIRIES_MAX, date_text, expiries


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def dates(now: str, count: int) -> list[str]:
    return [date_text(delivery_ms) for delivery_ms in expiries(ms(now), count)]


def test_all_kinds_without_a_date_twice() -> None:
    # A Tuesday. Dailies to Friday 27NOV, which is a month's last one too; then what is left of
    # weeks, months and quarters.
    assert dates("2026-11-24T10:00", EXPIRIES_MAX) == [
        "25NOV26",
        "26NOV26",
        "27NOV26",
        "28NOV26",
        "4DEC26",
        "11DEC26",
        "25DEC26",
        "29JAN27",
        "26FEB27",
        "26MAR27",
        "25JUN27",
    ]


def test_delivery_is_at_eight_utc() -> None:
    for delivery_ms in expiries(ms("2026-11-24T10:00"), EXPIRIES_MAX):
        at = datetime.fromtimestamp(delivery_ms / 1000, UTC)
        assert (at.hour, at.minute, at.second) == (8, 0, 0)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-11-24T07:59:59", "24NOV26"),
        ("2026-11-24T08:00:00", "25NOV26"),
        ("2026-12-31T09:00:00", "1JAN27"),
    ],
)
def test_the_day_changes_at_eight(now: str, first: str) -> None:
    assert dates(now, 1) == [first]


def test_days_are_not_padded() -> None:
    assert date_text(ms("2027-01-06T08:00")) == "6JAN27"


def test_few_expiries_are_of_different_kinds() -> None:
    assert dates("2026-11-24T10:00", 3) == ["25NOV26", "27NOV26", "25DEC26"]
