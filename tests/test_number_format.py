"""Numbers have the decimals of their kind and of their series, whatever their size."""

import pytest

from fastopts import number_format
from fastopts.field_registry import Display
from fastopts.number_format import NO_STEPS, Steps

BTC = Steps("5", "0.01", 0, 91_234.56)
XRP = Steps("0.0001", "10", 2, 2.153412)


@pytest.mark.parametrize(
    ("value", "display", "steps", "text"),
    [
        (9065.0, "price", BTC, "9,065"),
        (0.001, "price", XRP, "0.0010"),
        # the mean of 9,065 and 9,260
        (9162.5, "computed", BTC, "9,162.5"),
        (9168.317, "computed", BTC, "9,168.3"),
        (9.933, "computed", BTC, "9.9"),
        (0.00115, "computed", XRP, "0.00115"),
        (91_234.56, "level", BTC, "91,234.56"),
        (2.153412, "level", XRP, "2.153412"),
        (6.4, "size", BTC, "6.40"),
        (10.0, "size", BTC, "10.00"),
        (52_000.0, "size", XRP, "52,000"),
        (2.0, "strike", XRP, "2.00"),
        (90_000.0, "strike", BTC, "90,000"),
        (0.5312, "iv", NO_STEPS, "53.1%"),
        (-0.028, "signed_points", NO_STEPS, "-2.8"),
        (0.028, "signed_points", NO_STEPS, "+2.8"),
        (0.0083, "points", NO_STEPS, "0.8"),
        (0.05, "rate", NO_STEPS, "+5.0"),
        (-0.12, "signed_percent", NO_STEPS, "-12.0%"),
        (-0.5123, "delta", NO_STEPS, "-0.51"),
        (0.0000169, "gamma", BTC, "0.0000169"),
        (4.7, "gamma", XRP, "4.700"),
        (1_234_567.8, "money", BTC, "1,234,568"),
        (52_600_000.0, "compact", BTC, "52.6M"),
        (0.25, "duration", BTC, "250 ms"),
        (3.25, "number", BTC, "3.25"),
    ],
)
def test_a_number_has_the_decimals_of_its_kind(
    value: float, display: Display, steps: Steps, text: str
) -> None:
    assert number_format.formatted(value, display, steps) == text


def test_a_quote_between_two_ticks_is_not_rounded() -> None:
    assert number_format.formatted(9062.5, "price", BTC) == "9,062.5"
    assert number_format.formatted(0.005, "size", BTC) == "0.005"
    # the noise of binary fractions is no digit of a price
    assert number_format.formatted(0.1 + 0.2, "price", Steps(tick="0.1")) == "0.3"


def test_a_view_of_one_option_has_more_decimals() -> None:
    assert number_format.formatted(0.53123, "iv", NO_STEPS, precision="detail") == "53.12%"
    assert number_format.formatted(9168.317, "computed", BTC, precision="detail") == "9,168.32"
    assert number_format.formatted(9065.0, "price", BTC, precision="detail") == "9,065"


def test_an_unknown_step_leaves_significant_digits() -> None:
    assert number_format.formatted(9168.317, "computed") == "9,168.3"
    assert number_format.formatted(0.00008461, "gamma", Steps(forward=0.0)) == "0.00008461"
    assert number_format.formatted(None, "price") == "-"


def test_a_rounded_zero_has_no_sign() -> None:
    assert number_format.formatted(-0.0004, "signed_points") == "0.0"
    assert number_format.formatted(0.0004, "signed_points") == "0.0"
    assert number_format.formatted(-0.0, "delta") == "0.00"


@pytest.mark.parametrize(("step", "places"), [("5", 0), ("0.01", 2), ("0.10", 1), ("10", 0)])
def test_a_step_has_as_many_decimals_as_it_needs(step: str, places: int) -> None:
    assert number_format.places(step) == places


def test_full_precision_has_all_digits() -> None:
    for value, display, text in (
        (9168.317, "computed", "9,168.317"),
        (0.53123, "iv", "53.123%"),
        (0.07, "signed_points", "+7"),
        (1205.0, "price", "1,205"),
        (0.1215, "duration", "0.1215 s"),
        (1.2e-7, "gamma", "0.00000012"),
    ):
        assert number_format.formatted(value, display, BTC, precision="full") == text  # type: ignore[arg-type]
