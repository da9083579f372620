import pytest

from fastopts.cli.verify.fields import NAMES, Difference, differences
from fastopts.venues.bybit import fields


def test_its_names_are_those_that_the_collector_has_spelled_for_itself() -> None:
    assert {rest: short for short, rest in NAMES.items()} == fields.REST


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"mp": "12.5"}, {"markPrice": "12.500"}),
        ({"mp": "0"}, {"markPrice": "0.000"}),
        ({}, {"markPrice": "0"}),
        ({}, {"markPrice": ""}),
        ({"mp": "0"}, {}),
        ({"bp": "1E+2"}, {"bid1Price": "100"}),
    ],
)
def test_equal_decimals_and_nothing_are_the_same(
    stored: dict[str, str], told: dict[str, str]
) -> None:
    assert differences(stored, told) == []


def test_each_differing_field_is_reported_with_both_values() -> None:
    stored = {"bp": "12.5", "bq": "3", "miv": "0.53", "pdp": "nonsense"}
    told = {"bid1Price": "12.6", "bid1Size": "3", "markIv": "", "askPrice": "1"}
    assert differences(stored, told) == [
        Difference("bp", "12.5", "12.6"),
        Difference("miv", "0.53", ""),
        Difference("pdp", "nonsense", ""),
    ]
