"""Cells: each field of an option as text, by its display in the field registry."""

import pytest

from fastopts.cli.output import cells
from fastopts.field_registry import FIELDS
from tests.reader.options import make, terms
from tests.support.store import NAN


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mark_iv", "53.1%"),
        ("bid_price", "1,205"),
        ("mid", "1,207.5"),
        ("bid_size", "6.40"),
        ("strike", "90,000"),
        ("delta", "0.51"),
        ("age_s", "500 ms"),
        ("live", "yes"),
        ("crossed", "no"),
        ("last_price", "-"),
        ("type", "C"),
        ("seq", "77"),
    ],
)
def test_a_value_is_formatted_by_its_display(name: str, text: str) -> None:
    option = make(
        instrument=terms(),
        mark_iv=0.531,
        bid_price=1205.0,
        ask_price=1210.0,
        bid_size=6.4,
        delta=0.512,
        last_price=NAN,
    )
    assert cells.cell(option, name) == text


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_cell_and_a_heading(name: str) -> None:
    option = make(instrument=terms())
    assert cells.cell(option, name)
    assert cells.heading(name)
    assert cells.is_text(name) == (FIELDS[name].form in ("text", "time", "flag"))


@pytest.mark.parametrize(
    ("name", "heading"),
    [("bid_iv", "bid IV"), ("dte", "DTE"), ("age_s", "age"), ("spread_iv", "IV spread")],
)
def test_a_heading_keeps_its_acronyms(name: str, heading: str) -> None:
    assert cells.heading(name) == heading
