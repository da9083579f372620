"""Bounds: their names, ranges and units are those of the field registry."""

import inspect
from typing import Any

import pytest

from fastopts.errors import BadInput
from fastopts.field_registry import BOUNDED, FIELDS
from fastopts.reader import AsyncMirror, AsyncOptionReader, Mirror, Option, OptionReader
from fastopts.reader.selection import bounds
from fastopts.reader.selection.bounds import Bounds
from tests.reader.options import make
from tests.support.store import NAN


def test_the_spelled_out_bounds_are_those_of_the_registry() -> None:
    assert list(Bounds.__annotations__)[:4] == ["expiry", "settle", "type", "otm"]
    assert set(list(Bounds.__annotations__)[4:]) == set(BOUNDED)


READERS = (OptionReader, AsyncOptionReader)


@pytest.mark.parametrize(
    "method",
    [
        *(kind.scan for kind in (*READERS, Mirror, AsyncMirror)),
        *(kind.watch for kind in READERS),
    ],
)
def test_completion_of_a_scan_lists_every_bound(method: Any) -> None:
    parameters = inspect.signature(method).parameters
    assert set(Bounds.__annotations__) < parameters.keys()
    assert all(each.kind is not each.VAR_KEYWORD for each in parameters.values())


def test_every_bound_is_on_an_attribute_of_an_option() -> None:
    columns = {**bounds.TERMS, **bounds.VALUES}
    assert columns.keys() == BOUNDED.keys()
    assert all(hasattr(Option, column) for column in columns.values())
    assert bounds.VALUES["min_iv"] == "mark_iv"
    assert bounds.TERMS["max_dte"] == "dte"


def test_only_plain_fractions_have_no_unit_of_their_own() -> None:
    for name, unit in bounds.UNITS.items():
        assert unit or FIELDS[bounds.VALUES[f"max_{name}"]].unit == "fraction"


def test_supplied_bounds_are_those_that_are_not_none() -> None:
    limits = {"min_iv": None, "type": "c", "max_dte": 0}
    assert bounds.supplied(limits) == {"type": "c", "max_dte": 0}


@pytest.mark.parametrize("kind", ["C", "c", "call", "CALL", " Call "])
def test_a_type_is_checked_into_its_letter(kind: Any) -> None:
    assert bounds.check({"type": kind}) == {"type": "C"}
    assert bounds.bound_filter({"type": kind})(make()) is not None


@pytest.mark.parametrize(
    ("limits", "is_met"),
    [
        ({}, True),
        ({"min_delta": None}, True),
        ({"min_iv": 0.1, "max_iv": 5.0}, True),
        ({"max_iv": 0.01}, False),
        ({"min_delta": -1}, False),  # absent: it meets no bound
        ({"type": "P"}, False),
        ({"settle": "usdt"}, True),
        ({"max_spread_ticks": 1e9}, False),  # without terms there is no tick size
    ],
)
def test_an_option_meets_all_bounds_or_not(limits: Any, is_met: bool) -> None:
    assert bounds.meets(make(delta=NAN), limits) is is_met


def test_a_filter_follows_no_relative_expiry() -> None:
    with pytest.raises(BadInput, match="can't follow 'front'"):
        bounds.bound_filter({"expiry": "front"})


def test_an_option_without_a_forward_is_neither_in_nor_out_of_the_money() -> None:
    call, unknown = make(), make(underlying_price=NAN)
    assert bounds.meets(call, {"otm": call.otm})
    assert not bounds.meets(call, {"otm": not call.otm})
    assert not any(bounds.meets(unknown, {"otm": is_out}) for is_out in (True, False))


@pytest.mark.parametrize("value", [1, "true", 0.0])
def test_otm_is_true_or_false(value: Any) -> None:
    with pytest.raises(BadInput, match=r"otm: .*: write True or False"):
        bounds.check({"otm": value})
