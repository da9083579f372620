"""The field registry: names, formulas, bounds, and the rule for missing values."""

from typing import get_args

import pytest

from fastopts.field_registry import (
    BASE_COLUMNS,
    BOUNDED,
    COLUMNS,
    DERIVED,
    DISPLAY_RULES,
    FIELDS,
    FLAGS,
    JSON_FIELDS,
    SERIES_FIELDS,
    Display,
    Field,
)
from fastopts.model import NUMBERS


def test_the_tables_partition_the_fields() -> None:
    assert (*BASE_COLUMNS, *DERIVED, *FLAGS) == COLUMNS == tuple(FIELDS)


def test_the_first_columns_are_those_of_version_1_of_the_export_schema() -> None:
    assert len(BASE_COLUMNS) == 40
    assert (BASE_COLUMNS[0], BASE_COLUMNS[20], BASE_COLUMNS[-1]) == ("symbol", "mid", "seq")


def test_times_in_json_are_ms_by_their_names() -> None:
    times = [name for name, field in JSON_FIELDS.items() if field.form == "time"]
    assert times == ["expiry_ms", "ts_ms", "rt_ms", "as_of_ms"]
    assert {field.name for field in JSON_FIELDS.values()} == FIELDS.keys() - {"expiry_ms"}


def test_the_numbers_of_the_record_are_fields_under_their_short_names() -> None:
    assert all(FIELDS[name].short == short for short, name in NUMBERS)


@pytest.mark.parametrize("field", [*FIELDS.values(), *SERIES_FIELDS.values()], ids=str)
def test_a_field_is_complete(field: Field) -> None:
    assert field.meaning
    assert field.label
    assert field.display in get_args(Display)
    if field.only_if:
        assert field.formula
    if field.form == "number" and field.name != "log_moneyness":
        assert field.unit


@pytest.mark.parametrize(
    ("name", "display"),
    [
        *(("mark_iv", "iv"), ("bid_price", "price"), ("strike", "strike"), ("mid", "computed")),
        *(("delta", "delta"), ("dte", "days"), ("age_s", "duration"), ("open_interest", "size")),
        *(("live", "flag"), ("ts", "time"), ("symbol", "text"), ("seq", "count")),
    ],
)
def test_the_display_follows_the_unit(name: str, display: str) -> None:
    assert FIELDS[name].display == display


def test_every_kind_of_number_has_a_rule_or_significant_digits() -> None:
    without = {"text", "time", "flag", "duration", "compact", "number"}
    assert DISPLAY_RULES.keys() == set(get_args(Display)) - without


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        (FIELDS["open_interest"], "base coin"),
        (FIELDS["turnover_24h"], "quote coin"),
        (FIELDS["spread_iv"], "vol"),
        (SERIES_FIELDS["basis"], "%/y"),
        (SERIES_FIELDS["risk_reversal"], "vol"),
        (SERIES_FIELDS["turnover_24h"], "quote coin"),
        # the values have it
        (FIELDS["mark_iv"], ""),
        (FIELDS["age_s"], ""),
        # a price is in the quote coin of its series
        (FIELDS["bid_price"], ""),
    ],
    ids=str,
)
def test_a_heading_names_the_unit_that_the_values_lack(field: Field, unit: str) -> None:
    assert field.column_unit == unit


def test_a_brief_heading_is_the_heading_where_none_is_set() -> None:
    assert FIELDS["open_interest"].brief_label == "OI"
    assert FIELDS["mark_iv"].brief_label == FIELDS["mark_iv"].label == "Mark IV"


def test_bounds_are_found_by_name() -> None:
    assert BOUNDED["min_iv"] is BOUNDED["max_iv"] is FIELDS["mark_iv"]
    assert BOUNDED["min_volume"] is FIELDS["volume_24h"]
    assert "max_volume" not in BOUNDED
    assert "min_rel_spread" not in BOUNDED
