"""The field registry: names, formulas, bounds, and the rule for missing values."""

import pytest

from fastopts.field_registry import BOUNDED, COLUMNS, DERIVED, FIELDS, FLAGS, SERIES_FIELDS, Field
from fastopts.model import NUMBERS


def test_the_tables_partition_the_fields() -> None:
    assert (*COLUMNS, *DERIVED, *FLAGS) == tuple(FIELDS)


def test_the_numbers_of_the_record_are_fields_under_their_short_names() -> None:
    assert all(FIELDS[name].short == short for short, name in NUMBERS)


@pytest.mark.parametrize("field", [*FIELDS.values(), *SERIES_FIELDS.values()], ids=str)
def test_a_field_is_complete(field: Field) -> None:
    assert field.meaning
    assert field.label
    assert field.display in (
        *("text", "time", "flag", "number", "price", "percent", "fixed", "compact", "duration"),
    )
    if field.only_if:
        assert field.formula
    if field.form == "number" and field.name != "log_moneyness":
        assert field.unit


@pytest.mark.parametrize(
    ("name", "display"),
    [
        *(("mark_iv", "percent"), ("bid_price", "price"), ("strike", "number")),
        *(("delta", "fixed"), ("dte", "fixed"), ("age_s", "duration"), ("open_interest", "number")),
        *(("live", "flag"), ("ts", "time"), ("symbol", "text"), ("seq", "number")),
    ],
)
def test_the_display_follows_the_unit(name: str, display: str) -> None:
    assert FIELDS[name].display == display


def test_bounds_are_found_by_name() -> None:
    assert BOUNDED["min_iv"] is BOUNDED["max_iv"] is FIELDS["mark_iv"]
    assert BOUNDED["min_volume"] is FIELDS["volume_24h"]
    assert "max_volume" not in BOUNDED
    assert "min_rel_spread" not in BOUNDED
