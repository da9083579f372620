"""Names of expiries: forms, labels, and which delivery a name means."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from fastopts.errors import BadInput
from fastopts.model import MONTHS
from fastopts.reader.objects import expiry as expiries


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize("month", range(1, 13))
def test_a_label_is_read_as_it_is_written(month: int) -> None:
    day = date(2027, month, 9)
    label = expiries.label_of(day)
    assert label == f"9{MONTHS[month - 1]}27"
    assert expiries.day_of(label) == expiries.day_of(label.lower()) == day


def test_the_label_of_an_unusual_time_has_it() -> None:
    assert expiries.label(ms(2026, 3, 27, 8)) == "27MAR26"
    assert expiries.label(ms(2026, 3, 27, 16)) == "27MAR26T1600"
    assert expiries.label(ms(2026, 3, 27, 8, 0, 1)) == "27MAR26T080001"


@pytest.mark.parametrize(
    ("expiry", "exact"),
    [
        ("27MAR26T1600", ms(2026, 3, 27, 16)),
        ("2026-03-27T16:00:00Z", ms(2026, 3, 27, 16)),
        (datetime(2026, 3, 27, 16, tzinfo=UTC), ms(2026, 3, 27, 16)),
        (np.datetime64("2026-03-27T16:00"), ms(2026, 3, 27, 16)),
        ("27MAR26T2500", None),
        ("27MAR26", None),
        (date(2026, 3, 27), None),
        ("front", None),
        (7, None),
    ],
)
def test_only_a_name_with_a_time_has_a_moment(expiry: Any, exact: int | None) -> None:
    assert expiries.exact_ms(expiry) == exact


def test_a_label_with_a_time_is_of_one_delivery_and_a_day_of_all() -> None:
    morning, evening = ms(2026, 3, 27, 8), ms(2026, 3, 27, 16)
    assert expiries.is_delivered_at(evening, "27MAR26T1600")
    assert not expiries.is_delivered_at(morning, "27MAR26T1600")
    assert expiries.is_delivered_at(morning, "27MAR26")
    assert expiries.is_delivered_at(evening, date(2026, 3, 27))


@pytest.mark.parametrize(
    "expiry", ["31FEB26", "27MAR26T0860", "soon", "", None, 7, np.datetime64("NaT")]
)
def test_an_invalid_expiry_is_refused(expiry: Any) -> None:
    with pytest.raises(BadInput, match="is not an expiry: write 27MAR26"):
        expiries.day_of(expiry)


@pytest.mark.parametrize("text", ["25JUN", " 25jun "])
def test_a_day_without_a_year_is_refused_with_the_next(text: str) -> None:
    with pytest.raises(BadInput, match=r"has no year: write 25JUN\d\d$") as caught:
        expiries.day_of(text)
    assert caught.value.worded("http") == str(caught.value)
