"""Times as text: one form, of single times and of columns."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from fastopts.reader.export.times import iso, iso_column


def test_single_times_and_columns_have_one_form() -> None:
    times_ms = np.array([0, 7, 1_795_514_400_000, 1_795_514_400_999])
    singles = [iso(datetime.fromtimestamp(ms / 1000, UTC)) for ms in times_ms.tolist()]
    assert iso_column(times_ms.astype("datetime64[ms]")).tolist() == singles
    assert singles[0] == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 11, 24, 10, tzinfo=UTC), "2026-11-24T10:00:00.000Z"),
        (datetime(2026, 11, 24, 10, 0, 0, 999_999, UTC), "2026-11-24T10:00:00.999Z"),
        (
            datetime(2026, 11, 24, 1, tzinfo=timezone(timedelta(hours=3))),
            "2026-11-23T22:00:00.000Z",
        ),
        (datetime(999, 1, 1, tzinfo=UTC), "0999-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_in_utc_with_milliseconds(time: datetime, text: str) -> None:
    assert iso(time) == text
