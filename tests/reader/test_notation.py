"""Numbers and option types as people write them."""

from typing import Any

import pytest

from fastopts.errors import BadInput
from fastopts.reader.selection.notation import OPTION_TYPES, option_type, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("90000", 90_000),
        ("90,000", 90_000),
        ("1,234,567.5", 1_234_567.5),
        ("90k", 90_000),
        ("90K", 90_000),
        ("1.1k", 1_100),
        ("1,5", None),
        ("1,500k", 1_500_000),
        (" 53M ", 53_000_000),
        ("2.5 b", 2_500_000_000),
        ("-0.25", -0.25),
        ("+.5", 0.5),
        ("1e5", 100_000),
        ("0,5", None),
        ("90,00", None),
        ("9,0000", None),
        ("90000,000", None),
        ("1.000,5", None),
        ("1e3k", None),
        ("90kk", None),
        ("k", None),
        (",", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("40%", None),
        ("\uff19", 9),
        ("9" * 5000, None),
    ],
)
def test_a_number_is_parsed_or_refused(text: str, number: float | None) -> None:
    if number is not None:
        assert parse_number(text) == number
        return
    with pytest.raises(ValueError, match="is not a number: write 90000, 90,000 or 90k") as error:
        parse_number(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [*OPTION_TYPES, "Call", " PUT "])
def test_a_type_is_one_letter_in_any_spelling(value: Any) -> None:
    assert option_type(value) == value.strip()[0].upper()


@pytest.mark.parametrize("value", ["", "x", "CP", "calls", None, 1, b"C", ["C"]])
def test_another_value_is_no_type(value: Any) -> None:
    with pytest.raises(BadInput, match="is neither call nor put: write C or P") as error:
        option_type(value)
    assert error.value.arguments == ("type",)
