"""Dictionaries of options and series: their fields are those of the registry."""

from datetime import datetime
from typing import Any

import pytest

from fastopts.field_registry import FIELDS, SERIES_FIELDS
from fastopts.reader import Chain, OptionReader
from fastopts.reader.export import as_dict
from tests.reader.options import make, terms
from tests.support.store import CALL, PUT, Store

TYPES: dict[str, Any] = {"number": float, "time": datetime, "flag": bool, "count": int, "text": str}


@pytest.fixture
def chain(store: Store, reader: OptionReader) -> Chain:
    store.option(CALL)
    store.option(PUT)
    return reader.chain("BTC", require_live=False)


def test_an_option_has_all_fields_in_order() -> None:
    option = make(instrument=terms())
    values = as_dict.option_values(option)
    assert list(values) == list(FIELDS)
    for name, value in values.items():
        assert value is None or type(value) is TYPES[FIELDS[name].form], name
        assert value == getattr(option, name)


def test_the_json_of_an_option_has_its_times_as_text_and_in_ms() -> None:
    option = make(instrument=terms())
    values = as_dict.option_json(option)
    assert values.items() >= as_dict.option_values(option).items()
    assert {values[f"{name}_ms"] for name in ("expiry", "ts", "rt")} == {
        *(option.expiry_ms, option.ts_ms, option.rt_ms),
    }


def test_a_series_has_all_fields_in_order(chain: Chain) -> None:
    values = as_dict.series_values(chain)
    assert list(values) == list(SERIES_FIELDS)
    for name, value in values.items():
        assert value is None or type(value) is TYPES[SERIES_FIELDS[name].form], name
    assert values["max_pain"] == chain.max_pain
    assert values["put_call_volume_24h"] == chain.put_call_ratio("volume_24h")
