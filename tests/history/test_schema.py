"""Columns and places of the history's files are those of its documentation."""

from pathlib import Path

import pytest

from fastopts.history import schema
from tests.docs.pages import rows


def test_the_columns_of_ticks_are_those_of_the_page() -> None:
    listed = [name for cells in rows("history.md", "column of ticks") for name in cells[0].split()]
    names = [name for name in schema.rows_schema().names if name not in schema.NUMBER_COLUMNS]
    assert listed == names


@pytest.mark.parametrize(
    ("heading", "make"),
    [
        ("column of the feed", schema.feed_schema),
        ("column of events", schema.events_schema),
        ("column of terms", schema.terms_schema),
    ],
)
def test_the_columns_of_a_day_are_those_of_the_page(heading: str, make: object) -> None:
    assert callable(make)
    listed = [name for cells in rows("history.md", heading) for name in cells[0].split()]
    assert listed == make().names


def test_numbers_are_exact_decimals_in_eight_bytes() -> None:
    kinds = {str(schema.rows_schema().field(name).type) for name in schema.NUMBER_COLUMNS}
    assert kinds == {"decimal128(18, 8)"}


def test_places_are_by_venue_asset_and_utc() -> None:
    at_s = 1_800_000_000  # 2027-01-15 08:00
    assert schema.rows_path(Path("d"), "custom:a", "BTC", at_s) == Path(
        "d/history/v1/custom-a/BTC/2027-01-15/08.parquet"
    )
    assert schema.day_folder(Path("d"), "sim", at_s) == Path("d/history/v1/sim/2027-01-15")
