"""Payload parameters; the payloads themselves are compared with a reader's in test_routes."""

import pytest

from fastopts.errors import BadInput
from fastopts.serve.payloads.market import DELTAS, DELTAS_MAX, parse_deltas


@pytest.mark.parametrize(
    ("text", "deltas"),
    [
        (None, DELTAS),
        ("-0.25,atm,0.25", [-0.25, "atm", 0.25]),
        (" .1 , ATM", [0.1, "atm"]),
        ("-.99", [-0.99]),
    ],
)
def test_deltas_are_parsed_in_order(text: str | None, deltas: object) -> None:
    assert parse_deltas(text) == deltas


@pytest.mark.parametrize("text", ["", "0", "1", "-1", "25", "nan", "inf", "0.1,,0.2", "put"])
def test_a_value_that_is_no_delta_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not a delta; write deltas such as"):
        parse_deltas(text)


def test_the_number_of_deltas_is_limited() -> None:
    assert len(parse_deltas(",".join(["0.1"] * DELTAS_MAX))) == DELTAS_MAX
    with pytest.raises(BadInput, match=f"at most {DELTAS_MAX}"):
        parse_deltas(",".join(["0.1"] * (DELTAS_MAX + 1)))
